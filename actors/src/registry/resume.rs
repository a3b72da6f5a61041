//! What is done about an action of an event from before the registry began. Pure.

use std::time::Duration;

use vigie_config::Utc;
use vigie_storage::events::{Action, ActionState, EventRecord};

use super::linkage::Command;

/// What was planned longer ago is not done any more.
const STALE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Do,
    /// It is too late for it.
    Expire,
    Leave,
}

/// `lasts`: an output that is on as long as its events.
pub(super) fn again(event: &EventRecord, action: &Action, lasts: bool, now: Utc) -> Again {
    let planned = action.state == ActionState::Planned;
    let refused = matches!(action.state, ActionState::Expired | ActionState::Merged);
    let goes_on = event.end.is_none();
    match Command::of(action) {
        Some(Command::Record(_)) if goes_on => Again::Do,
        Some(Command::Output(_)) if goes_on && lasts && !refused => Again::Do,
        _ if !planned => Again::Leave,
        // It knows what it told already, and when it is too late.
        Some(Command::Email(_) | Command::Push(_)) => Again::Do,
        // A clock that is far behind the event has not been set yet: nobody knows how late it is.
        _ if now.since(event.start).max(event.start.since(now)) > STALE => Again::Expire,
        _ => Again::Do,
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;
    use vigie_config::{EventKind, Source};

    use super::*;

    #[test]
    fn what_goes_on_is_taken_up_and_what_is_late_expires() {
        let start = Utc::from_micros(1_700_000_000_000_000);
        let action = |what: &str, state| Action {
            number: 0,
            rule: None,
            what: what.into(),
            target: Some("gate".into()),
            state,
            at: None,
            detail: None,
        };
        let event = |end| EventRecord {
            id: Ulid::from(1u128),
            kind: EventKind::Sensor,
            source: Source::House,
            start,
            end,
            severity: EventKind::Sensor.severity(),
            text: String::new(),
            payload: None,
            actions: Vec::new(),
        };
        let (going, over) = (event(None), event(Some(start)));
        let (soon, late) = (start.plus_micros(59_000_000), start.plus_micros(61_000_000));
        let (behind, unset) = (start.plus_micros(-59_000_000), Utc::from_micros(0));
        let (planned, done) = (ActionState::Planned, ActionState::Done);
        for (event, what, state, lasts, now, expected) in [
            (&going, "record", done, false, late, Again::Do),
            (&over, "record", planned, false, soon, Again::Do),
            (&over, "record", planned, false, late, Again::Expire),
            (&going, "output", done, true, late, Again::Do),
            (&going, "output", done, false, soon, Again::Leave),
            (&going, "output", planned, false, soon, Again::Do),
            (&going, "output", planned, false, late, Again::Expire),
            (&going, "output", ActionState::Expired, true, soon, Again::Leave),
            (&over, "output", planned, true, late, Again::Expire),
            (&over, "output", planned, false, behind, Again::Do),
            (&over, "output", planned, false, unset, Again::Expire),
            (&going, "popup_message", planned, false, late, Again::Expire),
            (&over, "email", planned, false, late, Again::Do),
            (&over, "push", planned, false, late, Again::Do),
            (&going, "email", done, false, soon, Again::Leave),
        ] {
            let seen = again(event, &action(what, state), lasts, now);
            assert_eq!(seen, expected, "{what} {state:?} {lasts}");
        }
    }
}
