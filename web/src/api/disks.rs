//! Disks put into service and out of it.

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use vigie_actors::{
    Recorder,
    control::{DiskRequest, Request},
};
use vigie_config::DiskId;

use super::blocking;
use crate::{audit::said, problem::Problem, sign_in::Viewer};

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "erase": false }))]
pub struct Preparing {
    /// Even where that deletes footage
    #[serde(default)]
    erase: bool,
}

/// What was done
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "text": ["disk d1 is ready"] }))]
pub struct DoneBody {
    /// A line each
    text: Vec<String>,
}

/// Make a disk this recorder's, empty. One that holds footage, or is another recorder's, only with `erase`
#[utoipa::path(post, path = "/api/v1/disks/{id}/prepare", params(("id" = String, Path)), request_body = Preparing,
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "why not", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/prepare")]
pub async fn prepare(
    _: Viewer,
    id: web::Path<String>,
    body: web::Json<Preparing>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let erase = body.erase;
    carry_out(recorder, &id, |id| DiskRequest::Prepare { id, erase }).await
}

/// Take over another recorder's disk with its footage, or take a retired one back
#[utoipa::path(post, path = "/api/v1/disks/{id}/adopt", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "why not", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/adopt")]
pub async fn adopt(_: Viewer, id: web::Path<String>, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    carry_out(recorder, &id, |id| DiskRequest::Adopt { id }).await
}

/// Begin nothing new on a disk; its footage stays until retention takes it
#[utoipa::path(post, path = "/api/v1/disks/{id}/retire", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "why not", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/retire")]
pub async fn retire(_: Viewer, id: web::Path<String>, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    carry_out(recorder, &id, |id| DiskRequest::Retire { id }).await
}

/// Close a disk, to be unmounted and pulled
#[utoipa::path(post, path = "/api/v1/disks/{id}/release", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "why not", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/release")]
pub async fn release(_: Viewer, id: web::Path<String>, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    carry_out(recorder, &id, |id| DiskRequest::Release { id }).await
}

async fn carry_out(
    recorder: web::Data<Recorder>,
    id: &str,
    request: impl FnOnce(DiskId) -> DiskRequest,
) -> Result<HttpResponse, Problem> {
    let config = recorder.config();
    let known = config.disks.iter().find(|disk| disk.id.as_str() == id);
    let unknown = || Problem::NotFound(format!("disk {}", id.chars().take(80).collect::<String>()));
    let request = Request::Disk(request(known.ok_or_else(unknown)?.id.clone()));
    let answer = blocking(move || recorder.carry_out(request)).await?;
    let text = answer.lines.join("; ");
    match answer.ok {
        true => Ok(said(HttpResponse::Ok().json(DoneBody { text: answer.lines }), text)),
        false => Err(Problem::Conflict(text)),
    }
}
