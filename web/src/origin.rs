//! Browsers send cookies and remembered passwords with what any page asks of us. Only our own pages may
//! change something or open a WebSocket; programs say nothing about a page and are let through.

use actix_web::{
    Error, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderMap, ORIGIN, UPGRADE},
    },
    middleware::Next,
};

use crate::{
    arrival::{self, Arrival},
    problem::Problem,
};

/// For `middleware::from_fn`.
pub async fn ours<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads || request.headers().contains_key(UPGRADE) {
        let foreign = foreign(request.headers(), &arrival::of(request.request()));
        if let Some(page) = foreign {
            let refused = Problem::Forbidden(format!("a page of {page} may not do this here"));
            return Ok(request.into_response(refused.error_response()).map_into_right_body());
        }
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// The page that asks, where it is not one of ours. `Origin` is RFC 6454, `Sec-Fetch-Site` W3C Fetch
/// Metadata; a browser sends at least one of them with everything that is no plain reading.
fn foreign(headers: &HeaderMap, arrival: &Arrival) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // A browser sends one; of several each has to be ours.
    for origin in headers.get_all(ORIGIN) {
        let origin = origin.to_str().unwrap_or("an unreadable origin");
        if !is_ours(origin, arrival) {
            return Some(origin.chars().take(80).collect());
        }
    }
    match text("Sec-Fetch-Site") {
        Some(site @ ("cross-site" | "same-site")) => Some(format!("another {}", &site[..site.len() - 5])),
        _ => None,
    }
}

/// An unencrypted page has no say in what came encrypted: anybody on the way may have written it. The
/// other way round it may be a proxy that was not named as trusted.
fn is_ours(origin: &str, arrival: &Arrival) -> bool {
    let Some((scheme, page)) = origin.split_once("://") else {
        return false;
    };
    let same = without_port(scheme, page).eq_ignore_ascii_case(without_port(scheme, &arrival.host));
    let known = !arrival.host.is_empty();
    known && same && (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") && !arrival.secure)
}

/// Browsers leave the usual port away; proxies may write it.
fn without_port<'h>(scheme: &str, host: &'h str) -> &'h str {
    let usual = if scheme.eq_ignore_ascii_case("https") {
        ":443"
    } else {
        ":80"
    };
    host.strip_suffix(usual).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn no_further_origin_is_overlooked() {
        let arrival = Arrival {
            host: "vigie.lan".into(),
            ..Arrival::default()
        };
        let asked = |origins: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(ORIGIN, HeaderValue::from_static(origin));
            }
            foreign(&headers, &arrival)
        };
        assert_eq!(asked(&["http://vigie.lan"]), None);
        let evil = Some("https://evil.example".to_owned());
        assert_eq!(asked(&["http://vigie.lan", "https://evil.example"]), evil);
    }

    #[test]
    fn whose_page_it_is() {
        for (origin, host, secure, ours) in [
            ("http://vigie.lan:8080", "vigie.lan:8080", false, true),
            ("http://Vigie.LAN", "vigie.lan", false, true),
            ("http://vigie.lan", "vigie.lan:80", false, true),
            ("https://vigie.lan", "vigie.lan:443", true, true),
            ("https://[::1]:8443", "[::1]:8443", true, true),
            ("https://vigie.lan", "vigie.lan", false, true),
            ("http://vigie.lan", "vigie.lan", true, false),
            ("https://vigie.lan:8443", "vigie.lan", true, false),
            ("https://evil.example", "vigie.lan", true, false),
            ("null", "vigie.lan", false, false),
            ("http://", "", false, false),
            ("file://", "vigie.lan", false, false),
        ] {
            let arrival = Arrival {
                host: host.into(),
                secure,
                ..Arrival::default()
            };
            assert_eq!(is_ours(origin, &arrival), ours, "{origin} to {host}");
        }
    }
}
