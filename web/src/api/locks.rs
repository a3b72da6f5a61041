//! Footage that is protected from being deleted.

use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_actors::Recorder;
use vigie_config::{Kind, Utc};
use vigie_storage::{accounts::CameraRight, locks::Protection};

use super::{blocking, known_camera};
use crate::{problem::Problem, sign_in::Viewer};

#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewLock {
    camera: String,
    #[schema(value_type = String, format = DateTime)]
    from: Utc,
    #[schema(value_type = String, format = DateTime)]
    to: Utc,
    /// Why, for those who come after; at most 500 characters
    #[serde(default)]
    note: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LockBody {
    id: String,
    camera: String,
    #[schema(value_type = String, format = DateTime)]
    from: Utc,
    #[schema(value_type = String, format = DateTime)]
    to: Utc,
    note: String,
    /// Who protected it
    by: String,
    #[schema(value_type = String, format = DateTime)]
    since: Utc,
}

impl From<Protection> for LockBody {
    fn from(protection: Protection) -> Self {
        Self {
            id: protection.id.to_string(),
            camera: protection.camera.to_string(),
            from: protection.from,
            to: protection.to,
            note: protection.note,
            by: protection.by,
            since: protection.since,
        }
    }
}

/// What is protected, of the cameras that the viewer may see
#[utoipa::path(get, path = "/api/v1/locks", responses((status = 200, body = Vec<LockBody>)))]
#[get("/api/v1/locks")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let all = recorder.storage().locks().list().into_iter();
    let seen = all.filter(|lock| viewer.may_view(&lock.camera).is_ok());
    HttpResponse::Ok().json(seen.map(LockBody::from).collect::<Vec<_>>())
}

/// Protect footage: no limit takes it before it is released
#[utoipa::path(post, path = "/api/v1/locks", request_body = NewLock,
    responses((status = 201, body = LockBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "needs `protect`", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/locks")]
pub async fn add(
    viewer: Viewer,
    body: web::Json<NewLock>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let NewLock { camera, from, to, note } = body.into_inner();
    let camera = known_camera(&recorder, &viewer, &camera)?;
    viewer.may_with(&camera, CameraRight::Protect)?;
    let by = viewer.0.name;
    match blocking(move || recorder.storage().locks().protect(camera, from, to, &note, &by)).await? {
        Ok(lock) => Ok(HttpResponse::Created().json(LockBody::from(lock))),
        Err(error) => Err(Problem::of_kind(error.kind(), error)),
    }
}

/// Let footage go again when its time comes
#[utoipa::path(delete, path = "/api/v1/locks/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 403, description = "needs `protect`", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/locks/{id}")]
pub async fn release(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::nothing_at("locks", &id);
    let lock: Ulid = id.parse().map_err(|_| unknown())?;
    let locks = recorder.storage().locks().list();
    let found = locks.iter().find(|one| one.id == lock && viewer.0.sees(&one.camera));
    viewer.may_with(&found.ok_or_else(unknown)?.camera, CameraRight::Protect)?;
    let by = viewer.0.name.clone();
    match blocking(move || recorder.storage().locks().release(lock, &by)).await? {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(vigie_storage::locks::LockError::Unknown(_)) => Err(unknown()),
        Err(error) => Err(Problem::of_kind(error.kind(), error)),
    }
}
