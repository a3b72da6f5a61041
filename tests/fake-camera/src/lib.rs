//! Cameras for tests and benchmarks: honest, efficient, or lying on purpose.
//!
//! [`FakeCameras`] serves any number of cameras over RTSP from one thread, in real time, from
//! clips that are cut into packets beforehand. Every access unit carries an [`Identity`], and
//! the camera's [`SentLog`] says which ones it sent: with [`demux`], which reads what a recorder
//! wrote without any of the recorder's code, [`books`] can say whether anything is missing.
//!
//! Does not belong here: anything that knows the recorder's own code or interfaces.

mod auth;
pub mod books;
mod camera;
mod clip;
mod control;
pub mod demux;
mod fixture;
mod identity;
mod lies;
mod packet;
mod rtsp;
mod sent;
mod server;
mod session;

pub use auth::{Account, Scheme};
pub use camera::{CameraSpec, MTU, StreamSpec};
pub use clip::{AudioClip, AudioCodec, NalKind, Unit, VideoClip, VideoCodec, annex_b, fixture_dir};
pub use control::serve as serve_control;
pub use fixture::{PASSES_S, Recipe, Show, audio, number_shown};
pub use identity::{Identity, UUID};
pub use lies::Lies;
pub use sent::{SentLog, SentRange};
pub use server::FakeCameras;
