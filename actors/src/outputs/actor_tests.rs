//! The actor at a relay whose answers the test gives: every assertion waits for a call or a state.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use ulid::Ulid;
use vigie_config::EventKind;
use vigie_storage::events::{ActionState, EventRecord};

use super::{OutputHandle, Outputs, actor::run, bench::Relay, line::Means};
use crate::{
    gpio::bench::Bench,
    mqtt::Mqtt,
    registry::{Event, Events},
    supervise::{JobContext, JobError},
};

struct Scene {
    relay: Relay,
    output: Arc<OutputHandle>,
    events: Events,
    stop: watch::Sender<bool>,
    actor: JoinHandle<Result<(), JobError>>,
}

/// `more`: of the output; `{}` stands for the relay's address.
async fn scene(more: &str) -> Scene {
    let relay = Relay::new().await;
    let text = format!(
        "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[output]]\nid = \"siren\"\nkind = \"http\"\n\
         on = \"{}/on\"\n{}",
        relay.address,
        more.replace("{}", &relay.address)
    );
    let config = vigie_config::Config::parse(&text, &|_| None).unwrap().0;
    let events = Events::default();
    let means = Means {
        mqtt: Mqtt::new(None, &events),
        gpio: Arc::new(Bench::new()),
    };
    let outputs = Outputs::new(&config.outputs, &events, means);
    let output = outputs.get(&config.outputs[0].id).unwrap();
    let (context, stop) = JobContext::of_test("alarm_output.siren");
    let actor = tokio::spawn(run(context, output.clone()));
    Scene {
        relay,
        output,
        events,
        stop,
        actor,
    }
}

const WITH_OFF: &str = "off = \"{}/off\"\n";

fn event() -> EventRecord {
    Event::house(EventKind::Sensor, "").begun()
}

impl Scene {
    fn fire(&self) -> Ulid {
        let event = event();
        self.output.fire(&event, 0);
        event.id
    }

    /// What became of an action.
    async fn outcome(&self, event: Ulid) -> ActionState {
        for _ in 0..2000 {
            let outcomes = self.events.outcomes();
            if let Some((_, _, state)) = outcomes.iter().find(|(id, ..)| *id == event) {
                return *state;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no outcome");
    }
}

#[tokio::test]
async fn an_action_that_comes_while_it_is_switched_off_is_done_when_it_is_on() {
    let mut scene = scene(WITH_OFF).await;
    let off = scene.relay.call().await;
    assert_eq!(off.path, "/off", "safe at first");
    let event = scene.fire();
    off.answer("200 OK").await;
    assert_eq!(scene.relay.answer("200 OK").await, "/on");
    assert_eq!(scene.outcome(event).await, ActionState::Done);
}

#[tokio::test]
async fn attempts_to_switch_it_off_do_not_count_against_an_action() {
    let mut scene = scene(WITH_OFF).await;
    for _ in 0..3 {
        assert_eq!(scene.relay.answer("503 Busy").await, "/off");
    }
    let event = scene.fire();
    for _ in 0..3 {
        assert_eq!(scene.relay.answer("503 Busy").await, "/on");
    }
    assert_eq!(scene.relay.answer("200 OK").await, "/on");
    assert_eq!(scene.outcome(event).await, ActionState::Done);
}

#[tokio::test]
async fn one_that_falls_back_by_itself_is_called_for_each_alarm() {
    let mut scene = scene("hold = \"1h\"").await;
    for _ in 0..3 {
        let event = scene.fire();
        assert_eq!(scene.relay.answer("200 OK").await, "/on");
        assert_eq!(scene.outcome(event).await, ActionState::Done);
    }
    scene.output.switch_on(None);
    assert_eq!(scene.relay.answer("200 OK").await, "/on", "a person too");
}

#[tokio::test]
async fn an_answer_that_leads_elsewhere_is_no_yes() {
    let mut scene = scene(WITH_OFF).await;
    scene.relay.answer("200 OK").await;
    let output = scene.output.clone();
    let test = tokio::spawn(async move { output.test().await });
    let elsewhere = format!("302 Found\r\nlocation: {}/login", scene.relay.address);
    assert_eq!(scene.relay.answer(&elsewhere).await, "/on");
    assert_eq!(scene.relay.answer("200 OK").await, "/off", "not /login");
    let error = test.await.unwrap().unwrap_err();
    assert!(error.ends_with("/on: answered 302 Found, expected 2xx"), "{error}");
}

#[tokio::test]
async fn one_that_is_on_its_way_when_it_has_to_go_is_switched_off() {
    let mut scene = scene(WITH_OFF).await;
    scene.relay.answer("200 OK").await;
    scene.fire();
    let on = scene.relay.call().await;
    assert_eq!(on.path, "/on");
    scene.stop.send_replace(true);
    // It does not wait for the answer.
    assert_eq!(scene.relay.answer("503 Busy").await, "/off");
    assert_eq!(scene.relay.answer("200 OK").await, "/off", "again");
    scene.actor.await.unwrap().unwrap();
    assert_eq!(scene.output.snapshot().on, Some(false));
    assert_eq!(scene.events.counts().get(&EventKind::OutputStaysOn), None);
}

#[tokio::test]
async fn one_that_stays_on_in_the_end_is_told() {
    let mut scene = scene(WITH_OFF).await;
    scene.relay.answer("200 OK").await;
    let event = scene.fire();
    scene.relay.answer("200 OK").await;
    scene.outcome(event).await;
    scene.stop.send_replace(true);
    while !scene.actor.is_finished() {
        tokio::select! {
            path = scene.relay.answer("503 Busy") => assert_eq!(path, "/off"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
    assert_eq!(scene.events.counts().get(&EventKind::OutputStaysOn), Some(&1));
}

#[tokio::test]
async fn one_that_is_off_goes_without_a_word() {
    let mut scene = scene(WITH_OFF).await;
    scene.relay.answer("200 OK").await;
    // It is to be told anew, and does not answer any more: it is off all the same.
    scene.output.touch();
    scene.relay.answer("503 Busy").await;
    scene.stop.send_replace(true);
    while !scene.actor.is_finished() {
        tokio::select! {
            path = scene.relay.answer("503 Busy") => assert_eq!(path, "/off"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
    assert_eq!(scene.events.counts().get(&EventKind::OutputStaysOn), None);
}
