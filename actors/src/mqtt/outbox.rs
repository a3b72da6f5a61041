//! What the broker is to be told: how things stand, events, and what somebody waits for. Pure.
//!
//! How things stand is told anew after each connection; events wait for at most an hour; what somebody
//! waits for fails at once when the connection does. It lives in memory: events that wait when the process
//! ends, the next one finds in the log ([`super::progress`]).

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use vigie_storage::events::Position;

use super::marks::Marks;

/// Sent and not acknowledged, at most; Mosquitto's own limit.
const IN_FLIGHT: usize = 20;
/// Events that wait, at most. Over it the oldest go, and are counted.
const EVENTS: usize = 10_000;
const EVENT_BYTES: usize = 16 << 20;
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// The last id of a publication.
pub(super) const LAST_ID: u16 = 0x7fff;
/// Callers that wait, at most.
const CALLS: usize = 1000;

/// What is to be sent now, with QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub id: u16,
    pub topic: String,
    pub payload: String,
    pub retain: bool,
}

/// Somebody waits for the broker's word.
pub(super) struct Call {
    pub topic: String,
    pub payload: String,
    pub retain: bool,
    pub answer: oneshot::Sender<Result<(), String>>,
}

struct Waiting {
    number: u64,
    topic: String,
    payload: String,
    since: Instant,
}

enum Sent {
    Standing { topic: String, payload: String },
    Event(u64),
    Call(oneshot::Sender<Result<(), String>>),
}

#[derive(Default)]
pub(super) struct Outbox {
    /// Retained: payloads by topic. Empty: the broker is to forget it.
    standing: BTreeMap<String, String>,
    /// Of these, those not told yet.
    untold: BTreeSet<String>,
    events: VecDeque<Waiting>,
    event_bytes: usize,
    /// So many of the first events are in flight.
    sent_events: usize,
    numbered: u64,
    marks: Marks,
    calls: VecDeque<Call>,
    in_flight: BTreeMap<u16, Sent>,
    last_id: u16,
    dropped: u64,
    /// The last word is said: nothing stands otherwise until the next connection.
    closed: bool,
}

impl Outbox {
    /// Everything stands like this, and nothing else stands.
    pub fn stands(&mut self, now: &BTreeMap<&str, &str>) {
        if self.closed {
            return;
        }
        let gone: Vec<String> = self
            .standing
            .keys()
            .filter(|topic| !now.contains_key(topic.as_str()))
            .cloned()
            .collect();
        gone.into_iter().for_each(|topic| self.forget(topic));
        for (topic, payload) in now {
            if self.standing.get(*topic).map(String::as_str) != Some(*payload) {
                self.set((*topic).to_owned(), (*payload).to_owned());
            }
        }
    }

    /// The last word before the connection ends.
    pub fn close(&mut self, topic: String, payload: String) {
        self.closed = true;
        self.set(topic, payload);
    }

    fn set(&mut self, topic: String, payload: String) {
        self.untold.insert(topic.clone());
        self.standing.insert(topic, payload);
    }

    /// The broker is to forget what it retains there.
    pub fn forget(&mut self, topic: String) {
        if self.standing.get(&topic).is_none_or(|payload| !payload.is_empty()) {
            self.set(topic, String::new());
        }
    }

    /// Something stands there that is not empty.
    pub fn has(&self, topic: &str) -> bool {
        self.standing.get(topic).is_some_and(|payload| !payload.is_empty())
    }

    pub fn event(&mut self, topic: String, payload: String, since: Instant) {
        self.event_bytes += payload.len();
        self.numbered += 1;
        self.events.push_back(Waiting {
            number: self.numbered,
            topic,
            payload,
            since,
        });
        while self.events.len() > EVENTS || self.event_bytes > EVENT_BYTES {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(gone) = self.events.pop_front() {
            self.event_bytes -= gone.payload.len();
            self.sent_events = self.sent_events.saturating_sub(1);
            self.dropped += 1;
        }
    }

    /// One came too late.
    pub fn missed(&mut self) {
        self.dropped += 1;
    }

    /// What the log of events tells up to there waits, or is told.
    pub fn heard_up_to(&mut self, position: Position) {
        self.marks.set(self.numbered, position);
    }

    /// Up to there in the log everything is acknowledged, or given up; `None`: not known yet.
    pub fn acknowledged_up_to(&mut self) -> Option<Position> {
        self.marks.reached(self.events.front().map(|event| event.number))
    }

    /// Gives up what has waited for too long.
    pub fn expire(&mut self, now: Instant) {
        let too_old = |event: &Waiting| now.saturating_duration_since(event.since) > LONGEST_WAIT;
        while self.sent_events == 0 && self.events.front().is_some_and(too_old) {
            self.drop_first();
        }
    }

    pub fn call(&mut self, call: Call) {
        if self.calls.len() >= CALLS {
            drop(call.answer.send(Err("too many at once".into())));
            return;
        }
        self.calls.push_back(call);
    }

    /// What is to be sent now; `None`: nothing, or so much is in flight that it waits.
    pub fn next(&mut self, now: Instant) -> Option<Message> {
        self.expire(now);
        if self.in_flight.len() >= IN_FLIGHT {
            return None;
        }
        let (topic, payload, retain, sent) = self.first()?;
        let id = self.free_id();
        self.in_flight.insert(id, sent);
        Some(Message {
            id,
            topic,
            payload,
            retain,
        })
    }

    fn first(&mut self) -> Option<(String, String, bool, Sent)> {
        while let Some(call) = self.calls.pop_front() {
            // Who does not wait any more is told nothing, and nothing is done late.
            if !call.answer.is_closed() {
                return Some((call.topic, call.payload, call.retain, Sent::Call(call.answer)));
            }
        }
        if let Some(topic) = self.untold.pop_first() {
            let payload = self.standing.get(&topic).cloned().unwrap_or_default();
            let sent = Sent::Standing {
                topic: topic.clone(),
                payload: payload.clone(),
            };
            return Some((topic, payload, true, sent));
        }
        let event = self.events.get(self.sent_events)?;
        self.sent_events += 1;
        Some((
            event.topic.clone(),
            event.payload.clone(),
            false,
            Sent::Event(event.number),
        ))
    }

    /// 0 is none, and those above are for subscriptions.
    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id % LAST_ID + 1;
            if !self.in_flight.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    pub fn acknowledged(&mut self, id: u16) {
        match self.in_flight.remove(&id) {
            Some(Sent::Standing { topic, payload })
                if payload.is_empty() && self.standing.get(&topic).is_some_and(String::is_empty) =>
            {
                self.standing.remove(&topic);
            }
            Some(Sent::Event(number)) => {
                if let Some(at) = self.events.iter().position(|event| event.number == number)
                    && let Some(told) = self.events.remove(at)
                {
                    self.event_bytes -= told.payload.len();
                    self.sent_events = self.sent_events.saturating_sub(1);
                }
            }
            // Whoever asked may be gone.
            Some(Sent::Call(answer)) => drop(answer.send(Ok(()))),
            Some(Sent::Standing { .. }) | None => {}
        }
    }

    /// What was not acknowledged is sent again, and whoever waits is told why.
    pub fn disconnected(&mut self, why: &str) {
        for (_, sent) in std::mem::take(&mut self.in_flight) {
            if let Sent::Call(answer) = sent {
                drop(answer.send(Err(why.to_owned())));
            }
        }
        for call in self.calls.drain(..) {
            drop(call.answer.send(Err(why.to_owned())));
        }
        self.sent_events = 0;
        self.closed = false;
        self.untold = self.standing.keys().cloned().collect();
    }

    /// Nothing waits, and nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.untold.is_empty() && self.events.is_empty() && self.calls.is_empty() && self.in_flight.is_empty()
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        self.events.len()
    }

    /// Events that were never told.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn payloads(outbox: &mut Outbox, now: Instant) -> Vec<(u16, String)> {
        std::iter::from_fn(|| outbox.next(now))
            .map(|message| (message.id, message.payload))
            .collect()
    }

    #[test]
    fn what_was_not_acknowledged_comes_again_in_order() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        for n in 0..30 {
            outbox.event("events".into(), n.to_string(), now);
        }
        let first = payloads(&mut outbox, now);
        assert_eq!(first.len(), IN_FLIGHT);
        outbox.acknowledged(first[0].0);
        outbox.acknowledged(first[1].0);
        assert_eq!(payloads(&mut outbox, now).len(), 2);
        outbox.disconnected("gone");
        let again = payloads(&mut outbox, now);
        assert_eq!((again[0].1.as_str(), again.len()), ("2", IN_FLIGHT));
        again.iter().for_each(|(id, _)| outbox.acknowledged(*id));
        let rest = payloads(&mut outbox, now);
        assert_eq!(rest.first().unwrap().1, "22");
        rest.iter().for_each(|(id, _)| outbox.acknowledged(*id));
        assert!(outbox.is_empty());
        assert_eq!(outbox.dropped(), 0);
    }

    #[test]
    fn events_wait_for_an_hour_and_are_counted_after_it() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.event("events".into(), "old".into(), now);
        outbox.event("events".into(), "new".into(), now + Duration::from_secs(60));
        let later = payloads(&mut outbox, now + LONGEST_WAIT + Duration::from_secs(1));
        assert_eq!(later.len(), 1);
        assert_eq!((later[0].1.as_str(), outbox.dropped()), ("new", 1));
        for n in 0..=EVENTS {
            outbox.event("events".into(), n.to_string(), now);
        }
        assert_eq!((outbox.waiting(), outbox.dropped()), (EVENTS, 3));
        outbox.event("events".into(), "x".repeat(EVENT_BYTES), now);
        assert_eq!(outbox.waiting(), 1);
    }

    #[test]
    fn what_stands_is_told_anew_and_what_is_gone_is_forgotten() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.stands(&[("a", "1"), ("b", "2")].into());
        outbox.stands(&[("a", "1"), ("b", "3")].into());
        let told = payloads(&mut outbox, now);
        assert_eq!(told.iter().map(|(_, p)| p.as_str()).collect::<Vec<_>>(), ["1", "3"]);
        told.iter().for_each(|(id, _)| outbox.acknowledged(*id));
        outbox.stands(&[("a", "1")].into());
        outbox.disconnected("gone");
        let told = payloads(&mut outbox, now);
        assert_eq!(told.iter().map(|(_, p)| p.as_str()).collect::<Vec<_>>(), ["1", ""]);
        told.iter().for_each(|(id, _)| outbox.acknowledged(*id));
        outbox.disconnected("gone");
        assert_eq!(payloads(&mut outbox, now).len(), 1, "forgotten once");
    }

    #[test]
    fn whoever_waits_is_told() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let call = |outbox: &mut Outbox| {
            let (answer, answered) = oneshot::channel();
            outbox.call(Call {
                topic: "siren".into(),
                payload: "ON".into(),
                retain: false,
                answer,
            });
            answered
        };
        let mut told = call(&mut outbox);
        let message = outbox.next(now).unwrap();
        outbox.acknowledged(message.id);
        assert_eq!(told.try_recv().unwrap(), Ok(()));
        let (mut sent, mut queued) = (call(&mut outbox), call(&mut outbox));
        outbox.next(now).unwrap();
        outbox.disconnected("the broker is gone");
        for answer in [&mut sent, &mut queued] {
            assert_eq!(answer.try_recv().unwrap(), Err("the broker is gone".into()));
        }
        drop(call(&mut outbox));
        assert_eq!(outbox.next(now), None, "nobody waits for it");
    }
}
