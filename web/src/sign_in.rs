//! Who asks: Basic credentials, a session cookie or a bearer token.
//!
//! A handler that takes a [`Viewer`] is reachable only when signed in. There is no other way in.

use std::{net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use base64::Engine;
use vigie_actors::{Recorder, sign_ins::With};
use vigie_config::CameraId;
use vigie_storage::accounts::{Accounts, Proof, User, Verdict};

use crate::{arrival, cookie, problem::Problem};

/// A signed-in user.
#[derive(Clone)]
pub struct Viewer(pub User, Ticket);

/// What a user showed to get in.
#[derive(Clone)]
enum Ticket {
    Password(Proof),
    Session(String),
}

impl Viewer {
    /// The same viewer with the rights of now, for what lasts longer than a request. `None`: signed
    /// out, switched off, removed, or given another password.
    pub fn again(&self, accounts: &Accounts) -> Option<Viewer> {
        let user = match &self.1 {
            Ticket::Password(proof) => accounts.user_of(proof),
            Ticket::Session(token) => accounts.session(token).map(|session| session.user),
        };
        user.map(|user| Viewer(user, self.1.clone()))
    }

    pub fn may_view(&self, camera: &CameraId) -> Result<(), Problem> {
        match self.0.may_view(camera) {
            true => Ok(()),
            false => Err(Problem::Forbidden(format!("{} may not watch {camera}", self.0.name))),
        }
    }

    pub fn may_administer(&self) -> Result<(), Problem> {
        match self.0.may_administer() {
            true => Ok(()),
            false => Err(Problem::Forbidden(format!("{} is no administrator", self.0.name))),
        }
    }
}

enum Credentials {
    Basic {
        name: String,
        password: String,
    },
    /// Given on purpose.
    Bearer(String),
    /// Of a cookie: one that has ended is no try to get in.
    Session(String),
}

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Viewer, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let refused = Problem::Unauthenticated {
            challenge: wants_challenge(request),
        };
        let (credentials, peer) = (credentials(request), peer(request));
        let recorder = request.app_data::<web::Data<Recorder>>().cloned();
        Box::pin(async move {
            let recorder = recorder.ok_or_else(|| Problem::Internal("no recorder behind this route".into()))?;
            let viewer = match credentials {
                None => None,
                Some(Credentials::Session(token)) => of_session(&recorder, token),
                Some(Credentials::Bearer(token)) => of_session(&recorder, token).or_else(|| {
                    recorder.sign_ins().tell(peer, With::Token);
                    None
                }),
                Some(Credentials::Basic { name, password }) => {
                    // Asked before the check: a password changed meanwhile is another.
                    let proof = recorder.storage().accounts().proof(&name);
                    let user = check(recorder.into_inner(), peer, name, password).await?;
                    user.zip(proof)
                        .map(|(user, proof)| Viewer(user, Ticket::Password(proof)))
                }
            };
            viewer.ok_or(refused)
        })
    }
}

/// Passwords being checked at once: whoever guesses many must not hold the threads that serve footage.
static CHECKS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

fn of_session(recorder: &Recorder, token: String) -> Option<Viewer> {
    let session = recorder.storage().accounts().session(&token)?;
    Some(Viewer(session.user, Ticket::Session(token)))
}

/// Who asks, as far as the connection and trusted proxies say.
pub fn peer(request: &HttpRequest) -> Option<IpAddr> {
    arrival::of(request).peer
}

/// The user if the pair is right; a wrong one is told of.
pub async fn check(
    recorder: Arc<Recorder>,
    peer: Option<IpAddr>,
    name: String,
    password: String,
) -> Result<Option<User>, Problem> {
    match verdict(recorder.clone(), name.clone(), password).await? {
        Verdict::Accepted(user) => Ok(Some(user)),
        Verdict::Refused | Verdict::Disabled => {
            recorder.sign_ins().tell(peer, With::Name(&name));
            Ok(None)
        }
    }
}

/// Checks a password away from the web's own threads: argon2 takes its time on purpose.
async fn verdict(recorder: Arc<Recorder>, name: String, password: String) -> Result<Verdict, Problem> {
    // Whoever was right a moment ago does not wait behind those who guess.
    if let Some(verdict) = recorder.storage().accounts().remembered(&name, &password) {
        return Ok(verdict);
    }
    let busy = || Problem::Unavailable("too many passwords are being checked; try again".into());
    let turn = tokio::time::timeout(CHECK_TIMEOUT, CHECKS.acquire()).await;
    let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
    let checked = web::block(move || {
        // Held by the work itself: who hangs up does not make room for another.
        let _turn = turn;
        recorder.storage().accounts().verify(&name, &password)
    });
    checked
        .await
        .map_err(|_| Problem::Unavailable("too busy to check passwords; try again".into()))
}

/// Scripts of our own pages ask with `fetch`, and show their own form: a challenge would make the
/// browser show its grey one. Everyone else (players, curl, a page opened by hand) needs it.
fn wants_challenge(request: &HttpRequest) -> bool {
    let mode = request.headers().get("Sec-Fetch-Mode").and_then(|v| v.to_str().ok());
    !matches!(mode, Some("cors" | "same-origin" | "no-cors" | "websocket"))
}

fn credentials(request: &HttpRequest) -> Option<Credentials> {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    if let Some((scheme, rest)) = given.and_then(|v| v.split_once(' ')) {
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Credentials::Bearer(rest.to_string()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let bytes = base64::engine::general_purpose::STANDARD.decode(rest).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (name, password) = text.split_once(':')?;
            return Some(Credentials::Basic {
                name: name.to_string(),
                password: password.to_string(),
            });
        }
        return None;
    }
    cookie::token(request).map(Credentials::Session)
}
