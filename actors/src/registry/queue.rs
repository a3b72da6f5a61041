//! Facts waiting for the registry. Outlives its actor: what an actor that panics had in hand comes
//! again, before everything else.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, broadcast, oneshot};
use ulid::Ulid;
use vigie_config::{EventKind, Utc};
use vigie_storage::events::{ActionState, EventRecord};

use super::event::Event;

/// Facts waiting, at most. Over it the oldest go, and are counted.
const QUEUE: usize = 65_536;
/// Facts taken in hand at once: they are written and synced as one.
const BATCH: usize = 512;
/// Whoever asks for an answer gets one after this long.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);
/// News that a listener may be behind.
const NEWS: usize = 1024;

/// What is told to the registry.
#[derive(Debug, Clone)]
pub(super) enum Fact {
    Event(Event),
    /// What became of an action.
    Outcome {
        event: Ulid,
        number: u16,
        state: ActionState,
        at: Utc,
        detail: Option<String>,
    },
}

/// The event was not made durable in time. It is acted on all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event is not in the log yet ({0}); it is acted on, tell it again to be sure")]
pub struct NotDurable(pub String);

/// An event that is queued, and its answer.
#[must_use]
pub struct Told(oneshot::Receiver<Result<Option<EventRecord>, NotDurable>>);

impl Told {
    /// Resolves when the event is in the log, on the device: with the event that goes on or ended,
    /// `None` where there is none.
    pub async fn durable(self) -> Result<Option<EventRecord>, NotDurable> {
        match tokio::time::timeout(LONGEST_ANSWER, self.0).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(NotDurable("too many events at once".into())),
            Err(_) => Err(NotDurable(format!("no answer in {} s", LONGEST_ANSWER.as_secs()))),
        }
    }
}

type Answer = oneshot::Sender<Result<Option<EventRecord>, NotDurable>>;

struct Waiting {
    fact: Fact,
    answer: Option<Answer>,
}

#[derive(Default)]
struct Queue {
    in_hand: Vec<Waiting>,
    waiting: VecDeque<Waiting>,
    dropped: u64,
    counts: BTreeMap<EventKind, u64>,
}

/// What listeners hear: an event as it is now.
pub type News = Arc<EventRecord>;

/// Where events are raised. Cheap to clone; never blocks for long, never fails.
#[derive(Clone)]
pub struct Events {
    queue: Arc<Mutex<Queue>>,
    ready: Arc<Notify>,
    news: broadcast::Sender<News>,
    /// Of these, what begins and what ends.
    changes: broadcast::Sender<News>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            queue: Arc::default(),
            ready: Arc::default(),
            news: broadcast::Sender::new(NEWS),
            changes: broadcast::Sender::new(NEWS),
        }
    }
}

fn outcome(event: Ulid, number: u16, state: ActionState, detail: Option<String>) -> Fact {
    Fact::Outcome {
        event,
        number,
        state,
        at: Utc::now(),
        detail,
    }
}

impl Events {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, fact: Fact, answer: Option<Answer>) {
        let mut queue = self.queue();
        if queue.waiting.len() >= QUEUE {
            queue.waiting.pop_front();
            queue.dropped += 1;
        }
        queue.waiting.push_back(Waiting { fact, answer });
        drop(queue);
        self.ready.notify_one();
    }

    fn count(&self, event: &Event) {
        if !event.over {
            *self.queue().counts.entry(event.kind).or_default() += 1;
        }
    }

    pub fn raise(&self, event: Event) {
        self.count(&event);
        self.put(Fact::Event(event), None);
    }

    /// Queues the event now; the answer is waited for elsewhere.
    pub fn enqueue(&self, event: Event) -> Told {
        self.count(&event);
        self.enqueue_uncounted(event)
    }

    /// As [`Events::enqueue`], of what was told before.
    pub fn enqueue_uncounted(&self, event: Event) -> Told {
        let (answer, answered) = oneshot::channel();
        self.put(Fact::Event(event), Some(answer));
        Told(answered)
    }

    /// Resolves when the event is in the log, on the device: with the event that goes on or ended,
    /// `None` where there is none.
    pub async fn raise_durably(&self, event: Event) -> Result<Option<EventRecord>, NotDurable> {
        self.enqueue(event).durable().await
    }

    /// What became of an action of an event.
    pub fn outcome(&self, event: Ulid, number: u16, state: ActionState, detail: Option<String>) {
        self.put(outcome(event, number, state, detail), None);
    }

    /// The same; resolves when it is in the log, on the device.
    pub fn outcome_durably(&self, event: Ulid, number: u16, state: ActionState, detail: Option<String>) -> Told {
        let (answer, answered) = oneshot::channel();
        self.put(outcome(event, number, state, detail), Some(answer));
        Told(answered)
    }

    /// How often each kind was raised since the start.
    pub fn counts(&self) -> BTreeMap<EventKind, u64> {
        self.queue().counts.clone()
    }

    /// Facts that were pushed out of a full queue since the start.
    pub fn dropped(&self) -> u64 {
        self.queue().dropped
    }

    /// Every event from now on, as it begins, ends, or is acted on. Who is too slow is told how many
    /// were missed.
    pub fn listen(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// As [`Events::listen`], without what is done about events.
    pub fn listen_to_changes(&self) -> broadcast::Receiver<News> {
        self.changes.subscribe()
    }

    /// It begins, or ends.
    pub(super) fn tell(&self, event: News) {
        // Nobody listening is no fault.
        drop(self.changes.send(event.clone()));
        self.tell_outcome(event);
    }

    /// Something was done about it.
    pub(super) fn tell_outcome(&self, event: News) {
        drop(self.news.send(event));
    }

    /// The facts in hand, or the next ones. Empty: there are none.
    pub(super) fn take(&self) -> Vec<Fact> {
        let mut queue = self.queue();
        if queue.in_hand.is_empty() {
            let count = queue.waiting.len().min(BATCH);
            queue.in_hand = queue.waiting.drain(..count).collect();
        }
        queue.in_hand.iter().map(|waiting| waiting.fact.clone()).collect()
    }

    /// What was in hand is done; `answers` in its order.
    pub(super) fn done(&self, answers: Vec<Result<Option<EventRecord>, NotDurable>>) {
        let in_hand = std::mem::take(&mut self.queue().in_hand);
        for (waiting, answer) in in_hand.into_iter().zip(answers) {
            if let Some(to) = waiting.answer {
                drop(to.send(answer));
            }
        }
    }

    /// What was told since the last time.
    #[cfg(test)]
    fn drain(&self) -> Vec<Fact> {
        let facts = self.take();
        self.queue().in_hand.clear();
        facts
    }

    /// Of what was told since the last time.
    #[cfg(test)]
    pub(crate) fn outcomes(&self) -> Vec<(Ulid, u16, ActionState)> {
        let told = |fact| match fact {
            Fact::Outcome {
                event, number, state, ..
            } => Some((event, number, state)),
            Fact::Event(_) => None,
        };
        self.drain().into_iter().filter_map(told).collect()
    }

    /// Of what was told since the last time.
    #[cfg(test)]
    pub(crate) fn raised(&self) -> Vec<Event> {
        let told = |fact| match fact {
            Fact::Event(event) => Some(event),
            Fact::Outcome { .. } => None,
        };
        self.drain().into_iter().filter_map(told).collect()
    }

    pub(super) async fn ready(&self) {
        self.ready.notified().await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn events_are_queued_when_they_are_told_not_when_they_are_waited_for() {
        let events = Events::default();
        let (first, second) = (
            Event::house(EventKind::Started, "first"),
            Event::house(EventKind::Stopping, "second"),
        );
        let told = events.enqueue(first.clone());
        let again = events.enqueue_uncounted(second.clone());
        let texts: Vec<String> = events
            .take()
            .into_iter()
            .map(|fact| match fact {
                Fact::Event(event) => event.text,
                Fact::Outcome { .. } => String::new(),
            })
            .collect();
        assert_eq!(texts, ["first", "second"]);
        assert_eq!(events.counts(), BTreeMap::from([(EventKind::Started, 1)]));
        events.done(vec![Ok(None), Err(NotDurable("full".into()))]);
        drop(told);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let answer = runtime.block_on(again.durable());
        assert_eq!(answer, Err(NotDurable("full".into())));
    }
}
