//! Cameras as they are now.

use actix_web::{HttpResponse, Responder, get, web};
use vigie_actors::{Recorder, camera::CameraSnapshot};

use crate::sign_in::Viewer;

/// All cameras that the user may see, in the order of the configuration
#[utoipa::path(get, path = "/api/v1/cameras", responses((status = 200, body = Vec<CameraSnapshot>)))]
#[get("/api/v1/cameras")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>) -> impl Responder {
    let mut cameras = recorder.cameras();
    cameras.retain(|camera| viewer.may_view(&camera.id).is_ok());
    HttpResponse::Ok().json(cameras)
}
