//! Groups: what their users may do.

use actix_web::{HttpResponse, delete, get, put, web};
use serde::{Deserialize, Serialize};
use vigie_actors::Recorder;
use vigie_storage::accounts::{Group, GroupName, Rights};

use super::{blocking, users::problem};
use crate::{problem::Problem, sign_in::Viewer};

/// What somebody may do. House: `alarms`, `system`, `configure`, `users`. Cameras: `live`, `playback`,
/// `export`, `record`, `protect`, `delete`
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "house": ["alarms"], "every_camera": ["live"], "cameras": { "gate": ["playback"] } }))]
#[allow(dead_code)] // describes `Rights`, which storage writes and reads
pub struct RightsBody {
    #[schema(required = false)]
    house: Vec<String>,
    /// With every camera, those of tomorrow too
    #[schema(required = false)]
    every_camera: Vec<String>,
    /// With single cameras, on top of those
    #[schema(required = false)]
    cameras: std::collections::BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "name": "guards", "built_in": false,
    "rights": { "house": ["alarms"], "every_camera": ["live", "playback"], "cameras": {} } }))]
pub struct GroupBody {
    name: String,
    /// Stays as it is
    built_in: bool,
    #[schema(value_type = RightsBody)]
    rights: Rights,
}

impl From<Group> for GroupBody {
    fn from(group: Group) -> Self {
        Self {
            name: group.name.to_string(),
            built_in: group.built_in,
            rights: group.rights,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "rights": { "house": ["alarms"], "every_camera": ["live", "playback"], "cameras": {} } }))]
pub struct NewRights {
    #[schema(value_type = RightsBody)]
    rights: Rights,
}

fn name(text: &str) -> Result<GroupName, Problem> {
    text.parse().map_err(problem)
}

/// The groups there are, those built in first
#[utoipa::path(get, path = "/api/v1/groups", responses((status = 200, body = Vec<GroupBody>)))]
#[get("/api/v1/groups")]
pub async fn list(_: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let groups = recorder.storage().accounts().groups();
    HttpResponse::Ok().json(groups.into_iter().map(GroupBody::from).collect::<Vec<_>>())
}

/// Make a group, or change what everybody in it may do
#[utoipa::path(put, path = "/api/v1/groups/{name}", params(("name" = String, Path)), request_body = NewRights,
    responses((status = 200, body = GroupBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "more than you may yourself", body = crate::problem::ProblemDocument),
              (status = 409, description = "built in, or nobody who manages users would be left",
               body = crate::problem::ProblemDocument)))]
#[put("/api/v1/groups/{name}")]
pub async fn put(
    viewer: Viewer,
    path: web::Path<String>,
    body: web::Json<NewRights>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let (by, name) = (viewer.0.name.clone(), name(&path)?);
    let rights = body.into_inner().rights;
    let put = blocking(move || {
        let giver = recorder.storage().accounts().giver(viewer.0.rights);
        giver.put_group(name, rights)
    });
    let group = put.await?.map_err(problem)?;
    tracing::info!(by, group = %group.name, "group written");
    Ok(HttpResponse::Ok().json(GroupBody::from(group)))
}

/// Remove a group that nobody is in
#[utoipa::path(delete, path = "/api/v1/groups/{name}", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "built in, or somebody is in it", body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/groups/{name}")]
pub async fn remove(
    viewer: Viewer,
    path: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let (by, name) = (viewer.0.name.clone(), name(&path)?);
    let known = recorder.storage().accounts().groups();
    if !known.iter().any(|group| group.name == name) {
        return Err(Problem::nothing_at("groups", name.as_str()));
    }
    let gone = name.to_string();
    let removed = blocking(move || recorder.storage().accounts().giver(viewer.0.rights).remove_group(&name));
    removed.await?.map_err(problem)?;
    tracing::info!(by, group = gone, "group removed");
    Ok(HttpResponse::NoContent().finish())
}
