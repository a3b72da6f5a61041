//! Live viewing over WebSocket: JSON `{mime}`, then the init segment, then one fragment per
//! access unit, all binary; a new JSON and init on a format change; MJPEG as one JPEG a message.
//! Errors are JSON `{code, detail}`, then the end.

mod feed;
mod news;
mod viewer;
mod watching;

pub use watching::Watching;

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Deserialize;
use vigie_actors::Recorder;
use vigie_config::StreamId;
use vigie_storage::accounts::CameraRight;

use self::watching::{Eye, Watch};
use crate::{
    api::{known_camera, not_configured, stream_name},
    problem::Problem,
    sign_in::{Viewer as SignedIn, peer},
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
    watching: web::Data<Watching>,
) -> actix_web::Result<HttpResponse> {
    let camera = known_camera(&recorder, &viewer, &id)?;
    let stream = StreamId::new(camera, stream_name(query.stream.as_deref())?);
    let handle = recorder.stream(&stream).ok_or_else(|| not_configured(&stream))?;
    let (response, session, messages) = actix_ws::handle(&request, body)
        .map_err(|error| Problem::BadRequest(format!("live pictures come over a WebSocket (RFC 6455): {error}")))?;
    tracing::debug!(camera = %stream.camera, stream = %stream.stream, viewer = viewer.0.name, "live viewer");
    let watch = Watch {
        user: viewer.0.name.clone(),
        peer: peer(&request).map(|peer| peer.to_string()),
        session: viewer.session().map(str::to_owned),
        stream: stream.clone(),
    };
    let eye = Eye::open(watching, recorder.clone(), watch);
    let watched = stream.camera;
    let may_watch = move || {
        let viewer = viewer.again(&recorder);
        viewer.is_some_and(|viewer| viewer.0.may_with(&watched, CameraRight::Live))
    };
    viewer::start(session, messages, may_watch, |viewer| async move {
        let _eye = eye;
        feed::run(handle, viewer).await;
    });
    Ok(response)
}

/// Tell a listener of events (WebSocket).
pub fn news(
    user: SignedIn,
    request: &HttpRequest,
    body: web::Payload,
    recorder: web::Data<Recorder>,
) -> actix_web::Result<HttpResponse> {
    let (response, session, messages) = actix_ws::handle(request, body)
        .map_err(|error| Problem::BadRequest(format!("events come over a WebSocket (RFC 6455): {error}")))?;
    let news = recorder.events().listen();
    let accounts = move || user.again(&recorder);
    let may_listen = accounts.clone();
    viewer::start(
        session,
        messages,
        move || may_listen().is_some(),
        |listener| news::run(accounts, news, listener),
    );
    Ok(response)
}
