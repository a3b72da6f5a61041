//! Messages to people that are not delivered yet: durable before anything is sent.
//!
//! `<state_dir>/outbox/<name>.jsonl` is a journal ([`crate::journal`]) of changes; what they come to
//! is [`Waiting`]. A message keeps its id, which is its idempotency key, from its first event on; once
//! it is sealed its events are fixed. It is forgotten when its outcome is in the log of events.
//!
//! Belongs here: what is kept. Does not belong here: when messages are sealed and sent, and how
//! (`vigie-actors`).

mod store;
mod waiting;

pub use store::{Opened, Store};
pub use waiting::{ActionRef, Address, Change, Message, NOTES, Note, Outcome, Waiting};
