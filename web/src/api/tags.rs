//! Words at a moment, by which people find it again.

use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_actors::Recorder;
use vigie_config::{Kind, Utc};
use vigie_storage::{
    accounts::CameraRight::{Playback, Protect},
    tags::{Tag, TagError},
};

use super::{blocking, known_camera, time};
use crate::{problem::Problem, sign_in::Viewer};

const PAGE: usize = 1000;
const LONGEST_PAGE: usize = 5000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct TagsQuery {
    /// Cameras, separated by commas; default all, and what is of no camera
    camera: Option<String>,
    /// RFC 3339
    from: Option<String>,
    /// RFC 3339
    to: Option<String>,
    /// Part of the words, in capitals or not
    text: Option<String>,
    /// At most 5000; default 1000. The newest are kept
    limit: Option<usize>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TagBody {
    id: String,
    /// null: of the house
    camera: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Utc,
    text: String,
    by: String,
    #[schema(value_type = String, format = DateTime)]
    created: Utc,
}

impl From<Tag> for TagBody {
    fn from(tag: Tag) -> Self {
        Self {
            id: tag.id.to_string(),
            camera: tag.camera.map(|camera| camera.to_string()),
            at: tag.at,
            text: tag.text,
            by: tag.by,
            created: tag.created,
        }
    }
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTag {
    camera: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Utc,
    /// 1 to 120 characters on one line
    text: String,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OtherText {
    /// 1 to 120 characters on one line
    text: String,
}

fn problem(error: TagError) -> Problem {
    match error {
        TagError::Unknown(id) => Problem::nothing_at("tags", &id.to_string()),
        error => Problem::of_kind(error.kind(), error),
    }
}

fn sees(viewer: &Viewer, tag: &Tag) -> bool {
    let camera = tag.camera.as_ref();
    camera.is_none_or(|camera| viewer.0.may_with(camera, Playback))
}

/// One that the viewer may change.
fn of_id(recorder: &Recorder, viewer: &Viewer, id: &str) -> Result<Ulid, Problem> {
    let tag = Ulid::from_string(id)
        .ok()
        .and_then(|id| recorder.storage().tags().get(id));
    let tag = tag.filter(|tag| tag.camera.as_ref().is_none_or(|camera| viewer.0.sees(camera)));
    let tag = tag.ok_or_else(|| Problem::nothing_at("tags", id))?;
    if let Some(camera) = &tag.camera {
        viewer.may_with(camera, Protect)?;
    }
    Ok(tag.id)
}

/// Tags of the cameras whose footage the viewer may see, by their moment
#[utoipa::path(get, path = "/api/v1/tags", params(TagsQuery),
    responses((status = 200, body = Vec<TagBody>), (status = 400, body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/tags")]
pub async fn list(
    viewer: Viewer,
    query: web::Query<TagsQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let names = query.camera.iter().flat_map(|names| names.split(',')).map(str::trim);
    let cameras = names.filter(|name| !name.is_empty());
    let cameras: Vec<_> = cameras
        .map(|name| known_camera(&recorder, &viewer, name))
        .collect::<Result<_, _>>()?;
    let (from, to) = (time("from", query.from.as_deref())?, time("to", query.to.as_deref())?);
    let text = query.text.as_deref().map(str::to_lowercase);
    let wanted = |tag: &Tag| {
        sees(&viewer, tag)
            && (cameras.is_empty() || tag.camera.as_ref().is_some_and(|camera| cameras.contains(camera)))
            && from.is_none_or(|from| tag.at >= from)
            && to.is_none_or(|to| tag.at < to)
            && text.as_ref().is_none_or(|text| tag.text.to_lowercase().contains(text))
    };
    let found = recorder.storage().tags().list(wanted);
    let limit = query.limit.unwrap_or(PAGE).min(LONGEST_PAGE);
    let more = found.len().saturating_sub(limit);
    let shown = found.into_iter().skip(more).map(TagBody::from);
    Ok(HttpResponse::Ok().json(shown.collect::<Vec<_>>()))
}

/// Put words at a moment. Answered when it is on the device
#[utoipa::path(post, path = "/api/v1/tags", request_body = NewTag,
    responses((status = 201, body = TagBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "needs `protect`", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/tags")]
pub async fn add(
    viewer: Viewer,
    body: web::Json<NewTag>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let NewTag { camera, at, text } = body.into_inner();
    let camera = camera.map(|camera| {
        let camera = known_camera(&recorder, &viewer, &camera)?;
        viewer.may_with(&camera, Protect).map(|()| camera)
    });
    let camera = camera.transpose()?;
    let by = viewer.0.name;
    let added = blocking(move || recorder.storage().tags().add(camera, at, &text, &by)).await?;
    let tag = added.map_err(problem)?;
    Ok(HttpResponse::Created().json(TagBody::from(tag)))
}

/// Other words for the same moment
#[utoipa::path(put, path = "/api/v1/tags/{id}", params(("id" = String, Path)), request_body = OtherText,
    responses((status = 200, body = TagBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "needs `protect`", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[put("/api/v1/tags/{id}")]
pub async fn reword(
    viewer: Viewer,
    id: web::Path<String>,
    body: web::Json<OtherText>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let id = of_id(&recorder, &viewer, &id)?;
    let text = body.into_inner().text;
    let changed = blocking(move || recorder.storage().tags().reword(id, &text)).await?;
    let tag = changed.map_err(problem)?;
    Ok(HttpResponse::Ok().json(TagBody::from(tag)))
}

/// Take a tag away; the footage stays
#[utoipa::path(delete, path = "/api/v1/tags/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 403, description = "needs `protect`", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/tags/{id}")]
pub async fn remove(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let id = of_id(&recorder, &viewer, &id)?;
    let removed = blocking(move || recorder.storage().tags().remove(id)).await?;
    removed.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}
