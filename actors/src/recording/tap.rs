//! What of a recording outlives its actor: the subscription, and the units that were read but
//! are not in a file yet.
//!
//! A run that ends, however it ends, loses nothing: the next one is given the same units again,
//! without those that were stored.

use std::{collections::VecDeque, sync::Arc};

use vigie_config::{Causes, Utc};
use vigie_media::{
    AccessUnit, Track,
    fmp4::Fragment,
    hub::{Hub, Item, Policy, Subscriber, Wake},
};

/// Units a recording may be behind: 20 s of 25 pictures and 25 packets of sound.
const CAPACITY_UNITS: usize = 1024;
/// Sound that never reaches a file (left out, out of place) is forgotten so far behind the
/// pictures.
const FORGET_SOUND_UNITS: u64 = 256;
/// A GOP whose last picture is so much older than what is wanted does not lead up to it: the source
/// was silent in between.
const APART_MICROS: i64 = 2_000_000;

/// One stream's place in its hub, kept beside the hub.
#[derive(Default)]
pub struct Tap(tokio::sync::Mutex<TapState>);

impl Tap {
    /// A run of the recording holds it now.
    pub fn is_held(&self) -> bool {
        self.0.try_lock().is_err()
    }

    /// One run at a time holds it.
    pub async fn hold(&self) -> tokio::sync::MutexGuard<'_, TapState> {
        self.0.lock().await
    }
}

#[derive(Default)]
pub struct TapState {
    subscriber: Option<Subscriber>,
    /// Read and not stored, in order.
    waiting: VecDeque<Arc<AccessUnit>>,
    /// How many of `waiting` this run was given.
    given: usize,
    /// Highest stored `seq` of each track: those of one track are stored in order.
    stored_video: u64,
    stored_audio: u64,
    /// Of the newest unit read.
    read: u64,
    /// What waits does so for an event: it goes when it is too old.
    keeping: bool,
    /// What waits follows what is stored, picture by picture: it needs no RAP to begin with.
    follows: bool,
    /// Why what waits is recorded, where it does not wait for an event.
    causes: Causes,
}

impl TapState {
    /// Subscribes if need be; what waits goes on waiting.
    pub fn begin(&mut self, hub: &Arc<Hub>) {
        if self.subscriber.as_ref().is_none_or(|s| !Arc::ptr_eq(s.hub(), hub)) {
            self.end();
            // The hub begins with a GOP that may be as old as its source has been silent.
            self.keeping = true;
            self.follows = false;
            self.subscriber = Some(hub.subscribe(Policy::MustNotDrop, Wake::Lazy, CAPACITY_UNITS));
        }
    }

    /// Nothing is wanted any more.
    pub fn end(&mut self) {
        self.subscriber = None;
        self.waiting.clear();
        self.given = 0;
        self.keeping = false;
    }

    /// Gives what is not stored again from its beginning.
    pub fn rewind(&mut self) {
        self.given = 0;
    }

    /// The unit given last is not taken: it comes again.
    pub fn give_back(&mut self) {
        self.given = self.given.saturating_sub(1);
    }

    /// Reads all units that are there and gives none: of what waits, everything goes that is older
    /// than the GOP of `from`, and what `most_bytes` have no room for. True: so much that less
    /// than from `from` on is left.
    pub fn keep(&mut self, from: Utc, most_bytes: u64) -> bool {
        self.keeping = true;
        self.read_all();
        self.follows = false;
        self.forget_before(from);
        let mut bytes: u64 = self.waiting.iter().map(|unit| unit.data.len() as u64).sum();
        let mut short = false;
        while bytes > most_bytes
            && let Some(unit) = self.waiting.pop_front()
        {
            bytes -= unit.data.len() as u64;
            short = true;
        }
        if short {
            self.forget_before(Utc::MIN);
        }
        short
    }

    /// Recording is wanted from `from` on. What a run before this one was given and did not store is
    /// wanted anyway.
    pub fn wake(&mut self, from: Utc) {
        if std::mem::take(&mut self.keeping) {
            self.read_all();
            self.forget_before(from);
        }
        self.rewind();
    }

    fn read_all(&mut self) {
        self.given = self.waiting.len();
        loop {
            match self.try_next() {
                Some(Item::Unit(_)) => {}
                // What lies before a hole cannot lead up to an event.
                Some(Item::Lost { .. }) => {
                    self.follows = false;
                    self.waiting.clear();
                }
                None => break,
            }
            self.given = self.waiting.len();
        }
        self.rewind();
    }

    /// Forgets what lies before the GOP that `from` lies in, or before the first one there is; and
    /// what a source showed long before `from`, and then fell silent.
    fn forget_before(&mut self, from: Utc) {
        let apart = |newest: Option<Utc>| newest.is_some_and(|at| from.micros_since(at) > APART_MICROS);
        let (mut begin, mut newest) = (self.follows.then_some(0), None);
        let video = self.waiting.iter().enumerate();
        for (at, unit) in video.filter(|(_, unit)| unit.track == Track::Video) {
            if unit.rap && (begin.is_none() || unit.utc <= from || apart(newest)) {
                begin = Some(at);
            }
            newest = Some(unit.utc);
        }
        let begin = begin.filter(|_| !apart(newest));
        self.waiting.drain(..begin.unwrap_or(self.waiting.len()));
    }

    /// Why what is read now is recorded: for a run that takes over when that is over.
    pub fn set_causes(&mut self, causes: Causes) {
        self.causes = causes;
    }

    /// Why an earlier run was given pictures that it did not store; `None`: there are none.
    pub fn left_over(&self) -> Option<Causes> {
        let left = |unit: &Arc<AccessUnit>| unit.track == Track::Video && !self.is_stored(unit);
        (!self.keeping && self.waiting.iter().any(left)).then_some(self.causes)
    }

    /// When the first of what waits was taken.
    pub fn first(&self) -> Option<Utc> {
        self.waiting.front().map(|unit| unit.utc)
    }

    /// The next unit that is not stored, or news of a loss.
    pub fn try_next(&mut self) -> Option<Item> {
        loop {
            if let Some(unit) = self.waiting.get(self.given) {
                let unit = unit.clone();
                self.given += 1;
                if self.is_stored(&unit) {
                    continue;
                }
                return Some(Item::Unit(unit));
            }
            match self.subscriber.as_mut()?.try_next()? {
                Item::Unit(unit) if self.is_stored(&unit) => self.follows |= unit.track == Track::Video,
                Item::Unit(unit) => {
                    self.read = unit.seq;
                    self.waiting.push_back(unit);
                }
                lost => return Some(lost),
            }
        }
    }

    fn is_stored(&self, unit: &AccessUnit) -> bool {
        match unit.track {
            Track::Video => unit.seq <= self.stored_video,
            Track::Audio => unit.seq <= self.stored_audio,
        }
    }

    /// A fragment was taken by a volume.
    pub fn stored(&mut self, fragment: &StoredUnits) {
        self.stored_video = self.stored_video.max(fragment.video_seq);
        self.stored_audio = self.stored_audio.max(fragment.audio_seq);
        while let Some(unit) = self.waiting.front() {
            let forgotten = unit.track == Track::Audio && unit.seq + FORGET_SOUND_UNITS <= self.stored_video;
            if !(self.is_stored(unit) || forgotten) {
                break;
            }
            self.waiting.pop_front();
            self.given = self.given.saturating_sub(1);
        }
    }

    /// `seq` of the newest unit read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// `seq` of the newest unit published.
    pub fn published(&self) -> u64 {
        self.subscriber.as_ref().map_or(0, |s| s.hub().stats().units)
    }

    /// Units read that are not in a file.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Resolves when the ring is half full; never while there is no subscription.
    pub async fn crowded(&mut self) {
        match &mut self.subscriber {
            Some(subscriber) if !subscriber.is_closed() => subscriber.wait().await,
            _ => std::future::pending().await,
        }
    }
}

/// Which units a fragment holds.
#[derive(Debug, Clone, Copy)]
pub struct StoredUnits {
    pub video_seq: u64,
    pub audio_seq: u64,
}

impl From<&Fragment> for StoredUnits {
    fn from(fragment: &Fragment) -> Self {
        Self {
            video_seq: fragment.video_seq,
            audio_seq: fragment.audio_seq,
        }
    }
}
