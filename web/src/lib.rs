//! HTTP: the API, live viewers, the embedded front end.
//!
//! Belongs here: routes, sign-in, problem documents, OpenAPI, WebSocket viewers.
//! Does not belong here: decisions about cameras or footage (`vigie-actors`, `vigie-storage`).

mod api;
mod audit;
mod deadline;
mod head;
mod live;
mod origin;
mod problem;
mod rights;
mod server;
mod sign_in;
mod ui;

pub use api::openapi;
pub use server::Server;
