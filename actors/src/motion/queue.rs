//! What comes from the hub to be looked at; leaves out what there is no time for.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_media::{
    AccessUnit, Track,
    hub::{Hub, Item, Policy, Subscriber, Wake},
};

/// Units in the queue of the hub: some seconds.
const QUEUE: usize = 256;
/// For so long units may wait, at most: more means that this machine is too slow.
const BEHIND: Duration = Duration::from_secs(3);

/// Units to be looked at next.
pub(super) struct Batch {
    pub units: Vec<Arc<AccessUnit>>,
    /// There is a hole before the first.
    pub lost: bool,
    /// Video units left out since the last batch.
    pub skipped: u64,
}

pub(super) struct Queue {
    subscriber: Subscriber,
    cached_to: u64,
    /// When units were taken last: what is there now has not waited for longer. `None`: the first
    /// batch is the cached GOP, which may be long.
    taken: Option<Instant>,
}

impl Queue {
    pub fn new(hub: &Arc<Hub>) -> Self {
        Self {
            cached_to: hub.stats().units,
            subscriber: hub.subscribe(Policy::SkipToRap, Wake::Lazy, QUEUE),
            taken: None,
        }
    }

    /// The hub's number of the last unit that was there before: the cached GOP ends with it.
    pub fn cached_to(&self) -> u64 {
        self.cached_to
    }

    /// Nothing comes any more.
    pub fn is_closed(&self) -> bool {
        self.subscriber.is_closed()
    }

    /// All that is there; of what has waited for too long the newest GOP. By when it was taken last,
    /// not by the units' own clock: a burst after a stall of the network is no fault of this machine.
    pub fn take(&mut self, now: Instant) -> Batch {
        let mut units: VecDeque<Arc<AccessUnit>> = VecDeque::new();
        let (mut lost, mut skipped) = (false, 0);
        while let Some(item) = self.subscriber.try_next() {
            match item {
                Item::Unit(unit) if unit.track == Track::Video => units.push_back(unit),
                Item::Unit(_) => {}
                Item::Lost { units: missing } => {
                    skipped += units.len() as u64 + missing;
                    units.clear();
                    lost = true;
                }
            }
        }
        let before = self.taken.replace(now);
        if before.is_some_and(|before| now.saturating_duration_since(before) > BEHIND) {
            let newest = units.iter().rposition(|unit| unit.rap).unwrap_or(units.len());
            if newest > 0 {
                skipped += newest as u64;
                units.drain(..newest);
                lost = true;
            }
        }
        Batch {
            units: units.into(),
            lost,
            skipped,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use vigie_config::{CameraId, StreamId, StreamName, Utc};
    use vigie_media::hub::Publisher;

    use super::*;

    /// A RAP every tenth, all of them of long ago by their own clock.
    fn publish(publisher: &mut Publisher, units: std::ops::Range<i64>) {
        for n in units {
            publisher.publish(AccessUnit {
                track: Track::Video,
                data: Bytes::from_static(&[0; 100]),
                dts: n * 9_000,
                pts: n * 9_000,
                utc: Utc::from_micros(n * 100_000),
                rap: n % 10 == 0,
                epoch: 0,
                format: Arc::default(),
                seq: 0,
            });
        }
        publisher.flush();
    }

    fn hub() -> (Arc<Hub>, Publisher) {
        let hub = Hub::new(StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main), 1 << 20);
        let publisher = hub.publisher();
        (hub, publisher)
    }

    #[test]
    fn only_what_waited_here_is_left_out() {
        let ((hub, mut publisher), now) = (hub(), Instant::now());
        publish(&mut publisher, 0..9);
        let mut queue = Queue::new(&hub);
        assert_eq!(queue.cached_to(), 9);
        let take = |queue: &mut Queue, at: Duration| {
            let Batch { units, lost, skipped } = queue.take(now + at);
            (units.len(), lost, skipped)
        };
        // The cached GOP, however late the first look is.
        assert_eq!(take(&mut queue, Duration::from_secs(60)), (9, false, 0));
        // A stall of the network, or a clock that was set: old units, which waited elsewhere.
        publish(&mut publisher, 9..95);
        assert_eq!(take(&mut queue, Duration::from_secs(62)), (86, false, 0));
        // Nobody looked for long: the newest GOP is left.
        publish(&mut publisher, 95..133);
        assert_eq!(take(&mut queue, Duration::from_secs(66)), (3, true, 35));
    }

    #[test]
    fn what_the_hub_dropped_is_counted() {
        let (hub, mut publisher) = hub();
        let mut queue = Queue::new(&hub);
        publish(&mut publisher, 0..2);
        queue.take(Instant::now());
        publish(&mut publisher, 2..305);
        let Batch { units, lost, skipped } = queue.take(Instant::now());
        assert!(lost);
        assert_eq!(units.len() as u64 + skipped, 303);
        assert!(units.first().unwrap().rap);
    }
}
