//! Who may ask anything, by where they are: asked before anything else, over HTTP and RTSP alike, and
//! of those who are in already again and again.
//!
//! Belongs here: the lists of `[server.access]`, the addresses that users are bound to, how often
//! refusals are told. Does not belong here: how a request says where it comes from (`vigie-web`).

mod neighbours;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use vigie_config::{Access, Whence};
use vigie_storage::{
    Storage,
    accounts::User,
    audit::{Entry, Kind},
};

use neighbours::Neighbours;

/// Refusals of one address, and of one user there, are told once in so long.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
const MOST_TOLD: usize = 1024;

/// One for a recorder.
pub struct Gate {
    access: ArcSwap<Access>,
    neighbours: Neighbours,
    told: Mutex<Told>,
    storage: Arc<Storage>,
}

impl Gate {
    pub(crate) fn new(access: &Access, storage: &Arc<Storage>) -> Arc<Gate> {
        let gate = Gate {
            access: ArcSwap::from_pointee(Access::default()),
            neighbours: Neighbours::default(),
            told: Mutex::default(),
            storage: storage.clone(),
        };
        gate.configure(access);
        Arc::new(gate)
    }

    /// Sessions that were begun where nobody may ask any more end.
    pub(crate) fn configure(&self, access: &Access) {
        let before = self.access.swap(Arc::new(access.clone()));
        if *before == *access {
            return;
        }
        let accounts = self.storage.accounts();
        accounts.end_idle_after(access.idle_sign_out);
        // The card of whoever is not here now is not known: they are asked when they come.
        let by_mac = access.allow.iter().any(Whence::is_mac);
        let judged = Access {
            allow: if by_mac { Vec::new() } else { access.allow.clone() },
            ..access.clone()
        };
        for session in accounts.sessions() {
            let from = session.peer.as_deref().and_then(|peer| peer.parse().ok());
            if from.is_some_and(|from| !self.would_admit(&judged, from)) {
                accounts.end_session_by_id(&session.id);
                let entry = Entry::new(Kind::SignedOut, "signed out: the address is not admitted any more");
                self.storage.audit().tell(entry.by(session.user).from(from));
            }
        }
    }

    /// Whether whoever is there may ask anything now.
    pub fn admits(&self, from: IpAddr) -> bool {
        self.would_admit(&self.access.load(), from)
    }

    /// The same with other lists.
    pub fn would_admit(&self, access: &Access, from: IpAddr) -> bool {
        access.admits(from, || self.neighbours.mac(from.to_canonical()))
    }

    /// Whether these, to which a user is bound, hold an address. Where it is not known it is none of them.
    pub fn holds(&self, addresses: &[Whence], from: Option<IpAddr>) -> bool {
        let Some(from) = from.map(|from| from.to_canonical()) else {
            return false;
        };
        let by_mac = addresses.iter().any(Whence::is_mac);
        let mac = if by_mac { self.neighbours.mac(from) } else { None };
        addresses.iter().any(|whence| whence.contains(from, mac))
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
    pub fn refused(&self, from: IpAddr, how: &str) {
        if self.is_new(from, None) {
            tracing::warn!(peer = %from, "{how} refused: this address is not admitted (server.access)");
            let text = format!("{how} refused: this address is not admitted (server.access)");
            self.storage
                .audit()
                .tell(Entry::new(Kind::SignInRefused, text).from(Some(from)));
        }
    }

    /// A user, or somebody who says so, was refused for coming from elsewhere.
    pub fn is_away(&self, user: &str, from: Option<IpAddr>) {
        let at = from.unwrap_or(IpAddr::from([0, 0, 0, 0]));
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

/// What was told a moment ago.
#[derive(Default)]
struct Told(HashMap<(IpAddr, Option<String>), Instant>);

impl Told {
    fn is_new(&mut self, from: IpAddr, user: Option<&str>, now: Instant) -> bool {
        if self.0.len() >= MOST_TOLD {
            self.0.retain(|_, at| now.duration_since(*at) < AGAIN_AFTER);
        }
        let key = (from, user.map(str::to_owned));
        match self.0.get(&key) {
            Some(at) if now.duration_since(*at) < AGAIN_AFTER => false,
            // So many at once are one attack: the log has it.
            None if self.0.len() >= MOST_TOLD => false,
            _ => {
                self.0.insert(key, now);
                true
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_once_in_a_while() {
        let (mut told, now) = (Told::default(), Instant::now());
        let [one, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        assert!(told.is_new(one, None, now));
        assert!(!told.is_new(one, None, now + Duration::from_secs(5)));
        assert!(told.is_new(other, None, now) && told.is_new(one, Some("ann"), now));
        assert!(told.is_new(one, None, now + AGAIN_AFTER));
    }

    #[test]
    fn an_attack_from_everywhere_fills_nothing() {
        let (mut told, now) = (Told::default(), Instant::now());
        let tried = (0..MOST_TOLD as u32 * 2).filter(|n| told.is_new(IpAddr::from(n.to_be_bytes()), None, now));
        assert_eq!(tried.count(), MOST_TOLD);
        let later = now + AGAIN_AFTER;
        assert!(told.is_new(IpAddr::from([192, 0, 2, 1]), None, later));
        assert_eq!(told.0.len(), 1);
    }
}
