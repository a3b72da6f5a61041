//! When an attempt is made, how many at once, and what is remembered of those that failed.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use ulid::Ulid;
use vigie_storage::outbox::{Address, Message};

use super::{House, SECOND, World, server_down};
use crate::notify::{
    machine::OF_TARGET,
    pace::{Failure, How},
};

#[test]
fn one_number_that_works_hides_no_other_that_does_not() {
    let mut world = World::new();
    let other_fails = |message: &Message| match message.to.part.as_str() {
        "2" => Ok(()),
        _ => Err(Failure::new(How::Slow, "401")),
    };
    world.event("phones");
    world.step(&other_fails);
    let status = world.machine.status("phones");
    assert_eq!((status.sent, status.error.as_deref()), (1, Some("401")));
    assert!(status.next_attempt.is_some_and(|at| at > world.now().utc));
    world.machine.retry_now();
    world.step(&|_| Ok(()));
    assert_eq!(world.machine.status("phones").error, None);
}

#[test]
fn a_clock_that_goes_on_meanwhile_stops_no_attempt() {
    let mut world = World::new();
    world.event("phones");
    world.step(&server_down);
    let held = world.machine.next(world.now()).unwrap();
    world.time = held - world.begin - Duration::from_millis(1);
    assert!(world.advance(true).send.is_empty(), "not yet");
    // The outbox was written meanwhile.
    world.time += SECOND;
    let next = world.machine.next(world.now()).unwrap();
    assert!(next <= world.begin + world.time, "{:?}", next - world.begin);
    world.settle();
    assert_eq!(world.arrived.len(), 2);
}

#[test]
fn a_target_that_keeps_many_waiting_holds_up_no_other() {
    let mut world = World::new();
    world.event("browsers");
    let mut held = world.advance(true).send;
    assert_eq!(held.len(), OF_TARGET);
    assert_eq!(
        world.machine.next(world.now()).map(|at| at > world.now().at),
        Some(true)
    );
    world.event("phones");
    let others = world.advance(true).send;
    assert_eq!(others.len(), 0, "four at once, whoever they are for");
    // One slot of four goes to whom nothing is on its way to yet.
    let id = held.pop().unwrap();
    world.arrive(id);
    world.result(id, Ok(()), true);
    let next = world.advance(true).send;
    let [id] = next[..] else { panic!("{next:?}") };
    assert_eq!(world.machine.message(id).unwrap().to.target, "phones");
    for id in held.into_iter().chain([id]) {
        world.arrive(id);
        world.result(id, Ok(()), true);
    }
    world.settle();
    assert_eq!(world.arrived.len(), 52);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever ends when: no target has more on their way than it may, and none that has fewer is
    /// passed over.
    #[test]
    fn slots_are_shared(
        steps in proptest::collection::vec((0u8..4, any::<u8>(), any::<bool>()), 1..60),
        parallel in 1usize..20,
    ) {
        let mut world = World::new();
        let mut in_flight: Vec<(Ulid, Address)> = Vec::new();
        let mut failed = BTreeSet::new();
        for (what, which, sound) in steps {
            match what {
                0 => world.event("browsers"),
                1 => world.event("phones"),
                _ if in_flight.is_empty() => continue,
                _ => {
                    let (id, to) = in_flight.swap_remove(usize::from(which) % in_flight.len());
                    let result = if sound {
                        Ok(())
                    } else {
                        // The clock stands: it is not tried again.
                        failed.insert(to);
                        Err(Failure::new(How::Retry, "closed"))
                    };
                    world.result(id, result, true);
                }
            }
            let wants = std::mem::take(&mut world.inbox);
            let todo = world.machine.advance(wants, parallel, &House, world.now());
            for id in &todo.send {
                in_flight.push((*id, world.machine.message(*id).unwrap().to.clone()));
            }
            prop_assert!(in_flight.len() <= parallel);
            let of = |target: &str| in_flight.iter().filter(|(_, to)| to.target == target).count();
            let waits = |target: &str| {
                let mut messages = world.machine.waiting().messages.values();
                messages.any(|message| {
                    let idle = in_flight.iter().all(|(id, _)| *id != message.id) && !failed.contains(&message.to);
                    message.to.target == target && message.sealed && message.outcome.is_none() && idle
                })
            };
            for (target, other) in [("browsers", "phones"), ("phones", "browsers")] {
                prop_assert!(of(target) <= OF_TARGET);
                if waits(target) && of(target) < OF_TARGET {
                    prop_assert!(in_flight.len() == parallel, "{} waits beside a free slot", target);
                    // What was on its way before is not called back.
                    let begun = todo.send.iter().any(|id| world.machine.message(*id).unwrap().to.target == other);
                    prop_assert!(!begun || of(other) <= of(target) + 1, "{} takes it all", other);
                }
            }
        }
    }
}

#[test]
fn what_the_log_does_not_take_is_not_told_under_another_key() {
    let mut world = World::new();
    for _ in 0..600 {
        world.event("phones");
        let todo = world.advance(true);
        for id in todo.send {
            world.arrive(id);
            world.result(id, Ok(()), true);
        }
    }
    world.advance(true);
    assert!(world.durable.messages.len() < 600, "{}", world.durable.messages.len());
    // The registry tells all of it again.
    let now = world.now().utc;
    let planned = world.log.keys().map(|action| World::want(*action, "phones", now));
    world.inbox = planned.collect();
    assert_eq!(world.advance(true).send, []);
}
