//! The machine against a clock that a test turns, and against crashes at every step.
#![allow(clippy::unwrap_used)]

mod attempts;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proptest::prelude::*;
use ulid::Ulid;
use vigie_config::{EventKind, Source, Utc};
use vigie_storage::{
    events::ActionState,
    outbox::{ActionRef, Message, NOTES, Note, Waiting},
};

use super::{
    machine::{Directory, Machine, Now, Policy, Todo, Want},
    pace::{Failure, How},
};

const SECOND: Duration = Duration::from_secs(1);
const MERGE: Duration = Duration::from_secs(30);
const EXPIRE: Duration = Duration::from_secs(86_400);

/// Everyone called `owner`, `phones` (two numbers) or `browsers` (fifty).
struct House;

impl Directory for House {
    fn policy(&self, target: &str) -> Option<Policy> {
        let merge = match target {
            "owner" => MERGE,
            "phones" | "browsers" => Duration::ZERO,
            _ => return None,
        };
        Some(Policy { merge, expire: EXPIRE })
    }

    fn parts(&self, target: &str, _: &Note) -> Result<Vec<String>, String> {
        Ok(match target {
            "phones" => vec!["1".into(), "2".into()],
            "browsers" => (0..50).map(|number| number.to_string()).collect(),
            _ => vec![String::new()],
        })
    }
}

/// A recorder without threads: what would be on the device, and what would be lost.
struct World {
    begin: Instant,
    time: Duration,
    machine: Machine,
    /// The outbox as the device holds it.
    durable: Waiting,
    /// The log of events: every acknowledged action.
    log: BTreeMap<ActionRef, (String, ActionState)>,
    inbox: Vec<Want>,
    /// What arrived, again and again.
    arrived: Vec<Message>,
    events: u64,
}

impl World {
    fn new() -> World {
        World {
            begin: Instant::now(),
            time: Duration::ZERO,
            machine: Machine::new(Waiting::default()),
            durable: Waiting::default(),
            log: BTreeMap::new(),
            inbox: Vec::new(),
            arrived: Vec::new(),
            events: 0,
        }
    }

    fn now(&self) -> Now {
        Now {
            at: self.begin + self.time,
            utc: Utc::from_micros(1_700_000_000_000_000 + i64::try_from(self.time.as_micros()).unwrap()),
        }
    }

    fn want(action: ActionRef, target: &str, at: Utc) -> Want {
        Want {
            target: target.into(),
            note: Note {
                action,
                kind: EventKind::Motion,
                source: Source::House,
                at,
                text: String::new(),
            },
        }
    }

    /// An event that is in the log, and acknowledged.
    fn event(&mut self, target: &str) {
        self.events += 1;
        let action = ActionRef(Ulid::from(u128::from(self.events)), 0);
        self.log.insert(action, (target.into(), ActionState::Planned));
        self.inbox.push(World::want(action, target, self.now().utc));
    }

    /// Takes what came; written, unless the crash comes first.
    fn advance(&mut self, written: bool) -> Todo {
        let wants = std::mem::take(&mut self.inbox);
        let todo = self.machine.advance(wants, 4, &House, self.now());
        if written {
            todo.changes
                .iter()
                .for_each(|change| self.durable.apply(change.clone()));
        }
        for (action, state, _) in &todo.refused {
            self.log.get_mut(action).unwrap().1 = *state;
        }
        todo
    }

    fn arrive(&mut self, id: Ulid) {
        let message = self.machine.message(id).unwrap();
        assert_eq!(
            Some(message),
            self.durable.messages.get(&id),
            "sent as it is on the device"
        );
        self.arrived.push(message.clone());
    }

    fn result(&mut self, id: Ulid, result: Result<(), Failure>, written: bool) {
        let now = self.now();
        for change in self.machine.sent(id, result, now) {
            if written {
                self.durable.apply(change);
            }
        }
    }

    /// Outcomes to the log; forgotten, unless the crash comes first.
    fn tell(&mut self, written: bool) {
        for (message, outcomes) in self.machine.untold(usize::MAX) {
            for (action, state, _) in outcomes {
                self.outcome(action, state);
            }
            for change in self.machine.told(message, true) {
                if written {
                    self.durable.apply(change);
                }
            }
        }
        for action in self.machine.untold_merged(usize::MAX) {
            self.outcome(action, ActionState::Merged);
        }
        for change in self.machine.told_merged(true) {
            if written {
                self.durable.apply(change);
            }
        }
    }

    fn outcome(&mut self, action: ActionRef, state: ActionState) {
        let seen = &mut self.log.get_mut(&action).unwrap().1;
        if *seen == ActionState::Planned {
            *seen = state;
        }
    }

    /// `kill -9`, and a start: the registry tells again what the log calls planned.
    fn crash(&mut self) {
        self.machine = Machine::new(self.durable.clone());
        self.inbox.clear();
        let now = self.now().utc;
        for (action, (target, state)) in &self.log {
            if *state == ActionState::Planned {
                self.inbox.push(World::want(*action, target, now));
            }
        }
    }

    /// All of it, without a crash. False: nothing was to be done.
    fn step(&mut self, result: &dyn Fn(&Message) -> Result<(), Failure>) -> bool {
        let todo = self.advance(true);
        for id in &todo.send {
            let message = self.machine.message(*id).unwrap().clone();
            let result = result(&message);
            if result.is_ok() {
                self.arrive(*id);
            }
            self.result(*id, result, true);
        }
        self.tell(true);
        assert_eq!(self.machine.waiting(), &self.durable);
        todo != Todo::default()
    }

    /// Goes on until nothing waits, turning the clock.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.step(&|_| Ok(())) {
                match self.machine.next(self.now()) {
                    Some(next) => self.time = self.time.max(next - self.begin),
                    None => return,
                }
            }
        }
        panic!("it never ends");
    }

    fn states(&self) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        for (_, state) in self.log.values() {
            *states.entry(format!("{state:?}")).or_default() += 1;
        }
        states
    }
}

fn server_down(_: &Message) -> Result<(), Failure> {
    Err(Failure::of_everyone(How::Retry, "connection refused"))
}

#[test]
fn an_alarm_is_told_within_two_seconds() {
    let mut world = World::new();
    world.event("owner");
    world.step(&|_| Ok(()));
    assert!(world.arrived.is_empty());
    let next = world.machine.next(world.now()).unwrap();
    assert!(next - world.begin <= 2 * SECOND);
    world.settle();
    assert_eq!((world.arrived.len(), world.arrived[0].count()), (1, 1));
    world.time += 3600 * SECOND;
    world.event("phones");
    world.settle();
    assert_eq!(world.arrived.len(), 3, "both numbers, at once");
    assert_eq!(world.states(), BTreeMap::from([("Done".into(), 2)]));
}

#[test]
fn a_storm_is_a_handful_of_mails_and_every_event_is_counted() {
    let mut world = World::new();
    let mut most = 0;
    for second in 0..300 {
        world.time = second * SECOND;
        for _ in 0..34 {
            world.event("owner");
        }
        while world.step(&|_| Ok(())) {}
        let notes: usize = world.durable.messages.values().map(|message| message.notes.len()).sum();
        most = most.max(notes + world.durable.merged.len());
    }
    world.settle();
    let counts: Vec<u64> = world.arrived.iter().map(Message::count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 10_200, "{counts:?}");
    assert!(counts.len() <= 6, "{counts:?}");
    assert!(most <= 2 * NOTES, "{most} kept");
    let states = world.states();
    assert_eq!(states["Done"] + states["Merged"], 10_200, "{states:?}");
    assert!(world.durable.messages.is_empty());
}

#[test]
fn a_server_that_is_down_for_an_hour_gets_two_mails() {
    let mut world = World::new();
    let down = Duration::from_secs(3600);
    let attempts = std::cell::Cell::new(0);
    while world.time < down {
        world.event("owner");
        while world.step(&|message| {
            attempts.set(attempts.get() + 1);
            server_down(message)
        }) {}
        world.time += 10 * SECOND;
    }
    let attempts = attempts.get();
    assert!((8..=30).contains(&attempts), "{attempts} attempts in an hour");
    assert!(world.durable.messages.len() == 2, "one on its way, one that collects");
    let back = world.time;
    world.settle();
    let counts: Vec<u64> = world.arrived.iter().map(Message::count).collect();
    assert_eq!((counts.len(), counts.iter().sum::<u64>()), (2, 360), "{counts:?}");
    let late = world.time - back;
    assert!(late <= Duration::from_secs(720), "back within one pause");
    println!(
        "4: a mail server that is down for an hour of a simulated clock: {} events, {attempts} attempts that failed; \
         then {} mails that count {counts:?}, the last {} s after it was back",
        world.events,
        counts.len(),
        late.as_secs()
    );
}

#[test]
fn what_is_refused_for_good_is_told_and_the_next_one_goes() {
    let mut world = World::new();
    world.event("owner");
    world.time += 2 * SECOND;
    world.step(&|_| Ok(()));
    world.time += 2 * SECOND;
    world.step(&|_| Err(Failure::new(How::Never, "550 no such user")));
    let status = world.machine.status("owner");
    assert_eq!((status.failed, status.queued), (1, 0));
    assert_eq!(status.error.as_deref(), Some("550 no such user"));
    assert_eq!(world.states(), BTreeMap::from([("Failed".into(), 1)]));
    world.time += 60 * SECOND;
    world.event("owner");
    world.settle();
    assert_eq!(world.arrived.len(), 1);
    assert_eq!(world.machine.status("owner").error, None);
}

#[test]
fn one_number_that_fails_does_not_make_an_alarm_fail() {
    let mut world = World::new();
    world.event("phones");
    world.step(&|message| match message.to.part.as_str() {
        "1" => Ok(()),
        _ => Err(Failure::new(How::Never, "no such number")),
    });
    assert_eq!(world.states(), BTreeMap::from([("Done".into(), 1)]));
    world.time += SECOND;
    world.event("phones");
    world.step(&|_| Err(Failure::new(How::Never, "no such number")));
    world.settle();
    assert_eq!(world.states()["Failed"], 1);
}

#[test]
fn a_wait_that_is_asked_for_is_kept_and_a_change_ends_it() {
    let mut world = World::new();
    world.event("phones");
    let asked = How::After(Duration::from_secs(300));
    world.step(&|_| Err(Failure::new(asked, "429")));
    world.time += 299 * SECOND;
    assert!(!world.step(&|_| Ok(())));
    world.time += 2 * SECOND;
    assert!(world.step(&|_| Err(Failure::new(How::Slow, "401"))));
    world.time += 60 * SECOND;
    assert!(!world.step(&|_| Ok(())), "somebody has to mend it");
    world.machine.retry_now();
    assert!(world.step(&|_| Ok(())));
    assert_eq!(world.arrived.len(), 2);
}

#[test]
fn what_is_too_old_expires_and_says_why() {
    let mut world = World::new();
    world.event("owner");
    world.step(&|_| Ok(()));
    world.time += 2 * SECOND;
    world.step(&|_| Ok(()));
    assert_eq!(world.arrived.len(), 1);
    world.event("owner");
    let begin = world.time;
    while world.durable.messages.values().any(|message| message.outcome.is_none()) || world.arrived.len() == 1 {
        if !world.step(&server_down) {
            match world.machine.next(world.now()) {
                Some(next) => world.time = world.time.max(next - world.begin),
                None => break,
            }
        }
    }
    let waited = world.time - begin;
    assert!(
        (EXPIRE..EXPIRE + Duration::from_secs(60)).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(
        world.states(),
        BTreeMap::from([("Done".into(), 1), ("Expired".into(), 1)])
    );
    assert_eq!(world.machine.status("owner").expired, 1);
    world.event("nobody");
    world.step(&|_| Ok(()));
    assert_eq!(world.states()["Failed"], 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// A crash at any point: every acknowledged event arrives, in messages of one key each, whose
    /// events are the same each time they are sent.
    #[test]
    fn a_crash_loses_nothing_and_keeps_keys(
        steps in proptest::collection::vec((0u8..12, any::<bool>(), 0u64..20, any::<bool>()), 1..80),
        bursts in proptest::collection::vec(1usize..80, 80),
    ) {
        let mut world = World::new();
        let mut bursts = bursts.into_iter().cycle();
        for (what, crash, seconds, phones) in steps {
            let target = if phones { "phones" } else { "owner" };
            match what {
                0..=2 => world.event(target),
                3 => (0..bursts.next().unwrap()).for_each(|_| world.event(target)),
                4 => world.time += Duration::from_secs(seconds),
                5..=6 => {
                    let todo = world.advance(!crash);
                    if crash {
                        world.crash();
                        continue;
                    }
                    // It may arrive, or not, and the crash may come before that is written.
                    for (number, id) in todo.send.iter().enumerate() {
                        if number as u64 % 2 == seconds % 2 {
                            world.arrive(*id);
                            world.result(*id, Ok(()), phones);
                            if !phones {
                                world.crash();
                                break;
                            }
                        } else {
                            world.result(*id, Err(Failure::new(How::Retry, "closed")), true);
                        }
                    }
                }
                7..=8 => {
                    world.tell(!crash);
                    if crash {
                        world.crash();
                    }
                }
                9 => world.crash(),
                10 => world.machine.restart(),
                _ => world.machine.retry_now(),
            }
        }
        world.settle();
        prop_assert!(world.durable.messages.is_empty() && world.durable.merged.is_empty());
        let open: Vec<_> = world.log.values().filter(|(_, state)| *state == ActionState::Planned).collect();
        prop_assert!(open.is_empty(), "{:?}", open);
        let mut by_key: BTreeMap<Ulid, Message> = BTreeMap::new();
        for message in &world.arrived {
            let first = by_key.entry(message.id).or_insert_with(|| message.clone());
            prop_assert_eq!(&first.notes, &message.notes, "one key, one set of events");
            prop_assert_eq!(&first.counts, &message.counts);
        }
        for target in ["owner", "phones"] {
            let parts: BTreeSet<&str> = if target == "owner" { BTreeSet::from([""]) } else { BTreeSet::from(["1", "2"]) };
            let of_target = |action: &&ActionRef| world.log[*action].0 == target;
            let actions: BTreeSet<ActionRef> = world.log.keys().filter(of_target).copied().collect();
            for part in parts {
                let messages: Vec<&Message> =
                    by_key.values().filter(|m| m.to.target == target && m.to.part == part).collect();
                let told: Vec<ActionRef> = messages.iter().flat_map(|m| m.notes.iter().map(|n| n.action)).collect();
                let once: BTreeSet<ActionRef> = told.iter().copied().collect();
                prop_assert_eq!(once.len(), told.len(), "an event under two keys");
                let counted: u64 = messages.iter().map(|message| message.count()).sum();
                prop_assert_eq!(counted, actions.len() as u64, "each event is counted once");
            }
        }
    }
}
