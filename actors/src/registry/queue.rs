//! Facts waiting for the registry. Outlives its actor: what an actor that panics had in hand comes
//! again, with what it had decided, before everything else.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, broadcast, oneshot};
use ulid::Ulid;
use vigie_config::{EventKind, Utc};
use vigie_storage::events::{ActionState, EventRecord};

use super::{batch::Decided, event::Event};

/// Events waiting, at most. Over it the oldest go, and are counted. What became of actions is never
/// left out, or they would be planned for ever: there is one such fact for each.
const QUEUE: usize = 65_536;
/// Facts taken in hand at once: they are written and synced as one.
const BATCH: usize = 512;
/// Whoever asks for an answer gets one after this long.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);
/// Actors that panicked over one step, before it is left out.
const TRIES: u8 = 3;
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

/// What is done with the facts in hand, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// What follows from this fact is decided.
    Fact(usize),
    /// This change is acted on.
    Change(usize),
}

#[derive(Default)]
struct Queue {
    in_hand: Vec<Waiting>,
    decided: Option<Arc<Decided>>,
    /// An actor is at this step, and so many panicked at each.
    step: Option<Step>,
    panicked: BTreeMap<Step, u8>,
    waiting: VecDeque<Waiting>,
    outcomes: VecDeque<Waiting>,
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
        match fact {
            Fact::Outcome { .. } => queue.outcomes.push_back(Waiting { fact, answer }),
            Fact::Event(_) => {
                if queue.waiting.len() >= QUEUE {
                    queue.waiting.pop_front();
                    queue.dropped += 1;
                }
                queue.waiting.push_back(Waiting { fact, answer });
            }
        }
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

    /// Events that were pushed out of a full queue since the start.
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
        if let Some(step) = queue.step.take() {
            *queue.panicked.entry(step).or_default() += 1;
        }
        if queue.in_hand.is_empty() {
            // Neither keeps the other waiting.
            let outcomes = queue.outcomes.len();
            let outcomes = outcomes.min(BATCH - queue.waiting.len().min(BATCH / 2));
            let events = queue.waiting.len().min(BATCH - outcomes);
            let mut in_hand: Vec<Waiting> = queue.outcomes.drain(..outcomes).collect();
            in_hand.extend(queue.waiting.drain(..events));
            queue.in_hand = in_hand;
        }
        queue.in_hand.iter().map(|waiting| waiting.fact.clone()).collect()
    }

    /// What an actor before decided of the facts in hand.
    pub(super) fn decided(&self) -> Option<Arc<Decided>> {
        self.queue().decided.clone()
    }

    /// It holds until the facts in hand are done.
    pub(super) fn decide(&self, decided: Decided) -> Arc<Decided> {
        let decided = Arc::new(decided);
        let mut queue = self.queue();
        (queue.step, queue.decided) = (None, Some(decided.clone()));
        decided
    }

    /// The actor comes to this step. False: too many panicked there, it is to be left out.
    pub(super) fn dare(&self, step: Step) -> bool {
        let mut queue = self.queue();
        let dares = queue.panicked.get(&step).is_none_or(|times| *times < TRIES);
        queue.step = dares.then_some(step);
        dares
    }

    /// The last step is behind the actor.
    pub(super) fn survived(&self) {
        self.queue().step = None;
    }

    /// What was in hand is done; `answers` in its order.
    pub(super) fn done(&self, answers: Vec<Result<Option<EventRecord>, NotDurable>>) {
        let in_hand = {
            let mut queue = self.queue();
            (queue.step, queue.decided) = (None, None);
            queue.panicked.clear();
            std::mem::take(&mut queue.in_hand)
        };
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
    use crate::registry::{batch::decide, lifecycle::Lifecycle};

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

    fn bell(number: usize) -> Event {
        Event::house(EventKind::External, number.to_string())
    }

    #[test]
    fn what_was_decided_comes_again_with_the_facts() {
        let events = Events::default();
        events.raise(bell(0));
        let facts = events.take();
        assert!(events.decided().is_none());
        let decided = decide(&facts, &mut Lifecycle::default(), |_| Vec::new(), |_| true);
        let decided = events.decide(decided);
        events.raise(bell(1));
        // The next actor.
        assert_eq!(events.take().len(), 1);
        assert!(Arc::ptr_eq(&events.decided().unwrap(), &decided));
        events.done(decided.answers.clone());
        assert_eq!(events.take().len(), 1);
        assert!(events.decided().is_none());
    }

    #[test]
    fn a_step_that_always_panics_is_left_out() {
        let events = Events::default();
        (0..2).for_each(|number| events.raise(bell(number)));
        for _ in 0..3 {
            assert_eq!(events.take().len(), 2);
            assert!(events.dare(Step::Fact(0)) && events.dare(Step::Fact(1)));
        }
        assert_eq!(events.take().len(), 2);
        assert!(events.dare(Step::Fact(0)) && !events.dare(Step::Fact(1)));
        events.survived();
        // A panic elsewhere is nobody's.
        for _ in 0..5 {
            events.take();
        }
        assert!(events.dare(Step::Fact(0)) && events.dare(Step::Change(1)));
        events.done(Vec::new());
        events.raise(bell(2));
        events.take();
        assert!(events.dare(Step::Fact(1)), "of the next facts");
    }

    #[test]
    fn a_flood_of_events_leaves_out_no_outcome() {
        let events = Events::default();
        for number in 0..QUEUE + 10 {
            if number < 1000 {
                events.outcome(Ulid::from(number as u128), 0, ActionState::Done, None);
            }
            events.raise(bell(number));
        }
        assert_eq!(events.dropped(), 10);
        let (mut outcomes, mut told) = (0, Vec::new());
        while let facts = events.take()
            && !facts.is_empty()
        {
            assert!(facts.len() <= BATCH);
            for fact in facts {
                match fact {
                    Fact::Outcome { .. } => outcomes += 1,
                    Fact::Event(event) => told.push(event.text),
                }
            }
            events.done(Vec::new());
        }
        assert_eq!(outcomes, 1000);
        assert!(told.into_iter().eq((10..QUEUE + 10).map(|number| number.to_string())));
    }
}
