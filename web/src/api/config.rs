//! The configuration file over HTTP: one table at a time, checked, then taken up by the running recorder.

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header::{ETAG, IF_MATCH},
    post, put, web,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vigie_actors::{
    Recorder,
    settings::{By, Outcome, SettingsError},
};
use vigie_config::{
    Server,
    edit::{Edit, LISTS, Place, SINGLES},
};

use vigie_storage::accounts::HouseRight;

use super::tag_of;
use crate::{arrival, audit::said, problem::Problem, sign_in::Viewer};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ChangeQuery {
    /// Say what would happen, and change nothing
    #[serde(default)]
    pub(super) try_only: bool,
    /// Even if whoever asks is shut out by it (`server.access`)
    #[serde(default)]
    pub(super) force: bool,
}

/// What a change did, or would do
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChangedBody {
    /// Of the file after it; also in `ETag`
    revision: String,
    /// What becomes another, a line each; all else runs on
    changes: Vec<String>,
    /// What is interrupted for a moment, a line each; empty: nothing
    restarts: Vec<String>,
    /// What does not stop the configuration from being used
    warnings: Vec<NoteBody>,
}

impl ChangedBody {
    pub(super) fn revision(&self) -> &str {
        &self.revision
    }
}

impl From<Outcome> for ChangedBody {
    fn from(outcome: Outcome) -> Self {
        let warnings = outcome.warnings.into_iter().map(|warning| NoteBody {
            line: warning.line,
            path: warning.path,
            text: warning.text,
        });
        Self {
            warnings: warnings.collect(),
            revision: outcome.revision,
            changes: outcome.changes,
            restarts: outcome.restarts,
        }
    }
}

/// A line about a configuration
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct NoteBody {
    /// Of the file as it would be, counted from 1
    pub line: usize,
    /// The field, such as `rule[1] "night".from[0]`
    pub path: String,
    pub text: String,
}

impl From<&vigie_config::Problem> for NoteBody {
    fn from(problem: &vigie_config::Problem) -> Self {
        Self {
            line: problem.line,
            path: problem.path.clone(),
            text: problem.text.clone(),
        }
    }
}

fn place(table: &str, id: Option<&str>) -> Result<Place, Problem> {
    Place::new(table, id).ok_or_else(|| {
        let (lists, singles) = (LISTS.join(", "), SINGLES.join(", "));
        let table: String = table.chars().take(80).collect();
        Problem::NotFound(format!(
            "table {table}{}: expected {lists} with an id, or {singles} without",
            if id.is_some() { " with an id" } else { "" }
        ))
    })
}

fn problem_at(error: SettingsError, place: &Place) -> Problem {
    match error {
        SettingsError::NoTable => Problem::NotFound(place.to_string()),
        error => problem(error),
    }
}

pub(super) fn problem(error: SettingsError) -> Problem {
    match error {
        SettingsError::Stale { .. } => Problem::Stale(error.to_string()),
        SettingsError::Refused(problems) => Problem::Refused(problems.0),
        SettingsError::NoRight => Problem::Forbidden(error.to_string()),
        error => Problem::of_kind(vigie_config::Kind::kind(&error), error),
    }
}

/// The whole configuration as it stands in the file, one key for each table; secrets are `***`
#[utoipa::path(get, path = "/api/v1/config",
    responses((status = 200, body = Object), (status = 403, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/config")]
pub async fn show(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let read = recorder.settings().read().await.map_err(problem)?;
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{}\"", read.revision)))
        .json(read.edit.shown()))
}

async fn look(recorder: web::Data<Recorder>, place: Place) -> Result<HttpResponse, Problem> {
    let read = recorder.settings().read().await.map_err(problem)?;
    let shown = read
        .edit
        .get(&place)
        .ok_or_else(|| Problem::NotFound(place.to_string()))?;
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{}\"", read.revision)))
        .json(shown))
}

/// `None`: take it away.
async fn change(
    viewer: Viewer,
    request: HttpRequest,
    recorder: web::Data<Recorder>,
    query: web::Query<ChangeQuery>,
    place: Place,
    wanted: Option<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let what = place.to_string();
    let changed = carry_out(&viewer, &request, &recorder, &query, &what, |edit| match wanted {
        Some(wanted) => Ok(edit.put(&place, wanted)?),
        None if edit.remove(&place)? => Ok(()),
        None => Err(SettingsError::NoTable),
    });
    changed.await.map_err(|error| problem_at(error, &place))
}

/// Changes the file as far as `If-Match` allows it.
pub(super) async fn carry_out(
    viewer: &Viewer,
    request: &HttpRequest,
    recorder: &Recorder,
    query: &ChangeQuery,
    what: &str,
    change: impl FnOnce(&mut Edit) -> Result<(), SettingsError>,
) -> Result<HttpResponse, SettingsError> {
    let (expected, try_only) = (tag_of(request, IF_MATCH), query.try_only);
    let by = By {
        name: &viewer.0.name,
        from: &|server: &Server| arrival::caller_under(request, server),
        still: &|| viewer.still(recorder, |viewer| viewer.may(HouseRight::Configure)),
        forced: query.force,
    };
    let turn = recorder.settings().turn().await;
    let changed = turn.change(recorder, by, expected.as_deref(), try_only, change);
    let outcome = changed.await?;
    if !try_only {
        tracing::info!(by = by.name, what, changes = ?outcome.changes, "configuration changed over the API");
    }
    let text = format!("{what}: {}", outcome.changes.join("; "));
    let answer = HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{}\"", outcome.revision)))
        .json(ChangedBody::from(outcome));
    Ok(said(answer, text))
}

/// Write the whole configuration: the body is as `GET` shows it, secrets given back as `***` stay. With
/// `If-Match` only where nobody changed the file since
#[utoipa::path(put, path = "/api/v1/config", params(ChangeQuery), request_body = Object,
    responses((status = 200, body = ChangedBody), (status = 403, body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument),
              (status = 422, description = "not a configuration; nothing was written", body = crate::problem::ProblemDocument)))]
#[put("/api/v1/config")]
pub async fn put_all(
    viewer: Viewer,
    request: HttpRequest,
    query: web::Query<ChangeQuery>,
    body: web::Json<Map<String, Value>>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.into_inner();
    let change = |edit: &mut Edit| Ok(edit.put_all(wanted)?);
    let changed = carry_out(&viewer, &request, &recorder, &query, "everything", change);
    changed.await.map_err(problem)
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CameraOrder {
    /// Every camera of the configuration, once
    ids: Vec<String>,
}

/// Put the cameras in another order: that of the file, and of every list
#[utoipa::path(post, path = "/api/v1/camera-order", params(ChangeQuery), request_body = CameraOrder,
    responses((status = 200, body = ChangedBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/camera-order")]
pub async fn order_cameras(
    viewer: Viewer,
    request: HttpRequest,
    query: web::Query<ChangeQuery>,
    body: web::Json<CameraOrder>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let ids = body.into_inner().ids;
    let change = |edit: &mut Edit| Ok(edit.order("camera", &ids)?);
    let changed = carry_out(&viewer, &request, &recorder, &query, "order of cameras", change);
    changed.await.map_err(problem)
}

/// One of a list of tables: `schedule`, `disk`, `camera`, `input`, `output`, `recipient`, `push`, `rule`
#[utoipa::path(get, path = "/api/v1/config/{table}/{id}", params(("table" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/config/{table}/{id}")]
pub async fn show_entry(
    _: Viewer,
    path: web::Path<(String, String)>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let place = place(&path.0, Some(&path.1))?;
    look(recorder, place).await
}

/// Write one of a list of tables: the body is all that it holds afterwards. With `If-Match` only where
/// nobody changed the file since
#[utoipa::path(put, path = "/api/v1/config/{table}/{id}",
    params(("table" = String, Path), ("id" = String, Path), ChangeQuery), request_body = Object,
    responses((status = 200, body = ChangedBody),
              (status = 403, body = crate::problem::ProblemDocument), (status = 404, body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument),
              (status = 422, description = "not a configuration; nothing was written", body = crate::problem::ProblemDocument)))]
#[put("/api/v1/config/{table}/{id}")]
pub async fn put_entry(
    viewer: Viewer,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<ChangeQuery>,
    body: web::Json<Map<String, Value>>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let place = place(&path.0, Some(&path.1))?;
    change(viewer, request, recorder, query, place, Some(body.into_inner())).await
}

/// Take one of a list of tables away
#[utoipa::path(delete, path = "/api/v1/config/{table}/{id}",
    params(("table" = String, Path), ("id" = String, Path), ChangeQuery),
    responses((status = 200, body = ChangedBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument),
              (status = 422, description = "something else names it", body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/config/{table}/{id}")]
pub async fn delete_entry(
    viewer: Viewer,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<ChangeQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let place = place(&path.0, Some(&path.1))?;
    change(viewer, request, recorder, query, place, None).await
}

/// A table that is there once: `server`, `mqtt`, `snapshots`, `buzzer`, `email`
#[utoipa::path(get, path = "/api/v1/config/{table}", params(("table" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/config/{table}")]
pub async fn show_table(
    _: Viewer,
    table: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let place = place(&table, None)?;
    look(recorder, place).await
}

/// Write a table that is there once
#[utoipa::path(put, path = "/api/v1/config/{table}", params(("table" = String, Path), ChangeQuery),
    request_body = Object,
    responses((status = 200, body = ChangedBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument),
              (status = 422, description = "not a configuration; nothing was written", body = crate::problem::ProblemDocument)))]
#[put("/api/v1/config/{table}")]
pub async fn put_table(
    viewer: Viewer,
    request: HttpRequest,
    table: web::Path<String>,
    query: web::Query<ChangeQuery>,
    body: web::Json<Map<String, Value>>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let place = place(&table, None)?;
    change(viewer, request, recorder, query, place, Some(body.into_inner())).await
}

/// Take a table that is there once away
#[utoipa::path(delete, path = "/api/v1/config/{table}", params(("table" = String, Path), ChangeQuery),
    responses((status = 200, body = ChangedBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument),
              (status = 422, description = "something else needs it", body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/config/{table}")]
pub async fn delete_table(
    viewer: Viewer,
    request: HttpRequest,
    table: web::Path<String>,
    query: web::Query<ChangeQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let place = place(&table, None)?;
    change(viewer, request, recorder, query, place, None).await
}
