//! An actor that only supervises: it starts its children, and starts them again when they end.
//!
//! `root`, `cameras`, `disks` and each `camera.<id>` are instances of it. It does nothing that
//! can fail, for its end would take its children with it.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, SupervisionEvent};
use tokio::task::JoinSet;

use super::{
    node::{Node, NodeState},
    policy::{RestartPolicy, Verdict},
};

/// How long a child may take over an orderly end before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(8);

type Starting = Pin<Box<dyn Future<Output = Result<ActorCell, SpawnErr>> + Send>>;

/// How to start one child, as often as it takes.
#[derive(Clone)]
pub struct ChildSpec {
    pub name: String,
    pub kind: &'static str,
    /// Starts a new generation, linked to the supervisor (first argument).
    pub start: Arc<dyn Fn(ActorCell, Arc<Node>) -> Starting + Send + Sync>,
}

pub enum SupervisorMsg {
    /// Starts a child; one of the same name is stopped in order first.
    Put(ChildSpec, Option<RpcReplyPort<()>>),
    /// Stops a child in order and forgets it.
    Remove(String, RpcReplyPort<()>),
    /// The pause of a child is over.
    Restart { name: String, generation: u64 },
    /// Stops all children in order, last started first, then itself.
    Shutdown(RpcReplyPort<()>),
    /// Answered at once: the tree is alive.
    Ping(RpcReplyPort<()>),
    /// Nothing to do; lets a test's hook act.
    #[cfg_attr(not(feature = "fault-hooks"), allow(dead_code))]
    Nudge,
}

pub struct Supervisor;

/// In which order children are asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Last started first, one by one: later children use earlier ones.
    InReverse,
    /// All at once: they have nothing to do with each other.
    Together,
}

pub struct Arguments {
    node: Arc<Node>,
    children: Vec<ChildSpec>,
    ending: Ending,
}

struct Child {
    spec: ChildSpec,
    node: Arc<Node>,
    cell: Option<ActorCell>,
    policy: RestartPolicy,
    /// Guards a delayed restart against a child that was replaced meanwhile.
    generation: u64,
    order: u64,
}

pub struct State {
    node: Arc<Node>,
    children: HashMap<String, Child>,
    names: HashMap<ActorId, String>,
    started: u64,
    ending: Ending,
}

impl State {
    fn adopt(&mut self, spec: ChildSpec) {
        let node = Node::new(spec.name.clone(), spec.kind);
        self.node.adopt(node.clone());
        self.started += 1;
        let child = Child {
            node,
            cell: None,
            policy: RestartPolicy::default(),
            generation: 0,
            order: self.started,
            spec,
        };
        self.children.insert(child.spec.name.clone(), child);
    }

    /// Names of the children, first started first.
    fn in_order(&self) -> Vec<String> {
        let mut names: Vec<(u64, &String)> = self.children.iter().map(|(name, c)| (c.order, name)).collect();
        names.sort();
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }

    async fn start(&mut self, name: &str, myself: &ActorRef<SupervisorMsg>) {
        let Some(child) = self.children.get_mut(name) else {
            return;
        };
        child.node.set_state(NodeState::Starting);
        match (child.spec.start)(myself.get_cell(), child.node.clone()).await {
            Ok(cell) => {
                child.generation = child.node.started();
                self.names.insert(cell.get_id(), name.to_string());
                child.cell = Some(cell);
            }
            Err(error) => self.ended(name, &format!("did not start: {error}"), myself),
        }
    }

    /// A child ended by itself: decide when to start it again.
    fn ended(&mut self, name: &str, error: &str, myself: &ActorRef<SupervisorMsg>) {
        let Some(child) = self.children.get_mut(name) else {
            return;
        };
        child.cell = None;
        let now = Instant::now();
        let pause = match child.policy.on_end(now) {
            Verdict::Restart { after } => {
                child.node.ended(NodeState::Waiting, error);
                tracing::warn!(actor = name, error, "actor ended, starting it again");
                after
            }
            Verdict::Park { until } => {
                child.node.ended(NodeState::Parked, error);
                tracing::error!(actor = name, error, "actor keeps ending, leaving it alone for a minute");
                until.duration_since(now)
            }
        };
        let (name, generation) = (name.to_string(), child.generation);
        myself.send_after(pause, move || SupervisorMsg::Restart { name, generation });
    }

    /// Forgets a child; what is left is to end its actor.
    fn take(&mut self, name: &str) -> Option<(Option<ActorCell>, Arc<Node>)> {
        let mut child = self.children.remove(name)?;
        self.node.disown(name);
        if let Some(cell) = &child.cell {
            self.names.remove(&cell.get_id());
        }
        Some((child.cell.take(), child.node))
    }

    async fn stop(&mut self, name: &str) {
        if let Some((cell, node)) = self.take(name) {
            end(cell, node).await;
        }
    }

    async fn stop_all(&mut self) {
        let mut ends = JoinSet::new();
        for name in self.in_order().into_iter().rev() {
            let Some((cell, node)) = self.take(&name) else {
                continue;
            };
            match self.ending {
                Ending::InReverse => end(cell, node).await,
                Ending::Together => {
                    ends.spawn(end(cell, node));
                }
            }
        }
        ends.join_all().await;
    }

    async fn put(&mut self, spec: ChildSpec, myself: &ActorRef<SupervisorMsg>) {
        let name = spec.name.clone();
        self.stop(&name).await;
        self.adopt(spec);
        self.start(&name, myself).await;
    }
}

async fn end(cell: Option<ActorCell>, node: Arc<Node>) {
    if let Some(cell) = cell
        && cell.stop_and_wait(None, Some(STOP_TIMEOUT)).await.is_err()
    {
        tracing::error!(
            actor = node.name(),
            "actor did not stop in {STOP_TIMEOUT:?}, killing it"
        );
        cell.kill();
    }
    node.set_state(NodeState::Stopped);
}

impl Actor for Supervisor {
    type Msg = SupervisorMsg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<SupervisorMsg>, args: Arguments) -> Result<State, ActorProcessingErr> {
        args.node.disown_all();
        let mut state = State {
            node: args.node,
            children: HashMap::new(),
            names: HashMap::new(),
            started: 0,
            ending: args.ending,
        };
        args.children.into_iter().for_each(|spec| state.adopt(spec));
        Ok(state)
    }

    async fn post_start(&self, myself: ActorRef<SupervisorMsg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        for name in state.in_order() {
            state.start(&name, &myself).await;
        }
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMsg>,
        message: SupervisorMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.node.fault_point();
        match message {
            SupervisorMsg::Put(spec, reply) => {
                state.put(spec, &myself).await;
                answer(reply);
            }
            SupervisorMsg::Remove(name, reply) => {
                state.stop(&name).await;
                answer(Some(reply));
            }
            SupervisorMsg::Restart { name, generation } => {
                let due = state
                    .children
                    .get(&name)
                    .is_some_and(|c| c.cell.is_none() && c.generation == generation);
                if due {
                    state.start(&name, &myself).await;
                }
            }
            SupervisorMsg::Shutdown(reply) => {
                state.stop_all().await;
                answer(Some(reply));
                myself.stop(None);
            }
            SupervisorMsg::Ping(reply) => answer(Some(reply)),
            SupervisorMsg::Nudge => {}
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMsg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, error) = match event {
            SupervisionEvent::ActorFailed(cell, error) => (cell, error.to_string()),
            SupervisionEvent::ActorTerminated(cell, _, reason) => (cell, reason.unwrap_or_else(|| "ended".into())),
            _ => return Ok(()),
        };
        // A child that we stopped ourselves is no longer known by its id.
        if let Some(name) = state.names.remove(&cell.get_id()) {
            state.ended(&name, &error, &myself);
        }
        Ok(())
    }

    /// An orderly end of a nested supervisor: its children end in order too.
    async fn post_stop(&self, _: ActorRef<SupervisorMsg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.stop_all().await;
        Ok(())
    }
}

fn answer(reply: Option<RpcReplyPort<()>>) {
    if let Some(reply) = reply {
        // The caller may have given up waiting; nothing depends on the answer.
        drop(reply.send(()));
    }
}

/// A supervisor as a child of another. `hookable`: a test may panic it (cameras, not the house).
pub fn supervisor_child(
    name: String,
    kind: &'static str,
    hookable: bool,
    ending: Ending,
    children: impl Fn() -> Vec<ChildSpec> + Send + Sync + 'static,
    started: impl Fn(ActorRef<SupervisorMsg>) + Send + Sync + 'static,
) -> ChildSpec {
    let make = Arc::new((children, started));
    let start = Arc::new(move |parent: ActorCell, node: Arc<Node>| -> Starting {
        let make = make.clone();
        Box::pin(async move {
            let args = Arguments {
                node: node.clone(),
                children: (make.0)(),
                ending,
            };
            let (actor, _) = Supervisor::spawn_linked(None, Supervisor, args, parent).await?;
            if hookable {
                allow_panics(&node, &actor, || SupervisorMsg::Nudge);
            }
            (make.1)(actor.clone());
            Ok(actor.get_cell())
        })
    });
    ChildSpec { name, kind, start }
}

/// Starts the root of a tree.
pub async fn spawn_root(node: Arc<Node>, children: Vec<ChildSpec>) -> Result<ActorRef<SupervisorMsg>, SpawnErr> {
    node.started();
    let (actor, _) = Supervisor::spawn(
        None,
        Supervisor,
        Arguments {
            node,
            children,
            ending: Ending::InReverse,
        },
    )
    .await?;
    Ok(actor)
}

/// Lets a test panic this actor (feature `fault-hooks`); otherwise nothing.
#[cfg_attr(not(feature = "fault-hooks"), allow(unused_variables))]
pub(crate) fn allow_panics<M: ractor::Message>(
    node: &Arc<Node>,
    actor: &ActorRef<M>,
    nudge: impl Fn() -> M + Send + 'static,
) {
    #[cfg(feature = "fault-hooks")]
    {
        let actor = actor.clone();
        node.set_nudge(Box::new(move || drop(actor.cast(nudge()))));
    }
}
