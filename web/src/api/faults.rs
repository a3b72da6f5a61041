//! For tests, behind the cargo feature `fault-hooks`: makes an actor panic.

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use vigie_actors::Recorder;

use crate::{problem::Problem, sign_in::Viewer};

#[derive(Deserialize)]
pub struct PanicQuery {
    /// e.g. `cameras/camera.gate/source.main`
    actor: String,
    /// A place in its work, e.g. `written`; default: now
    at: Option<String>,
}

#[post("/api/v1/test/panic")]
pub async fn panic(
    _: Viewer,
    query: web::Query<PanicQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    if recorder.panic_actor(&query.actor, query.at.as_deref()) {
        Ok(HttpResponse::Accepted().finish())
    } else {
        Err(Problem::NotFound(format!("no actor that may panic: {}", query.actor)))
    }
}
