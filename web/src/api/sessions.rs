//! Who is signed in where, and ending that.

use actix_web::{HttpResponse, delete, get, web};
use serde::Serialize;
use vigie_actors::Recorder;
use vigie_config::Utc;
use vigie_storage::accounts::{HouseRight, SessionInfo};

use super::blocking;
use crate::{audit::said, live::Watching, problem::Problem, sign_in::Viewer};

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "id": "9f86d081884c7d65", "user": "ann", "created": "2026-11-22T17:58:00Z",
    "seen": "2026-11-22T18:02:11Z", "peer": "192.0.2.7", "agent": "Mozilla/5.0", "current": true,
    "watching": [{ "camera": "gate", "stream": "sub", "how": "page" }] }))]
pub struct SessionInfoBody {
    id: String,
    user: String,
    #[schema(value_type = String, format = DateTime)]
    created: Utc,
    /// Its last request
    #[schema(value_type = String, format = DateTime)]
    seen: Utc,
    /// Where it was begun
    peer: Option<String>,
    /// What the browser said of itself
    agent: Option<String>,
    /// The one that asks
    current: bool,
    /// What it shows now
    watching: Vec<WatchBody>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "camera": "gate", "stream": "sub", "how": "page" }))]
pub struct WatchBody {
    camera: String,
    stream: String,
    /// `page`
    how: &'static str,
}

fn is_theirs(viewer: &Viewer, session: &SessionInfo) -> bool {
    viewer.0.may(HouseRight::Users) || session.user == viewer.0.name
}

/// The sessions of whoever asks; all of them for those who manage users. Newest first
#[utoipa::path(get, path = "/api/v1/sessions", responses((status = 200, body = Vec<SessionInfoBody>)))]
#[get("/api/v1/sessions")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>, watching: web::Data<Watching>) -> HttpResponse {
    let all = recorder.storage().accounts().sessions().into_iter();
    let shown = all.filter(|session| is_theirs(&viewer, session));
    let watched = |session: &str| {
        let streams = watching.of_session(session).into_iter();
        let seen = streams.filter(|stream| viewer.0.sees(&stream.camera));
        seen.map(|stream| WatchBody {
            camera: stream.camera.to_string(),
            stream: stream.stream.to_string(),
            how: "page",
        })
        .collect()
    };
    let body = |session: SessionInfo| SessionInfoBody {
        watching: watched(&session.id),
        current: viewer.session() == Some(&session.id),
        id: session.id,
        user: session.user,
        created: session.created,
        seen: session.seen,
        peer: session.peer,
        agent: session.agent,
    };
    HttpResponse::Ok().json(shown.map(body).collect::<Vec<_>>())
}

/// End a session at once, with what it watches
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/sessions/{id}")]
pub async fn end(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let sessions = recorder.storage().accounts().sessions();
    let found = sessions
        .into_iter()
        .find(|session| session.id == *id && is_theirs(&viewer, session));
    let found = found.ok_or_else(|| Problem::nothing_at("sessions", &id))?;
    let (ended, user) = (found.id, found.user);
    blocking(move || recorder.storage().accounts().end_session_by_id(&ended)).await?;
    tracing::info!(by = viewer.0.name, user, "session ended");
    let text = format!("session {id} of {user} ended");
    Ok(said(HttpResponse::NoContent().finish(), text))
}
