//! Signing in and out, and the own password.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse, Responder, cookie::Cookie, delete, get, http::header::USER_AGENT, post, put, web,
};
use serde::{Deserialize, Serialize};
use vigie_actors::Recorder;
use vigie_storage::{
    accounts::{Origin, Rights, SessionInfo, User},
    audit::{Entry, Kind},
};

use super::{blocking, groups::RightsBody, users::problem};
use crate::{
    cookie,
    problem::Problem,
    sign_in::{Viewer, check, check_code, peer},
};

/// Of whoever stays signed in.
const LONG: Duration = Duration::from_secs(14 * 24 * 3600);
/// Of whoever does not, in a browser that is left open.
const SHORT: Duration = Duration::from_secs(12 * 3600);

#[derive(Deserialize, utoipa::ToSchema)]
#[schema(example = json!({ "name": "ann", "password": "correct horse battery" }))]
pub struct SignIn {
    name: String,
    password: String,
    /// Of the authenticator, or a recovery code, where one is asked for
    code: Option<String>,
    /// false: only until the browser is closed, or until nobody gives input for `idle_sign_out`; default:
    /// 14 days, whatever that is
    #[serde(default = "stays")]
    stay: bool,
}

fn stays() -> bool {
    true
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "name": "ann", "group": "ordinary",
    "rights": { "house": [], "every_camera": ["live", "playback"], "cameras": {} },
    "second_factor": false, "recovery_codes": null, "idle_minutes": 30.0, "idle_left_s": 1740 }))]
pub struct SessionBody {
    name: String,
    /// `administrator`, `advanced`, `ordinary`, or one of the owner's
    group: String,
    /// What whoever asks may do
    #[schema(value_type = RightsBody)]
    rights: Rights,
    second_factor: bool,
    /// How many are left; null: without a second factor
    recovery_codes: Option<usize>,
    /// After so long without input (`POST /api/v1/session/input`) it ends; null: it does not
    idle_minutes: Option<f64>,
    /// What is left of that time, in seconds
    idle_left_s: Option<u64>,
}

impl SessionBody {
    /// `session`: the one by which they asked, or that just began.
    pub(super) fn of(user: User, session: Option<&SessionInfo>, recorder: &Recorder) -> Self {
        let left = session.and_then(|session| session.idle_left);
        let idle = recorder.config().server.access.idle_sign_out.filter(|_| left.is_some());
        Self {
            name: user.name,
            group: user.group.to_string(),
            rights: user.rights,
            second_factor: user.second_factor.is_some(),
            recovery_codes: user.second_factor,
            idle_minutes: idle.map(|idle| idle.as_secs_f64() / 60.0),
            idle_left_s: left.map(|left| left.as_secs()),
        }
    }

    fn of_viewer(viewer: Viewer, recorder: &Recorder) -> Self {
        let accounts = recorder.storage().accounts();
        let session = viewer.session_token().and_then(|token| accounts.look_at_session(token));
        Self::of(viewer.0, session.map(|session| session.info).as_ref(), recorder)
    }
}

/// A new session, always with a token of its own: one that somebody else put into the browser is
/// never signed in, and ends.
pub(super) async fn begin(
    request: &HttpRequest,
    recorder: web::Data<Recorder>,
    name: String,
    stay: bool,
) -> Result<(Cookie<'static>, Option<SessionInfo>), Problem> {
    let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let origin = Origin {
        stays: stay,
        peer: peer(request).map(|peer| peer.to_string()),
        agent: agent.map(str::to_owned),
    };
    let (old, lifetime) = (cookie::token(request), if stay { LONG } else { SHORT });
    let created = blocking(move || {
        let accounts = recorder.storage().accounts();
        if let Some(old) = old {
            accounts.end_session(&old);
        }
        let token = accounts.create_session(&name, lifetime, origin)?;
        let session = accounts.look_at_session(&token);
        Ok((token, session))
    });
    let (token, session) = created.await?.map_err(problem)?;
    let cookie = cookie::session(request, token, stay.then_some(LONG));
    Ok((cookie, session.map(|session| session.info)))
}

/// Sign in; the answer sets the session cookie
#[utoipa::path(post, path = "/api/v1/session", request_body = SignIn,
    responses((status = 201, body = SessionBody),
              (status = 401, description = "`code_needed`: the password is right, and a code is asked for too",
               body = crate::problem::ProblemDocument),
              (status = 429, description = "too many wrong tries; `Retry-After` says how long to wait",
               body = crate::problem::ProblemDocument)))]
#[post("/api/v1/session")]
pub async fn create(
    request: HttpRequest,
    body: web::Json<SignIn>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let SignIn {
        name,
        password,
        code,
        stay,
    } = body.into_inner();
    let peer = peer(&request);
    let user = check(recorder.clone().into_inner(), peer, name, password).await?;
    let user = user.ok_or(Problem::WrongPassword)?;
    if user.second_factor.is_some() {
        let code = code.filter(|code| !code.trim().is_empty());
        let code = code.ok_or(Problem::CodeNeeded("show the code of your authenticator too"))?;
        let known = check_code(recorder.clone().into_inner(), peer, user.name.clone(), code).await?;
        if !known {
            return Err(Problem::CodeNeeded(
                "the code is wrong, or was used before: wait for the next one",
            ));
        }
    }
    let audited = recorder.clone();
    let (cookie, session) = begin(&request, recorder, user.name.clone(), stay).await?;
    let peer = peer.map(|peer| peer.to_string());
    tracing::info!(viewer = user.name, peer, "signed in");
    let entry = Entry::new(Kind::SignedIn, "with name and password").by(user.name.as_str());
    audited.storage().audit().tell(entry.from(peer));
    let body = SessionBody::of(user, session.as_ref(), &audited);
    Ok(HttpResponse::Created().cookie(cookie).json(body))
}

/// Who is signed in, and what they may do
#[utoipa::path(get, path = "/api/v1/session",
    responses((status = 200, body = SessionBody), (status = 401, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/session")]
pub async fn show(viewer: Viewer, recorder: web::Data<Recorder>) -> impl Responder {
    HttpResponse::Ok().json(SessionBody::of_viewer(viewer, &recorder))
}

/// Somebody touches keys, mouse or screen: nothing else counts against `idle_sign_out`, as pages ask by
/// themselves. Once in half a minute is enough
#[utoipa::path(post, path = "/api/v1/session/input",
    responses((status = 200, body = SessionBody), (status = 401, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/session/input")]
pub async fn input(viewer: Viewer, recorder: web::Data<Recorder>) -> impl Responder {
    if let Some(token) = viewer.session_token() {
        recorder.storage().accounts().has_input(token);
    }
    HttpResponse::Ok().json(SessionBody::of_viewer(viewer, &recorder))
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", responses((status = 204)))]
#[delete("/api/v1/session")]
pub async fn end(request: HttpRequest, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    if let Some(token) = cookie::token(&request) {
        let who = recorder
            .storage()
            .accounts()
            .session(&token)
            .map(|session| session.user.name);
        let ended = recorder.clone();
        blocking(move || ended.storage().accounts().end_session(&token)).await?;
        if let Some(user) = who {
            let entry = Entry::new(Kind::SignedOut, "signed out").by(user);
            recorder.storage().audit().tell(entry.from(peer(&request)));
        }
    }
    Ok(HttpResponse::NoContent()
        .cookie(cookie::session(&request, String::new(), Some(Duration::ZERO)))
        .finish())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "old": "correct horse battery", "new": "staple battery horse" }))]
pub struct NewPassword {
    old: String,
    /// 8 characters or more
    new: String,
}

/// Change the own password; ends all sessions but this one, which gets a new cookie
#[utoipa::path(put, path = "/api/v1/session/password", request_body = NewPassword,
    responses((status = 204), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "the old password is wrong", body = crate::problem::ProblemDocument),
              (status = 429, body = crate::problem::ProblemDocument)))]
#[put("/api/v1/session/password")]
pub async fn change_password(
    viewer: Viewer,
    request: HttpRequest,
    body: web::Json<NewPassword>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let NewPassword { old, new } = body.into_inner();
    let accounts = recorder.storage().accounts();
    let session = viewer.session_token().and_then(|token| accounts.look_at_session(token));
    let stays = session.map(|session| session.info.stays);
    let name = viewer.0.name.clone();
    let known = check(recorder.clone().into_inner(), peer(&request), name.clone(), old).await?;
    known.ok_or_else(|| Problem::Forbidden("the old password is wrong".into()))?;
    let (of, changed) = (name.clone(), recorder.clone());
    let changed = blocking(move || changed.storage().accounts().passwd(&of, &new));
    changed.await?.map_err(problem)?;
    tracing::info!(viewer = name, "password changed");
    let mut answer = HttpResponse::NoContent();
    if let Some(stays) = stays {
        answer.cookie(begin(&request, recorder, name, stays).await?.0);
    }
    Ok(answer.finish())
}
