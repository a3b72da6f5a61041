//! Alarm outputs: how they stand, switched and tested by hand.

use std::time::Duration;

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use vigie_actors::{
    Recorder,
    outputs::{OutputHandle, OutputSnapshot},
};
use vigie_config::OutputId;
use vigie_storage::accounts::HouseRight;

use crate::{problem::Problem, sign_in::Viewer};

const LONGEST_SECONDS: u64 = 86_400;

/// How every alarm output stands
#[utoipa::path(get, path = "/api/v1/outputs", responses((status = 200, body = Vec<OutputSnapshot>)))]
#[get("/api/v1/outputs")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let all = recorder.outputs().all();
    // What failed names addresses of devices.
    let administers = viewer.0.may(HouseRight::Configure);
    let shown = all.iter().map(|output| {
        let snapshot = output.snapshot();
        OutputSnapshot {
            error: snapshot.error.filter(|_| administers),
            ..snapshot
        }
    });
    HttpResponse::Ok().json(shown.collect::<Vec<_>>())
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// false: off at once, whatever events want
    on: bool,
    /// Off again after so many seconds; default: when somebody switches it off
    seconds: Option<u64>,
}

fn output(recorder: &Recorder, id: &str) -> Result<std::sync::Arc<OutputHandle>, Problem> {
    let found = OutputId::new(id).ok().and_then(|id| recorder.outputs().get(&id));
    found.ok_or_else(|| Problem::nothing_at("outputs", id))
}

/// Switch an output by hand
#[utoipa::path(post, path = "/api/v1/outputs/{id}", params(("id" = String, Path)), request_body = Switch,
    responses((status = 202, description = "it is being switched", body = OutputSnapshot),
              (status = 400, body = crate::problem::ProblemDocument), (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/outputs/{id}")]
pub async fn switch(
    _: Viewer,
    id: web::Path<String>,
    body: web::Json<Switch>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let output = output(&recorder, &id)?;
    let Switch { on, seconds } = body.into_inner();
    if seconds.is_some_and(|seconds| !(1..=LONGEST_SECONDS).contains(&seconds)) {
        return Err(Problem::BadRequest(format!("seconds: expected 1 to {LONGEST_SECONDS}")));
    }
    if on && !output.config.enabled {
        return Err(Problem::BadRequest(format!(
            "{} is switched off in the configuration",
            output.config.id
        )));
    }
    match on {
        true => output.switch_on(seconds.map(Duration::from_secs)),
        false => {
            // It is being switched meanwhile, and is off whatever the log says.
            if let Some(told) = output.switch_off()
                && let Err(error) = told.durable().await
            {
                tracing::error!(output = %output.config.id, %error, "switched off by hand: a restart may not know");
            }
        }
    }
    Ok(HttpResponse::Accepted().json(output.snapshot()))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TestBody {
    ok: bool,
    /// Exactly what failed
    error: Option<String>,
}

impl TestBody {
    pub(super) fn of(error: Option<String>) -> Self {
        let ok = error.is_none();
        Self { ok, error }
    }
}

/// Switch an output on for a second: says exactly what failed
#[utoipa::path(post, path = "/api/v1/outputs/{id}/test", params(("id" = String, Path)),
    responses((status = 200, body = TestBody), (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/outputs/{id}/test")]
pub async fn test(_: Viewer, id: web::Path<String>, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let error = output(&recorder, &id)?.test().await.err();
    Ok(HttpResponse::Ok().json(TestBody::of(error)))
}
