//! Disks put into service and out of it, by the same requests as on the command line.

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use vigie_actors::{
    Recorder,
    control::{Answer, DiskRequest, House, Request, perform},
};
use vigie_config::DiskId;

use super::blocking;
use crate::{audit::said, problem::Problem, sign_in::Viewer};

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "erase": false }))]
pub struct PrepareWords {
    /// Delete the footage that is on it, whoever's it is
    #[serde(default)]
    erase: bool,
}

/// What was done
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "text": ["disk d2 is ready"] }))]
pub struct DoneBody {
    /// As `vigie disk` prints it, a line each
    text: Vec<String>,
}

async fn carry_out(
    viewer: Viewer,
    id: &str,
    recorder: web::Data<Recorder>,
    request: impl FnOnce(DiskId) -> DiskRequest,
) -> Result<HttpResponse, Problem> {
    let no_disk = || Problem::NoDisk(id.chars().take(80).collect());
    let disk = DiskId::new(id).map_err(|_| no_disk())?;
    let configured = |id: &DiskId| recorder.config().disks.iter().any(|disk| disk.id == *id);
    if !configured(&disk) {
        return Err(no_disk());
    }
    let request = Request::Disk(request(disk));
    let Answer { ok, lines } = blocking(move || {
        let house = House {
            storage: recorder.storage(),
            config: &recorder.config(),
            disks: Some(recorder.disks()),
        };
        perform(request, &house)
    })
    .await?;
    let text = lines.join("\n");
    if !ok {
        return Err(Problem::Conflict(text));
    }
    tracing::info!(by = viewer.0.name, text, "disk service over the API");
    Ok(said(HttpResponse::Ok().json(DoneBody { text: lines }), text))
}

/// Take a disk into use that holds nothing to keep
#[utoipa::path(post, path = "/api/v1/disks/{id}/prepare", params(("id" = String, Path)), request_body = PrepareWords,
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "it holds footage, or is in use; nothing was changed", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/prepare")]
pub async fn prepare(
    viewer: Viewer,
    id: web::Path<String>,
    body: web::Json<PrepareWords>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let erase = body.erase;
    carry_out(viewer, &id, recorder, |id| DiskRequest::Prepare { id, erase }).await
}

/// Take over a disk with its footage: another recorder's, one of before a reinstall, one without its marker;
/// or take back a retired or released one
#[utoipa::path(post, path = "/api/v1/disks/{id}/adopt", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "nothing to take over, or it cannot be read", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/adopt")]
pub async fn adopt(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    carry_out(viewer, &id, recorder, |id| DiskRequest::Adopt { id }).await
}

/// Begin nothing new on a disk; its footage stays until retention takes it
#[utoipa::path(post, path = "/api/v1/disks/{id}/retire", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/retire")]
pub async fn retire(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    carry_out(viewer, &id, recorder, |id| DiskRequest::Retire { id }).await
}

/// Stop recording on a disk, sync and close it, so that it can be unmounted and pulled: up to 50 s
#[utoipa::path(post, path = "/api/v1/disks/{id}/release", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "it does not answer, or its files are being read", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/release")]
pub async fn release(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    carry_out(viewer, &id, recorder, |id| DiskRequest::Release { id }).await
}
