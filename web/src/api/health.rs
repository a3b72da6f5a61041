//! For supervisors outside: no sign-in, no detail.

use actix_web::{HttpResponse, Responder, route};

/// The process answers
#[utoipa::path(get, path = "/healthz", responses((status = 200)))]
#[route("/healthz", method = "GET", method = "HEAD")]
pub async fn healthz() -> impl Responder {
    HttpResponse::Ok().body("ok\n")
}

/// Configuration, index and web are up, whatever the cameras do: the web is started last
#[utoipa::path(get, path = "/readyz", responses((status = 200)))]
#[route("/readyz", method = "GET", method = "HEAD")]
pub async fn readyz() -> impl Responder {
    HttpResponse::Ok().body("ready\n")
}
