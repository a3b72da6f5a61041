//! Stored pictures: of events, and taken by hand.

use actix_web::{
    HttpResponse, delete, get,
    http::header,
    post,
    web::{self, Query},
};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_actors::Recorder;
use vigie_config::{CameraId, Kind, Utc};
use vigie_storage::{
    accounts::CameraRight,
    snapshots::{self, SnapshotId, Stored},
};

use super::{blocking, footage::DeletionBody, known_camera, list_of, time};
use crate::{problem::Problem, sign_in::Viewer};

const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct SnapshotsQuery {
    /// Cameras, separated by commas; default all
    camera: Option<String>,
    /// RFC 3339
    from: Option<String>,
    /// RFC 3339
    to: Option<String>,
    /// The id of an event
    event: Option<String>,
    /// The next page: `next` of the one before
    before: Option<String>,
    /// At most 1000; default 100
    limit: Option<usize>,
}

/// Newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SnapshotsBody {
    snapshots: Vec<SnapshotBody>,
    /// There may be more: ask for those before this one
    next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SnapshotBody {
    /// The picture is at `/api/v1/snapshots/{id}.jpg`
    id: String,
    camera: String,
    /// When it began to be shown
    #[schema(value_type = String, format = DateTime)]
    time: Utc,
    /// null: taken by hand
    event: Option<String>,
    bytes: u64,
    disk: String,
}

impl From<Stored> for SnapshotBody {
    fn from(Stored { id, disk, bytes }: Stored) -> Self {
        Self {
            camera: id.camera.to_string(),
            time: id.at,
            event: id.event.map(|event| event.to_string()),
            id: id.to_string(),
            bytes,
            disk: disk.to_string(),
        }
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Taken {
    id: String,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct WhyQuery {
    /// Why, for those who come after; at most 500 characters
    #[serde(default)]
    note: String,
}

fn no_snapshot(id: &str) -> Problem {
    let id: String = id.chars().take(160).collect();
    Problem::NotFound(format!("/api/v1/snapshots/{id}.jpg"))
}

fn known(text: &str, viewer: &Viewer, right: CameraRight) -> Result<SnapshotId, Problem> {
    let id: SnapshotId = text.parse().map_err(|_| no_snapshot(text))?;
    viewer.may_with(&id.camera, right)?;
    Ok(id)
}

/// Stored pictures, newest first, of the cameras that the viewer may see
#[utoipa::path(get, path = "/api/v1/snapshots", params(SnapshotsQuery),
    responses((status = 200, body = SnapshotsBody), (status = 400, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/snapshots")]
pub async fn list(
    viewer: Viewer,
    query: Query<SnapshotsQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let cameras = list_of("camera", query.camera.as_deref(), CameraId::new)?;
    let bad = |name: &str, error: String| Problem::BadRequest(format!("{name}: {error}"));
    let event = query.event.as_deref().map(str::parse::<Ulid>).transpose();
    let before = query.before.as_deref().map(str::parse::<SnapshotId>).transpose();
    let asked = snapshots::Query {
        cameras,
        from: time("from", query.from.as_deref())?.unwrap_or(Utc::MIN),
        to: time("to", query.to.as_deref())?.unwrap_or(Utc::MAX),
        event: event.map_err(|error| bad("event", error.to_string()))?,
        before: before.map_err(|error| bad("before", error.to_string()))?,
        limit: query.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE),
    };
    let limit = asked.limit;
    let page = blocking(move || {
        let sees = |camera: &CameraId| viewer.0.may_with(camera, CameraRight::Playback);
        recorder.storage().snapshots(&asked, sees)
    });
    let page = page.await?;
    let last = page.last().filter(|_| page.len() == limit);
    Ok(HttpResponse::Ok().json(SnapshotsBody {
        next: last.map(|last| last.id.to_string()),
        snapshots: page.into_iter().map(SnapshotBody::from).collect(),
    }))
}

/// One stored picture
#[utoipa::path(get, path = "/api/v1/snapshots/{id}.jpg", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg"), (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/snapshots/{id}.jpg")]
pub async fn show(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let found = known(&id, &viewer, CameraRight::Playback)?;
    let jpeg = blocking(move || recorder.storage().snapshot(&found)).await?;
    let jpeg = jpeg.ok_or_else(|| no_snapshot(&id))?;
    Ok(HttpResponse::Ok()
        .content_type("image/jpeg")
        .insert_header((header::CACHE_CONTROL, "private, max-age=86400, immutable"))
        // Another who signs in at the same browser asks again.
        .insert_header((header::VARY, "Cookie, Authorization"))
        .body(jpeg))
}

/// Delete one stored picture
#[utoipa::path(delete, path = "/api/v1/snapshots/{id}.jpg", params(("id" = String, Path), WhyQuery),
    responses((status = 200, body = DeletionBody),
              (status = 403, description = "needs `delete`, and where nothing is protected", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/snapshots/{id}.jpg")]
pub async fn delete(
    viewer: Viewer,
    id: web::Path<String>,
    query: Query<WhyQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let found = known(&id, &viewer, CameraRight::Delete)?;
    let (note, by) = (query.into_inner().note, viewer.0.name);
    match blocking(move || recorder.storage().delete_snapshot(&found, &note, &by)).await? {
        Ok(Some(deletion)) => Ok(HttpResponse::Ok().json(DeletionBody::from(deletion))),
        Ok(None) => Err(no_snapshot(&id)),
        Err(error) => Err(Problem::of_kind(error.kind(), error)),
    }
}

/// Take a picture of a camera by hand; answered when it is stored
#[utoipa::path(post, path = "/api/v1/cameras/{id}/snapshots", params(("id" = String, Path)),
    responses((status = 201, body = Taken),
              (status = 403, description = "needs `record` or `alarms`", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument),
              (status = 503, description = "no picture, or no disk that takes it", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/cameras/{id}/snapshots")]
pub async fn take(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let camera = known_camera(&recorder, &viewer, &id)?;
    let taken = recorder.snapshots().by_hand(&camera, &viewer.0.name).await;
    let id = taken.map_err(Problem::Unavailable)?.to_string();
    Ok(HttpResponse::Created().json(Taken { id }))
}
