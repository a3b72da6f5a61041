//! The certificate of the encrypted addresses: what it is, and one of the owner's own in its place.

use actix_web::{HttpResponse, Responder, delete, get, put, web};
use serde::Deserialize;
use vigie_actors::{
    Recorder,
    certificate::{CertificateSnapshot, UploadError},
};

use super::blocking;
use crate::{problem::Problem, sign_in::Viewer};

#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewCertificate {
    /// PEM: the server's certificate first, each other behind the one that it issued
    certificate: String,
    /// PEM, without a password
    key: String,
}

/// Which certificate is shown, until when, and what is wrong with it
#[utoipa::path(get, path = "/api/v1/certificate", responses((status = 200, body = CertificateSnapshot)))]
#[get("/api/v1/certificate")]
pub async fn show(recorder: web::Data<Recorder>) -> Result<impl Responder, Problem> {
    Ok(HttpResponse::Ok().json(recorder.certificates().snapshot()))
}

/// Show this certificate from now on, in place of the recorder's own
#[utoipa::path(put, path = "/api/v1/certificate", request_body = NewCertificate,
    responses((status = 200, body = CertificateSnapshot),
        (status = 400, description = "why it cannot be used", body = crate::problem::ProblemDocument)))]
#[put("/api/v1/certificate")]
pub async fn put(
    viewer: Viewer,
    body: web::Json<NewCertificate>,
    recorder: web::Data<Recorder>,
) -> Result<impl Responder, Problem> {
    let NewCertificate { certificate, key } = body.into_inner();
    let certificates = recorder.certificates().clone();
    let shown = blocking(move || certificates.upload(&certificate, &key)).await?;
    let shown = shown.map_err(|error| match error {
        UploadError::Pair(_) | UploadError::NotOwn => Problem::BadRequest(error.to_string()),
        UploadError::Disk(_) => Problem::Unavailable(error.to_string()),
    })?;
    tracing::info!(viewer = viewer.0.name, "certificate uploaded");
    Ok(HttpResponse::Ok().json(shown))
}

/// Show the recorder's own certificate again
#[utoipa::path(delete, path = "/api/v1/certificate",
    responses((status = 200, body = CertificateSnapshot), (status = 404, description = "none was uploaded")))]
#[delete("/api/v1/certificate")]
pub async fn delete(recorder: web::Data<Recorder>) -> Result<impl Responder, Problem> {
    let certificates = recorder.certificates().clone();
    let there = blocking(move || certificates.forget_upload()).await?;
    match there.map_err(|error| Problem::Unavailable(format!("cannot remove it: {error}")))? {
        true => Ok(HttpResponse::Ok().json(recorder.certificates().snapshot())),
        false => Err(Problem::NotFound("/api/v1/certificate: none was uploaded".into())),
    }
}
