//! HTTP: the API, live viewers, the embedded front end.
//!
//! Belongs here: routes, sign-in, problem documents, OpenAPI, WebSocket viewers.
//! Does not belong here: decisions about cameras or footage (`vigie-actors`, `vigie-storage`).

mod api;
mod arrival;
mod audit;
mod cookie;
mod deadline;
mod forwarded;
mod head;
mod headers;
mod limits;
mod listen;
mod live;
mod origin;
mod problem;
mod rights;
mod server;
mod sign_in;
mod ui;

pub use api::openapi;
pub use server::{ListenError, Server};
