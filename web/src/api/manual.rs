//! Recording by hand, of one camera or of all.

use std::time::Duration;

use actix_web::{HttpResponse, delete, post, web};
use serde::Deserialize;
use serde_json::json;
use vigie_actors::{Recorder, registry::Event};
use vigie_config::{CameraId, EventKind, Source, Utc};

use super::{events, known_camera};
use crate::{problem::Problem, sign_in::Viewer};

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct ByHand {
    /// Ends by itself after so many seconds; default: when somebody ends it
    seconds: Option<u64>,
}

const LONGEST_SECONDS: u64 = 30 * 86_400;

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

/// Record a camera by hand, from now on
#[utoipa::path(post, path = "/api/v1/cameras/{id}/manual", params(("id" = String, Path)), request_body = ByHand,
    responses((status = 201, body = super::events::EventBody), (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/cameras/{id}/manual")]
pub async fn start(
    viewer: Viewer,
    id: web::Path<String>,
    body: Option<web::Json<ByHand>>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    viewer.may_administer()?;
    let camera = known_camera(&recorder, &viewer, &id)?;
    let event = begins(camera, &viewer, &body.map(web::Json::into_inner).unwrap_or_default())?;
    events::answer(recorder.events().raise_durably(event).await)
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
    viewer.may_administer()?;
    let camera = known_camera(&recorder, &viewer, &id)?;
    let over = Event::over(EventKind::Manual, Source::Camera(camera));
    events::answer(recorder.events().raise_durably(over).await)
}

/// Record all cameras by hand, from now on
#[utoipa::path(post, path = "/api/v1/manual", request_body = ByHand, responses((status = 204)))]
#[post("/api/v1/manual")]
pub async fn start_all(
    viewer: Viewer,
    body: Option<web::Json<ByHand>>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    viewer.may_administer()?;
    let asked = body.map(web::Json::into_inner).unwrap_or_default();
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
    viewer.may_administer()?;
    for camera in all(&recorder, &viewer) {
        let over = Event::over(EventKind::Manual, Source::Camera(camera));
        let told = recorder.events().raise_durably(over).await;
        told.map_err(|error| Problem::Unavailable(error.to_string()))?;
    }
    Ok(HttpResponse::NoContent().finish())
}
