//! The recorder itself.

use actix_web::{HttpResponse, Responder, get, web};
use vigie_actors::{Recorder, SystemInfo, supervise::TreeNode};

use crate::{problem::Problem, sign_in::Viewer};

/// The supervision tree: every actor, its state, restarts and last error
#[utoipa::path(get, path = "/api/v1/system/tree", responses((status = 200, body = TreeNode),
    (status = 403, description = "for administrators", body = crate::problem::ProblemDocument)))]
#[get("/api/v1/system/tree")]
pub async fn tree(viewer: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    viewer.may_administer()?;
    Ok(HttpResponse::Ok().json(recorder.tree()))
}

/// Name, version, clock, disks
#[utoipa::path(get, path = "/api/v1/system/info", responses((status = 200, body = SystemInfo)))]
#[get("/api/v1/system/info")]
pub async fn info(_: Viewer, recorder: web::Data<Recorder>) -> impl Responder {
    HttpResponse::Ok().json(recorder.info())
}
