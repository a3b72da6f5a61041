//! The own second factor: codes of an authenticator, asked for beside the password.

use actix_web::{HttpRequest, HttpResponse, delete, post, put, web};
use serde::{Deserialize, Serialize};
use vigie_actors::Recorder;

use super::{blocking, users::problem};
use crate::{
    problem::Problem,
    sign_in::{Viewer, check, peer},
};

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "correct horse battery" }))]
pub struct OwnPassword {
    pub(super) password: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "uri": "otpauth://totp/Vigie:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Vigie" }))]
pub struct SecretBody {
    /// To be typed into an authenticator (RFC 6238: SHA-1, 6 digits, 30 s)
    secret: String,
    /// To be scanned
    uri: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "287082" }))]
pub struct FirstCode {
    code: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "recovery_codes": ["gezd-gnbv-gy3t-qojq"] }))]
pub struct RecoveryBody {
    /// Each is good once in place of a code; told this once
    recovery_codes: Vec<String>,
}

/// Whoever is signed in says their password again.
pub(super) async fn knows(
    viewer: &Viewer,
    request: &HttpRequest,
    recorder: &web::Data<Recorder>,
    password: String,
) -> Result<(), Problem> {
    let name = viewer.0.name.clone();
    let known = check(recorder.clone().into_inner(), peer(request), name, password).await?;
    known
        .map(drop)
        .ok_or_else(|| Problem::Forbidden("the password is wrong".into()))
}

/// Begin: a secret for an authenticator. Nothing is asked for before its first code was shown
#[utoipa::path(post, path = "/api/v1/session/second-factor", request_body = OwnPassword,
    responses((status = 200, body = SecretBody),
              (status = 403, description = "the password is wrong", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/session/second-factor")]
pub async fn begin(
    viewer: Viewer,
    request: HttpRequest,
    body: web::Json<OwnPassword>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    knows(&viewer, &request, &recorder, body.into_inner().password).await?;
    let told = recorder.storage().accounts().enrol(&viewer.0.name).map_err(problem)?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(SecretBody {
            secret: told.secret,
            uri: told.uri,
        }))
}

/// Show the authenticator's first code; from then on one is asked for at each sign-in
#[utoipa::path(put, path = "/api/v1/session/second-factor", request_body = FirstCode,
    responses((status = 200, body = RecoveryBody), (status = 400, description = "not its code", body = crate::problem::ProblemDocument),
              (status = 409, description = "not begun", body = crate::problem::ProblemDocument)))]
#[put("/api/v1/session/second-factor")]
pub async fn confirm(
    viewer: Viewer,
    body: web::Json<FirstCode>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let (name, code) = (viewer.0.name.clone(), body.into_inner().code);
    let confirmed = blocking(move || recorder.storage().accounts().confirm_factor(&name, &code));
    let codes = confirmed.await?.map_err(problem)?;
    let wrong = || Problem::BadRequest("code: not what the authenticator shows now; is its clock right?".into());
    let recovery_codes = codes.ok_or_else(wrong)?;
    tracing::info!(viewer = viewer.0.name, "second factor begun");
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(RecoveryBody { recovery_codes }))
}

/// Give it up: the password alone is enough again
#[utoipa::path(delete, path = "/api/v1/session/second-factor", request_body = OwnPassword,
    responses((status = 204), (status = 403, description = "the password is wrong", body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/session/second-factor")]
pub async fn end(
    viewer: Viewer,
    request: HttpRequest,
    body: web::Json<OwnPassword>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    knows(&viewer, &request, &recorder, body.into_inner().password).await?;
    let name = viewer.0.name.clone();
    let dropped = blocking(move || recorder.storage().accounts().drop_factor(&name));
    dropped.await?.map_err(problem)?;
    tracing::info!(viewer = viewer.0.name, "second factor given up");
    Ok(HttpResponse::NoContent().finish())
}
