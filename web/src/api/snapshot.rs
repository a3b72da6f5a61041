//! One picture as JPEG.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpResponse, get, http::header, web};
use serde::Deserialize;
use vigie_actors::Recorder;
use vigie_config::{Kind, StreamId, Utc};
use vigie_media::{
    AccessUnit, StreamFormat, Track,
    decode::snapshot_jpeg,
    format::{VideoCodec, VideoFormat, video_ticks},
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
    let (units, format, cache) = match time("at", query.at.as_deref())? {
        Some(at) => {
            let (units, format) = recorded(&recorder, stream, at).await?;
            (units, format, "private, max-age=3600")
        }
        None => {
            let (units, format) = newest(&recorder, &stream).await?;
            (units, format, "no-store")
        }
    };
    let jpeg = snapshot_jpeg(units, &format, query.width)
        .await
        .map_err(|e| Problem::of_kind(e.kind(), e))?;
    Ok(HttpResponse::Ok()
        .content_type("image/jpeg")
        .insert_header((header::CACHE_CONTROL, cache))
        .body(jpeg))
}

type Picture = (Vec<Arc<AccessUnit>>, VideoFormat);

async fn newest(recorder: &Recorder, stream: &StreamId) -> Result<Picture, Problem> {
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

async fn recorded(recorder: &web::Data<Recorder>, stream: StreamId, at: Utc) -> Result<Picture, Problem> {
    let recorder = recorder.clone();
    let still = blocking(move || recorder.storage().still(&stream, at))
        .await?
        .map_err(no_clip)?;
    let codec = match &still.entry {
        b"avc1" | b"avc3" => VideoCodec::H264,
        b"hvc1" | b"hev1" => VideoCodec::H265,
        _ => VideoCodec::Mjpeg,
    };
    let format = VideoFormat {
        codec,
        width: still.width.into(),
        height: still.height.into(),
        fps: None,
        rfc6381: String::new(),
        parameter_sets: Vec::new(),
        decoder_config: still.decoder_config,
    };
    let of_stream = Arc::new(StreamFormat {
        video: Some(format.clone()),
        audio: None,
    });
    let units = still.units.into_iter().map(|unit| {
        Arc::new(AccessUnit {
            track: Track::Video,
            data: unit.data,
            dts: video_ticks(unit.dts_us),
            pts: video_ticks(unit.pts_us),
            utc: Utc::from_micros(unit.dts_us),
            rap: unit.rap,
            epoch: 0,
            format: of_stream.clone(),
            seq: 0,
        })
    });
    Ok((units.collect(), format))
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
