//! Layouts of the wall of cameras, and what pages remember for each user.

use std::collections::BTreeSet;

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header::{ETAG, IF_MATCH, IF_NONE_MATCH},
    put, web,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vigie_actors::Recorder;
use vigie_config::Kind;
use vigie_storage::{
    accounts::HouseRight,
    layouts::{Expected, Layout, LayoutError, Wanted},
};

use super::{blocking, tag_of};
use crate::{problem::Problem, sign_in::Viewer};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LayoutBody {
    id: String,
    name: String,
    /// What the page put there
    #[schema(value_type = Object)]
    body: Map<String, Value>,
    /// Everybody may see it
    shared: bool,
    owner: String,
    /// For `If-Match`
    revision: String,
}

impl LayoutBody {
    /// With windows that are empty where `hidden` cameras are.
    fn without(mut self, hidden: &BTreeSet<String>) -> Self {
        if let Some(windows) = self.body.get_mut("windows") {
            empty(windows, hidden);
        }
        self
    }
}

fn empty(value: &mut Value, hidden: &BTreeSet<String>) {
    match value {
        Value::String(camera) if hidden.contains(camera) => *value = Value::Null,
        Value::Array(all) => all.iter_mut().for_each(|one| empty(one, hidden)),
        Value::Object(all) => all.values_mut().for_each(|one| empty(one, hidden)),
        _ => {}
    }
}

impl From<Layout> for LayoutBody {
    fn from(layout: Layout) -> Self {
        Self {
            id: layout.id,
            name: layout.name,
            body: layout.body,
            shared: layout.shared,
            owner: layout.owner,
            revision: layout.revision.to_string(),
        }
    }
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutLayout {
    /// 1 to 80 characters
    name: String,
    /// Any object, at most 16 KiB
    #[schema(value_type = Object)]
    body: Map<String, Value>,
    #[serde(default)]
    shared: bool,
}

fn expected(request: &HttpRequest) -> Expected {
    match tag_of(request, IF_MATCH) {
        Some(tag) => Expected::Revision(tag),
        None if request.headers().contains_key(IF_NONE_MATCH) => Expected::New,
        None => Expected::Whatever,
    }
}

fn problem(error: LayoutError) -> Problem {
    match error {
        LayoutError::Unknown(id) => Problem::nothing_at("layouts", &id),
        LayoutError::Stale(_) => Problem::Stale(error.to_string()),
        error => Problem::of_kind(error.kind(), error),
    }
}

/// The viewer's own layouts and those that others share; where these show a camera that the viewer
/// may not see there is null
#[utoipa::path(get, path = "/api/v1/layouts", responses((status = 200, body = Vec<LayoutBody>)))]
#[get("/api/v1/layouts")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let seen = |layout: &Layout| layout.shared || layout.is_of(&viewer.0);
    let config = recorder.config();
    let all = viewer.0.may(HouseRight::Configure);
    let hidden = config
        .cameras
        .iter()
        .filter(|camera| !all && !viewer.0.sees(&camera.id));
    let hidden: BTreeSet<String> = hidden.map(|camera| camera.id.to_string()).collect();
    let layouts = recorder.storage().layouts().list(seen).into_iter();
    // Who may write one back gets all of it: what is empty would be lost.
    let shown = layouts.map(|layout| match layout.is_of(&viewer.0) {
        true => LayoutBody::from(layout),
        false => LayoutBody::from(layout).without(&hidden),
    });
    HttpResponse::Ok().json(shown.collect::<Vec<_>>())
}

/// Keep a layout; the page chooses its id of a-z 0-9 - _, at most 40. With `If-None-Match: *` only a new one,
/// with `If-Match` only where nobody changed it since. Owners change theirs, whoever may configure all
#[utoipa::path(put, path = "/api/v1/layouts/{id}", params(("id" = String, Path)), request_body = PutLayout,
    responses((status = 200, body = LayoutBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "somebody else's", body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument)))]
#[put("/api/v1/layouts/{id}")]
pub async fn put(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<PutLayout>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let expected = expected(&request);
    let PutLayout { name, body, shared } = body.into_inner();
    let id = id.into_inner();
    let any = viewer.0.may(HouseRight::Configure);
    let wanted = Wanted { id, name, body, shared };
    let kept = blocking(move || recorder.storage().layouts().put(&viewer.0, any, wanted, &expected)).await?;
    let layout = LayoutBody::from(kept.map_err(problem)?);
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{}\"", layout.revision)))
        .json(layout))
}

/// Take a layout away
#[utoipa::path(delete, path = "/api/v1/layouts/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 403, description = "somebody else's", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/layouts/{id}")]
pub async fn remove(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let expected = expected(&request);
    let any = viewer.0.may(HouseRight::Configure);
    let removed = blocking(move || recorder.storage().layouts().remove(&viewer.0, any, &id, &expected)).await?;
    removed.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}

/// What pages remember for the viewer; `{}` at first
#[utoipa::path(get, path = "/api/v1/preferences", responses((status = 200, body = Object)))]
#[get("/api/v1/preferences")]
pub async fn preferences(viewer: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    HttpResponse::Ok().json(recorder.storage().preferences().of(&viewer.0))
}

/// Remember any object of at most 16 KiB for the viewer, in place of the one before
#[utoipa::path(put, path = "/api/v1/preferences", request_body = Object,
    responses((status = 200, body = Object), (status = 400, body = crate::problem::ProblemDocument)))]
#[put("/api/v1/preferences")]
pub async fn put_preferences(
    viewer: Viewer,
    body: web::Json<Map<String, Value>>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let shown = body.clone();
    let kept = blocking(move || recorder.storage().preferences().put(&viewer.0, body)).await?;
    kept.map_err(|error| Problem::of_kind(error.kind(), error))?;
    Ok(HttpResponse::Ok().json(shown))
}
