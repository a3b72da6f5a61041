//! What follows from the facts in hand: decided once, whatever becomes of who acts on it. Pure.

use std::sync::atomic::{AtomicBool, Ordering};

use vigie_storage::events::{Action, Entry, EventRecord};

use super::{
    lifecycle::{Change, Lifecycle},
    queue::{Fact, NotDurable},
};

type Answer = Result<Option<EventRecord>, NotDurable>;

/// Decided again it would be something else: what began goes on by then.
pub(super) struct Decided {
    /// To be written down, in order.
    pub entries: Vec<Entry>,
    /// What happened, in the order in which it is acted on.
    pub changes: Vec<Change>,
    /// For each fact what it is answered with once it is written.
    pub answers: Vec<Answer>,
    told: AtomicBool,
}

impl Decided {
    /// Listeners were not told of it yet; from now on they were.
    pub fn tell_now(&self) -> bool {
        !self.told.swap(true, Ordering::SeqCst)
    }
}

/// `plan`: the actions of an event that begins. `dare`: false for a fact that is to be left out.
pub(super) fn decide(
    facts: &[Fact],
    lifecycle: &mut Lifecycle,
    mut plan: impl FnMut(&EventRecord) -> Vec<Action>,
    mut dare: impl FnMut(usize) -> bool,
) -> Decided {
    let mut entries = Vec::with_capacity(facts.len());
    let mut changes: Vec<Change> = Vec::new();
    let mut answers: Vec<Answer> = Vec::with_capacity(facts.len());
    for (number, fact) in facts.iter().enumerate() {
        if !dare(number) {
            tracing::error!(?fact, "a fact is left out: the registry failed over it again and again");
            answers.push(Err(NotDurable("the registry failed over it again and again".into())));
            continue;
        }
        match fact {
            Fact::Event(event) => {
                let mut changed = lifecycle.take(event);
                for change in &mut changed {
                    match change {
                        Change::Begun(event) => {
                            event.actions = plan(event);
                            lifecycle.update(event);
                            entries.push(Entry::Begun(event.clone()));
                        }
                        Change::Ended(event) => {
                            let at = event.end.unwrap_or(event.start);
                            entries.push(Entry::Ended { id: event.id, at });
                        }
                    }
                }
                let last = changed.last().map(|change| change.event().clone());
                let goes_on = || lifecycle.of(event.kind, &event.source);
                answers.push(Ok(last.or_else(|| goes_on().map(|event| EventRecord::clone(event)))));
                // What takes over begins before the other ends: nothing is missing in between.
                changed.sort_by_key(|change| matches!(change, Change::Ended(_)));
                changes.append(&mut changed);
            }
            Fact::Outcome {
                event,
                number,
                state,
                at,
                detail,
            } => {
                lifecycle.outcome(*event, *number, *state, *at, detail.as_deref());
                entries.push(Entry::Outcome {
                    id: *event,
                    number: *number,
                    state: *state,
                    at: *at,
                    detail: detail.clone(),
                });
                answers.push(Ok(None));
            }
        }
    }
    Decided {
        entries,
        changes,
        answers,
        told: AtomicBool::new(false),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::EventKind;

    use super::*;
    use crate::registry::Event;

    fn door(over: bool) -> Fact {
        let source = "input:door".parse().unwrap();
        Fact::Event(match over {
            true => Event::over(EventKind::Sensor, source),
            false => Event::new(EventKind::Sensor, source, ""),
        })
    }

    fn shown(decided: &Decided) -> Vec<String> {
        let show = |entry: &Entry| match entry {
            Entry::Begun(event) => format!("{} begins", event.id),
            Entry::Ended { id, .. } => format!("{id} ends"),
            Entry::Outcome { id, number, .. } => format!("{id} {number}"),
        };
        decided.entries.iter().map(show).collect()
    }

    #[test]
    fn a_contact_that_bounces_ends_one_and_begins_another() {
        let mut lifecycle = Lifecycle::default();
        let Fact::Event(first) = door(false) else {
            unreachable!()
        };
        lifecycle.take(&first);
        let facts = [door(true), door(false), door(false)];
        let Fact::Event(second) = &facts[1] else { unreachable!() };
        let decided = decide(&facts, &mut lifecycle, |_| Vec::new(), |_| true);
        assert_eq!(
            shown(&decided),
            [format!("{} ends", first.id), format!("{} begins", second.id)]
        );
        let answered = |number: usize| decided.answers[number].clone().unwrap().unwrap().id;
        assert_eq!(
            [answered(0), answered(1), answered(2)],
            [first.id, second.id, second.id]
        );
        assert!(decided.tell_now() && !decided.tell_now());
    }

    #[test]
    fn a_fact_that_is_left_out_changes_nothing_and_its_teller_hears_of_it() {
        let mut lifecycle = Lifecycle::default();
        let decided = decide(
            &[door(false), door(true)],
            &mut lifecycle,
            |_| Vec::new(),
            |number| number > 0,
        );
        assert!(decided.entries.is_empty() && decided.answers[0].is_err());
        assert_eq!(decided.answers[1], Ok(None));
    }
}
