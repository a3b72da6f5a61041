//! The one way to keep something alive: named nodes, restart policy, supervisors, workers.
//!
//! Belongs here: what is the same for every actor. Does not belong here: what any of them does.
//!
//! Facts of ractor this is built on: the default supervisor stops when a child ends, so
//! [`Supervisor`] overrides it; a failing `pre_start` raises no supervision event, so nothing
//! that can fail happens there; `post_stop` is skipped on kill and panic, so resources are
//! freed in `Drop`; a supervisor that ends takes its children with it.

mod node;
mod policy;
mod supervisor;
#[cfg(test)]
mod tests;
mod worker;

pub use node::{Node, NodeState, TreeNode};
pub use policy::{Attempts, Backoff, Jitter, RestartPolicy, Verdict};
pub(crate) use supervisor::allow_panics;
pub use supervisor::{ChildSpec, Ending, Supervisor, SupervisorMsg, spawn_root, supervisor_child};
pub use worker::{Job, JobContext, JobError, worker_child};
