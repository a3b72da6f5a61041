//! The recorder itself.

use actix_web::{HttpResponse, Responder, get, web};
use vigie_actors::{Recorder, SystemInfo, supervise::TreeNode};

use crate::sign_in::Viewer;

/// The supervision tree: every actor, its state, restarts and last error
#[utoipa::path(get, path = "/api/v1/system/tree", responses((status = 200, body = TreeNode)))]
#[get("/api/v1/system/tree")]
pub async fn tree(_: Viewer, recorder: web::Data<Recorder>) -> impl Responder {
    HttpResponse::Ok().json(recorder.tree())
}

/// Name, version, clock, disks
#[utoipa::path(get, path = "/api/v1/system/info", responses((status = 200, body = SystemInfo)))]
#[get("/api/v1/system/info")]
pub async fn info(_: Viewer, recorder: web::Data<Recorder>) -> impl Responder {
    HttpResponse::Ok().json(recorder.info())
}
