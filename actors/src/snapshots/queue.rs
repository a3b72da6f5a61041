//! Which pictures are to be taken, in what order, and which are not. Pure.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use ulid::Ulid;
use vigie_config::{CameraId, DiskId, Utc};
use vigie_storage::{SyncTicket, Volume, snapshots::SnapshotId};

use super::held::Held;

/// Pictures on their way at once. Over it new ones are refused: the oldest are nearest to being done.
const MOST: usize = 512;
/// Between two moments of one camera, of events.
const SPACING: Duration = Duration::from_secs(1);
/// Actions that are remembered as told: more than one batch of facts brings.
const KNOWN: usize = 65_536;
/// What is held in memory for pictures to come. Over it footage is asked.
const HELD_BYTES: usize = 256 << 20;
/// A picture that makes the actor fail again and again, or finds no turn, is given up.
const ATTEMPTS: u8 = 3;

/// Who wants it.
pub enum For {
    Event {
        id: Ulid,
        number: u16,
    },
    /// A person, who waits for the answer.
    Hand {
        by: String,
        answer: Answer,
    },
}

pub type Answer = tokio::sync::oneshot::Sender<Result<SnapshotId, String>>;

/// How far a picture is.
pub enum Stage {
    /// For its turn.
    Waiting,
    InHand,
    /// In its file on that volume, which has not synced it yet.
    Written {
        volume: Arc<Volume>,
        ticket: SyncTicket,
        since: Instant,
    },
}

/// A picture that is made, and not safe yet.
#[derive(Debug, Clone)]
pub struct Made {
    pub id: SnapshotId,
    pub jpeg: bytes::Bytes,
}

pub struct Item {
    pub key: u64,
    pub camera: CameraId,
    /// The moment.
    pub at: Utc,
    pub wanted: For,
    pub held: Option<Held>,
    /// When it was asked for.
    pub since: Instant,
    pub stage: Stage,
    pub made: Option<Made>,
    /// Disks that did not take it, and why.
    pub refused: Vec<(DiskId, String)>,
    attempts: u8,
}

/// Why a picture is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    Full,
    TooSoon { since: Duration },
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Full => write!(f, "{MOST} other snapshots are on their way: too many at once"),
            Refused::TooSoon { since } => write!(
                f,
                "another snapshot of this camera is of {:.1} s before or after: one for each {} s at most",
                since.as_secs_f64(),
                SPACING.as_secs()
            ),
        }
    }
}

#[derive(Default)]
pub struct Queue {
    /// Oldest first.
    pub items: VecDeque<Item>,
    next_key: u64,
    /// The newest moment of each camera.
    last: HashMap<CameraId, Utc>,
    told: HashSet<(Ulid, u16)>,
    told_order: VecDeque<(Ulid, u16)>,
    pub counts: Counts,
}

/// Since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub stored: u64,
    pub failed: u64,
    /// Refused because too many were on their way, or another one of the camera is too near.
    pub dropped: u64,
}

impl Queue {
    /// An action of an event is told for the first time.
    pub fn is_news(&mut self, event: Ulid, number: u16) -> bool {
        if !self.told.insert((event, number)) {
            return false;
        }
        self.told_order.push_back((event, number));
        if self.told_order.len() > KNOWN
            && let Some(oldest) = self.told_order.pop_front()
        {
            self.told.remove(&oldest);
        }
        true
    }

    /// Takes it in, or says why not; `hold` is asked for the units where there is room for them.
    pub fn put(
        &mut self,
        camera: &CameraId,
        at: Utc,
        wanted: For,
        now: Instant,
        hold: impl FnOnce() -> Option<Held>,
    ) -> Result<(), Refused> {
        let refused = match (&wanted, self.last.get(camera)) {
            _ if self.items.len() >= MOST => Some(Refused::Full),
            (For::Event { .. }, Some(last)) => {
                let since = Duration::from_micros(at.micros_since(*last).unsigned_abs());
                (since < SPACING).then_some(Refused::TooSoon { since })
            }
            _ => None,
        };
        if let Some(refused) = refused {
            self.counts.dropped += 1;
            return Err(refused);
        }
        if let For::Event { .. } = wanted {
            self.last.insert(camera.clone(), at);
        }
        let held: usize = self
            .items
            .iter()
            .filter_map(|item| item.held.as_ref())
            .map(Held::bytes)
            .sum();
        self.next_key += 1;
        self.items.push_back(Item {
            key: self.next_key,
            camera: camera.clone(),
            at,
            wanted,
            held: if held < HELD_BYTES { hold() } else { None },
            since: now,
            stage: Stage::Waiting,
            made: None,
            refused: Vec::new(),
            attempts: 0,
        });
        Ok(())
    }

    /// What an actor that ended had in hand waits again. Gives back those that are given up.
    pub fn begin_anew(&mut self) -> Vec<Item> {
        for item in &mut self.items {
            if let Stage::InHand = item.stage {
                item.stage = Stage::Waiting;
                item.attempts += 1;
            }
        }
        let all = std::mem::take(&mut self.items).into_iter();
        let (given_up, left): (Vec<Item>, Vec<Item>) = all.partition(|item| item.attempts >= ATTEMPTS);
        self.items = left.into();
        given_up
    }

    /// What was in hand waits again. Gives it back where it is given up.
    pub fn again(&mut self, key: u64) -> Option<Item> {
        let item = self.get(key)?;
        item.stage = Stage::Waiting;
        item.attempts += 1;
        let given_up = item.attempts >= ATTEMPTS;
        given_up.then(|| self.remove(key)).flatten()
    }

    pub fn get(&mut self, key: u64) -> Option<&mut Item> {
        self.items.iter_mut().find(|item| item.key == key)
    }

    pub fn remove(&mut self, key: u64) -> Option<Item> {
        let place = self.items.iter().position(|item| item.key == key)?;
        self.items.remove(place)
    }

    /// Something of that event is still on its way.
    pub fn has(&self, event: Ulid) -> bool {
        let of = |item: &Item| matches!(item.wanted, For::Event { id, .. } if id == event);
        self.items.iter().any(of)
    }

    /// Takes the oldest in hand that `is_ready`.
    pub fn next(&mut self, is_ready: impl Fn(&Item) -> bool) -> Option<&mut Item> {
        let mut waiting = self
            .items
            .iter_mut()
            .filter(|item| matches!(item.stage, Stage::Waiting));
        let item = waiting.find(|item| is_ready(item))?;
        item.stage = Stage::InHand;
        Some(item)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn camera(n: usize) -> CameraId {
        CameraId::new(&format!("c{n}")).unwrap()
    }

    fn at(millis: i64) -> Utc {
        Utc::from_micros(1_700_000_000_000_000 + millis * 1000)
    }

    fn event(n: u128) -> For {
        For::Event {
            id: Ulid::from(n),
            number: 0,
        }
    }

    fn put(queue: &mut Queue, of: usize, millis: i64, wanted: For) -> Result<(), Refused> {
        queue.put(&camera(of), at(millis), wanted, Instant::now(), || None)
    }

    #[test]
    fn a_storm_takes_the_oldest_and_leaves_room_for_other_cameras() {
        let mut queue = Queue::default();
        // 10 000 events in 100 s at one camera, and one of another in each second.
        let mut taken = [0, 0];
        for n in 0..10_000i64 {
            taken[0] += usize::from(put(&mut queue, 0, n * 10, event(1)).is_ok());
            if n % 100 == 0 {
                taken[1] += usize::from(put(&mut queue, 1, n * 10, event(2)).is_ok());
            }
        }
        assert_eq!(taken, [100, 100]);
        assert_eq!(queue.counts.dropped, 9_900);
        let first = queue.next(|_| true).unwrap();
        assert_eq!((first.at, &first.camera), (at(0), &camera(0)));
        let second = queue.next(|_| true).unwrap();
        assert_eq!((second.at, &second.camera), (at(0), &camera(1)));
    }

    #[test]
    fn it_is_bounded_and_says_so() {
        let mut queue = Queue::default();
        for n in 0..MOST {
            put(&mut queue, n, 0, event(1)).unwrap();
        }
        assert_eq!(put(&mut queue, MOST, 0, event(1)), Err(Refused::Full));
        let key = queue.next(|_| true).unwrap().key;
        assert!(queue.has(Ulid::from(1u128)));
        queue.remove(key).unwrap();
        assert_eq!(put(&mut queue, MOST, 0, event(1)), Ok(()));
    }

    #[test]
    fn moments_of_one_camera_lie_a_second_apart_whichever_comes_first() {
        let mut queue = Queue::default();
        put(&mut queue, 0, 5_000, event(1)).unwrap();
        for millis in [4_001, 5_000, 5_999] {
            assert!(matches!(
                put(&mut queue, 0, millis, event(1)),
                Err(Refused::TooSoon { .. })
            ));
        }
        put(&mut queue, 0, 6_000, event(1)).unwrap();
        put(&mut queue, 0, 1_000, event(1)).unwrap();
        let (answer, _) = tokio::sync::oneshot::channel();
        let by = "ann".into();
        put(&mut queue, 0, 1_000, For::Hand { by, answer }).unwrap();
    }

    #[test]
    fn told_twice_is_told_once() {
        let mut queue = Queue::default();
        assert!(queue.is_news(Ulid::from(1u128), 0));
        assert!(!queue.is_news(Ulid::from(1u128), 0));
        assert!(queue.is_news(Ulid::from(1u128), 1));
        for n in 0..KNOWN as u128 {
            queue.is_news(Ulid::from(n + 10), 0);
        }
        assert!(queue.is_news(Ulid::from(1u128), 0), "forgotten");
        assert_eq!(queue.told.len(), queue.told_order.len());
    }

    #[test]
    fn what_found_no_turn_waits_again_and_is_given_up_in_the_end() {
        let mut queue = Queue::default();
        put(&mut queue, 0, 0, event(1)).unwrap();
        for attempt in 1..=ATTEMPTS {
            let key = queue.next(|_| true).unwrap().key;
            assert!(queue.next(|_| true).is_none(), "in hand");
            assert_eq!(queue.again(key).is_some(), attempt == ATTEMPTS);
        }
        assert!(queue.items.is_empty());
    }

    #[test]
    fn what_was_in_hand_comes_again_and_is_given_up_in_the_end() {
        let mut queue = Queue::default();
        put(&mut queue, 0, 0, event(1)).unwrap();
        put(&mut queue, 1, 0, event(2)).unwrap();
        for attempt in 1..=ATTEMPTS {
            let first = queue.next(|item| item.camera == camera(0)).unwrap();
            assert_eq!(first.camera, camera(0));
            let given_up = queue.begin_anew().len();
            assert_eq!(given_up, usize::from(attempt == ATTEMPTS));
        }
        assert_eq!(queue.items.len(), 1);
        assert_eq!(queue.next(|_| true).unwrap().camera, camera(1));
    }
}
