//! Messages to people and programs about events: mails and pushes.
//!
//! ```text
//! action ──▶ inbox ──▶ machine (merges, seals) ──▶ outbox, synced ──▶ way (SMTP, HTTP)
//!                         ▲                                             │
//!                         └────────── attempts, back-off ◀──────────────┘
//! outcome ──▶ log of events, synced ──▶ the message is forgotten
//! ```
//! An action is planned in the log of events until its outcome is there, so what `kill -9` finds in
//! the inbox is told again by the registry; what is in the outbox already is known by its action.
//!
//! Belongs here: what mails and pushes have in common. Does not belong here: how one is delivered
//! ([`crate::email`], [`crate::push`]), the files (`vigie_storage::outbox`).

mod actor;
mod channel;
mod machine;
mod pace;
mod status;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub(crate) use actor::channel_child;
pub use channel::{Channel, ChannelCounts};
pub(crate) use channel::{Sending, Way};
pub(crate) use machine::{Directory, Policy, is_enabled, is_told};
pub(crate) use pace::{Failure, How};
pub use status::Status;
