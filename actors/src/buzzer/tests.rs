//! A buzzer at a GPIO line: every assertion waits for a state.

#![allow(clippy::unwrap_used)]

use tokio::{sync::watch, task::JoinHandle};
use vigie_config::{
    EventKind,
    Level::{self, High, Low},
};

use super::*;
use crate::{
    gpio::bench::Bench,
    registry::Event,
    supervise::{JobContext, JobError},
};

struct Scene {
    bench: Arc<Bench>,
    buzzer: Arc<Buzzer>,
    events: Events,
    stop: watch::Sender<bool>,
    actor: JoinHandle<Result<(), JobError>>,
}

fn config(more: &str) -> Configured {
    let text = format!(
        "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[buzzer]\nkind = \"gpio\"\n\
         chip = \"/dev/gpiochip0\"\nline = 4\n{more}"
    );
    let config = vigie_config::Config::parse(&text, &|_| None).unwrap().0;
    config.buzzer.unwrap()
}

fn scene(more: &str) -> Scene {
    let (bench, events) = (Bench::new(), Events::default());
    let buzzer = Buzzer::new(Some(&config(more)), events.clone(), Arc::new(bench.clone()));
    let buzzer = Arc::new(buzzer);
    let (context, stop) = JobContext::of_test("buzzer");
    let actor = tokio::spawn(actor::run(context, buzzer.clone()));
    Scene {
        bench,
        buzzer,
        events,
        stop,
        actor,
    }
}

impl Scene {
    async fn until(&self, what: &str, mut holds: impl FnMut(&Scene) -> bool) {
        for _ in 0..2000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never came true: {what}");
    }

    async fn until_driven(&self, levels: &[Level]) {
        self.until(&format!("{levels:?}"), |scene| scene.bench.driven() == levels)
            .await;
    }

    fn ring(&self) -> EventRecord {
        let event = Event::house(EventKind::Sensor, "").begun();
        self.buzzer.ring(&event, 0).unwrap();
        event
    }
}

#[tokio::test]
async fn it_sounds_until_it_is_silenced_and_its_action_is_done_when_it_does() {
    let scene = scene("on = \"low\"\nduration = \"1h\"");
    // Asked for at its level of silence, and told.
    scene.until_driven(&[High, High]).await;
    assert_eq!(scene.events.outcomes(), []);
    let event = scene.ring();
    scene.until_driven(&[High, High, Low]).await;
    let done = [(event.id, 0, ActionState::Done)];
    scene.until("done", |scene| scene.events.outcomes() == done).await;
    assert!(scene.buzzer.snapshot().sounding);
    scene.buzzer.silence();
    scene.until_driven(&[High, High, Low, High]).await;
    assert!(scene.bench.is_watched(), "held on");
    scene.ring();
    scene.until_driven(&[High, High, Low, High, Low]).await;
    scene.stop.send_replace(true);
    scene.actor.await.unwrap().unwrap();
    assert_eq!(scene.bench.driven().last(), Some(&High), "silent in the end");
}

#[tokio::test]
async fn it_is_silent_when_its_time_is_over() {
    let scene = scene("duration = \"1s\"");
    scene.ring();
    scene.until_driven(&[Low, High, Low]).await;
}

#[tokio::test]
async fn another_line_is_taken_when_the_first_is_let_go_of() {
    let scene = scene("duration = \"1h\"");
    scene.until_driven(&[Low, Low]).await;
    scene.ring();
    scene.until_driven(&[Low, Low, High]).await;
    scene.buzzer.configure(Some(&config("on = \"low\"")));
    // Let go of, silent; then the other.
    scene.until_driven(&[Low, Low, High, Low, High, High]).await;
    scene
        .until("no error", |scene| scene.buzzer.snapshot().error.is_none())
        .await;
    scene.buzzer.configure(None);
    scene.until("free", |scene| !scene.bench.is_watched()).await;
}

#[tokio::test]
async fn a_line_that_is_missing_is_told() {
    let scene = scene("");
    scene.until_driven(&[Low, Low]).await;
    scene.bench.fail("line 4 of /dev/gpiochip0: no such device");
    let event = scene.ring();
    let failed = [(event.id, 0, ActionState::Failed)];
    scene.until("failed", |scene| scene.events.outcomes() == failed).await;
    let error = scene.buzzer.snapshot().error.unwrap();
    assert_eq!(error, "line 4 of /dev/gpiochip0: no such device");
    assert_eq!(scene.buzzer.test().await, Err(error));
}

#[tokio::test]
async fn a_test_leaves_it_silent_and_one_that_sounds_goes_on() {
    let scene = scene("duration = \"1h\"");
    scene.until_driven(&[Low, Low]).await;
    scene.buzzer.test().await.unwrap();
    // On, off by the test, and once more by the actor.
    scene.until_driven(&[Low, Low, High, Low, Low]).await;
    scene.ring();
    scene.until("sound", |scene| scene.buzzer.snapshot().sounding).await;
    scene.buzzer.test().await.unwrap();
    scene.until("sound", |scene| scene.buzzer.snapshot().sounding).await;
    assert_eq!(scene.bench.driven().last(), Some(&High));
}
