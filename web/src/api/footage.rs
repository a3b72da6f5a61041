//! What footage there is, of removed cameras too, and deleting some of it.

use actix_web::{HttpResponse, delete, get, web};
use serde::{Deserialize, Serialize};
use vigie_actors::Recorder;
use vigie_config::{Kind, Utc};
use vigie_storage::{Extent, accounts::CameraRight, deletions::Deletion};

use super::{blocking, known_camera, span};
use crate::{problem::Problem, sign_in::Viewer};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExtentBody {
    camera: String,
    stream: String,
    /// Start of the oldest segment
    #[schema(value_type = String, format = DateTime)]
    first: Utc,
    /// End of the newest one
    #[schema(value_type = String, format = DateTime)]
    last: Utc,
    /// The camera is no longer configured: its footage stays until retention takes it
    removed: bool,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct DeleteQuery {
    camera: String,
    /// RFC 3339
    from: String,
    /// RFC 3339
    to: String,
    /// Why, for those who come after; at most 500 characters
    #[serde(default)]
    note: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeletionBody {
    id: String,
    camera: String,
    #[schema(value_type = String, format = DateTime)]
    from: Utc,
    #[schema(value_type = String, format = DateTime)]
    to: Utc,
    note: String,
    /// Who deleted it
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Utc,
    /// The one picture that was deleted; absent: footage
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<String>,
    /// The one disk that was erased; what others hold of that time is there still
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<String>,
    /// null: it was interrupted, some of it may be there still
    files: Option<u64>,
    bytes: Option<u64>,
}

impl From<Deletion> for DeletionBody {
    fn from(deletion: Deletion) -> Self {
        Self {
            id: deletion.id.to_string(),
            camera: deletion.camera.to_string(),
            from: deletion.from,
            to: deletion.to,
            note: deletion.note,
            by: deletion.by,
            at: deletion.at,
            snapshot: deletion.snapshot,
            disk: deletion.disk.map(|disk| disk.to_string()),
            files: deletion.done.map(|done| done.files),
            bytes: deletion.done.map(|done| done.bytes),
        }
    }
}

/// Every stream with footage, of the cameras that the viewer may see
#[utoipa::path(get, path = "/api/v1/footage", responses((status = 200, body = Vec<ExtentBody>)))]
#[get("/api/v1/footage")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let config = recorder.config();
    let extents = blocking(move || recorder.storage().extents()).await?;
    let seen = extents
        .into_iter()
        .filter(|extent| viewer.0.may_with(&extent.stream.camera, CameraRight::Playback));
    let bodies = seen.map(|Extent { stream, first, last }| ExtentBody {
        removed: config.cameras.iter().all(|camera| camera.id != stream.camera),
        camera: stream.camera.to_string(),
        stream: stream.stream.to_string(),
        first,
        last,
    });
    Ok(HttpResponse::Ok().json(bodies.collect::<Vec<_>>()))
}

/// Delete a camera's footage and pictures: every file that touches `[from, to)`
#[utoipa::path(delete, path = "/api/v1/footage", params(DeleteQuery),
    responses((status = 200, body = DeletionBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "needs `delete`, and where nothing is protected", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/footage")]
pub async fn delete(
    viewer: Viewer,
    query: web::Query<DeleteQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let DeleteQuery { camera, from, to, note } = query.into_inner();
    let camera = known_camera(&recorder, &viewer, &camera)?;
    viewer.may_with(&camera, CameraRight::Delete)?;
    let (from, to) = span(&from, &to)?;
    let by = viewer.0.name;
    match blocking(move || recorder.storage().delete(&camera, from, to, &note, &by)).await? {
        Ok(deletion) => Ok(HttpResponse::Ok().json(DeletionBody::from(deletion))),
        Err(error) => Err(Problem::of_kind(error.kind(), error)),
    }
}

/// What people deleted, and who, of the cameras that the viewer may delete of
#[utoipa::path(get, path = "/api/v1/footage/deletions",
    responses((status = 200, body = Vec<DeletionBody>),
              (status = 403, description = "needs `delete`", body = crate::problem::ProblemDocument)))]
#[get("/api/v1/footage/deletions")]
pub async fn deletions(viewer: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let all = recorder.storage().deletions().into_iter();
    let seen = all.filter(|deletion| viewer.0.may_with(&deletion.camera, CameraRight::Delete));
    Ok(HttpResponse::Ok().json(seen.map(DeletionBody::from).collect::<Vec<_>>()))
}
