//! One picture as JPEG.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpResponse, get, web};
use serde::Deserialize;
use vigie_actors::Recorder;
use vigie_config::{Kind, StreamId};
use vigie_media::{
    AccessUnit, Track,
    decode::snapshot_jpeg,
    hub::{Hub, Item, Policy, Wake},
};

use super::{known_camera, stream_name};
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
    /// RFC 3339. Pictures of the past are not available yet: refused
    at: Option<String>,
}

/// The newest picture
#[utoipa::path(get, path = "/api/v1/cameras/{id}/snapshot.jpg", params(("id" = String, Path), SnapshotQuery),
    responses((status = 200, content_type = "image/jpeg"), (status = 404, body = crate::problem::ProblemDocument),
              (status = 503, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/cameras/{id}/snapshot.jpg")]
pub async fn snapshot(
    _: Viewer,
    id: web::Path<String>,
    query: web::Query<SnapshotQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    if query.at.is_some() {
        return Err(Problem::BadRequest(
            "at: pictures of the past are not available yet; take video.mp4 of that second".into(),
        ));
    }
    let stream = StreamId::new(known_camera(&recorder, &id)?, stream_name(query.stream.as_deref())?);
    let hub = recorder
        .hub(&stream)
        .ok_or_else(|| Problem::NoFootage(format!("{stream} is not configured")))?;
    let units = tokio::time::timeout(PATIENCE, newest_gop(&hub))
        .await
        .map_err(|_| Problem::Unavailable(format!("no picture of {stream} came within {PATIENCE:?}")))?;
    let format = units.last().and_then(|unit| unit.format.video.clone());
    let Some(format) = format else {
        return Err(Problem::Unavailable(format!("{stream} has no picture now")));
    };
    let jpeg = snapshot_jpeg(units, &format, query.width)
        .await
        .map_err(|e| Problem::of_kind(e.kind(), e))?;
    Ok(HttpResponse::Ok()
        .content_type("image/jpeg")
        .insert_header(("Cache-Control", "no-store"))
        .body(jpeg))
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
