//! Who gets mails: how it stands with each, and a test.

use actix_web::{HttpResponse, get, post, web};
use serde::Serialize;
use vigie_actors::{RecipientSnapshot, Recorder};

use crate::{problem::Problem, sign_in::Viewer};

/// How it stands with everyone who gets mails
#[utoipa::path(get, path = "/api/v1/recipients",
    responses((status = 200, body = Vec<RecipientSnapshot>), (status = 403, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/recipients")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    viewer.may_administer()?;
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
pub async fn test(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    viewer.may_administer()?;
    let result = recorder.notifiers().test_mail(&recorder.config(), &id).await;
    let path = || format!("/api/v1/recipients/{}", id.chars().take(80).collect::<String>());
    let result = result.ok_or_else(|| Problem::NotFound(path()))?;
    Ok(HttpResponse::Ok().json(DeliveryBody::from(result)))
}
