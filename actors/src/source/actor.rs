//! The actor around one stream's [`Machine`]: runs attempts, listens, publishes.

use std::{sync::Arc, time::Instant};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;
use vigie_config::{ErrorKind, EventKind, GapCause, Stream};
use vigie_media::source::{Facts, Ingest, Source, SourceError, SourceFact};

use super::machine::{Machine, Step, TICK};
use crate::{
    camera::CameraHandle,
    registry::{Event, Events},
    stream::{StreamHandle, StreamState},
    supervise::{ChildSpec, Jitter, Node, allow_panics},
};

/// A picture's own time is wrong by more than people overlook.
const CLOCK_OFF_S: f64 = 5.0;

pub struct SourceArguments {
    pub camera: Arc<CameraHandle>,
    pub handle: Arc<StreamHandle>,
    pub stream: Stream,
    pub ingest: Arc<Ingest>,
    pub events: Events,
}

enum SourceMsg {
    Tick,
    Fact(u64, SourceFact),
    Ended(u64, SourceError),
}

struct SourceActor;

struct State {
    args: Arc<SourceArguments>,
    node: Arc<Node>,
    machine: Machine,
    /// Which attempt is running: facts of older ones are ignored.
    attempt: u64,
    task: Option<Attempt>,
    told: Option<StreamState>,
    jitter: Jitter,
}

/// Aborts the attempt when dropped: that is how a source is cancelled.
struct Attempt(JoinHandle<()>);

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl State {
    fn start(&mut self, myself: &ActorRef<SourceMsg>) {
        self.attempt += 1;
        let attempt = self.attempt;
        let source = match Source::new(&self.args.handle.id, &self.args.stream) {
            Ok(source) => source,
            Err(error) => {
                drop(myself.cast(SourceMsg::Ended(attempt, error)));
                return;
            }
        };
        let listener = myself.clone();
        let facts: Facts = Arc::new(move |fact| drop(listener.cast(SourceMsg::Fact(attempt, fact))));
        let publisher = self.args.handle.hub.publisher();
        let job = self
            .args
            .ingest
            .spawn(&self.args.handle.id, source.run(publisher, facts));
        let myself = myself.clone();
        self.task = Some(Attempt(tokio::spawn(async move {
            let mut job = Inner(job);
            let error = match (&mut job.0).await {
                Ok(error) => error,
                Err(join) if join.is_cancelled() => return,
                Err(_) => SourceError {
                    kind: ErrorKind::Bug,
                    cause: GapCause::Crash,
                    text: "the source panicked; see the log, and please report it".into(),
                },
            };
            drop(myself.cast(SourceMsg::Ended(attempt, error)));
        })));
    }

    fn publish(&mut self) {
        let state = self.machine.state();
        let handle = &self.args.handle;
        handle.cause.set(self.machine.cause());
        handle.set_status(state, self.machine.error().map(str::to_string));
        if self.told != Some(state) {
            self.tell(state);
            self.told = Some(state);
            self.node.publish(handle.status());
        }
    }

    /// A change of state is worth a line and an event; repeats within a state are not.
    fn tell(&self, state: StreamState) {
        let id = &self.args.handle.id;
        let error = self.machine.error().unwrap_or_default();
        let kind = match state {
            StreamState::Live => {
                tracing::info!(camera = %id.camera, stream = %id.stream, "live");
                EventKind::StreamLive
            }
            StreamState::Connecting | StreamState::Disabled => return,
            StreamState::Stalled => EventKind::StreamStalled,
            StreamState::Offline => EventKind::StreamOffline,
            StreamState::Refused | StreamState::Misconfigured => EventKind::StreamRefused,
        };
        if state != StreamState::Live {
            tracing::warn!(camera = %id.camera, stream = %id.stream, ?state, error, "not live");
            self.node.note_error(error);
        }
        self.args.events.raise(Event::stream(kind, id.clone(), error));
    }

    fn fact(&mut self, fact: SourceFact) {
        let id = &self.args.handle.id;
        match fact {
            SourceFact::Connected { peer } => {
                tracing::debug!(camera = %id.camera, stream = %id.stream, peer, "connected");
            }
            SourceFact::Format(format) => {
                let video = format
                    .video
                    .as_ref()
                    .map(|v| format!("{} {}x{}", v.rfc6381, v.width, v.height));
                let audio = format.audio.as_ref().map(|a| a.rfc6381.clone());
                tracing::info!(camera = %id.camera, stream = %id.stream, video, audio, "format");
            }
            SourceFact::TimestampJump { seconds } => {
                tracing::warn!(camera = %id.camera, stream = %id.stream, seconds, "timestamps jumped");
            }
            SourceFact::SsrcChanged { track } => {
                tracing::warn!(camera = %id.camera, stream = %id.stream, ?track, "synchronisation source changed");
            }
            SourceFact::PacketsLost { track, packets } => {
                self.machine.packets_lost();
                tracing::debug!(camera = %id.camera, stream = %id.stream, ?track, packets, "packets lost");
            }
            SourceFact::CameraClock { ahead_us } => {
                let ahead_s = ahead_us as f64 / 1e6;
                if ahead_s.abs() >= CLOCK_OFF_S {
                    tracing::info!(camera = %id.camera, stream = %id.stream, ahead_s, "the camera's clock is off: set it, or let it ask a time server; recording goes by the recorder's");
                }
            }
            SourceFact::Oddity { what } => {
                tracing::warn!(camera = %id.camera, stream = %id.stream, "oddity: {what}");
                self.node.note_error(what);
            }
        }
    }
}

struct Inner<T>(JoinHandle<T>);

impl<T> Drop for Inner<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Actor for SourceActor {
    type Msg = SourceMsg;
    type State = State;
    type Arguments = (Arc<SourceArguments>, Arc<Node>);

    async fn pre_start(
        &self,
        myself: ActorRef<SourceMsg>,
        (args, node): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let resumed = args.handle.resumes();
        let machine = Machine::new(Instant::now(), args.stream.stall_after, resumed);
        myself.send_interval(TICK, || SourceMsg::Tick);
        drop(myself.cast(SourceMsg::Tick));
        Ok(State {
            args,
            node,
            machine,
            attempt: 0,
            task: None,
            told: None,
            jitter: Jitter::default(),
        })
    }

    /// Not reached after a panic: the next generation then knows that this one failed.
    async fn post_stop(&self, _: ActorRef<SourceMsg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.args.handle.source_stopped();
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<SourceMsg>,
        message: SourceMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.node.fault_point();
        let now = Instant::now();
        if let Some(stream) = state.args.camera.config().streams.get(&state.args.handle.id.stream) {
            state.machine.set_stall_after(stream.stall_after);
        }
        match message {
            SourceMsg::Tick => match state.machine.tick(now, state.args.handle.last_video(now)) {
                Step::Nothing => {}
                Step::Start => state.start(&myself),
                Step::Abandon => {
                    state.task = None;
                    state.attempt += 1;
                    let jitter = state.jitter.draw();
                    state.machine.stalled(now, jitter);
                }
            },
            SourceMsg::Fact(attempt, fact) if attempt == state.attempt => state.fact(fact),
            SourceMsg::Ended(attempt, error) if attempt == state.attempt => {
                state.task = None;
                // Units published since the last look still count for this attempt.
                state.machine.tick(now, state.args.handle.last_video(now));
                let jitter = state.jitter.draw();
                state.machine.ended(now, &error, jitter);
            }
            SourceMsg::Fact(..) | SourceMsg::Ended(..) => {}
        }
        state.publish();
        Ok(())
    }
}

/// A stream's source as a child of its camera.
pub fn source_child(args: Arc<SourceArguments>) -> ChildSpec {
    ChildSpec {
        name: format!("source.{}", args.handle.id.stream),
        kind: "source",
        start: Arc::new(move |parent: ActorCell, node: Arc<Node>| {
            let args = args.clone();
            Box::pin(async move {
                let (actor, _) = SourceActor::spawn_linked(None, SourceActor, (args, node.clone()), parent).await?;
                allow_panics(&node, &actor, || SourceMsg::Tick);
                Ok(actor.get_cell())
            })
        }),
    }
}
