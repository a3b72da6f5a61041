//! The registry: every fact worth telling goes through here, in order, and what follows from it.
//!
//! ```text
//! raise ──▶ queue ──▶ lifecycle (begins, ends) ──▶ linkage (rules) ──▶ log, synced ──▶ answer
//!                                                                        └▶ dispatch ──▶ actors
//! ```
//! Belongs here: the order of events, what is known of those that go on, which rule wants what.
//! Does not belong here: how an action is done (recording, outputs, …), the log's files
//! (`vigie_storage::events`).

mod batch;
mod by_hand;
mod dispatch;
mod event;
mod journal;
mod lifecycle;
mod linkage;
mod past;
mod queue;
mod recordings;
mod resume;
mod router;

pub use event::Event;
pub use linkage::Command;
pub use queue::{Events, News, NotDurable, Told};
pub use router::{Registry, registry_child};
