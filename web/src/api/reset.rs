//! The recorder made as it was when it was new, but for what was recorded.

use std::{
    io::{self, Write},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Serialize;
use vigie_actors::{
    Recorder,
    reset::{configuration, forget},
    settings::By,
};
use vigie_config::{Kind as _, Server, edit::Edit};
use vigie_storage::audit::{Entry, Kind};

use super::{
    backup::{half_done, may_everything, to_the_end, turn},
    blocking,
    config::problem,
    second_factor::{OwnPassword, knows},
};
use crate::{
    arrival,
    audit::said,
    cookie,
    problem::Problem,
    sign_in::{Viewer, peer},
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "setup": "/setup?link=q1Zc…" }))]
pub struct ResetBody {
    /// The page that makes the first user; its link is good once, and until the recorder is started again
    setup: String,
}

/// Forget users, groups, tokens, sessions, layouts, preferences, tags and configurations. Disks, and the
/// addresses by which the recorder is reached, stay as they are, and so do footage, events, pictures and the
/// audit log
#[utoipa::path(post, path = "/api/v1/factory-reset", request_body = OwnPassword,
    responses((status = 200, body = ResetBody),
              (status = 403, description = "the password is wrong, or not all rights", body = crate::problem::ProblemDocument),
              (status = 429, description = "too many wrong tries", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/factory-reset")]
pub async fn reset(
    viewer: Viewer,
    request: HttpRequest,
    body: web::Json<OwnPassword>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    may_everything(&viewer)?;
    knows(&viewer, &request, &recorder, body.into_inner().password).await?;
    let (from, name) = (peer(&request), viewer.0.name.clone());
    let turn = turn().await?;
    let (of, address) = (recorder.clone(), address(&request));
    let ended = cookie::session(&request, String::new(), Some(Duration::ZERO));
    let done = to_the_end(async move {
        let _turn = turn;
        let by = By {
            name: &name,
            from: &|server: &Server| arrival::caller_under(&request, server),
            still: &|| viewer.still(&of, may_everything),
            forced: false,
        };
        let mut text = String::new();
        let change = |edit: &mut Edit| {
            *edit = configuration(edit)?;
            text = edit.text();
            Ok(())
        };
        // Until everything is forgotten nobody else changes anything.
        let settings = of.settings().turn().await;
        let changed = settings.change(&of, by, None, false, change);
        changed.await.map_err(|error| half_done(error, problem))?;
        tracing::warn!(by = by.name, "set back to what a new recorder is, over the API");
        let (to, author) = (of.clone(), name.clone());
        let forgotten = blocking(move || forget(to.storage(), to.notifiers().subscriptions(), &text, Some(&author)));
        let forgotten = forgotten.await?;
        forgotten.map_err(|error| Problem::of_kind(error.kind(), format!("{error}; reset again")))?;
        let told = "set back to a new recorder: everybody and everything that was set up is forgotten";
        let entry = Entry::new(Kind::Configuration, told).by(&name).from(from);
        of.storage().audit().tell(entry);
        let link = of.storage().accounts().setup_link();
        let none = "no set-up link could be made: start the recorder again, which prints one";
        let setup = format!("/setup?link={}", link.ok_or_else(|| Problem::Unavailable(none.into()))?);
        // As at a first start: never in the log, which pages show.
        // Where nobody reads it, the answer has it.
        let _ = writeln!(io::stdout(), "set up {address}{setup}");
        Ok(setup)
    });
    let setup = done.await?;
    let answer = HttpResponse::Ok().cookie(ended).json(ResetBody { setup });
    // It told of itself.
    Ok(said(answer, ""))
}

/// As whoever asks reaches the pages.
fn address(request: &HttpRequest) -> String {
    let arrival = arrival::of(request);
    let scheme = if arrival.secure { "https" } else { "http" };
    format!("{scheme}://{}{}", arrival.host, arrival.base)
}
