//! `/api/v1`: one file per resource. OpenAPI is generated from what stands beside each handler.

mod asked;
mod audit;
mod backup;
mod buzzer;
mod cameras;
mod certificate;
mod config;
mod config_history;
mod disks;
pub(crate) mod events;
#[cfg(feature = "fault-hooks")]
mod faults;
mod footage;
mod groups;
mod health;
mod inputs;
mod layouts;
mod locks;
mod log;
mod manual;
mod metrics;
mod motion;
mod outputs;
mod previews;
mod probe;
mod push;
mod recipients;
mod recordings;
mod reset;
mod second_factor;
mod security;
mod session;
mod sessions;
mod setup;
mod snapshot;
mod snapshots;
mod system;
mod tags;
mod timeline;
mod tokens;
mod users;
mod video;

use asked::{list_of, one, span, tag_of, time};
pub(crate) use asked::{small, stream_name};
pub use config::NoteBody;
pub use inputs::speaks_for_itself;
pub use previews::Previews;

use std::sync::LazyLock;

use actix_web::{HttpResponse, Responder, web};
use utoipa::OpenApi;
use vigie_actors::Recorder;
use vigie_config::{CameraId, StreamId};

use self::security::SignIn;
use crate::{live, problem::Problem, sign_in::Viewer};

#[derive(OpenApi)]
#[openapi(
    info(title = "Vigie", description = "A supervised network video recorder"),
    paths(
        cameras::list,
        certificate::show,
        certificate::put,
        certificate::delete,
        recordings::list,
        timeline::show,
        tags::list,
        tags::add,
        tags::reword,
        tags::remove,
        layouts::list,
        layouts::put,
        layouts::remove,
        layouts::preferences,
        layouts::put_preferences,
        video::video,
        previews::list,
        previews::show,
        snapshot::snapshot,
        snapshots::list,
        snapshots::show,
        snapshots::delete,
        snapshots::take,
        live::open,
        session::create,
        session::show,
        session::end,
        session::change_password,
        session::input,
        second_factor::begin,
        second_factor::confirm,
        second_factor::end,
        setup::show,
        setup::make,
        sessions::list,
        sessions::end,
        tokens::list,
        tokens::add,
        tokens::end,
        users::list,
        users::add,
        users::change,
        users::remove,
        groups::list,
        groups::put,
        groups::remove,
        audit::list,
        backup::save,
        backup::restore,
        reset::reset,
        disks::create_folder,
        disks::prepare,
        disks::adopt,
        disks::retire,
        disks::release,
        system::tree,
        system::info,
        system::capacity,
        footage::list,
        footage::delete,
        footage::deletions,
        locks::list,
        locks::add,
        locks::release,
        log::list,
        events::list,
        events::add,
        events::listen,
        inputs::list,
        inputs::tell,
        outputs::list,
        outputs::switch,
        outputs::test,
        buzzer::show,
        buzzer::test,
        buzzer::silence,
        recipients::list,
        recipients::test,
        probe::probe,
        push::list,
        push::test,
        push::vapid,
        push::subscriptions,
        push::subscribe,
        push::unsubscribe,
        manual::start,
        manual::end,
        manual::start_all,
        manual::end_all,
        motion::look,
        config::show,
        config::put_all,
        config::order_cameras,
        config_history::list,
        config_history::show,
        config_history::restore,
        config::show_entry,
        config::put_entry,
        config::delete_entry,
        config::show_table,
        config::put_table,
        config::delete_table,
        metrics::metrics,
        health::healthz,
        health::readyz,
    ),
    components(schemas(crate::problem::ProblemDocument)),
    modifiers(&SignIn)
)]
struct Description;

static DESCRIPTION: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(Description::openapi);

/// The description of the API, as served at `/api/v1/openapi.json`.
pub fn openapi() -> &'static utoipa::openapi::OpenApi {
    &DESCRIPTION
}

/// The methods of the route at `path`, as in an `Allow` header; `None`: there is no such route.
pub fn methods(path: &str) -> Option<String> {
    let described = openapi()
        .paths
        .paths
        .iter()
        .find(|(template, _)| matches(template, path));
    let mut methods = Vec::new();
    if let Some((_, item)) = described {
        for (name, operation) in [
            ("GET, HEAD", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("DELETE", &item.delete),
        ] {
            methods.extend(operation.as_ref().map(|_| name));
        }
    }
    (!methods.is_empty()).then(|| methods.join(", "))
}

/// `{name}` stands for one part.
pub(crate) fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut seen) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), seen.next()) {
            (None, None) => return true,
            (Some(wanted), Some(seen)) if wanted == seen || wanted.starts_with('{') && !seen.is_empty() => {}
            _ => return false,
        }
    }
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
        .service(certificate::show)
        .service(certificate::put)
        .service(certificate::delete)
        .service(recordings::list)
        .service(timeline::show)
        .service(tags::list)
        .service(tags::add)
        .service(tags::reword)
        .service(tags::remove)
        .service(layouts::list)
        .service(layouts::put)
        .service(layouts::remove)
        .service(layouts::preferences)
        .service(layouts::put_preferences)
        .service(video::video)
        .service(previews::list)
        .service(previews::show)
        .service(snapshot::snapshot)
        .service(snapshots::list)
        .service(snapshots::show)
        .service(snapshots::delete)
        .service(snapshots::take)
        .service(live::open)
        .service(session::create)
        .service(session::show)
        .service(session::end)
        .service(session::change_password)
        .service(session::input)
        .service(second_factor::begin)
        .service(second_factor::confirm)
        .service(second_factor::end)
        .service(setup::show)
        .service(setup::make)
        .service(sessions::list)
        .service(sessions::end)
        .service(tokens::list)
        .service(tokens::add)
        .service(tokens::end)
        .service(users::list)
        .service(users::add)
        .service(users::change)
        .service(users::remove)
        .service(groups::list)
        .service(groups::put)
        .service(groups::remove)
        .service(audit::list)
        .service(backup::save)
        .service(backup::restore_resource())
        .service(reset::reset)
        .service(disks::create_folder)
        .service(disks::prepare)
        .service(disks::adopt)
        .service(disks::retire)
        .service(disks::release)
        .service(system::tree)
        .service(system::info)
        .service(system::capacity)
        .service(footage::list)
        .service(footage::delete)
        .service(footage::deletions)
        .service(locks::list)
        .service(locks::add)
        .service(locks::release)
        .service(log::list)
        .service(events::list)
        .service(events::add)
        .service(events::listen)
        .service(inputs::list)
        .service(inputs::tell)
        .service(outputs::list)
        .service(outputs::switch)
        .service(outputs::test)
        .service(buzzer::show)
        .service(buzzer::test)
        .service(buzzer::silence)
        .service(recipients::list)
        .service(recipients::test)
        .service(probe::probe)
        .service(push::list)
        .service(push::vapid)
        .service(push::subscriptions)
        .service(push::subscribe)
        .service(push::unsubscribe)
        .service(push::test)
        .service(manual::start)
        .service(manual::end)
        .service(manual::start_all)
        .service(manual::end_all)
        .service(motion::look)
        .service(config::show)
        .service(config::put_all)
        .service(config::order_cameras)
        .service(config_history::list)
        .service(config_history::show)
        .service(config_history::restore)
        .service(config::show_entry)
        .service(config::put_entry)
        .service(config::delete_entry)
        .service(config::show_table)
        .service(config::put_table)
        .service(config::delete_table)
        .route("/api/v1/openapi.json", web::get().to(describe));
    #[cfg(feature = "fault-hooks")]
    config.service(faults::panic);
}

/// A camera that is configured, or was and still has footage, and that the viewer may see.
pub(crate) fn known_camera(recorder: &Recorder, viewer: &Viewer, id: &str) -> Result<CameraId, Problem> {
    let no_camera = || Problem::no_camera(id);
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
        viewer.may_view(&camera)?;
        Ok(camera)
    } else {
        Err(no_camera())
    }
}

/// A camera without that stream, or one that is recorded no more.
pub(crate) fn not_configured(stream: &StreamId) -> Problem {
    Problem::NoFootage(format!("{stream} is not configured"))
}

/// Off the server's threads: reading and writing disks may take its time.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let done = web::block(work).await;
    done.map_err(|_| Problem::Unavailable("too busy; try again".into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_description_says_what_needs_a_sign_in() {
        let described = serde_json::to_value(openapi()).unwrap();
        let operation = |path: &str, method: &str| described["paths"][path][method].clone();
        assert!(described["components"]["securitySchemes"]["session"].is_object());
        let rules = operation("/api/v1/config/{table}/{id}", "put");
        assert_eq!(rules["security"].as_array().unwrap().len(), 3, "{rules}");
        assert!(rules["responses"]["401"].is_object(), "{rules}");
        assert!(operation("/healthz", "get")["security"].is_null());
    }

    #[test]
    fn methods_of_described_routes() {
        assert_eq!(methods("/api/v1/cameras").as_deref(), Some("GET, HEAD"));
        assert_eq!(methods("/api/v1/cameras/gate/video.mp4").as_deref(), Some("GET, HEAD"));
        assert_eq!(methods("/api/v1/session").as_deref(), Some("GET, HEAD, POST, DELETE"));
        for unknown in [
            "/",
            "/api/v1/cameras/",
            "/api/v1/cameras//video.mp4",
            "/api/v1/cameras/gate",
            "/api/v2",
        ] {
            assert_eq!(methods(unknown), None, "{unknown}");
        }
    }
}
