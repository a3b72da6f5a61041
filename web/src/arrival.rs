//! How a request came: from whom, encrypted or not, under which name and path. Asked here alone.
//!
//! Belongs here: what the connection and trusted proxies say, the base path, the way to https.
//! Does not belong here: who the user is (`sign_in`), which page asks (`origin`).

use std::{net::IpAddr, time::Duration};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HOST, HeaderMap, LOCATION},
        uri::{PathAndQuery, Uri},
    },
    middleware::Next,
    web,
};
use vigie_actors::Recorder;
use vigie_config::{Caller, Server};

use crate::{forwarded, problem::Problem};

/// Where ACME asks (RFC 8555 §8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Of one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrival {
    /// Who asks, as far as the connection and trusted proxies say.
    pub caller: Option<Caller>,
    /// By TLS, to us or to a trusted proxy.
    pub secure: bool,
    /// The name and port that the client wrote into its address; empty: none that can be read.
    pub host: String,
    /// The path below which we are for the client, without a slash at its end.
    pub base: String,
    /// For how long browsers shall come by TLS alone.
    pub hsts: Option<Duration>,
}

/// The port of the encrypted listener that redirects lead to.
#[derive(Debug, Clone, Copy)]
pub struct EncryptedPort(pub Option<u16>);

/// How this request came.
pub fn of(request: &HttpRequest) -> Arrival {
    request.extensions().get::<Arrival>().cloned().unwrap_or_default()
}

/// For `middleware::from_fn`: notes how the request came, answers what is asked of the address and not
/// of the recorder, and takes the base path away.
pub async fn note<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(recorder) = request.app_data::<web::Data<Recorder>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let config = recorder.config();
    let (arrival, by_proxy) = arrived(&request, &config.server);
    if let Some(token) = request.path().strip_prefix(CHALLENGES) {
        let answer = match recorder.certificates().answer(token) {
            Some(text) => HttpResponse::Ok().content_type("application/octet-stream").body(text),
            None => HttpResponse::NotFound().finish(),
        };
        return Ok(request.into_response(answer).map_into_right_body());
    }
    // Behind the authority's questions: nobody knows from where they come.
    let peer = arrival.caller.map(|caller| caller.address);
    if let Some(peer) = peer {
        recorder.gate().meet(peer).await;
    }
    if !recorder.gate().admits(arrival.caller) {
        recorder.gate().refused(peer, "HTTP");
        return Ok(request.error_response(Problem::Blocked).map_into_right_body());
    }
    let port = request.app_data::<EncryptedPort>().and_then(|port| port.0);
    let rest = below(request.path(), &arrival.base);
    let of_a_watcher = matches!(rest.unwrap_or(request.path()), "/healthz" | "/readyz");
    let target = match (config.server.http_redirect && !arrival.secure && !of_a_watcher, rest) {
        (true, _) => encrypted(&arrival, if by_proxy { Some(443) } else { port }, request.uri()),
        // Below the base path, and nowhere else, is something to see.
        (false, None) if request.path() == "/" => Some(format!("{}/", arrival.base)),
        (false, Some("")) => Some(format!("{}/", arrival.base)),
        (false, _) => None,
    };
    if let Some(target) = target {
        let answer = HttpResponse::build(StatusCode::PERMANENT_REDIRECT)
            .insert_header((LOCATION, target))
            .finish();
        return Ok(request.into_response(answer).map_into_right_body());
    }
    match rest.map(str::to_owned) {
        Some(rest) => move_to(&mut request, &rest),
        None if of_a_watcher => {}
        None => {
            let answer = HttpResponse::NotFound().finish();
            return Ok(request.into_response(answer).map_into_right_body());
        }
    }
    request.extensions_mut().insert(arrival);
    Ok(next.call(request).await?.map_into_left_body())
}

/// Besides: whether a trusted proxy says how it was asked.
fn arrived(request: &ServiceRequest, server: &Server) -> (Arrival, bool) {
    let asked = request.uri().authority().map(|authority| authority.as_str());
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let connected = request.peer_addr().map(|address| address.ip());
    let told = told(connected, request.headers(), server);
    let caller = caller(connected, told.as_ref());
    let (https, told_host) = told.map_or((None, None), |told| (told.https, told.host));
    let arrival = Arrival {
        caller,
        secure: https.unwrap_or(request.app_config().secure()),
        // HTTP/2 has it in the request's address (RFC 9113 §8.3.1).
        host: told_host
            .or_else(|| forwarded::host(asked.or(host)?))
            .unwrap_or_default(),
        base: server.base_path.clone(),
        hsts: server.hsts,
    };
    (arrival, https.is_some())
}

/// Who asks, as other settings would have it.
pub fn caller_under(request: &HttpRequest, server: &Server) -> Option<Caller> {
    let connected = request.peer_addr().map(|address| address.ip());
    caller(connected, told(connected, request.headers(), server).as_ref())
}

fn told(connected: Option<IpAddr>, headers: &HeaderMap, server: &Server) -> Option<forwarded::Told> {
    forwarded::told(connected?, headers, &server.trusted_proxies, server.proxy_header)
}

fn caller(connected: Option<IpAddr>, told: Option<&forwarded::Told>) -> Option<Caller> {
    match told {
        Some(told) => Some(Caller::told(told.client)),
        None => connected.map(Caller::connected),
    }
}

/// What of a path is below another; beginning with `/`, or empty.
fn below<'p>(path: &'p str, base: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(base)?;
    (base.is_empty() || rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The same address by TLS; `None` where that is not to be had.
fn encrypted(arrival: &Arrival, port: Option<u16>, asked: &Uri) -> Option<String> {
    let port = port?;
    let name = match arrival.host.rsplit_once(':') {
        // The last group of an IPv6 address is no port.
        Some((name, digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => arrival.host.as_str(),
    };
    let path = asked.path_and_query().map_or("/", PathAndQuery::as_str);
    let fits = !name.is_empty() && path.starts_with('/');
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    fits.then(|| format!("https://{name}{port}{path}"))
}

/// As if it had been asked for this path.
fn move_to(request: &mut ServiceRequest, path: &str) {
    if path == request.path() {
        return;
    }
    let query = request
        .uri()
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    let Ok(target) = format!("{path}{query}").parse::<PathAndQuery>() else {
        return;
    };
    parts.path_and_query = Some(target);
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_path() {
        for (path, base, rest) in [
            ("/", "", Some("/")),
            ("/a", "", Some("/a")),
            ("/vigie/a", "/vigie", Some("/a")),
            ("/vigie/", "/vigie", Some("/")),
            ("/vigie", "/vigie", Some("")),
            ("/vigiex", "/vigie", None),
            ("/", "/vigie", None),
        ] {
            assert_eq!(below(path, base), rest, "{path} below {base:?}");
        }
    }

    #[test]
    fn where_https_is() {
        let to = |host: &str, port, path: &str| {
            let arrival = Arrival {
                host: host.into(),
                ..Arrival::default()
            };
            encrypted(&arrival, port, &path.parse().unwrap())
        };
        let leads = |host, port, path, target: &str| assert_eq!(to(host, port, path).as_deref(), Some(target));
        leads(
            "vigie.lan:8080",
            Some(8443),
            "/events?x=1",
            "https://vigie.lan:8443/events?x=1",
        );
        leads("vigie.lan", Some(443), "/", "https://vigie.lan/");
        leads("[::1]:8080", Some(8443), "/", "https://[::1]:8443/");
        leads("[::1]", Some(443), "/", "https://[::1]/");
        assert_eq!(to("", Some(443), "/"), None);
        assert_eq!(to("vigie.lan", None, "/"), None);
    }
}
