//! Browsers send cookies and remembered passwords with what any page asks of us. Only our own pages may
//! change something or open a WebSocket; programs say nothing about a page and are let through.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderMap, ORIGIN, UPGRADE},
    },
    middleware::Next,
};

use crate::problem::Problem;

/// For `middleware::from_fn`.
pub async fn ours<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads || request.headers().contains_key(UPGRADE) {
        let foreign = foreign(request.headers(), request.connection_info().host());
        if let Some(page) = foreign {
            return Err(Problem::Forbidden(format!("a page of {page} may not do this here")).into());
        }
    }
    next.call(request).await
}

/// The page that asks, where it is not one of `host`. `Origin` is RFC 6454, `Sec-Fetch-Site` W3C Fetch
/// Metadata; a browser sends at least one of them with everything that is no plain reading.
fn foreign(headers: &HeaderMap, host: &str) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or("an unreadable origin");
        let of_page = origin.split_once("://").map(|(_, host)| host);
        if !of_page.is_some_and(|page| page.eq_ignore_ascii_case(host)) {
            return Some(origin.chars().take(80).collect());
        }
    }
    match text("Sec-Fetch-Site") {
        Some(site @ ("cross-site" | "same-site")) => Some(format!("another {}", &site[..site.len() - 5])),
        _ => None,
    }
}
