//! Cameras as they are now.

use actix_web::{HttpResponse, Responder, get, web};
use vigie_actors::{Recorder, camera::CameraSnapshot};

use crate::sign_in::Viewer;

/// All cameras, in the order of the configuration
#[utoipa::path(get, path = "/api/v1/cameras", responses((status = 200, body = Vec<CameraSnapshot>)))]
#[get("/api/v1/cameras")]
pub async fn list(_: Viewer, recorder: web::Data<Recorder>) -> impl Responder {
    HttpResponse::Ok().json(recorder.cameras())
}
