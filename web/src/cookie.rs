//! The cookie that holds a session.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time},
};

use crate::arrival::{self, Arrival};

/// Its name over addresses that are not encrypted.
pub const NAME: &str = "vigie_session";

/// The prefixes are promises that browsers keep (RFC 6265bis §4.1.3): nobody sets such a cookie over an
/// unencrypted connection, and none but this host. What comes without them over TLS may have been planted.
fn name(arrival: &Arrival) -> &'static str {
    match (arrival.secure, arrival.base.is_empty()) {
        (true, true) => "__Host-vigie_session",
        (true, false) => "__Secure-vigie_session",
        (false, _) => NAME,
    }
}

/// Sets it; `None`: until the browser is closed. An empty token with a lifetime of zero removes it.
pub fn session(request: &HttpRequest, token: String, lifetime: Option<Duration>) -> Cookie<'static> {
    let arrival = arrival::of(request);
    let mut cookie = Cookie::build(name(&arrival), token)
        .path(format!("{}/", arrival.base))
        .http_only(true)
        .secure(arrival.secure)
        .same_site(SameSite::Strict);
    if let Some(lifetime) = lifetime {
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        cookie = cookie.max_age(time::Duration::seconds(seconds));
    }
    cookie.finish()
}

/// The token in it.
pub fn token(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(name(&arrival::of(request)));
    cookie.map(|cookie| cookie.value().to_string())
}
