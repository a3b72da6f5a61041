//! The actor: looks after its camera's stream while somebody wants it, and tells what moves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_config::{EventKind, Source, StreamName, Utc};
use vigie_media::{decode::DecodeError, hub::Hub};

use super::{
    analysis::{Analysis, Finding},
    queue::{Batch, Queue},
    sight::{Sees, Sight, is_live, stream_of},
    threads,
};
use crate::{
    camera::CameraHandle,
    deps::Deps,
    registry::Event,
    supervise::{ChildSpec, JobContext, JobError, worker_child},
};

/// Units are collected for so long: ten wake-ups a second, and a tenth of a second later at most.
const LOOK: Duration = Duration::from_millis(100);
/// Whether somebody wants it.
const ASK: Duration = Duration::from_secs(1);
/// A decoder that cannot be had is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// A camera's motion detection as its child.
pub fn motion_child(camera: &Arc<CameraHandle>, deps: &Deps) -> ChildSpec {
    let (camera, deps) = (camera.clone(), deps.clone());
    worker_child("motion", "motion", move |context| {
        let (camera, deps) = (camera.clone(), deps.clone());
        Box::pin(async move {
            let mut motion = MotionActor { context, camera, deps };
            // Whatever moved before a panic: nobody looked since.
            motion.tell_end(Utc::now());
            let ended = motion.run().await;
            motion.rest();
            motion.trouble(None);
            ended
        })
    })
}

struct MotionActor {
    context: JobContext,
    camera: Arc<CameraHandle>,
    deps: Deps,
}

impl MotionActor {
    fn is_wanted(&self) -> bool {
        let (camera, zone) = (self.camera.config(), self.deps.site.zone());
        let looked_at = self.camera.motion.looked_at();
        let rules = &self.deps.motion_rules;
        rules.want(&camera, looked_at, Instant::now(), Utc::now(), &zone)
    }

    fn hub(&self) -> Option<(StreamName, Arc<Hub>)> {
        let name = stream_of(&self.camera)?;
        Some((name, self.camera.hub(name)?))
    }

    /// The other stream is live, and the better one.
    fn is_better_elsewhere(&self, name: StreamName) -> bool {
        stream_of(&self.camera).is_some_and(|best| best != name && is_live(&self.camera, best))
    }

    async fn run(&mut self) -> Result<(), JobError> {
        self.rest();
        loop {
            if !self.is_wanted() {
                self.trouble(None);
            } else if let Some((name, hub)) = self.hub() {
                if !self.watch(name, &hub).await? {
                    return Ok(());
                }
                self.rest();
            }
            if !self.context.pause(ASK).await {
                return Ok(());
            }
        }
    }

    /// Nothing is decoded any more.
    fn rest(&self) {
        self.tell_end(Utc::now());
        self.camera.motion.set_watching(false);
        self.publish(None, None);
    }

    /// Looks for as long as it is wanted. False: the actor is asked to end.
    async fn watch(&mut self, name: StreamName, hub: &Arc<Hub>) -> Result<bool, JobError> {
        let config = self.camera.config().motion.clone();
        let mut queue = Queue::new(hub);
        let mut analysis = Analysis::new(&config, queue.cached_to());
        let (mut asked, mut sight) = (Instant::now(), Sight::new(Instant::now()));
        let mut why = None;
        self.camera.motion.set_watching(true);
        self.publish(Some(name), Some(&analysis));
        loop {
            if !self.context.pause(LOOK).await {
                return Ok(false);
            }
            let Batch { units, lost, skipped } = queue.take(Instant::now());
            if skipped > 0 {
                self.too_slow(skipped);
            }
            if lost {
                analysis.lost();
            }
            if !units.is_empty() {
                let job = threads::run(move || {
                    let found = analysis.see(&units);
                    (analysis, found)
                })?;
                let found;
                (analysis, found) = job.await?;
                found.into_iter().for_each(|finding| self.tell(finding));
                if let Some(error) = analysis.error.take() {
                    self.context.node.note_error(&error);
                    if !matches!(error, DecodeError::Corrupt { .. }) {
                        self.trouble(Some(error.to_string()));
                        self.rest();
                        return Ok(self.context.pause(RETRY).await);
                    }
                    why = Some(error.to_string());
                }
                match sight.note(analysis.pictures, Instant::now()) {
                    Sees::Pictures => {
                        why = None;
                        self.trouble(None);
                    }
                    Sees::Nothing => {
                        let none = || format!("{name} sends no picture that can be decoded by itself");
                        self.trouble(Some(why.clone().unwrap_or_else(none)));
                    }
                    Sees::NotYet => {}
                }
            }
            if sight.is_over(config.hold, Instant::now()) && self.camera.motion.event().is_some() {
                self.tell_end(Utc::now());
                analysis.forget();
            }
            if asked.elapsed() >= ASK {
                asked = Instant::now();
                // Another program said that it is over: what moves goes on as a new event.
                let is_told = self.camera.motion.event().is_some();
                if let Some(moves) = analysis.moving().filter(|_| !is_told) {
                    self.tell(moves);
                }
                self.publish(Some(name), Some(&analysis));
                let changed = *analysis.config() != self.camera.config().motion;
                if changed || queue.is_closed() || !self.is_wanted() || self.is_better_elsewhere(name) {
                    return Ok(true);
                }
            }
        }
    }

    fn tell(&self, finding: Finding) {
        let source = Source::Camera(self.camera.id());
        match finding {
            Finding::Began { at, payload } => {
                let event = Event::new(EventKind::Motion, source, "").at(at).with(payload);
                *self.camera.motion.event() = Some(event.id);
                self.deps.events.raise(event);
            }
            Finding::Ended { at } => self.tell_end(at),
        }
    }

    /// Ends our event; one that another program told is its own to end.
    fn tell_end(&self, at: Utc) {
        let Some(event) = self.camera.motion.event().take() else {
            return;
        };
        let source = Source::Camera(self.camera.id());
        let over = Event::over_of(EventKind::Motion, source, event);
        self.deps.events.raise(Event { at, ..over });
    }

    /// Why it sees nothing although it should; `None`: it sees, or nobody wants it to. Told once.
    fn trouble(&self, why: Option<String>) {
        let source = Source::Camera(self.camera.id());
        let told = self.camera.motion.set_error(why.clone());
        match (told, why) {
            (false, Some(why)) => {
                let text = format!("motion detection sees nothing: {why}");
                self.deps.events.raise(Event::new(EventKind::MotionBlind, source, text));
            }
            (true, None) => self.deps.events.raise(Event::over(EventKind::MotionBlind, source)),
            _ => {}
        }
    }

    fn too_slow(&self, pictures: u64) {
        self.camera.motion.add_skipped(pictures);
        if threads::too_slow_is_news(Instant::now()) {
            let text = "motion detection leaves pictures out: this machine is too slow for it";
            tracing::warn!(camera = %self.camera.id(), "{text}");
            self.deps.events.raise(Event::house(EventKind::Overload, text));
        }
    }

    fn publish(&self, stream: Option<StreamName>, analysis: Option<&Analysis>) {
        let state = self.camera.motion.snapshot();
        self.context.node.publish(serde_json::json!({
            "watching": state.watching,
            "moving": state.moving,
            "skipped": state.skipped,
            "error": state.error,
            "stream": stream,
            "pictures": analysis.map(|analysis| analysis.pictures),
        }));
    }
}
