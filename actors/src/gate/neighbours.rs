//! Which network card has an address of the local network: what the kernel told last, and when it is
//! asked again.
//!
//! Belongs here: the last answer, its age, waiting for the next. Does not belong here: how the kernel is
//! asked (`netlink`, `networks`), whether anybody has to know ([`super::Gate`]).

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use vigie_config::Card;

use super::{
    netlink::{self, Table},
    networks::Networks,
};

/// How often the kernel is asked while somebody has to know.
const EVERY: Duration = Duration::from_secs(5);
/// Between two questions, whoever asks for them.
const PAUSE: Duration = Duration::from_millis(50);
/// How long whoever is not known yet waits for an answer.
const WITHIN: Duration = Duration::from_millis(250);
/// An answer this old is none: nobody had to know since.
const OLD: Duration = Duration::from_secs(60);

/// What the kernel tells at once.
#[derive(Debug, Default)]
pub struct Told {
    pub cards: Table,
    pub networks: Networks,
}

impl Told {
    fn by_the_kernel() -> io::Result<Told> {
        Ok(Told {
            cards: netlink::table()?,
            networks: Networks::read()?,
        })
    }

    fn card(&self, address: IpAddr) -> Card {
        match self.cards.get(&address) {
            Some(mac) => Card::Known(*mac),
            None if self.networks.can_know(address) => Card::Unknown,
            None => Card::None,
        }
    }
}

/// The last answer. One that could not be had leaves the one before.
#[derive(Default, Clone)]
struct Seen {
    told: Option<Arc<Told>>,
    /// When the kernel was asked.
    at: Option<Instant>,
}

impl Seen {
    fn card(&self, address: IpAddr, now: Instant) -> Card {
        let is_good = self.at.is_some_and(|at| now.duration_since(at) < OLD);
        match self.told.as_ref().filter(|_| is_good) {
            Some(told) => told.card(address),
            None => Card::Unknown,
        }
    }
}

type Ask = dyn Fn() -> io::Result<Told> + Send + Sync;

/// Reads of the answer never wait; questions are asked one after the other, by [`Neighbours::turn`].
pub struct Neighbours {
    ask: Box<Ask>,
    seen: ArcSwap<Seen>,
    fails: AtomicBool,
    wanted: Notify,
    /// Questions begun, and the last one answered.
    begun: AtomicU64,
    answered: watch::Sender<u64>,
    /// For those who wait without a runtime.
    lock: Mutex<()>,
    heard: Condvar,
}

impl Neighbours {
    pub fn new() -> Arc<Neighbours> {
        Self::asking(Told::by_the_kernel)
    }

    fn asking(ask: impl Fn() -> io::Result<Told> + Send + Sync + 'static) -> Arc<Neighbours> {
        Arc::new(Neighbours {
            ask: Box::new(ask),
            seen: ArcSwap::default(),
            fails: AtomicBool::new(false),
            wanted: Notify::new(),
            begun: AtomicU64::new(0),
            answered: watch::Sender::default(),
            lock: Mutex::default(),
            heard: Condvar::new(),
        })
    }

    /// As told last.
    pub fn card(&self, address: IpAddr) -> Card {
        self.seen.load().card(address, Instant::now())
    }

    /// How many cards are known.
    pub fn len(&self) -> usize {
        self.seen.load().told.as_ref().map_or(0, |told| told.cards.len())
    }

    /// Has the kernel asked once more where a card is not known, and waits a moment for the answer.
    pub async fn look_for(&self, address: IpAddr) {
        if self.card(address) == Card::Unknown {
            let (next, mut answered) = (self.want(), self.answered.subscribe());
            let heard = answered.wait_for(|last| *last >= next);
            drop(tokio::time::timeout(WITHIN, heard).await);
        }
    }

    /// The same, on a thread that may wait.
    pub fn look_for_blocking(&self, address: IpAddr) {
        if self.card(address) == Card::Unknown {
            let next = self.want();
            let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            let waits = |_: &mut ()| *self.answered.borrow() < next;
            drop(self.heard.wait_timeout_while(lock, WITHIN, waits));
        }
    }

    /// The first question that begins after this: one that is under way may have passed by whoever came
    /// meanwhile.
    fn want(&self) -> u64 {
        let next = self.begun.load(Ordering::SeqCst) + 1;
        self.wanted.notify_one();
        next
    }

    /// Until the next question is answered: at once where somebody waits for it, else in a while and only
    /// if `is_needed`.
    pub async fn turn(self: &Arc<Self>, is_needed: impl FnOnce() -> bool) -> Result<(), tokio::task::JoinError> {
        let is_waited_for = tokio::time::timeout(EVERY, self.wanted.notified()).await.is_ok();
        if !is_waited_for && !is_needed() {
            return Ok(());
        }
        let asking = self.clone();
        tokio::task::spawn_blocking(move || asking.refresh()).await?;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    fn refresh(&self) {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let told = (self.ask)();
        let at = Some(Instant::now());
        let failed = self.fails.swap(told.is_err(), Ordering::SeqCst);
        let told = match told {
            Ok(told) => {
                if failed {
                    tracing::info!("the kernel tells the MAC addresses of neighbours again");
                }
                Some(Arc::new(told))
            }
            Err(error) => {
                if !failed {
                    tracing::warn!(
                        %error,
                        "the kernel does not tell the MAC addresses of neighbours: lists of MAC addresses go by \
                         what it told last, and `block` by MAC address keeps out whoever it told nothing of; \
                         let the recorder open netlink sockets (RestrictAddressFamilies=AF_NETLINK), or take \
                         the MAC addresses out of server.access and of users"
                    );
                }
                self.seen.load().told.clone()
            }
        };
        self.seen.store(Arc::new(Seen { told, at }));
        self.answered.send_replace(number);
        // Nobody is between looking and waiting now.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.heard.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::Mac;

    use super::*;

    const HOME: [u8; 4] = [192, 0, 2, 7];
    const CARD: Mac = Mac([2, 0, 0x5e, 0x10, 0, 1]);

    fn told(with: bool) -> Told {
        Told {
            cards: with.then_some((HOME.into(), CARD)).into_iter().collect(),
            networks: Networks::of(&[("192.0.2.1/255.255.255.0", true)]),
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    }

    /// Answers for as long as it is held.
    fn asked_by(runtime: &tokio::runtime::Runtime, neighbours: &Arc<Neighbours>) {
        let neighbours = neighbours.clone();
        runtime.spawn(async move { while neighbours.turn(|| false).await.is_ok() {} });
    }

    fn until(mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_secs(20), "not yet");
        }
    }

    #[test]
    fn what_is_told_is_known_and_the_rest_of_the_network_is_not() {
        let at = Instant::now();
        let seen = Seen {
            told: Some(Arc::new(told(true))),
            at: Some(at),
        };
        let card = |address: [u8; 4], now| seen.card(address.into(), now);
        assert_eq!(card(HOME, at), Card::Known(CARD));
        assert_eq!(card([192, 0, 2, 8], at), Card::Unknown);
        for elsewhere in [[203, 0, 113, 9], [192, 0, 2, 1], [127, 0, 0, 1]] {
            assert_eq!(card(elsewhere, at), Card::None, "{elsewhere:?}");
        }
        assert_eq!(card(HOME, at + OLD), Card::Unknown, "nobody had to know for long");
        assert_eq!(Seen::default().card(HOME.into(), at), Card::Unknown);
    }

    #[test]
    fn whoever_came_since_is_found_by_those_who_wait() {
        let is_there = Arc::new(AtomicBool::new(false));
        let seen = is_there.clone();
        let neighbours = Neighbours::asking(move || Ok(told(seen.load(Ordering::SeqCst))));
        let runtime = runtime();
        asked_by(&runtime, &neighbours);
        // On a slow machine the answer may come when nobody waits any more.
        until(|| {
            runtime.block_on(neighbours.look_for(HOME.into()));
            neighbours.card([203, 0, 113, 9].into()) == Card::None
        });
        assert_eq!(neighbours.card(HOME.into()), Card::Unknown);
        is_there.store(true, Ordering::SeqCst);
        until(|| {
            neighbours.look_for_blocking(HOME.into());
            neighbours.card(HOME.into()) == Card::Known(CARD)
        });
        assert_eq!(neighbours.len(), 1);
    }

    #[test]
    fn nobody_waits_for_who_is_known_or_for_ever() {
        let neighbours = Neighbours::asking(|| Ok(told(true)));
        // Nobody answers yet.
        neighbours.look_for_blocking(HOME.into());
        assert_eq!(neighbours.card(HOME.into()), Card::Unknown);
        neighbours.refresh();
        let begun = || neighbours.begun.load(Ordering::SeqCst);
        let before = begun();
        let runtime = runtime();
        asked_by(&runtime, &neighbours);
        // The one who asked above is answered.
        runtime
            .block_on(neighbours.answered.subscribe().wait_for(|last| *last > before))
            .unwrap();
        let before = begun();
        neighbours.look_for_blocking(HOME.into());
        neighbours.look_for_blocking([203, 0, 113, 9].into());
        runtime.block_on(neighbours.look_for(HOME.into()));
        assert_eq!(begun(), before);
    }

    #[test]
    fn what_cannot_be_read_leaves_what_was_told_last() {
        let fails = Arc::new(AtomicBool::new(false));
        let failing = fails.clone();
        let neighbours = Neighbours::asking(move || match failing.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::PermissionDenied.into()),
            false => Ok(told(true)),
        });
        neighbours.refresh();
        fails.store(true, Ordering::SeqCst);
        neighbours.refresh();
        assert_eq!(neighbours.card(HOME.into()), Card::Known(CARD));
        assert!(neighbours.fails.load(Ordering::SeqCst));
    }

    #[test]
    fn one_question_answers_all_who_wait() {
        let neighbours = Neighbours::asking(|| Ok(told(false)));
        let asks: Vec<u64> = (0..100).map(|_| neighbours.want()).collect();
        assert!(asks.iter().all(|next| *next == 1), "{asks:?}");
        neighbours.refresh();
        assert_eq!(*neighbours.answered.borrow(), 1);
        assert_eq!(neighbours.want(), 2);
    }
}
