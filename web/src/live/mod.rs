//! Live viewing over WebSocket: JSON `{mime}`, then the init segment, then one fragment per
//! access unit, all binary; a new JSON and init on a format change; MJPEG as one JPEG a message.
//! Errors are JSON `{code, detail}`, then the end.

mod feed;
mod news;
mod viewer;

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use vigie_actors::{Recorder, registry::News};
use vigie_config::StreamId;

use crate::{
    api::{known_camera, not_configured, stream_name},
    problem::Problem,
    sign_in::Viewer as SignedIn,
};

#[derive(Deserialize, utoipa::IntoParams)]
pub struct LiveQuery {
    /// `main` (default) or `sub`
    stream: Option<String>,
}

/// Watch a stream live (WebSocket)
#[utoipa::path(get, path = "/api/v1/cameras/{id}/live", params(("id" = String, Path), LiveQuery),
    responses((status = 101, description = "WebSocket"), (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/cameras/{id}/live")]
pub async fn open(
    viewer: SignedIn,
    request: HttpRequest,
    body: web::Payload,
    id: web::Path<String>,
    query: web::Query<LiveQuery>,
    recorder: web::Data<Recorder>,
) -> actix_web::Result<HttpResponse> {
    same_origin(&request)?;
    let camera = known_camera(&recorder, &viewer, &id)?;
    let stream = StreamId::new(camera, stream_name(query.stream.as_deref())?);
    let handle = recorder.stream(&stream).ok_or_else(|| not_configured(&stream))?;
    let (response, session, messages) = actix_ws::handle(&request, body)
        .map_err(|error| Problem::BadRequest(format!("live pictures come over a WebSocket (RFC 6455): {error}")))?;
    tracing::debug!(camera = %stream.camera, stream = %stream.stream, viewer = viewer.0.name, "live viewer");
    viewer::start(session, messages, |viewer| feed::run(handle, viewer));
    Ok(response)
}

/// Tell a listener of events (WebSocket).
pub fn news(
    user: SignedIn,
    request: &HttpRequest,
    body: web::Payload,
    news: Receiver<News>,
) -> actix_web::Result<HttpResponse> {
    same_origin(request)?;
    let (response, session, messages) = actix_ws::handle(request, body)
        .map_err(|error| Problem::BadRequest(format!("events come over a WebSocket (RFC 6455): {error}")))?;
    viewer::start(session, messages, |listener| news::run(user, news, listener));
    Ok(response)
}

/// Cookies travel with WebSockets from any page: only our own may open one. Programs send none.
fn same_origin(request: &HttpRequest) -> Result<(), Problem> {
    let Some(origin) = request.headers().get("Origin").and_then(|v| v.to_str().ok()) else {
        return Ok(());
    };
    let info = request.connection_info();
    let ours = origin
        .split_once("://")
        .is_some_and(|(_, host)| host.eq_ignore_ascii_case(info.host()));
    if ours {
        Ok(())
    } else {
        Err(Problem::Forbidden(format!("a page of {origin} may not watch here")))
    }
}
