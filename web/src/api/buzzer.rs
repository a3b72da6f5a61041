//! The buzzer of this machine: how it stands, tested and silenced by hand.

use actix_web::{HttpResponse, get, post, web};
use vigie_actors::{Recorder, buzzer::BuzzerSnapshot};
use vigie_storage::accounts::HouseRight;

use super::outputs::TestBody;
use crate::{problem::Problem, sign_in::Viewer};

/// How the buzzer stands
#[utoipa::path(get, path = "/api/v1/buzzer", responses((status = 200, body = BuzzerSnapshot)))]
#[get("/api/v1/buzzer")]
pub async fn show(viewer: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let snapshot = recorder.buzzer().snapshot();
    // What failed names files and devices.
    let error = snapshot.error.filter(|_| viewer.0.may(HouseRight::Configure));
    HttpResponse::Ok().json(BuzzerSnapshot { error, ..snapshot })
}

/// Sound the buzzer for a second: says exactly what failed
#[utoipa::path(post, path = "/api/v1/buzzer/test", responses((status = 200, body = TestBody),
    (status = 403, description = "needs `alarms`", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/buzzer/test")]
pub async fn test(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let error = recorder.buzzer().test().await.err();
    Ok(HttpResponse::Ok().json(TestBody::of(error)))
}

/// Silence the buzzer until the next event; whoever hears it may
#[utoipa::path(post, path = "/api/v1/buzzer/silence", responses((status = 204)))]
#[post("/api/v1/buzzer/silence")]
pub async fn silence(_: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    recorder.buzzer().silence();
    HttpResponse::NoContent().finish()
}
