//! Who may ask anything, by where they are: asked before anything else, over HTTP and RTSP alike, and
//! of those who are in already again and again.
//!
//! Belongs here: the lists of `[server.access]`, the addresses that users are bound to, how often
//! refusals are told. Does not belong here: how a request says where it comes from (`vigie-web`).

mod neighbours;
mod netlink;
mod networks;
mod refusals;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use arc_swap::ArcSwap;
use vigie_config::{Access, Caller, Card, Whence};
use vigie_storage::{
    Storage,
    accounts::User,
    audit::{Entry, Kind},
};

use crate::supervise::{ChildSpec, worker_child};
use neighbours::Neighbours;
use refusals::Told;

/// In place of an address that is not known.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// One for a recorder.
pub struct Gate {
    access: ArcSwap<Access>,
    neighbours: Arc<Neighbours>,
    told: Mutex<Told>,
    storage: Arc<Storage>,
}

impl Gate {
    /// Within a runtime.
    pub(crate) fn new(access: &Access, storage: &Arc<Storage>) -> Arc<Gate> {
        let gate = Arc::new(Gate {
            access: ArcSwap::from_pointee(Access::default()),
            neighbours: Neighbours::new(),
            told: Mutex::default(),
            storage: storage.clone(),
        });
        gate.configure(access);
        gate
    }

    /// Sessions that were begun where nobody may ask any more end, a moment later: that is written to a
    /// disk, and whoever comes with one is asked by the new lists already.
    pub(crate) fn configure(self: &Arc<Self>, access: &Access) {
        let before = self.access.swap(Arc::new(access.clone()));
        if *before == *access {
            return;
        }
        self.storage.accounts().end_idle_after(access.idle_sign_out);
        let gate = self.clone();
        // One that is not done when the recorder ends is done at its next start.
        tokio::task::spawn_blocking(move || gate.put_out());
    }

    fn put_out(&self) {
        let accounts = self.storage.accounts();
        let judged = without_cards(&self.access.load());
        for session in accounts.sessions() {
            let from: Option<IpAddr> = session.peer.as_deref().and_then(|peer| peer.parse().ok());
            // Whether a proxy said so is not known any more.
            if from.is_some_and(|from| !self.would_admit(&judged, Some(Caller::connected(from)))) {
                accounts.end_session_by_id(&session.id);
                let entry = Entry::new(Kind::SignedOut, "signed out: the address is not admitted any more");
                self.storage.audit().tell(entry.by(session.user).from(from));
            }
        }
    }

    /// Whether whoever is there may ask anything now.
    pub fn admits(&self, from: Option<Caller>) -> bool {
        self.would_admit(&self.access.load(), from)
    }

    /// The same with other lists.
    pub fn would_admit(&self, access: &Access, from: Option<Caller>) -> bool {
        access.admits(from, |address| self.neighbours.card(address))
    }

    /// Whether anybody is let in, or kept out, by their network card.
    fn goes_by_cards(&self) -> bool {
        self.access.load().names_cards() || self.storage.accounts().are_bound_to_cards()
    }

    /// Before the first question about whoever is there: the kernel may know their card only since they
    /// came. At once where it is known already, or where nothing goes by cards.
    pub async fn meet(&self, from: IpAddr) {
        if self.goes_by_cards() {
            self.look_for(from).await;
        }
    }

    /// The same on a thread that may wait.
    pub(crate) fn meet_blocking(&self, from: IpAddr) {
        if self.goes_by_cards() {
            self.neighbours.look_for_blocking(from.to_canonical());
        }
    }

    /// The same for a rule that does not hold yet.
    pub async fn look_for(&self, from: IpAddr) {
        self.neighbours.look_for(from.to_canonical()).await;
    }

    /// Whether these, to which a user is bound, hold an address. Where it is not known it is none of them.
    pub fn holds(&self, addresses: &[Whence], from: Option<IpAddr>) -> bool {
        let Some(from) = from.map(|from| from.to_canonical()) else {
            return false;
        };
        let by_card = addresses.iter().any(Whence::is_mac);
        let card = if by_card {
            self.neighbours.card(from)
        } else {
            Card::None
        };
        addresses.iter().any(|whence| whence.contains(from, card))
    }

    /// Whether a user of this name may come from there; an unknown one comes from anywhere.
    pub fn is_at_home(&self, user: &str, from: Option<IpAddr>) -> bool {
        let user = self.storage.accounts().get(user);
        user.is_none_or(|user| self.admits_user(&user, from))
    }

    /// Whether a user may come from there.
    pub fn admits_user(&self, user: &User, from: Option<IpAddr>) -> bool {
        let bound = user.addresses.as_ref();
        bound.is_none_or(|addresses| self.holds(addresses, from))
    }

    /// Somebody was not let in.
    pub fn refused(&self, from: Option<IpAddr>, how: &str) {
        let at = from.unwrap_or(NOWHERE);
        if self.is_new(at, None) {
            tracing::warn!(peer = %at, "{how} refused: this address is not admitted (server.access)");
            let text = format!("{how} refused: this address is not admitted (server.access)");
            self.storage
                .audit()
                .tell(Entry::new(Kind::SignInRefused, text).from(from));
        }
    }

    /// A user, or somebody who says so, was refused for coming from elsewhere.
    pub fn is_away(&self, user: &str, from: Option<IpAddr>) {
        let at = from.unwrap_or(NOWHERE);
        if self.is_new(at, Some(user)) {
            tracing::warn!(viewer = user, peer = %at, "refused: the user is bound to other addresses");
            let entry = Entry::new(Kind::SignInRefused, "refused: the user is bound to other addresses");
            self.storage.audit().tell(entry.by(user).from(from));
        }
    }

    fn is_new(&self, from: IpAddr, user: Option<&str>) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.is_new(from, user, Instant::now())
    }
}

/// The card of whoever is not here now is not known: they are asked when they come.
fn without_cards(access: &Access) -> Access {
    let by_card = access.allow.iter().any(Whence::is_mac);
    let ranges = |list: &[Whence]| list.iter().filter(|whence| !whence.is_mac()).copied().collect();
    Access {
        allow: if by_card { Vec::new() } else { access.allow.clone() },
        block: ranges(&access.block),
        idle_sign_out: access.idle_sign_out,
    }
}

/// Knows the cards of neighbours while anything goes by them, as a child of the root.
pub(crate) fn neighbours_child(gate: Arc<Gate>) -> ChildSpec {
    worker_child("neighbours", "neighbours", move |context| {
        let gate = gate.clone();
        Box::pin(async move {
            loop {
                tokio::select! {
                    turned = gate.neighbours.turn(|| gate.goes_by_cards()) => turned?,
                    () = context.stopping() => return Ok(()),
                }
                context
                    .node
                    .publish(serde_json::json!({ "known": gate.neighbours.len() }));
            }
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use vigie_storage::{
        StorageOptions,
        accounts::{GroupName, Origin},
    };

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn sessions_that_are_shut_out_end_beside_whoever_changes_the_lists() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(folder.path(), StorageOptions::default()).unwrap();
        let accounts = storage.accounts();
        accounts
            .operator()
            .add("ann", GroupName::ordinary(), None, "correct horse")
            .unwrap();
        let begin = |peer: &str| {
            let origin = Origin {
                peer: Some(peer.to_owned()),
                ..Origin::default()
            };
            accounts.create_session("ann", HOUR, origin).unwrap()
        };
        let [at_home, elsewhere] = ["192.0.2.7", "203.0.113.9"].map(begin);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let gate = Gate::new(&Access::default(), &storage);
        // Something else takes its time.
        let (release, held) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || held.recv());
        let block = ["203.0.113.0/24", "02:00:5e:10:00:01"].map(|text| text.parse().unwrap());
        let access = Access {
            block: block.into(),
            ..Access::default()
        };
        gate.configure(&access);
        assert!(accounts.session(&elsewhere).is_some(), "ended at once");
        drop(release);
        let start = Instant::now();
        while accounts.session(&elsewhere).is_some() {
            assert!(start.elapsed() < Duration::from_secs(20), "not ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Their card is not known as long as they are not here.
        assert!(accounts.session(&at_home).is_some());
    }
}
