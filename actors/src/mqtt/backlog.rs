//! What the log of events tells from a position on: begun and ended, in order.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ulid::Ulid;
use vigie_storage::events::{Entry, EventLog, EventLogError, EventRecord, Position};

/// A log that does not answer is asked again so often.
const RETRY: Duration = Duration::from_secs(10);

pub(super) struct Backlog {
    pub events: Vec<EventRecord>,
    /// Of the last entry that was read.
    pub up_to: Position,
}

/// Resolves when the log answers.
pub(super) async fn after(log: Arc<EventLog>, position: Position) -> Backlog {
    let mut told = false;
    loop {
        let log = log.clone();
        let why = match tokio::task::spawn_blocking(move || read(&log, position)).await {
            Ok(Ok(backlog)) => return backlog,
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        if !std::mem::replace(&mut told, true) {
            tracing::error!(
                error = why,
                "the log of events is not read: the broker is told later what it was not told yet"
            );
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn read(log: &EventLog, position: Position) -> Result<Backlog, EventLogError> {
    let mut events = Vec::new();
    let mut begun: HashMap<Ulid, EventRecord> = HashMap::new();
    let mut up_to = position;
    for (number, entry) in log.since(position)? {
        up_to = number;
        match entry {
            Entry::Begun(event) => {
                if event.end.is_none() {
                    begun.insert(event.id, event.clone());
                }
                events.push(event);
            }
            Entry::Ended { id, at } => {
                let event = match begun.remove(&id) {
                    Some(event) => Some(event),
                    None => log.get(id)?,
                };
                events.extend(event.map(|event| EventRecord {
                    end: event.end.or(Some(at.max(event.start))),
                    ..event
                }));
            }
            Entry::Outcome { .. } => {}
        }
    }
    Ok(Backlog { events, up_to })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::{EventKind, Source, Utc};
    use vigie_storage::events::{ActionState, EventLogLimits};

    use super::*;

    #[test]
    fn the_log_tells_what_began_and_what_ended_after_a_position() {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = EventLog::open(folder.path(), EventLogLimits::default());
        let start = Utc::now();
        let event = |id: u128, end| EventRecord {
            id: Ulid::from(id),
            kind: EventKind::Sensor,
            source: Source::House,
            start,
            end,
            severity: EventKind::Sensor.severity(),
            text: String::new(),
            payload: None,
            actions: Vec::new(),
        };
        let ended = |id: u128| Entry::Ended {
            id: Ulid::from(id),
            // The clock was set back meanwhile.
            at: start.plus_micros(-60_000_000),
        };
        let outcome = Entry::Outcome {
            id: Ulid::from(2u128),
            number: 0,
            state: ActionState::Done,
            at: start,
            detail: None,
        };
        let entries = [
            Entry::Begun(event(1, None)),
            Entry::Begun(event(2, Some(start))),
            outcome,
            ended(1),
            Entry::Begun(event(3, None)),
            ended(3),
            Entry::Begun(event(4, None)),
        ];
        log.append(&entries).unwrap();
        let told = |position| {
            let backlog = read(&log, Position(position)).unwrap();
            let events = backlog.events.iter();
            let told: Vec<(u128, bool)> = events.map(|e| (e.id.into(), e.end == Some(start))).collect();
            (told, backlog.up_to.0)
        };
        let all = [(1, false), (2, true), (1, true), (3, false), (3, true), (4, false)];
        assert_eq!(told(0), (all.to_vec(), 7));
        assert_eq!(told(2), (all[2..].to_vec(), 7), "it began before");
        assert_eq!(told(7), (vec![], 7));
    }
}
