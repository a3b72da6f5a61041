//! Configurations that the recorder ran with, and the way back to one.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use ulid::Ulid;
use vigie_actors::{Recorder, settings::SettingsError};
use vigie_config::{Config, Kind, Utc, diff, edit::Edit, variables_of};
use vigie_storage::history::{HistoryError, Version};

use super::{
    blocking,
    config::{ChangeQuery, ChangedBody, carry_out, problem},
};
use crate::{problem::Problem, sign_in::Viewer};

/// One configuration
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VersionBody {
    id: String,
    /// Since when the recorder ran with it
    #[schema(value_type = String, format = DateTime)]
    at: Utc,
    /// null: the file was changed by hand
    by: Option<String>,
    /// What became another with it, a line each
    changes: Vec<String>,
    /// The recorder runs with it now
    current: bool,
}

/// A configuration, and what going back to it would do
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OldConfigBody {
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Utc,
    by: Option<String>,
    /// TOML; secrets are `***`
    text: String,
    /// What going back would change now, a line each
    changes: Vec<String>,
    /// What would be interrupted for a moment
    restarts: Vec<String>,
}

/// What is kept cannot be read or run with any more.
fn unusable(error: impl ToString) -> Problem {
    Problem::Unavailable(error.to_string())
}

fn of_history(error: HistoryError) -> Problem {
    match error {
        HistoryError::Unknown(id) => Problem::nothing_at("config-history", &id.to_string()),
        error => Problem::of_kind(error.kind(), error),
    }
}

async fn read(recorder: &web::Data<Recorder>, id: &str) -> Result<(Version, String), Problem> {
    let nothing = || Problem::nothing_at("config-history", id);
    let id = Ulid::from_string(id).map_err(|_| nothing())?;
    let recorder = recorder.clone();
    let found = blocking(move || {
        let history = recorder.storage().history();
        history.get(id).and_then(|version| Ok((version, history.text(id)?)))
    });
    found.await?.map_err(of_history)
}

/// Configurations that the recorder ran with, newest first, at most 200
#[utoipa::path(get, path = "/api/v1/config-history",
    responses((status = 200, body = Vec<VersionBody>), (status = 403, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/config-history")]
pub async fn list(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let versions = recorder.storage().history().list().into_iter().enumerate();
    let shown = versions.map(|(index, version)| VersionBody {
        id: version.id.to_string(),
        at: version.at,
        by: version.by,
        changes: version.changes,
        current: index == 0,
    });
    Ok(HttpResponse::Ok().json(shown.collect::<Vec<_>>()))
}

/// One of them, and what going back to it would do
#[utoipa::path(get, path = "/api/v1/config-history/{id}", params(("id" = String, Path)),
    responses((status = 200, body = OldConfigBody), (status = 403, body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/config-history/{id}")]
pub async fn show(_: Viewer, id: web::Path<String>, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let (version, text) = read(&recorder, &id).await?;
    let edit = Edit::new(&text).map_err(unusable)?;
    // One that is none any more still can be read.
    let config = Config::parse_sparing(&text, &variables_of(&text), &|_| true).ok();
    let changes = config.map(|(config, _)| diff(&recorder.config(), &config));
    Ok(HttpResponse::Ok().json(OldConfigBody {
        id: version.id.to_string(),
        at: version.at,
        by: version.by,
        text: edit.hidden_text(),
        changes: changes.as_ref().map(|changes| changes.words()).unwrap_or_default(),
        restarts: changes.map(|changes| changes.restarts()).unwrap_or_default(),
    }))
}

/// Go back to one of them; what is now stays in the history. With `If-Match` only where nobody changed the
/// file since
#[utoipa::path(post, path = "/api/v1/config-history/{id}/restore", params(("id" = String, Path), ChangeQuery),
    responses((status = 200, body = ChangedBody), (status = 403, body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument),
              (status = 412, description = "changed meanwhile", body = crate::problem::ProblemDocument),
              (status = 422, description = "not a configuration any more; nothing was written", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/config-history/{id}/restore")]
pub async fn restore(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<ChangeQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let (version, text) = read(&recorder, &id).await?;
    let what = format!("back to {}", version.at);
    let change = |edit: &mut Edit| {
        *edit = Edit::new(&text)?;
        Ok::<_, SettingsError>(())
    };
    let changed = carry_out(&viewer, &request, &recorder, &query, &what, change);
    changed.await.map_err(problem)
}
