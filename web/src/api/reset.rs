//! The factory reset of a running recorder.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Serialize;
use vigie_actors::{
    Recorder, reset,
    settings::{By, SettingsError},
};
use vigie_config::Server;

use super::{
    blocking, config,
    second_factor::{OwnPassword, knows},
};
use crate::{arrival, audit::said, problem::Problem, sign_in::Viewer};

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "setup": "/setup?link=q1Zc…" }))]
pub struct ResetBody {
    /// Where the next owner chooses a password, below the address of the pages; told this once, and
    /// another one printed at the next start
    setup: String,
}

/// Forget everybody and everything that was set up: users, groups, tokens, layouts, preferences, tags,
/// former configurations, secrets, cameras, rules. Addresses, disks, footage, events and the audit log stay
#[utoipa::path(post, path = "/api/v1/factory-reset", request_body = OwnPassword,
    responses((status = 200, body = ResetBody),
              (status = 403, description = "the password is wrong", body = crate::problem::ProblemDocument),
              (status = 503, description = "what was forgotten, and what could not be", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/factory-reset")]
pub async fn reset_all(
    viewer: Viewer,
    request: HttpRequest,
    body: web::Json<OwnPassword>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    knows(&viewer, &request, &recorder, body.into_inner().password).await?;
    let by = By {
        name: &viewer.0.name,
        from: &|server: &Server| arrival::caller_under(&request, server),
        forced: true,
    };
    let mut text = String::new();
    let change = |edit: &mut vigie_config::edit::Edit| {
        *edit = reset::configuration(edit)?;
        text = edit.text();
        Ok::<_, SettingsError>(())
    };
    let changed = recorder.settings().change(&recorder, by, None, false, change);
    changed.await.map_err(config::problem)?;
    let storage = recorder.clone();
    let forgotten = blocking(move || reset::forget(storage.storage(), &text)).await?;
    tracing::warn!(by = viewer.0.name, "factory reset");
    forgotten.map_err(|error| Problem::Unavailable(format!("{error}; do it again")))?;
    let link = recorder.storage().accounts().setup_link().unwrap_or_default();
    let answer = HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(ResetBody {
            setup: format!("/setup?link={link}"),
        });
    Ok(said(answer, "factory reset: everything that was set up is forgotten"))
}
