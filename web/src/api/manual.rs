//! Recording by hand, of one camera or of all.

use std::time::Duration;

use actix_web::{HttpResponse, delete, post, web};
use serde::Deserialize;
use serde_json::json;
use vigie_actors::{Recorder, registry::Event};
use vigie_config::{CameraId, EventKind, Source, Utc};

use super::{events, known_camera, small};
use crate::{problem::Problem, sign_in::Viewer};

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    /// Ends by itself after so many seconds; default: when somebody ends it
    seconds: Option<u64>,
}

const LONGEST_SECONDS: u64 = 30 * 86_400;
const MOST_BYTES: usize = 4096;

/// An empty body asks for nothing special; one that cannot be read asks for nothing at all.
async fn asked(body: web::Payload) -> Result<ByHand, Problem> {
    match small(body, MOST_BYTES).await?.trim_ascii() {
        [] => Ok(ByHand::default()),
        text => serde_json::from_slice(text)
            .map_err(|error| Problem::BadRequest(format!(r#"{error}; expected {{"seconds": 600}} or nothing"#))),
    }
}

fn begins(camera: CameraId, viewer: &Viewer, asked: &ByHand) -> Result<Event, Problem> {
    if let Some(seconds) = asked.seconds
        && !(1..=LONGEST_SECONDS).contains(&seconds)
    {
        return Err(Problem::BadRequest(format!("seconds: expected 1 to {LONGEST_SECONDS}")));
    }
    let until = asked.seconds.map(|seconds| Utc::now() + Duration::from_secs(seconds));
    let by = &viewer.0.name;
    let event = Event::new(EventKind::Manual, Source::Camera(camera), format!("by {by}"));
    Ok(event.with(json!({ "by": by, "until": until })))
}

fn all(recorder: &Recorder, viewer: &Viewer) -> Vec<CameraId> {
    let cameras = recorder.config();
    let ids = cameras
        .cameras
        .iter()
        .filter(|camera| camera.enabled)
        .map(|camera| camera.id.clone());
    ids.filter(|id| viewer.may_view(id).is_ok()).collect()
}

/// Record a camera by hand, from now on; one that is recorded by hand already goes on for as long as is
/// said now
#[utoipa::path(post, path = "/api/v1/cameras/{id}/manual", params(("id" = String, Path)), request_body = ByHand,
    responses((status = 201, body = super::events::EventBody), (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/cameras/{id}/manual")]
pub async fn start(
    viewer: Viewer,
    id: web::Path<String>,
    body: web::Payload,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let camera = known_camera(&recorder, &viewer, &id)?;
    let event = begins(camera, &viewer, &asked(body).await?)?;
    events::answer(recorder.events().raise_durably(event).await, &viewer)
}

/// End the recording of a camera by hand
#[utoipa::path(delete, path = "/api/v1/cameras/{id}/manual", params(("id" = String, Path)),
    responses((status = 201, description = "what has ended", body = super::events::EventBody),
              (status = 204, description = "it was not recorded by hand"),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/cameras/{id}/manual")]
pub async fn end(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let camera = known_camera(&recorder, &viewer, &id)?;
    let over = Event::over(EventKind::Manual, Source::Camera(camera));
    events::answer(recorder.events().raise_durably(over).await, &viewer)
}

/// Record all cameras by hand, from now on
#[utoipa::path(post, path = "/api/v1/manual", request_body = ByHand, responses((status = 204)))]
#[post("/api/v1/manual")]
pub async fn start_all(
    viewer: Viewer,
    body: web::Payload,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let asked = asked(body).await?;
    for camera in all(&recorder, &viewer) {
        let told = recorder.events().raise_durably(begins(camera, &viewer, &asked)?).await;
        told.map_err(|error| Problem::Unavailable(error.to_string()))?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// End the recording of all cameras by hand
#[utoipa::path(delete, path = "/api/v1/manual", responses((status = 204)))]
#[delete("/api/v1/manual")]
pub async fn end_all(viewer: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    for camera in all(&recorder, &viewer) {
        let over = Event::over(EventKind::Manual, Source::Camera(camera));
        let told = recorder.events().raise_durably(over).await;
        told.map_err(|error| Problem::Unavailable(error.to_string()))?;
    }
    Ok(HttpResponse::NoContent().finish())
}
