//! Signing in and out.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder, delete, get, post, web};
use serde::{Deserialize, Serialize};
use vigie_actors::Recorder;
use vigie_config::Kind;
use vigie_storage::accounts::User;

use super::blocking;
use crate::{
    cookie,
    problem::Problem,
    sign_in::{Viewer, check, peer},
};

const LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);

#[derive(Deserialize, utoipa::ToSchema)]
pub struct SignIn {
    name: String,
    password: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct SessionBody {
    name: String,
    /// `administrator`, `advanced`, `ordinary`
    group: String,
}

impl From<&User> for SessionBody {
    fn from(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            group: user.group.to_string(),
        }
    }
}

/// Sign in; the answer sets the session cookie
#[utoipa::path(post, path = "/api/v1/session", request_body = SignIn,
    responses((status = 201, body = SessionBody), (status = 401, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/session")]
pub async fn create(
    request: HttpRequest,
    body: web::Json<SignIn>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let SignIn { name, password } = body.into_inner();
    let peer = peer(&request);
    let user = check(recorder.clone().into_inner(), peer, name, password).await?;
    let user = user.ok_or(Problem::WrongPassword)?;
    let owner = user.name.clone();
    let token = blocking(move || recorder.storage().accounts().create_session(&owner, LIFETIME))
        .await?
        .map_err(|e| Problem::of_kind(e.kind(), e))?;
    let peer = peer.map(|peer| peer.to_string());
    tracing::info!(viewer = user.name, peer, "signed in");
    Ok(HttpResponse::Created()
        .cookie(cookie::session(&request, token, LIFETIME))
        .json(SessionBody::from(&user)))
}

/// Who is signed in
#[utoipa::path(get, path = "/api/v1/session",
    responses((status = 200, body = SessionBody), (status = 401, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/session")]
pub async fn show(viewer: Viewer) -> impl Responder {
    HttpResponse::Ok().json(SessionBody::from(&viewer.0))
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", responses((status = 204)))]
#[delete("/api/v1/session")]
pub async fn end(request: HttpRequest, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    if let Some(token) = cookie::token(&request) {
        blocking(move || recorder.storage().accounts().end_session(&token)).await?;
    }
    Ok(HttpResponse::NoContent()
        .cookie(cookie::session(&request, String::new(), Duration::ZERO))
        .finish())
}
