//! For supervisors outside: no sign-in, no detail.

use actix_web::{HttpResponse, Responder, get, web};
use vigie_actors::Recorder;
use vigie_storage::IndexState;

use crate::problem::Problem;

/// The process answers
#[utoipa::path(get, path = "/healthz", responses((status = 200)))]
#[get("/healthz")]
pub async fn healthz() -> impl Responder {
    HttpResponse::Ok().body("ok\n")
}

/// Configuration, index and web are up, whatever the cameras do
#[utoipa::path(get, path = "/readyz", responses((status = 200), (status = 503, body = crate::problem::ProblemDocument)))]
#[get("/readyz")]
pub async fn readyz(recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    match recorder.storage().index_state() {
        IndexState::Ok | IndexState::Degraded { .. } => Ok(HttpResponse::Ok().body("ready\n")),
        IndexState::Rebuilding => Err(Problem::Starting(
            "the index is being made anew from the footage".into(),
        )),
    }
}
