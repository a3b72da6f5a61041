//! The supervision tree: every camera, disk and service is an actor that somebody watches.
//!
//! ```text
//! root ─┬ registry
//!       ├ disks ── disk.<id>
//!       ├ cameras ── camera.<id> ─┬ recording.<stream>
//!       │                         └ source.<stream>
//!       ├ mqtt
//!       ├ inputs ── alarm_input.<id>     outputs ── alarm_output.<id>
//!       ├ retention · devices · restream · control · health · reload
//!       └ web
//! ```
//! Belongs here: who starts what, who restarts whom, what a fact leads to.
//! Does not belong here: media (`vigie-media`), files (`vigie-storage`), HTTP (`vigie-web`).

pub mod camera;
mod cameras;
pub mod capacity;
pub mod clock;
pub mod control;
mod deps;
mod devices;
mod disks;
mod gpio;
mod health;
mod http;
mod info;
pub mod inputs;
pub mod mqtt;
pub mod outputs;
mod recorder;
pub mod recording;
pub mod registry;
mod reload;
mod restream;
mod retention;
mod site;
mod source;
pub mod stream;
pub mod supervise;
mod unrecorded;

pub use devices::DeviceSnapshot;
pub use disks::{Assignment, DiskSnapshot, DiskState, Disks, ServiceError, assignment};
pub use info::{DiskInfo, SystemInfo};
pub use recorder::{Hooks, Recorder, StartError};
