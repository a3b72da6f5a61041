//! The supervision tree: every camera, disk and service is an actor that somebody watches.
//!
//! ```text
//! root ─┬ registry
//!       ├ disks ── disk.<id>
//!       ├ cameras ── camera.<id> ─┬ recording.<stream>
//!       │                         ├ source.<stream>
//!       │                         └ motion
//!       ├ mqtt
//!       ├ inputs ── alarm_input.<id>     outputs ── alarm_output.<id>
//!       ├ snapshot · buzzer · email · push
//!       ├ retention · devices · links · addresses · sign_ins · certificate · restream · control · health · reload
//!       └ web
//! ```
//! Belongs here: who starts what, who restarts whom, what a fact leads to.
//! Does not belong here: media (`vigie-media`), files (`vigie-storage`), HTTP (`vigie-web`).

pub mod backup;
pub mod buzzer;
pub mod camera;
mod cameras;
pub mod capacity;
pub mod certificate;
pub mod clock;
pub mod control;
mod deps;
mod devices;
mod disks;
mod email;
pub mod gate;
mod gpio;
mod health;
mod http;
mod info;
pub mod inputs;
pub mod log;
pub mod motion;
pub mod mqtt;
mod network;
mod notifiers;
pub mod notify;
pub mod outputs;
pub mod probe;
mod push;
mod recorder;
pub mod recording;
pub mod registry;
mod reload;
pub mod reset;
mod restream;
mod retention;
pub mod settings;
pub mod sign_ins;
mod site;
pub mod snapshots;
mod source;
pub mod stream;
pub mod supervise;
mod unrecorded;

pub use devices::DeviceSnapshot;
pub use disks::{Assignment, DiskSnapshot, DiskState, Disks, ServiceError, assignment};
pub use info::{DiskInfo, SystemInfo};
pub use network::{ArpListener, LinkInfo};
pub use notifiers::{Notifiers, PushSnapshot, RecipientSnapshot};
pub use push::is_push_service;
pub use recorder::{Hooks, Recorder, StartError};
