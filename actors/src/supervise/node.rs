//! What every actor publishes about itself, and the tree of it.
//!
//! A [`Node`] outlives the actor it describes: the supervisor makes it once per child and each
//! generation of the child writes to the same one.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;
use vigie_config::Utc;

/// Where an actor stands in the eyes of its supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    Starting,
    Running,
    /// Ended, to be started again after a pause.
    Waiting,
    /// Ended too often; left alone for a minute.
    Parked,
    Stopped,
}

/// One node of `GET /api/v1/system/tree`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TreeNode {
    /// Unique among its siblings, e.g. `camera.gate`.
    pub name: String,
    /// What it does, e.g. `camera`.
    pub kind: String,
    pub state: NodeState,
    /// How many times it was started.
    pub generation: u64,
    /// How many times it ended without being asked to.
    pub restarts: u64,
    pub last_error: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub since: Utc,
    /// What it says about itself; shape by kind.
    pub detail: Value,
    #[schema(no_recursion)]
    pub children: Vec<TreeNode>,
}

struct Inner {
    state: NodeState,
    generation: u64,
    restarts: u64,
    last_error: Option<String>,
    since: Utc,
    detail: Value,
    children: Vec<Arc<Node>>,
}

/// The published face of one actor. Written by its supervisor and by itself, never on a media path.
pub struct Node {
    name: String,
    kind: &'static str,
    inner: Mutex<Inner>,
    #[cfg(feature = "fault-hooks")]
    fault: fault::Fault,
}

impl Node {
    pub fn new(name: impl Into<String>, kind: &'static str) -> Arc<Node> {
        Arc::new(Node {
            name: name.into(),
            kind,
            inner: Mutex::new(Inner {
                state: NodeState::Starting,
                generation: 0,
                restarts: 0,
                last_error: None,
                since: Utc::now(),
                detail: Value::Null,
                children: Vec::new(),
            }),
            #[cfg(feature = "fault-hooks")]
            fault: fault::Fault::default(),
        })
    }

    fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn name(&self) -> &str {
        &self.name
    }
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Replaces what the actor says about itself.
    pub fn publish(&self, detail: impl Serialize) {
        let detail = serde_json::to_value(detail).unwrap_or(Value::Null);
        self.with(|n| n.detail = detail);
    }

    /// A trouble that did not end the actor; shown until the next one.
    pub fn note_error(&self, error: impl ToString) {
        self.with(|n| n.last_error = Some(error.to_string()));
    }

    pub(super) fn set_state(&self, state: NodeState) {
        self.with(|n| {
            if n.state != state {
                n.state = state;
                n.since = Utc::now();
            }
        });
    }

    pub(super) fn started(&self) -> u64 {
        self.set_state(NodeState::Running);
        self.with(|n| {
            n.generation += 1;
            n.generation
        })
    }

    pub(super) fn ended(&self, state: NodeState, error: &str) {
        self.set_state(state);
        self.with(|n| {
            n.restarts += 1;
            n.last_error = Some(error.to_string());
        });
    }

    pub(super) fn adopt(&self, child: Arc<Node>) {
        self.with(|n| n.children.push(child));
    }

    pub(super) fn disown(&self, name: &str) {
        self.with(|n| n.children.retain(|c| c.name != name));
    }

    pub(super) fn disown_all(&self) {
        self.with(|n| n.children.clear());
    }

    pub fn state(&self) -> NodeState {
        self.with(|n| n.state)
    }

    /// A copy of this node and all below it.
    pub fn tree(&self) -> TreeNode {
        let (mut node, children) = self.with(|n| {
            let node = TreeNode {
                name: self.name.clone(),
                kind: self.kind.to_string(),
                state: n.state,
                generation: n.generation,
                restarts: n.restarts,
                last_error: n.last_error.clone(),
                since: n.since,
                detail: n.detail.clone(),
                children: Vec::new(),
            };
            (node, n.children.clone())
        });
        node.children = children.iter().map(|c| c.tree()).collect();
        node
    }

    /// The node at a path of names below this one, e.g. `["cameras", "camera.gate"]`.
    pub fn find(self: &Arc<Self>, path: &[&str]) -> Option<Arc<Node>> {
        path.iter().try_fold(self.clone(), |node, name| {
            node.with(|n| n.children.iter().find(|c| c.name == *name).cloned())
        })
    }

    /// Panics here if a test asked for it. Every actor calls this when it handles a message.
    pub fn fault_point(&self) {
        #[cfg(feature = "fault-hooks")]
        self.fault.trip(&self.name);
    }

    /// Panics here if a test asked for it at a place of this name.
    #[cfg_attr(not(feature = "fault-hooks"), allow(unused_variables))]
    pub fn fault_point_at(&self, place: &'static str) {
        #[cfg(feature = "fault-hooks")]
        self.fault.trip_at(place);
    }
}

#[cfg(feature = "fault-hooks")]
mod fault {
    //! The hook by which a test makes any actor panic.

    use std::{
        collections::BTreeSet,
        sync::{
            Arc, Mutex, PoisonError,
            atomic::{AtomicBool, Ordering},
        },
    };

    type Nudge = Box<dyn Fn() + Send>;

    #[derive(Default)]
    pub struct Fault {
        armed: AtomicBool,
        nudge: Mutex<Option<Nudge>>,
        /// Where in its work it is to panic, once each.
        places: Mutex<BTreeSet<String>>,
    }

    impl Fault {
        pub fn trip(&self, name: &str) {
            if self.armed.swap(false, Ordering::SeqCst) {
                panic!("asked to panic: {name}");
            }
        }

        pub fn trip_at(&self, place: &'static str) {
            let asked = self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
            if asked {
                panic!("asked to panic: {place}");
            }
        }
    }

    impl super::Node {
        /// How to make this node's actor handle a message soon.
        pub(in crate::supervise) fn set_nudge(&self, nudge: Nudge) {
            *self.fault.nudge.lock().unwrap_or_else(PoisonError::into_inner) = Some(nudge);
        }

        /// Makes the actor of this node panic at its next message, and sends it one.
        /// False if the node has no actor that may be panicked.
        pub fn panic_now(self: &Arc<Self>) -> bool {
            let nudge = self.fault.nudge.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(nudge) = nudge.as_ref() else {
                return false;
            };
            self.fault.armed.store(true, Ordering::SeqCst);
            nudge();
            true
        }

        /// Makes the job of this node panic when it next comes to a place in its work.
        pub fn panic_at(&self, place: &str) {
            let mut places = self.fault.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.insert(place.to_owned());
        }
    }
}
