//! Who asks: Basic credentials, a session cookie, a session or API token as bearer.
//!
//! [`crate::rights`] asks for it before any handler and leaves the [`Viewer`] with the request, where
//! handlers find it. There is no other way in.

use std::{
    future::{Ready, ready},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use base64::Engine;
use tokio::sync::{Semaphore, SemaphorePermit};
use ulid::Ulid;
use vigie_actors::{Recorder, sign_ins::With};
use vigie_config::{Caller, CameraId, Kind};
use vigie_storage::accounts::{CameraRight, HouseRight, Proof, User, Verdict};

use crate::{arrival, cookie, problem::Problem};

/// A signed-in user, with the rights that what they came with gives them.
#[derive(Clone)]
pub struct Viewer(pub User, Ticket, Option<Caller>);

/// What a user showed to get in.
#[derive(Clone)]
enum Ticket {
    Password(Proof),
    Session {
        token: String,
        id: String,
    },
    /// An API token, by its id.
    Token(Ulid),
}

impl Viewer {
    /// The same viewer with the rights of now, for what lasts longer than a request. `None`: signed
    /// out, switched off, removed, given another password, or not admitted any more from there.
    pub fn again(&self, recorder: &Recorder) -> Option<Viewer> {
        let accounts = recorder.storage().accounts();
        let Viewer(_, ticket, from) = self;
        if !recorder.gate().admits(*from) {
            return None;
        }
        let user = match ticket {
            Ticket::Password(proof) => accounts.user_of(proof),
            Ticket::Session { token, .. } => accounts.look_at_session(token).map(|session| session.user),
            Ticket::Token(id) => accounts.user_of_token(*id),
        };
        let user = user.filter(|user| is_at_home(recorder, user, address(*from)));
        user.map(|user| Viewer(user, ticket.clone(), *from))
    }

    /// Whether whoever has waited may do it now.
    pub fn still(&self, recorder: &Recorder, may: impl FnOnce(&Viewer) -> Result<(), Problem>) -> bool {
        self.again(recorder).is_some_and(|viewer| may(&viewer).is_ok())
    }

    /// Whoever may do nothing at all with a camera is not told that there is one.
    pub fn may_view(&self, camera: &CameraId) -> Result<(), Problem> {
        match self.0.sees(camera) {
            true => Ok(()),
            false => Err(Problem::no_camera(camera.as_str())),
        }
    }

    pub fn may_with(&self, camera: &CameraId, right: CameraRight) -> Result<(), Problem> {
        self.may_view(camera)?;
        match self.0.may_with(camera, right) {
            true => Ok(()),
            false => Err(self.lacks(&format!("{right:?}"), &format!(" of {camera}"))),
        }
    }

    pub fn may_somewhere(&self, right: CameraRight) -> Result<(), Problem> {
        match self.0.rights.may_somewhere(right) {
            true => Ok(()),
            false => Err(self.lacks(&format!("{right:?}"), " of any camera")),
        }
    }

    pub fn may_everywhere(&self, right: CameraRight) -> Result<(), Problem> {
        match self.0.rights.may_everywhere(right) {
            true => Ok(()),
            false => Err(self.lacks(&format!("{right:?}"), " of every camera")),
        }
    }

    pub fn may(&self, right: HouseRight) -> Result<(), Problem> {
        match self.0.may(right) {
            true => Ok(()),
            false => Err(self.lacks(&format!("{right:?}"), "")),
        }
    }

    fn lacks(&self, right: &str, of: &str) -> Problem {
        let (name, right) = (&self.0.name, right.to_lowercase());
        Problem::Forbidden(format!("{name} has not the right {right}{of}"))
    }

    /// Signed in with an API token.
    pub fn is_a_program(&self) -> bool {
        matches!(self.1, Ticket::Token(_))
    }

    /// The session's token, if this is one.
    pub fn session_token(&self) -> Option<&str> {
        match &self.1 {
            Ticket::Session { token, .. } => Some(token),
            Ticket::Password(_) | Ticket::Token(_) => None,
        }
    }

    /// The id of the session that this is, if it is one.
    pub fn session(&self) -> Option<&str> {
        match &self.1 {
            Ticket::Session { id, .. } => Some(id),
            Ticket::Password(_) | Ticket::Token(_) => None,
        }
    }
}

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Ready<Result<Viewer, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let viewer = request.extensions().get::<Viewer>().cloned();
        ready(viewer.ok_or_else(|| Problem::Internal("this route asks for nobody".into())))
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

/// Who asks. Wrong credentials are told of, and after too many not looked at.
pub async fn viewer(request: &HttpRequest, recorder: web::Data<Recorder>) -> Result<Viewer, Problem> {
    let refused = Problem::Unauthenticated {
        challenge: wants_challenge(request),
    };
    let (credentials, from) = (credentials(request), arrival::of(request).caller);
    let peer = address(from);
    let viewer = match credentials {
        None => None,
        Some(Credentials::Session(token)) => of_session(&recorder, from, token),
        Some(Credentials::Bearer(token)) => match of_token(&recorder, from, &token) {
            Some(viewer) => Some(viewer),
            None => match of_session(&recorder, from, token) {
                Some(viewer) => Some(viewer),
                None => {
                    recorder
                        .sign_ins()
                        .may_try(peer, With::Token)
                        .map_err(Problem::LockedOut)?;
                    recorder.sign_ins().tell(peer, With::Token);
                    None
                }
            },
        },
        Some(Credentials::Basic { name, password }) => match of_token(&recorder, from, &password) {
            Some(viewer) => Some(viewer).filter(|viewer| viewer.0.name == name),
            None => {
                // Asked before the check: a password changed meanwhile is another.
                let proof = recorder.storage().accounts().proof(&name);
                let user = check(recorder.into_inner(), peer, name, password).await?;
                if user.as_ref().is_some_and(|user| user.second_factor.is_some()) {
                    let text = "this user's password is not enough: use a session, or an API token as password";
                    return Err(Problem::CodeNeeded(text));
                }
                user.zip(proof)
                    .map(|(user, proof)| Viewer(user, Ticket::Password(proof), from))
            }
        },
    };
    viewer.ok_or(refused)
}

/// Passwords being checked at once: whoever guesses many must not hold the threads that serve footage.
static CHECKS: Semaphore = Semaphore::const_new(2);
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether a user may come from there. Whoever is refused is told of.
fn is_at_home(recorder: &Recorder, user: &User, from: Option<IpAddr>) -> bool {
    let at_home = recorder.gate().admits_user(user, from);
    if !at_home {
        recorder.gate().is_away(&user.name, from);
    }
    at_home
}

fn of_session(recorder: &Recorder, from: Option<Caller>, token: String) -> Option<Viewer> {
    let session = recorder.storage().accounts().session(&token)?;
    let id = session.info.id;
    let viewer = Viewer(session.user, Ticket::Session { token, id }, from);
    is_at_home(recorder, &viewer.0, address(from)).then_some(viewer)
}

fn of_token(recorder: &Recorder, from: Option<Caller>, text: &str) -> Option<Viewer> {
    let accounts = recorder.storage().accounts();
    let id = accounts.shown_token(text)?;
    let user = accounts.user_of_token(id)?;
    is_at_home(recorder, &user, address(from)).then_some(Viewer(user, Ticket::Token(id), from))
}

/// Who asks, as far as the connection and trusted proxies say.
pub fn peer(request: &HttpRequest) -> Option<IpAddr> {
    address(arrival::of(request).caller)
}

fn address(caller: Option<Caller>) -> Option<IpAddr> {
    caller.map(|caller| caller.address)
}

/// The user if the pair is right, whether or not a code is asked for beside it; a wrong one is told of.
pub async fn check(
    recorder: Arc<Recorder>,
    peer: Option<IpAddr>,
    name: String,
    password: String,
) -> Result<Option<User>, Problem> {
    // Whoever comes from elsewhere is nobody, and waits as long for the answer.
    let at_home = recorder.gate().is_at_home(&name, peer);
    let asked = if at_home { name.clone() } else { String::new() };
    if !at_home {
        recorder.gate().is_away(&name, peer);
    }
    // Whoever was right a moment ago does not wait behind those who guess.
    let remembered = recorder.storage().accounts().remembered(&asked, &password);
    // Kept until a wrong one is told of.
    let mut turn = None;
    let verdict = match remembered {
        Some(verdict) => verdict,
        None => {
            let of = recorder.clone();
            let verify = move || of.storage().accounts().verify(&asked, &password);
            let (verdict, held) = tried(&recorder, peer, &name, verify).await?;
            turn = Some(held);
            verdict
        }
    };
    let known = match verdict {
        // Known here is who showed the code too: until then wrong ones are counted on.
        Verdict::NeedsCode(user) => Ok(Some(user)),
        Verdict::Accepted(user) => {
            recorder.sign_ins().passed(peer, &user.name);
            Ok(Some(user))
        }
        Verdict::Refused | Verdict::Disabled => {
            recorder.sign_ins().tell(peer, With::Name(&name));
            Ok(None)
        }
    };
    drop(turn);
    known
}

/// The code of a user whose password is right; a wrong one is told of.
pub async fn check_code(
    recorder: Arc<Recorder>,
    peer: Option<IpAddr>,
    name: String,
    code: String,
) -> Result<bool, Problem> {
    let (of, user) = (recorder.clone(), name.clone());
    let work = move || of.storage().accounts().use_code(&user, &code);
    let (used, turn) = tried(&recorder, peer, &name, work).await?;
    let used = used.map_err(|error| Problem::of_kind(error.kind(), error))?;
    match used {
        true => recorder.sign_ins().passed(peer, &name),
        false => recorder.sign_ins().tell(peer, With::Name(&name)),
    }
    drop(turn);
    Ok(used)
}

/// What shows whether somebody knows what they say, away from the web's own threads: argon2 takes its time
/// on purpose. With the turn, which ends once a wrong try is told of: of many at once each is counted before
/// the next is looked at.
async fn tried<T: Send + 'static>(
    recorder: &Recorder,
    peer: Option<IpAddr>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, SemaphorePermit<'static>), Problem> {
    let busy = || Problem::Unavailable("too many passwords are being checked; try again".into());
    let may_try = || {
        let may = recorder.sign_ins().may_try(peer, With::Name(name));
        may.map_err(Problem::LockedOut)
    };
    may_try()?;
    let turn = tokio::time::timeout(CHECK_TIMEOUT, CHECKS.acquire()).await;
    let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
    may_try()?;
    // Held by the work itself: who hangs up does not make room for another.
    web::block(move || (work(), turn)).await.map_err(|_| busy())
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
