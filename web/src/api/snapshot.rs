//! One picture as JPEG.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse, get,
    http::header,
    web::{self, Bytes},
};
use serde::Deserialize;
use vigie_actors::{Recorder, snapshots::Picture};
use vigie_config::{Kind, StreamId};
use vigie_media::{
    AccessUnit, Track,
    decode::snapshot_jpeg,
    format::VideoFormat,
    hub::{Hub, Item, Policy, Wake},
};

use super::{blocking, known_camera, not_configured, stream_name, time, video::no_clip};
use crate::{problem::Problem, sign_in::Viewer};

/// How long to wait for a RAP where none is cached.
const PATIENCE: Duration = Duration::from_secs(5);
const RING: usize = 1024;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct SnapshotQuery {
    /// `main` (default) or `sub`
    stream: Option<String>,
    /// At most this many pixels wide
    width: Option<u32>,
    /// RFC 3339: the recorded picture of that moment; default the newest of the camera
    at: Option<String>,
}

/// The newest picture, or a recorded one
#[utoipa::path(get, path = "/api/v1/cameras/{id}/snapshot.jpg", params(("id" = String, Path), SnapshotQuery),
    responses((status = 200, content_type = "image/jpeg"), (status = 404, body = crate::problem::ProblemDocument),
              (status = 503, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/cameras/{id}/snapshot.jpg")]
pub async fn snapshot(
    viewer: Viewer,
    id: web::Path<String>,
    query: web::Query<SnapshotQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let stream = StreamId::new(
        known_camera(&recorder, &viewer, &id)?,
        stream_name(query.stream.as_deref())?,
    );
    let (jpeg, cache) = match time("at", query.at.as_deref())? {
        Some(at) => {
            let recorder = recorder.clone();
            let picture = blocking(move || Picture::recorded(recorder.storage(), &stream, at)).await?;
            let Picture { units, format, .. } = picture.map_err(no_clip)?;
            (jpeg_of(units, &format, query.width).await?, "private, max-age=3600")
        }
        None => (newest_jpeg(&recorder, &stream, query.width).await?, "no-store"),
    };
    Ok(HttpResponse::Ok()
        .content_type("image/jpeg")
        .insert_header((header::CACHE_CONTROL, cache))
        .body(jpeg))
}

/// The newest picture, at most so many pixels wide.
pub(super) async fn newest_jpeg(recorder: &Recorder, stream: &StreamId, width: Option<u32>) -> Result<Bytes, Problem> {
    let (units, format) = newest(recorder, stream).await?;
    jpeg_of(units, &format, width).await
}

async fn jpeg_of(units: Vec<Arc<AccessUnit>>, format: &VideoFormat, width: Option<u32>) -> Result<Bytes, Problem> {
    let jpeg = snapshot_jpeg(units, format, width).await;
    jpeg.map_err(|e| Problem::of_kind(e.kind(), e))
}

async fn newest(recorder: &Recorder, stream: &StreamId) -> Result<(Vec<Arc<AccessUnit>>, VideoFormat), Problem> {
    let hub = recorder.hub(stream).ok_or_else(|| not_configured(stream))?;
    let units = tokio::time::timeout(PATIENCE, newest_gop(&hub))
        .await
        .map_err(|_| Problem::Unavailable(format!("no picture of {stream} came within {PATIENCE:?}")))?;
    let format = units.last().and_then(|unit| unit.format.video.clone());
    match format {
        Some(format) => Ok((units, format)),
        None => Err(Problem::Unavailable(format!("{stream} has no picture now"))),
    }
}

/// The video units from the cached RAP on; of the next one where none is cached.
async fn newest_gop(hub: &Arc<Hub>) -> Vec<Arc<AccessUnit>> {
    let mut subscriber = hub.subscribe(Policy::SkipToRap, Wake::EachBatch, RING);
    let mut units = Vec::new();
    loop {
        let item = match subscriber.try_next() {
            Some(item) => item,
            None if !units.is_empty() => return units,
            None => match subscriber.next().await {
                Some(item) => item,
                None => return units,
            },
        };
        if let Item::Unit(unit) = item
            && unit.track == Track::Video
        {
            units.push(unit);
        }
    }
}
