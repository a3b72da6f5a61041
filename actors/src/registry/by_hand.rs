//! Recordings by hand that were to last so long. Pure.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ulid::Ulid;
use vigie_config::{EventKind, Utc};
use vigie_storage::events::EventRecord;

use super::event::Event;

/// When those that began in this process are over. The clock that people read may be set meanwhile.
#[derive(Debug, Default)]
pub(super) struct ByHand(BTreeMap<Ulid, Instant>);

fn until(event: &EventRecord) -> Option<Utc> {
    let until = event.payload.as_ref()?.get("until")?.as_str()?;
    (event.kind == EventKind::Manual).then(|| until.parse().ok())?
}

impl ByHand {
    /// An event begins now. The same again changes nothing.
    pub fn begun(&mut self, event: &EventRecord, now: Instant) {
        if let Some(until) = until(event) {
            let long: Duration = until.since(event.start);
            self.0.entry(event.id).or_insert(now + long);
        }
    }

    /// The ends of those whose time is over. Of an event of an earlier process only the clock tells.
    pub fn due<'e>(
        &mut self,
        open: impl Iterator<Item = &'e Arc<EventRecord>>,
        now: Instant,
        clock: Utc,
    ) -> Vec<Event> {
        let mut left = BTreeMap::new();
        let mut over = Vec::new();
        for event in open {
            let Some(until) = until(event) else { continue };
            let due = match self.0.remove(&event.id) {
                Some(at) => {
                    left.insert(event.id, at);
                    at <= now
                }
                None => until <= clock,
            };
            if due {
                over.push(Event::over_of(event.kind, event.source.clone(), event.id));
            }
        }
        self.0 = left;
        over
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::registry::lifecycle::Lifecycle;

    #[test]
    fn a_clock_that_is_set_changes_no_recording_of_this_process() {
        let clock = Utc::from_micros(1_700_000_000_000_000);
        let hour = |hours: i64| clock.plus_micros(hours * 3_600_000_000);
        let mut lifecycle = Lifecycle::default();
        let manual = Event::new(EventKind::Manual, "camera:gate".parse().unwrap(), "").at(clock);
        let until = clock.plus_micros(600_000_000).to_string();
        lifecycle.take(&manual.clone().with(json!({ "by": "ann", "until": until })));
        let event = lifecycle.open().next().unwrap().clone();
        let (begin, mut ours) = (Instant::now(), ByHand::default());
        ours.begun(&event, begin);
        let ends = |by_hand: &mut ByHand, seconds: u64, clock: Utc| {
            let over = by_hand.due(lifecycle.open(), begin + Duration::from_secs(seconds), clock);
            over.iter().any(|over| over.over && over.of == Some(manual.id))
        };
        assert!(!ends(&mut ours, 1, hour(1)), "set forward");
        assert!(!ends(&mut ours, 599, hour(-1)));
        assert!(ends(&mut ours, 600, hour(-1)), "set back");
        let mut restored = ByHand::default();
        assert!(!ends(&mut restored, 900, clock) && ends(&mut restored, 1, hour(1)));
        assert!(ours.due(std::iter::empty(), begin, clock).is_empty() && ours.0.is_empty());
    }
}
