//! For supervisors outside: no sign-in, no detail.

use actix_web::{HttpResponse, Responder, get};

/// The process answers
#[utoipa::path(get, path = "/healthz", responses((status = 200)))]
#[get("/healthz")]
pub async fn healthz() -> impl Responder {
    HttpResponse::Ok().body("ok\n")
}

/// Configuration, index and web are up, whatever the cameras do: the web is started last
#[utoipa::path(get, path = "/readyz", responses((status = 200)))]
#[get("/readyz")]
pub async fn readyz() -> impl Responder {
    HttpResponse::Ok().body("ready\n")
}
