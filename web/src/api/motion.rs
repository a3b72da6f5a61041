//! Whether something moves in a camera's picture now.

use actix_web::{HttpResponse, get, web};
use vigie_actors::{Recorder, motion::MotionSnapshot};

use super::known_camera;
use crate::{problem::Problem, sign_in::Viewer};

/// Whether something moves; who asks has it looked for during the next 10 s, even if nothing else wants it
#[utoipa::path(get, path = "/api/v1/cameras/{id}/motion", params(("id" = String, Path)),
    responses((status = 200, body = MotionSnapshot), (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/cameras/{id}/motion")]
pub async fn look(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let camera = known_camera(&recorder, &viewer, &id)?;
    match recorder.look_at_motion(&camera) {
        Some(motion) => Ok(HttpResponse::Ok().json(motion)),
        None => Err(Problem::NoCamera(camera.to_string())),
    }
}
