//! Sign-in with the recorder's users: Basic and Digest, and who may play what.
#![allow(unsafe_code)] // `glib::object_subclass` writes an `unsafe impl`.

use std::{
    collections::HashMap,
    io::Write,
    os::fd::AsRawFd,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use gstreamer_rtsp_server::{
    self as rtsp, RTSPAuth, RTSPClient, RTSPContext, RTSPToken,
    glib::{self, subclass::prelude::*},
    gst_rtsp::{RTSPAuthMethod, RTSPStatusCode},
    prelude::*,
    subclass::prelude::*,
};
use rustix::fs::MemfdFlags;
use vigie_config::{CameraId, StreamId};

use super::{
    MayPlay, REALM, RtspUsers,
    raw::{is_made_with, peer, value_of},
};

/// Field of a token: who signed in. Empty: anyone, on an anonymous mount.
const USER: &str = "vigie-user";

/// The C library takes a set of bits here; the binding has names for single ones.
const BASIC_AND_DIGEST: RTSPAuthMethod = RTSPAuthMethod::__Unknown(3);

/// Who may play a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    NoMount,
    Users,
    Anyone,
}

pub(super) trait Mounts: Send + Sync {
    fn access(&self, stream: &StreamId) -> Access;
    /// Whether this connection set the session up.
    fn owns(&self, client: &RTSPClient, session: &str) -> bool;
    /// Whether there is a picture now.
    fn ready(&self, stream: &StreamId) -> bool;
}

pub(super) fn new(users: Arc<dyn RtspUsers>, mounts: Weak<dyn Mounts>) -> RTSPAuth {
    let auth: Auth = glib::Object::new();
    let _ = auth.imp().rules.set(Rules {
        users,
        mounts,
        digest: Mutex::default(),
        tokens: Mutex::default(),
    });
    auth.set_realm(Some(REALM));
    auth.set_supported_methods(BASIC_AND_DIGEST);
    auth.upcast()
}

/// The stream that a request is about: the first two parts of its path.
pub(super) fn stream_of(context: &RTSPContext) -> Option<StreamId> {
    let path = context.uri()?.decode_path_components();
    let mut parts = path.iter().filter(|part| !part.is_empty());
    let camera = CameraId::new(parts.next()?).ok()?;
    Some(StreamId::new(camera, parts.next()?.parse().ok()?))
}

/// Who asks; `None`: nobody who signed in, on an anonymous mount.
pub(super) fn who(context: &RTSPContext) -> Option<String> {
    let who = context.token()?.string(USER)?;
    (!who.is_empty()).then(|| who.to_string())
}

/// Answers a request that is not served; `headers` adds to the answer.
fn refuse(context: &RTSPContext, code: RTSPStatusCode, headers: impl FnOnce()) {
    if let (Some(client), Some(response)) = (context.client(), context.response()) {
        response.init_response(code, context.request());
        headers();
        client.send_message(response, context.session());
    }
}

struct Rules {
    users: Arc<dyn RtspUsers>,
    mounts: Weak<dyn Mounts>,
    /// HA1 of the users that the server's own Digest knows.
    digest: Mutex<HashMap<String, String>>,
    /// One per user that ever signed in: `set_token` keeps a reference for ever (binding 0.25).
    tokens: Mutex<HashMap<String, RTSPToken>>,
}

impl Rules {
    fn token(&self, user: &str) -> RTSPToken {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens
            .entry(user.to_owned())
            .or_insert_with(|| RTSPToken::builder().field(USER, user).build())
            .clone()
    }

    fn access(&self, context: &RTSPContext) -> Access {
        match (self.mounts.upgrade(), stream_of(context)) {
            (Some(mounts), Some(stream)) => mounts.access(&stream),
            _ => Access::NoMount,
        }
    }

    /// Whoever knows the name of a session may not play, pause or end it from elsewhere.
    fn is_anothers_session(&self, context: &RTSPContext) -> bool {
        let Some(session) = context.session() else { return false };
        let (Some(mounts), Some(client), Some(id)) = (self.mounts.upgrade(), context.client(), session.sessionid())
        else {
            return true;
        };
        !mounts.owns(client, &id)
    }

    /// Who is signed in may play what the request is about, and there is something to play.
    fn verdict(&self, context: &RTSPContext) -> RTSPStatusCode {
        let (Some(mounts), Some(stream), Some(token)) = (self.mounts.upgrade(), stream_of(context), context.token())
        else {
            return RTSPStatusCode::NotFound;
        };
        let allowed = match token.string(USER) {
            Some(user) if !user.is_empty() => self.users.may_play(&user, peer(context), &stream),
            _ if mounts.access(&stream) == Access::Anyone => MayPlay::Yes,
            _ => MayPlay::No,
        };
        match (allowed, mounts.ready(&stream)) {
            (MayPlay::Unknown, _) => RTSPStatusCode::NotFound,
            (MayPlay::No, _) => RTSPStatusCode::Forbidden,
            (MayPlay::Yes, false) => RTSPStatusCode::ServiceUnavailable,
            (MayPlay::Yes, true) => RTSPStatusCode::Ok,
        }
    }

    fn authenticate(&self, auth: &imp::Auth, context: &RTSPContext) -> bool {
        if self.access(context) == Access::Anyone {
            context.set_token(self.token(""));
            return true;
        }
        let Some(request) = context.request() else { return false };
        let (mut refused, from) = (None, peer(context));
        for credential in request.parse_auth_credentials().iter() {
            match credential.scheme() {
                RTSPAuthMethod::Basic => {
                    let Some((user, password)) = credential.authorization().and_then(basic) else {
                        continue;
                    };
                    if !self.users.may_try(from, &user) {
                        return false;
                    }
                    // Whoever comes from elsewhere is nobody, and waits as long for the answer.
                    let at_home = self.users.is_at_home(from, &user);
                    let asked = if at_home { user.as_str() } else { "" };
                    if let Some(who) = self.users.check_basic(asked, &password) {
                        context.set_token(self.token(&who));
                        self.users.accepted(from, &user);
                        return true;
                    }
                    refused = Some(user);
                }
                RTSPAuthMethod::Digest => {
                    let params = credential.params();
                    let user = params.iter().find_map(|param| value_of(param, c"username"));
                    let Some(user) = user else { continue };
                    if !self.users.may_try(from, &user) {
                        return false;
                    }
                    if !self.users.is_at_home(from, &user) {
                        refused = Some(user);
                        continue;
                    }
                    // It answers `true` also to a wrong response, and then sets no token.
                    if self.knows(auth, &user) && auth.parent_authenticate(context) && context.token().is_some() {
                        self.users.accepted(from, &user);
                        return true;
                    }
                    // A player that comes back answers a question which is not asked any more, and is
                    // asked anew.
                    let ha1 = self.users.ha1(&user);
                    if !ha1.is_some_and(|ha1| is_made_with(context, params.as_slice(), &ha1)) {
                        refused = Some(user);
                    }
                }
                _ => {}
            }
        }
        if let Some(user) = refused {
            self.users.refused(from, &user);
        }
        false
    }

    /// Brings the server's Digest table up to date for a user. `false`: no such user.
    fn knows(&self, auth: &imp::Auth, user: &str) -> bool {
        // The table is read from lines of `user:realm:HA1`.
        if user.contains([':', '\n', '\r']) {
            return false;
        }
        let auth = auth.obj();
        let mut table = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ha1) = self.users.ha1(user) else {
            if table.remove(user).is_some() {
                auth.remove_digest(user);
            }
            return false;
        };
        if table.get(user) != Some(&ha1) {
            if let Err(error) = load_ha1(auth.upcast_ref(), user, &ha1, &self.token(user)) {
                tracing::error!(viewer = user, %error, "digest cannot be prepared");
                return false;
            }
            table.insert(user.to_owned(), ha1);
        }
        true
    }
}

/// The only way to give an HA1 to `RTSPAuth` is a file; this one lives in memory alone.
fn load_ha1(auth: &RTSPAuth, user: &str, ha1: &str, token: &RTSPToken) -> std::io::Result<()> {
    let mut file = std::fs::File::from(rustix::fs::memfd_create("htdigest", MemfdFlags::CLOEXEC)?);
    writeln!(file, "{user}:{REALM}:{ha1}")?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    match auth.parse_htdigest(path, token) {
        true => Ok(()),
        false => Err(std::io::Error::other("htdigest was not accepted")),
    }
}

/// `user:password` (RFC 7617).
fn basic(credentials: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    text.split_once(':')
        .map(|(user, password)| (user.to_owned(), password.to_owned()))
}

glib::wrapper! {
    pub struct Auth(ObjectSubclass<imp::Auth>) @extends RTSPAuth;
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Auth {
        pub(super) rules: OnceLock<Rules>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Auth {
        const NAME: &'static str = "VigieAuth";
        type Type = super::Auth;
        type ParentType = RTSPAuth;
    }

    impl ObjectImpl for Auth {}

    impl RTSPAuthImpl for Auth {
        fn authenticate(&self, context: &RTSPContext) -> bool {
            self.rules.get().is_some_and(|rules| rules.authenticate(self, context))
        }

        fn check(&self, context: &RTSPContext, check: &glib::GString) -> bool {
            let Some(rules) = self.rules.get() else { return false };
            let is_url = check.as_str() == rtsp::RTSP_AUTH_CHECK_URL.as_str();
            // Who comes from where nobody may is about to be closed.
            if is_url && !rules.users.admits(peer(context)) {
                return false;
            }
            if is_url && rules.is_anothers_session(context) {
                refuse(context, RTSPStatusCode::SessionNotFound, || ());
                return false;
            }
            let about_media = [
                rtsp::RTSP_AUTH_CHECK_MEDIA_FACTORY_ACCESS,
                rtsp::RTSP_AUTH_CHECK_MEDIA_FACTORY_CONSTRUCT,
            ];
            let about_media = about_media.iter().any(|kind| kind.as_str() == check.as_str());
            // Without signing in, a stream that does not exist looks like one that does.
            let unknown = is_url && context.uri().is_some() && rules.access(context) == Access::NoMount;
            if !about_media && !unknown {
                return self.parent_check(context, check);
            }
            if context.token().is_none() && !self.authenticate(context) {
                refuse(context, RTSPStatusCode::Unauthorized, || {
                    self.parent_generate_authenticate_header(context)
                });
                return false;
            }
            match rules.verdict(context) {
                RTSPStatusCode::Ok => true,
                _ if unknown => true,
                code => {
                    refuse(context, code, || ());
                    false
                }
            }
        }
    }
}
