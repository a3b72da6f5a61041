//! Actions to those who do them. What is told here twice is done once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ulid::Ulid;
use vigie_config::{CameraId, Causes, EventKind, Output, OutputId, Source, Utc};
use vigie_storage::events::{Action, ActionState, EventRecord};

use super::{
    linkage::{Command, cause_of},
    queue::Events,
    recordings::Recordings,
    resume::{Again, again},
};
use crate::{
    buzzer::Buzzer, camera::CameraHandle, cameras::Cameras, deps::Deps, notify::Channel, outputs::Outputs, recording,
    snapshots::Snapshots,
};

pub(super) struct Dispatch {
    pub cameras: Arc<Cameras>,
    pub outputs: Arc<Outputs>,
    pub snapshots: Arc<Snapshots>,
    pub buzzer: Arc<Buzzer>,
    pub email: Arc<Channel>,
    pub push: Arc<Channel>,
    pub deps: Deps,
    pub events: Events,
    /// Outlives the actor.
    pub recordings: Arc<Mutex<Recordings>>,
}

impl Dispatch {
    /// The event is about to be written down. What it wants a picture of is held on to at once: a
    /// log that takes its time must not cost the moment.
    pub fn foresee(&self, event: &EventRecord) {
        for action in &event.actions {
            if let Some(Command::Snapshot(camera)) = Command::of(action) {
                self.snapshots.of_event(&camera, event, action.number);
            }
        }
    }

    /// The event begins.
    pub fn begin(&self, event: &EventRecord) {
        event.actions.iter().for_each(|action| self.act(event, action));
    }

    fn recordings(&self) -> MutexGuard<'_, Recordings> {
        self.recordings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells which recordings are settled.
    pub fn settle_recordings(&self) {
        self.recordings().look(&self.cameras, &self.deps, &self.events);
    }

    /// The event is from before the registry began: it goes on, or some of it may not be done yet.
    pub fn resume(&self, event: &EventRecord, now: Utc) {
        for action in &event.actions {
            match again(event, action, self.lasts(action), now) {
                Again::Do => self.act(event, action),
                Again::Expire => self.events.outcome(event.id, action.number, ActionState::Expired, None),
                Again::Leave => {}
            }
        }
    }

    /// Recordings by hand of streams that nobody records.
    pub fn wake(&self, event: &EventRecord) {
        for action in &event.actions {
            if let Some(Command::Record(camera)) = Command::of(action)
                && let Some(camera) = self.cameras.get(&camera)
            {
                self.wake_camera(&camera);
            }
        }
    }

    fn wake_camera(&self, camera: &Arc<CameraHandle>) {
        if camera.config().enabled {
            let (camera, deps) = (camera.clone(), self.deps.clone());
            tokio::spawn(async move { recording::wake(&camera, &deps).await });
        }
    }

    /// An output that is on as long as its events.
    fn lasts(&self, action: &Action) -> bool {
        let Some(Command::Output(output)) = Command::of(action) else {
            return false;
        };
        let output = self.outputs.get(&output);
        output.is_some_and(|output| output.config.hold.is_zero())
    }

    fn act(&self, event: &EventRecord, action: &Action) {
        let outcome = match Command::of(action) {
            Some(Command::Record(camera)) => match self.record(&camera, event, action) {
                // Settled when something is stored.
                Ok(()) => return,
                Err(why) => Err(why),
            },
            Some(Command::Snapshot(camera)) => {
                // It says by itself what becomes of it; what was foreseen is not taken twice.
                self.snapshots.of_event(&camera, event, action.number);
                return;
            }
            // Whoever looks at the pages is shown them by the event itself.
            Some(Command::PopupVideo(_) | Command::PopupMessage) => Ok(None),
            Some(Command::Output(output)) => match self.fire(&output, event, action.number) {
                // It says by itself what becomes of it.
                Ok(()) => return,
                Err(why) => Err(why),
            },
            Some(Command::Buzzer) => match self.buzzer.ring(event, action.number) {
                Ok(()) => return,
                Err(why) => Err(why),
            },
            // They say by themselves too.
            Some(Command::Email(recipient)) => return self.email.want(event, action.number, recipient.as_str()),
            Some(Command::Push(target)) => return self.push.want(event, action.number, target.as_str()),
            None => Err(format!("this vigie does not know how to {:?}", action.what)),
        };
        self.note(event.id, action, outcome);
    }

    /// The event is over.
    pub fn end(&self, event: &EventRecord) {
        if let (EventKind::Motion, Source::Camera(camera)) = (event.kind, &event.source)
            && let Some(camera) = self.cameras.get(camera)
        {
            camera.motion.ended(event.id);
        }
        for action in &event.actions {
            match Command::of(action) {
                Some(Command::Record(camera)) => {
                    if let Some(camera) = self.cameras.get(&camera) {
                        camera.trigger_over(cause_of(event.kind), event.id);
                    }
                }
                Some(Command::Output(output)) => {
                    if let Some(output) = self.outputs.get(&output) {
                        output.event_over(event.id);
                    }
                }
                Some(
                    Command::Snapshot(_)
                    | Command::Buzzer
                    | Command::PopupVideo(_)
                    | Command::PopupMessage
                    | Command::Email(_)
                    | Command::Push(_),
                )
                | None => {}
            }
        }
    }

    /// Of all events only these go on.
    pub fn end_all_but(&self, going: &BTreeSet<Ulid>) {
        self.cameras
            .all()
            .iter()
            .for_each(|camera| camera.triggers_over_but(going));
        self.outputs
            .all()
            .iter()
            .for_each(|output| output.events_over_but(going));
    }

    fn note(&self, event: Ulid, action: &Action, outcome: Result<Option<String>, String>) {
        if action.state != ActionState::Planned {
            return;
        }
        let (state, detail) = match outcome {
            Ok(detail) => (ActionState::Done, detail),
            Err(detail) => (ActionState::Failed, Some(detail)),
        };
        self.events.outcome(event, action.number, state, detail);
    }

    fn fire(&self, output: &OutputId, event: &EventRecord, number: u16) -> Result<(), String> {
        let handle = self
            .outputs
            .get(output)
            .ok_or_else(|| format!("there is no output {output} any more"))?;
        let Output { enabled, schedule, .. } = &handle.config;
        if !enabled {
            return Err(format!("{output} is switched off"));
        }
        if !schedule.is_on(Utc::now(), &self.deps.site.zone()) {
            return Err(format!("{output}: its schedule is {schedule}, not on now"));
        }
        handle.fire(event, number);
        Ok(())
    }

    fn record(&self, camera: &CameraId, event: &EventRecord, action: &Action) -> Result<(), String> {
        let handle = self
            .cameras
            .get(camera)
            .ok_or_else(|| format!("there is no camera {camera} any more"))?;
        let cause = cause_of(event.kind);
        // What a person asks of a camera that is switched off is told to be in vain, and comes true
        // when it is switched on.
        let from = handle.trigger(cause, event.id, event.start);
        if event.end.is_some() {
            handle.trigger_over(cause, event.id);
        }
        let config = handle.config();
        if !config.enabled {
            return Err(format!("{camera} is switched off"));
        }
        if cause == Causes::MANUAL {
            // A camera that is recorded by hand only has no recording that waits.
            self.wake_camera(&handle);
        } else if !config
            .record
            .event_kinds()
            .iter()
            .any(|(kind, when)| *kind == cause && when.is_ever())
        {
            // It cannot come true while the event goes on.
            let names: Vec<&str> = cause.names().collect();
            return Err(format!(
                "{camera} is not recorded on such events: record.{} is off",
                names.concat()
            ));
        }
        if action.state == ActionState::Planned {
            self.recordings().ask(event.id, action.number, camera, cause, from);
        }
        Ok(())
    }
}
