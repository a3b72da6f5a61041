//! What was recorded, and what is missing.

use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use vigie_actors::Recorder;
use vigie_config::{Causes, GapCause, StreamId, Utc};

use super::{blocking, known_camera, stream_name, time};
use crate::{problem::Problem, sign_in::Viewer};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct RecordingsQuery {
    camera: String,
    /// `main` (default) or `sub`
    stream: Option<String>,
    /// RFC 3339; default 24 hours before `to`
    from: Option<String>,
    /// RFC 3339; default now
    to: Option<String>,
}

/// Whole segments and gaps that touch `[from, to)`, oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecordingsBody {
    segments: Vec<Segment>,
    gaps: Vec<Gap>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Segment {
    #[schema(value_type = String, format = DateTime)]
    start: Utc,
    #[schema(value_type = String, format = DateTime)]
    end: Utc,
    bytes: u64,
    #[schema(value_type = Vec<String>)]
    causes: Causes,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Gap {
    #[schema(value_type = String, format = DateTime)]
    start: Utc,
    /// null: not over yet
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Utc>,
    #[schema(value_type = String)]
    cause: GapCause,
}

/// Footage of one stream
#[utoipa::path(get, path = "/api/v1/recordings", params(RecordingsQuery),
    responses((status = 200, body = RecordingsBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/recordings")]
pub async fn list(
    viewer: Viewer,
    query: web::Query<RecordingsQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let camera = known_camera(&recorder, &viewer, &query.camera)?;
    let stream = StreamId::new(camera, stream_name(query.stream.as_deref())?);
    let to = time("to", query.to.as_deref())?.unwrap_or_else(Utc::now);
    let from = time("from", query.from.as_deref())?.unwrap_or_else(|| to - Duration::from_secs(24 * 3600));
    if from >= to {
        return Err(Problem::BadRequest(format!("from {from} is not before to {to}")));
    }
    let found = blocking(move || recorder.storage().recordings(&stream, from, to)).await?;
    let segments = found.segments.into_iter();
    let gaps = found.gaps.into_iter();
    Ok(HttpResponse::Ok().json(RecordingsBody {
        segments: segments
            .map(|s| Segment {
                start: s.start,
                end: s.end,
                bytes: s.bytes,
                causes: s.causes,
            })
            .collect(),
        gaps: gaps
            .map(|g| Gap {
                start: g.start,
                end: g.end,
                cause: g.cause,
            })
            .collect(),
    }))
}
