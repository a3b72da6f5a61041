//! `/api/v1`: one file per resource. OpenAPI is generated from what stands beside each handler.

mod cameras;
#[cfg(feature = "fault-hooks")]
mod faults;
mod health;
mod metrics;
mod recordings;
mod session;
mod snapshot;
mod system;
mod video;

use actix_web::{HttpResponse, Responder, web};
use utoipa::OpenApi;
use vigie_actors::Recorder;
use vigie_config::{CameraId, StreamName, Utc};

use crate::{live, problem::Problem, sign_in::Viewer};

#[derive(OpenApi)]
#[openapi(
    info(title = "Vigie", description = "A supervised network video recorder"),
    paths(
        cameras::list,
        recordings::list,
        video::video,
        snapshot::snapshot,
        live::open,
        session::create,
        session::show,
        session::end,
        system::tree,
        system::info,
        metrics::metrics,
        health::healthz,
        health::readyz,
    ),
    components(schemas(crate::problem::ProblemDocument))
)]
struct Description;

/// The description of the API, as served at `/api/v1/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

async fn describe(_: Viewer) -> impl Responder {
    HttpResponse::Ok().json(openapi())
}

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(health::healthz)
        .service(health::readyz)
        .service(metrics::metrics)
        .service(cameras::list)
        .service(recordings::list)
        .service(video::video)
        .service(snapshot::snapshot)
        .service(live::open)
        .service(session::create)
        .service(session::show)
        .service(session::end)
        .service(system::tree)
        .service(system::info)
        .route("/api/v1/openapi.json", web::get().to(describe));
    #[cfg(feature = "fault-hooks")]
    config.service(faults::panic);
}

/// A camera that is configured, or was and still has footage.
fn known_camera(recorder: &Recorder, id: &str) -> Result<CameraId, Problem> {
    let no_camera = || Problem::NoCamera(id.chars().take(80).collect());
    let camera = CameraId::new(id).map_err(|_| no_camera())?;
    let configured = recorder.config().cameras.iter().any(|c| c.id == camera);
    let recorded = || {
        recorder
            .storage()
            .streams()
            .iter()
            .any(|stream| stream.camera == camera)
    };
    if configured || recorded() {
        Ok(camera)
    } else {
        Err(no_camera())
    }
}

/// `main` when not given.
pub(crate) fn stream_name(text: Option<&str>) -> Result<StreamName, Problem> {
    text.unwrap_or("main").parse().map_err(|_| {
        Problem::BadRequest(format!(
            "stream: {:?} is neither main nor sub",
            text.unwrap_or_default()
        ))
    })
}

/// A time in a query, RFC 3339.
fn time(name: &str, text: Option<&str>) -> Result<Option<Utc>, Problem> {
    text.map(|t| {
        t.parse::<Utc>()
            .map_err(|e| Problem::BadRequest(format!("{name}: {e}")))
    })
    .transpose()
}
