//! The configuration file over HTTP: one table at a time, checked, then taken up by the running recorder.

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header::{ETAG, IF_MATCH},
    put, web,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vigie_actors::{
    Recorder,
    settings::{Outcome, SettingsError},
};
use vigie_config::edit::{LISTS, Place, SINGLES};

use crate::{audit::said, problem::Problem, sign_in::Viewer};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ChangeQuery {
    /// Say what would happen, and change nothing
    #[serde(default)]
    try_only: bool,
}

/// What a change did, or would do
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChangedBody {
    /// Of the file after it; also in `ETag`
    revision: String,
    /// What becomes another, a line each; all else runs on
    changes: Vec<String>,
    /// What does not stop the configuration from being used
    warnings: Vec<NoteBody>,
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

fn problem(error: SettingsError, place: &Place) -> Problem {
    match error {
        SettingsError::NoTable => Problem::NotFound(place.to_string()),
        SettingsError::Stale { .. } => Problem::Stale(error.to_string()),
        SettingsError::Refused(problems) => Problem::Refused(problems.0),
        error => Problem::of_kind(vigie_config::Kind::kind(&error), error),
    }
}

/// The whole configuration as it stands in the file, one key for each table; secrets are `***`
#[utoipa::path(get, path = "/api/v1/config",
    responses((status = 200, body = Object), (status = 403, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/config")]
pub async fn show(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let read = recorder.settings().read().await;
    let read = read.map_err(|error| problem(error, &Place::One("server")))?;
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{}\"", read.revision)))
        .json(read.edit.shown()))
}

async fn look(recorder: web::Data<Recorder>, place: Place) -> Result<HttpResponse, Problem> {
    let read = recorder
        .settings()
        .read()
        .await
        .map_err(|error| problem(error, &place))?;
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
    let expected = request.headers().get(IF_MATCH).and_then(|value| value.to_str().ok());
    let expected = expected.map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'));
    let expected = expected.filter(|tag| *tag != "*");
    let changed = recorder
        .settings()
        .change(&recorder, expected, query.try_only, |edit| match wanted {
            Some(wanted) => Ok(edit.put(&place, wanted)?),
            None if edit.remove(&place)? => Ok(()),
            None => Err(SettingsError::NoTable),
        });
    let Outcome {
        revision,
        changes,
        warnings,
    } = changed.await.map_err(|error| problem(error, &place))?;
    if !query.try_only {
        tracing::info!(by = viewer.0.name, %place, ?changes, "configuration changed over the API");
    }
    let warnings = warnings.into_iter().map(|warning| NoteBody {
        line: warning.line,
        path: warning.path,
        text: warning.text,
    });
    let text = format!("{place}: {}", changes.join("; "));
    let answer = HttpResponse::Ok()
        .insert_header((ETAG, format!("\"{revision}\"")))
        .json(ChangedBody {
            warnings: warnings.collect(),
            revision,
            changes,
        });
    Ok(said(answer, text))
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
