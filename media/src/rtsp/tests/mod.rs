//! Sessions against a scripted server that lies, and against a server that is not ours.
#![allow(clippy::unwrap_used)]

mod fake_camera;
mod gstreamer;
mod script;
mod sessions;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use vigie_config::{CameraId, Credentials, Secret, StreamId, StreamName, Transport};

use super::RtspSource;
use crate::{
    AccessUnit, Track,
    hub::{Hub, Item, Policy, Subscriber, Wake},
    source::{SourceError, SourceFact},
};

/// A state that is waited for comes within this time, or never.
const PATIENCE: Duration = Duration::from_secs(30);

/// A source running into a hub, until dropped.
struct Running {
    subscriber: Subscriber,
    task: tokio::task::JoinHandle<SourceError>,
    facts: Arc<Mutex<Vec<String>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `wake` of the subscriber decides whether the source is polled or watched.
fn start(url: &str, transport: Transport, wake: Wake) -> Running {
    let id = StreamId::new(CameraId::new("test").unwrap(), StreamName::Main);
    let hub = Hub::new(id, 1 << 24);
    let subscriber = hub.subscribe(Policy::MustNotDrop, wake, 4096);
    let facts = Arc::new(Mutex::new(Vec::new()));
    let source = RtspSource {
        url: url::Url::parse(url).unwrap(),
        credentials: Some(Credentials {
            username: "viewer".into(),
            password: Secret::new("geheim"),
        }),
        transport,
        audio: true,
    };
    let task = tokio::spawn(source.run(hub.publisher(), {
        let facts = facts.clone();
        Arc::new(move |fact: SourceFact| facts.lock().unwrap().push(format!("{fact:?}")))
    }));
    Running {
        subscriber,
        task,
        facts,
    }
}

impl Running {
    async fn unit(&mut self) -> Arc<AccessUnit> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.subscriber.try_next() {
                Some(Item::Unit(unit)) => return unit,
                Some(Item::Lost { units }) => panic!("{units} units lost between source and subscriber"),
                None => {}
            }
            if self.task.is_finished() && self.subscriber.try_next().is_none() {
                let error = (&mut self.task).await.unwrap();
                panic!("ended: {error}; {:?}", self.facts.lock().unwrap());
            }
            let facts = || self.facts.lock().unwrap().clone();
            assert!(
                tokio::time::Instant::now() < deadline,
                "no unit within {PATIENCE:?}; {:?}",
                facts()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn units(&mut self, count: usize) -> Vec<Arc<AccessUnit>> {
        let mut out = Vec::new();
        while out.len() < count {
            out.push(self.unit().await);
        }
        out
    }

    async fn end(mut self) -> SourceError {
        tokio::time::timeout(PATIENCE, &mut self.task).await.unwrap().unwrap()
    }

    fn told(&self, what: &str) -> bool {
        self.facts.lock().unwrap().iter().any(|fact| fact.contains(what))
    }
}

/// The contract of a stream's units: order in time within an epoch, one format until it changes.
fn check(units: &[Arc<AccessUnit>]) {
    assert!(units.first().unwrap().rap, "begins with a RAP");
    for track in [Track::Video, Track::Audio] {
        let of: Vec<_> = units.iter().filter(|u| u.track == track).collect();
        for pair in of.windows(2) {
            let [a, b] = pair else { continue };
            assert!(
                b.epoch > a.epoch || (b.dts > a.dts && b.epoch == a.epoch),
                "dts {} after {}",
                b.dts,
                a.dts
            );
            assert!(b.utc > a.utc, "{} after {}", b.utc, a.utc);
            assert!(b.pts >= b.dts);
        }
    }
}
