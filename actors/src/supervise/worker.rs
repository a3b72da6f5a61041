//! An actor around one long-running job: it runs the job as a task, ends with it, and aborts
//! the task when it ends itself, however it ends.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    node::Node,
    supervisor::{ChildSpec, allow_panics},
};

/// How long a job may take over its last work once asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(6);

/// Why a job ended although nobody asked.
pub type JobError = Box<dyn std::error::Error + Send + Sync>;

pub type Job = Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>;

/// What a job is given.
#[derive(Clone)]
pub struct JobContext {
    pub node: Arc<Node>,
    stop: watch::Receiver<bool>,
}

impl JobContext {
    /// Resolves when the job is asked to finish its work and return.
    pub async fn stopping(&self) {
        let mut stop = self.stop.clone();
        // The sender lives in the actor's state: gone means stopped as well.
        drop(stop.wait_for(|asked| *asked).await);
    }
    /// Without an actor; `true` asks it to finish.
    #[cfg(test)]
    pub(crate) fn of_test(name: &str) -> (JobContext, watch::Sender<bool>) {
        let (asks, stop) = watch::channel(false);
        let node = Node::new(name, "test");
        (JobContext { node, stop }, asks)
    }
    /// Waits for so long. False: the job is asked to return.
    pub async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.stopping() => false,
        }
    }
}

enum WorkerMsg {
    Ended(Result<(), String>),
    #[cfg_attr(not(feature = "fault-hooks"), allow(dead_code))]
    Nudge,
}

struct Worker;

struct Arguments {
    node: Arc<Node>,
    job: Arc<dyn Fn(JobContext) -> Job + Send + Sync>,
}

struct State {
    node: Arc<Node>,
    stop: watch::Sender<bool>,
    task: Task,
}

/// Aborts the task when dropped: a panicked actor leaves nothing behind.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Actor for Worker {
    type Msg = WorkerMsg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<WorkerMsg>, args: Arguments) -> Result<State, ActorProcessingErr> {
        let (stop, asked) = watch::channel(false);
        let job = (args.job)(JobContext {
            node: args.node.clone(),
            stop: asked,
        });
        let task = tokio::spawn(async move {
            // A task of its own, so that a panic in the job is an answer and not our end.
            let mut inner = Abort(tokio::spawn(job));
            let result = match (&mut inner.0).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(join) => Err(panic_text(join)),
            };
            drop(myself.cast(WorkerMsg::Ended(result)));
        });
        Ok(State {
            node: args.node,
            stop,
            task: Task(task),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<WorkerMsg>,
        message: WorkerMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.node.fault_point();
        match message {
            WorkerMsg::Ended(Ok(())) => myself.stop(Some("job ended".into())),
            WorkerMsg::Ended(Err(error)) => return Err(error.into()),
            WorkerMsg::Nudge => {}
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<WorkerMsg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.stop.send_replace(true);
        if tokio::time::timeout(STOP_TIMEOUT, &mut state.task.0).await.is_err() {
            tracing::error!(
                actor = state.node.name(),
                "job did not finish in {STOP_TIMEOUT:?}, dropping it"
            );
        }
        Ok(())
    }
}

struct Abort<T>(JoinHandle<T>);

impl<T> Drop for Abort<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn panic_text(error: tokio::task::JoinError) -> String {
    if !error.is_panic() {
        return "cancelled".into();
    }
    let panic = error.into_panic();
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no text".into());
    format!("panicked: {text}")
}

/// A job as a child of a supervisor.
pub fn worker_child(
    name: impl Into<String>,
    kind: &'static str,
    job: impl Fn(JobContext) -> Job + Send + Sync + 'static,
) -> ChildSpec {
    let job: Arc<dyn Fn(JobContext) -> Job + Send + Sync> = Arc::new(job);
    ChildSpec {
        name: name.into(),
        kind,
        start: Arc::new(move |parent: ActorCell, node: Arc<Node>| {
            let args = Arguments {
                node: node.clone(),
                job: job.clone(),
            };
            Box::pin(async move {
                let (actor, _) = Worker::spawn_linked(None, Worker, args, parent).await?;
                allow_panics(&node, &actor, || WorkerMsg::Nudge);
                Ok(actor.get_cell())
            })
        }),
    }
}
