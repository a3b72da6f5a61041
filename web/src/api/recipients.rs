//! Who gets mails: how it stands with each, and a test.

use std::time::Duration;

use actix_web::{HttpResponse, get, post, web};
use serde::Serialize;
use vigie_actors::{RecipientSnapshot, Recorder};

use crate::{problem::Problem, sign_in::Viewer};

/// Each step of a delivery has a time of its own; this is for all together. Less than a page waits.
const LONGEST_TEST: Duration = Duration::from_secs(50);

/// How it stands with everyone who gets mails
#[utoipa::path(get, path = "/api/v1/recipients",
    responses((status = 200, body = Vec<RecipientSnapshot>), (status = 403, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/recipients")]
pub async fn list(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(recorder.notifiers().recipients(&recorder.config())))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryBody {
    ok: bool,
    /// What the other side said
    answer: Option<String>,
    /// Exactly what failed
    error: Option<String>,
}

impl From<Result<String, String>> for DeliveryBody {
    fn from(result: Result<String, String>) -> Self {
        Self {
            ok: result.is_ok(),
            error: result.as_ref().err().cloned(),
            answer: result.ok(),
        }
    }
}

/// Send a mail at once: says exactly what failed
#[utoipa::path(post, path = "/api/v1/recipients/{id}/test", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryBody), (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/recipients/{id}/test")]
pub async fn test(_: Viewer, id: web::Path<String>, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let config = recorder.config();
    let tested = answer_of(recorder.notifiers().test_mail(&config, &id)).await;
    tested.ok_or_else(|| Problem::nothing_at("recipients", &id))
}

/// What became of a test message; `None`: there is nobody of that name.
pub(super) async fn answer_of(told: impl Future<Output = Option<Result<String, String>>>) -> Option<HttpResponse> {
    let result = match tokio::time::timeout(LONGEST_TEST, told).await {
        Ok(result) => result?,
        Err(_) => Err(format!(
            "no answer within {LONGEST_TEST:?}: the other side took the connection, but says nothing more"
        )),
    };
    Some(HttpResponse::Ok().json(DeliveryBody::from(result)))
}
