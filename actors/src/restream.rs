//! Mounts of the RTSP server: they come and go with the configuration.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Weak},
    time::Duration,
};

use ulid::Ulid;
use vigie_config::{Caller, StreamId};
use vigie_media::{
    hub::Hub,
    restream::{MayPlay, Restream, RestreamError, RestreamOptions, RtspUsers},
};
use vigie_storage::{
    Storage,
    accounts::{CameraRight, Verdict},
    audit::{Entry, Kind},
};

use crate::{
    cameras::Cameras,
    gate::Gate,
    sign_ins::{FailedSignIns, With},
    supervise::{ChildSpec, worker_child},
};

const LOOK: Duration = Duration::from_millis(500);
const MAX_CLIENTS: usize = 512;

/// Before the id of an API token, in place of a user's name: no name has a colon.
const TOKEN: &str = "token:";

/// The recorder's users as the RTSP server asks for them.
struct Users {
    storage: Arc<Storage>,
    sign_ins: Arc<FailedSignIns>,
    gate: Arc<Gate>,
}

impl RtspUsers for Users {
    fn ha1(&self, user: &str) -> Option<String> {
        self.storage.accounts().ha1(user)
    }
    fn admits(&self, from: Option<IpAddr>) -> bool {
        if let Some(from) = from {
            self.gate.meet_blocking(from);
        }
        let admitted = self.gate.admits(from.map(Caller::connected));
        if !admitted {
            self.gate.refused(from, "RTSP");
        }
        admitted
    }
    fn may_try(&self, from: Option<IpAddr>, user: &str) -> bool {
        self.sign_ins.may_try(from, With::Name(user)).is_ok()
    }
    fn is_at_home(&self, from: Option<IpAddr>, user: &str) -> bool {
        let at_home = self.gate.is_at_home(user, from);
        if !at_home {
            self.gate.is_away(user, from);
        }
        at_home
    }
    fn check_basic(&self, user: &str, password: &str) -> Option<String> {
        let accounts = self.storage.accounts();
        if let Some(id) = accounts.shown_token(password) {
            let owner = accounts.user_of_token(id)?;
            return (owner.name == user).then(|| format!("{TOKEN}{id}"));
        }
        match accounts.verify(user, password) {
            Verdict::Accepted(user) => Some(user.name),
            // What RTSP has no way to show a code with: an API token is.
            Verdict::NeedsCode(_) | Verdict::Refused | Verdict::Disabled => None,
        }
    }
    fn may_play(&self, who: &str, from: Option<IpAddr>, stream: &StreamId) -> MayPlay {
        let accounts = self.storage.accounts();
        let user = match who.strip_prefix(TOKEN) {
            Some(id) => Ulid::from_string(id).ok().and_then(|id| accounts.user_of_token(id)),
            None => accounts.get(who),
        };
        match user.filter(|user| self.gate.admits_user(user, from)) {
            None => MayPlay::Unknown,
            Some(user) if !user.sees(&stream.camera) => MayPlay::Unknown,
            Some(user) if user.may_with(&stream.camera, CameraRight::Live) => MayPlay::Yes,
            Some(_) => MayPlay::No,
        }
    }
    fn stamp(&self, who: &str) -> u64 {
        self.storage.accounts().password_stamp(who)
    }
    fn played(&self, who: Option<&str>, from: Option<IpAddr>, stream: &StreamId, begins: bool) {
        let text = match begins {
            true => format!("{stream} over RTSP"),
            false => format!("{stream} over RTSP no more"),
        };
        let entry = Entry::new(Kind::Watched, text).from(from).of(stream.camera.clone());
        let user = who.map(|who| match who.strip_prefix(TOKEN) {
            Some(id) => {
                let owner = Ulid::from_string(id)
                    .ok()
                    .and_then(|id| self.storage.accounts().user_of_token(id));
                owner.map_or_else(|| who.to_owned(), |owner| owner.name)
            }
            None => who.to_owned(),
        });
        self.storage.audit().tell(match user {
            Some(user) => entry.by(user),
            None => entry,
        });
    }
    fn accepted(&self, from: Option<IpAddr>, user: &str) {
        self.sign_ins.passed(from, user);
    }
    fn refused(&self, from: Option<IpAddr>, user: &str) {
        self.sign_ins.tell(from, With::Name(user));
    }
}

pub fn start_restream(
    address: SocketAddr,
    storage: &Arc<Storage>,
    sign_ins: &Arc<FailedSignIns>,
    gate: &Arc<Gate>,
) -> Result<Arc<Restream>, RestreamError> {
    let users = Arc::new(Users {
        storage: storage.clone(),
        sign_ins: sign_ins.clone(),
        gate: gate.clone(),
    });
    Ok(Arc::new(Restream::start(RestreamOptions {
        address,
        users,
        max_clients: MAX_CLIENTS,
    })?))
}

/// What is mounted: whose hub, and whether anyone may play it.
type Mounted = BTreeMap<StreamId, (Weak<Hub>, bool)>;

/// Keeps the mounts as the cameras are. It holds nothing: a new generation mounts everything anew.
pub fn restream_child(restream: Arc<Restream>, cameras: Arc<Cameras>) -> ChildSpec {
    worker_child("restream", "restream", move |context| {
        let (restream, cameras) = (restream.clone(), cameras.clone());
        Box::pin(async move {
            let mut mounted = Mounted::new();
            loop {
                bring_up_to_date(&restream, &cameras, &mut mounted);
                context.node.publish(restream.stats());
                if !context.pause(LOOK).await {
                    return Ok(());
                }
            }
        })
    })
}

fn bring_up_to_date(restream: &Restream, cameras: &Cameras, mounted: &mut Mounted) {
    let mut wanted: BTreeMap<StreamId, (Arc<Hub>, bool)> = BTreeMap::new();
    for camera in cameras.all().iter() {
        let config = camera.config();
        if config.enabled {
            for stream in camera.streams.values() {
                wanted.insert(stream.id.clone(), (stream.hub.clone(), config.rtsp_anonymous));
            }
        }
    }
    mounted.retain(|id, (hub, anonymous)| {
        let keep = wanted
            .get(id)
            .is_some_and(|(new, open)| hub.as_ptr() == Arc::as_ptr(new) && anonymous == open);
        if !keep {
            restream.unmount(id);
        }
        keep
    });
    for (id, (hub, anonymous)) in wanted {
        mounted.entry(id.clone()).or_insert_with(|| {
            restream.mount(id, hub.clone(), anonymous);
            (Arc::downgrade(&hub), anonymous)
        });
    }
}
