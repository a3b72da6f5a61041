//! What was recorded, and what is missing.

use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use vigie_actors::Recorder;
use vigie_config::{Causes, GapCause, StreamId, Utc};
use vigie_storage::{MarkRow, SegmentRow, accounts::CameraRight};

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

/// Whole segments, gaps and marks that touch `[from, to)`, oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecordingsBody {
    segments: Vec<Segment>,
    gaps: Vec<Gap>,
    marks: Vec<Mark>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Segment {
    #[schema(value_type = String, format = DateTime)]
    start: Utc,
    #[schema(value_type = String, format = DateTime)]
    end: Utc,
    bytes: u64,
    /// those known when it began, and those of the marks that overlap it
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

/// What was recorded for one reason; one that goes on for long is split at each full hour.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Mark {
    #[schema(value_type = String, format = DateTime)]
    start: Utc,
    /// null: not over yet
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Utc>,
    /// `schedule`, `manual`, `motion`, `sensor` or `analytics`
    cause: &'static str,
}

fn causes_of(segment: &SegmentRow, marks: &[MarkRow]) -> Causes {
    let overlap = |mark: &&MarkRow| mark.start < segment.end && mark.end.is_none_or(|end| end > segment.start);
    let added = marks.iter().filter(overlap);
    added.fold(segment.causes, |all, mark| all.union(mark.cause))
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
    viewer.may_with(&camera, CameraRight::Playback)?;
    let stream = StreamId::new(camera, stream_name(query.stream.as_deref())?);
    let to = time("to", query.to.as_deref())?.unwrap_or_else(Utc::now);
    let from = time("from", query.from.as_deref())?.unwrap_or_else(|| to - Duration::from_secs(24 * 3600));
    if from >= to {
        return Err(Problem::BadRequest(format!("from {from} is not before to {to}")));
    }
    let found = blocking(move || recorder.storage().recordings(&stream, from, to)).await?;
    let (segments, gaps, marks) = (found.segments.iter(), found.gaps.iter(), found.marks.iter());
    Ok(HttpResponse::Ok().json(RecordingsBody {
        segments: segments
            .map(|s| Segment {
                start: s.start,
                end: s.end,
                bytes: s.bytes,
                causes: causes_of(s, &found.marks),
            })
            .collect(),
        gaps: gaps
            .map(|g| Gap {
                start: g.start,
                end: g.end,
                cause: g.cause,
            })
            .collect(),
        marks: marks
            .map(|m| Mark {
                start: m.start,
                end: m.end,
                cause: m.cause.names().next().unwrap_or_default(),
            })
            .collect(),
    }))
}
