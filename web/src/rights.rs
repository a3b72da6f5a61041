//! What every route needs, in one table, asked before any handler.
//!
//! A route that is not in [`NEEDS`] is not there: it is refused whoever asks. Which camera a request
//! is about stands in its path, or only its handler knows: then the table says which right of a
//! camera it takes, and the handler asks for that of this camera ([`Viewer::may_with`]). Lists hold
//! what the viewer may see.

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
    web,
};
use vigie_actors::Recorder;
use vigie_config::CameraId;
use vigie_storage::accounts::{
    CameraRight::{self, Delete, Export, Live, Playback, Protect, Record},
    HouseRight::{self, Alarms, Configure, System, Users},
};

use crate::{
    api, audit,
    problem::Problem,
    sign_in::{self, Viewer},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Nobody,
    /// What is answered is the viewer's own, or what they may see of it.
    SignedIn,
    /// Signed in, and not with an API token: what is a person's own.
    Person,
    House(HouseRight),
    Both(HouseRight, HouseRight),
    /// Of the camera in the path.
    Camera(CameraRight),
    /// Of a camera that the handler finds out; of some camera at least.
    Some(CameraRight),
    /// Recording by hand, or whatever alarms do, of the camera in the path.
    ByHand,
    /// A live picture, or with `at` a recorded one.
    Picture,
    /// Footage; taken away with `download`.
    Footage,
    /// The input's own token, or the right to alarms.
    Input,
}

use Need::{Both, ByHand, Camera, Footage, House, Input, Nobody, Person, Picture, SignedIn, Some as OfSome};

/// Method, path as OpenAPI has it, need.
pub const NEEDS: &[(&str, &str, Need)] = &[
    ("GET", "/healthz", Nobody),
    ("GET", "/readyz", Nobody),
    ("GET", "/metrics", House(System)),
    ("GET", "/api/v1/openapi.json", SignedIn),
    ("POST", "/api/v1/session", Nobody),
    ("GET", "/api/v1/session", SignedIn),
    ("DELETE", "/api/v1/session", Nobody),
    ("GET", "/api/v1/setup", Nobody),
    // Of cameras whose configuration says so.
    ("GET", "/api/v1/previews", Nobody),
    ("GET", "/api/v1/previews/{id}.jpg", Nobody),
    ("POST", "/api/v1/setup", Nobody),
    ("PUT", "/api/v1/session/password", Person),
    ("POST", "/api/v1/session/input", SignedIn),
    ("POST", "/api/v1/session/second-factor", Person),
    ("PUT", "/api/v1/session/second-factor", Person),
    ("DELETE", "/api/v1/session/second-factor", Person),
    ("GET", "/api/v1/sessions", Person),
    ("DELETE", "/api/v1/sessions/{id}", Person),
    ("GET", "/api/v1/tokens", Person),
    ("POST", "/api/v1/tokens", Person),
    ("DELETE", "/api/v1/tokens/{id}", Person),
    ("GET", "/api/v1/users", House(Users)),
    ("POST", "/api/v1/users", House(Users)),
    ("PUT", "/api/v1/users/{name}", House(Users)),
    ("DELETE", "/api/v1/users/{name}", House(Users)),
    ("GET", "/api/v1/groups", House(Users)),
    ("PUT", "/api/v1/groups/{name}", House(Users)),
    ("DELETE", "/api/v1/groups/{name}", House(Users)),
    ("GET", "/api/v1/audit", House(Users)),
    ("GET", "/api/v1/cameras", SignedIn),
    ("GET", "/api/v1/cameras/{id}/live", Camera(Live)),
    ("GET", "/api/v1/cameras/{id}/motion", Camera(Live)),
    ("GET", "/api/v1/cameras/{id}/snapshot.jpg", Picture),
    ("GET", "/api/v1/cameras/{id}/video.mp4", Footage),
    ("POST", "/api/v1/cameras/{id}/snapshots", ByHand),
    ("POST", "/api/v1/cameras/{id}/manual", ByHand),
    ("DELETE", "/api/v1/cameras/{id}/manual", ByHand),
    ("POST", "/api/v1/manual", House(Alarms)),
    ("DELETE", "/api/v1/manual", House(Alarms)),
    ("GET", "/api/v1/recordings", OfSome(Playback)),
    ("GET", "/api/v1/timeline", OfSome(Playback)),
    ("GET", "/api/v1/tags", OfSome(Playback)),
    ("POST", "/api/v1/tags", OfSome(Protect)),
    ("PUT", "/api/v1/tags/{id}", OfSome(Protect)),
    ("DELETE", "/api/v1/tags/{id}", OfSome(Protect)),
    ("GET", "/api/v1/layouts", SignedIn),
    ("PUT", "/api/v1/layouts/{id}", Person),
    ("DELETE", "/api/v1/layouts/{id}", Person),
    ("GET", "/api/v1/preferences", SignedIn),
    ("PUT", "/api/v1/preferences", Person),
    ("GET", "/api/v1/footage", SignedIn),
    ("DELETE", "/api/v1/footage", OfSome(Delete)),
    ("GET", "/api/v1/footage/deletions", OfSome(Delete)),
    ("GET", "/api/v1/locks", SignedIn),
    ("POST", "/api/v1/locks", OfSome(Protect)),
    ("DELETE", "/api/v1/locks/{id}", OfSome(Protect)),
    ("GET", "/api/v1/snapshots", SignedIn),
    ("GET", "/api/v1/snapshots/{id}.jpg", OfSome(Playback)),
    ("DELETE", "/api/v1/snapshots/{id}.jpg", OfSome(Delete)),
    ("GET", "/api/v1/events", SignedIn),
    ("POST", "/api/v1/events", House(Alarms)),
    ("GET", "/api/v1/events/live", SignedIn),
    ("GET", "/api/v1/inputs", SignedIn),
    ("POST", "/api/v1/inputs/{id}", Input),
    ("GET", "/api/v1/outputs", SignedIn),
    ("POST", "/api/v1/outputs/{id}", House(Alarms)),
    ("POST", "/api/v1/outputs/{id}/test", House(Alarms)),
    ("GET", "/api/v1/buzzer", SignedIn),
    ("POST", "/api/v1/buzzer/test", House(Alarms)),
    // Whoever hears it may.
    ("POST", "/api/v1/buzzer/silence", SignedIn),
    ("GET", "/api/v1/recipients", House(Configure)),
    ("POST", "/api/v1/recipients/{id}/test", House(Configure)),
    ("GET", "/api/v1/push", House(Configure)),
    ("POST", "/api/v1/push/{id}/test", House(Configure)),
    ("GET", "/api/v1/push/vapid", SignedIn),
    ("GET", "/api/v1/push/subscriptions", Person),
    ("POST", "/api/v1/push/subscriptions", Person),
    ("DELETE", "/api/v1/push/subscriptions/{id}", Person),
    ("GET", "/api/v1/config", House(Configure)),
    ("GET", "/api/v1/config/{table}", House(Configure)),
    ("PUT", "/api/v1/config/{table}", House(Configure)),
    ("DELETE", "/api/v1/config/{table}", House(Configure)),
    ("GET", "/api/v1/config/{table}/{id}", House(Configure)),
    ("PUT", "/api/v1/config/{table}/{id}", House(Configure)),
    ("DELETE", "/api/v1/config/{table}/{id}", House(Configure)),
    ("PUT", "/api/v1/config", House(Configure)),
    ("GET", "/api/v1/config-history", House(Configure)),
    ("GET", "/api/v1/config-history/{id}", House(Configure)),
    ("POST", "/api/v1/config-history/{id}/restore", House(Configure)),
    ("POST", "/api/v1/camera-order", House(Configure)),
    ("POST", "/api/v1/probe", House(Configure)),
    // Everything that is set up: accounts as well as the configuration.
    ("POST", "/api/v1/backup", Both(Configure, Users)),
    ("POST", "/api/v1/restore", Both(Configure, Users)),
    ("POST", "/api/v1/factory-reset", Both(Configure, Users)),
    // Erasing takes the right to delete with every camera as well: its handler asks.
    ("POST", "/api/v1/disks/{id}/create-folder", House(Configure)),
    ("POST", "/api/v1/disks/{id}/prepare", House(Configure)),
    ("POST", "/api/v1/disks/{id}/adopt", House(Configure)),
    ("POST", "/api/v1/disks/{id}/retire", House(Configure)),
    ("POST", "/api/v1/disks/{id}/release", House(Configure)),
    ("GET", "/api/v1/log", House(System)),
    ("GET", "/api/v1/certificate", House(Configure)),
    ("PUT", "/api/v1/certificate", House(Configure)),
    ("DELETE", "/api/v1/certificate", House(Configure)),
    ("GET", "/api/v1/system/tree", House(System)),
    ("GET", "/api/v1/system/capacity", House(System)),
    ("GET", "/api/v1/system/info", SignedIn),
    #[cfg(feature = "fault-hooks")]
    ("POST", "/api/v1/test/panic", SignedIn),
];

/// What a route needs; `None`: it is not in the table.
pub fn need(method: &str, path: &str) -> Option<Need> {
    let found = NEEDS
        .iter()
        .find(|(of, template, _)| *of == method && api::matches(template, path));
    found.map(|(_, _, need)| *need)
}

/// For `middleware::from_fn`. What is refused is an answer like any other: with all its headers, and
/// without a body for HEAD.
pub async fn ask<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    // As the router reads it: decoded, so that no other spelling of a path goes by the table.
    let path = request.match_info().as_str().to_owned();
    let need = need(request.method().as_str(), &path);
    let admitted = match need {
        Some(need) => admit(request.request(), need, &path).await,
        None => only_a_page(request.method(), &path).map(|()| None),
    };
    match admitted {
        Ok(viewer) => {
            viewer.and_then(|viewer| request.extensions_mut().insert(viewer));
            let response = next.call(request).await?;
            if let Some(need) = need {
                audit::tell(need, &path, &response);
            }
            Ok(response.map_into_left_body())
        }
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

/// The front end's files and pages are anybody's; beside them there is nothing outside the table.
fn only_a_page(method: &Method, path: &str) -> Result<(), Problem> {
    let shown = || path.chars().take(200).collect();
    let allow = api::methods(path);
    if allow.is_some() || *method != Method::GET {
        return Err(Problem::MethodNotAllowed {
            path: shown(),
            allow: allow.unwrap_or_else(|| "GET, HEAD".into()),
        });
    }
    match path.starts_with("/api/") {
        true => Err(Problem::NotFound(shown())),
        false => Ok(()),
    }
}

/// Who asks, if they may. `None`: anybody may, or an input speaks for itself.
async fn admit(request: &HttpRequest, need: Need, path: &str) -> Result<Option<Viewer>, Problem> {
    let recorder = request.app_data::<web::Data<Recorder>>().cloned();
    let recorder = recorder.ok_or_else(|| Problem::Internal("no recorder behind this route".into()))?;
    let place = path.split('/').nth(4).unwrap_or_default();
    if need == Nobody || need == Input && api::speaks_for_itself(request, &recorder, place) {
        return Ok(None);
    }
    let viewer = sign_in::viewer(request, recorder).await?;
    let camera = || CameraId::new(place).map_err(|_| Problem::no_camera(place));
    // Read as handlers read it, however it is spelled.
    let asks = |key: &str| match web::Query::<Vec<(String, String)>>::from_query(request.query_string()) {
        Ok(query) => query.iter().any(|(name, _)| name == key),
        Err(_) => true,
    };
    match need {
        Nobody | SignedIn => {}
        Person if viewer.is_a_program() => {
            let text = "an API token may not do this: sign in with name and password";
            return Err(Problem::Forbidden(text.into()));
        }
        Person => {}
        House(right) => viewer.may(right)?,
        Both(one, other) => viewer.may(one).and_then(|()| viewer.may(other))?,
        Input => viewer.may(Alarms)?,
        Camera(right) => viewer.may_with(&camera()?, right)?,
        OfSome(right) => viewer.may_somewhere(right)?,
        ByHand => {
            let camera = camera()?;
            viewer.may_view(&camera)?;
            if !viewer.0.may(Alarms) {
                viewer.may_with(&camera, Record)?;
            }
        }
        Picture => viewer.may_with(&camera()?, if asks("at") { Playback } else { Live })?,
        Footage => viewer.may_with(&camera()?, if asks("download") { Export } else { Playback })?,
    }
    Ok(Some(viewer))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Neither a route that nothing guards, nor a guard of none.
    #[test]
    fn every_described_route_is_in_the_table_and_no_other() {
        let mut described: Vec<(String, String)> = Vec::new();
        for (path, item) in &api::openapi().paths.paths {
            let operations = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("DELETE", &item.delete),
            ];
            let there = operations.iter().filter(|(_, operation)| operation.is_some());
            described.extend(there.map(|(method, _)| ((*method).to_owned(), path.clone())));
        }
        let undescribed = ["/api/v1/openapi.json", "/api/v1/test/panic"];
        let table = NEEDS.iter().filter(|(_, path, _)| !undescribed.contains(path));
        let mut table: Vec<_> = table
            .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
            .collect();
        described.sort();
        table.sort();
        assert_eq!(described, table);
    }

    /// Which of two entries were asked would depend on their order.
    #[test]
    fn no_request_fits_two_entries() {
        for (n, (method, path, _)) in NEEDS.iter().enumerate() {
            let concrete = path.replace(['{', '}'], "");
            let fits = |(at, (of, template, _)): &(usize, &(&str, &str, Need))| {
                *at != n && of == method && api::matches(template, &concrete)
            };
            let other = NEEDS.iter().enumerate().find(fits);
            assert!(other.is_none(), "{method} {path}: {other:?}");
        }
    }

    #[test]
    fn the_camera_stands_where_it_is_looked_for() {
        for (_, path, need) in NEEDS {
            if matches!(need, Camera(_) | ByHand | Picture | Footage | Input) {
                assert_eq!(path.split('/').nth(4), Some("{id}"), "{path}");
            }
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_a_page_or_nothing() {
        assert!(only_a_page(&Method::GET, "/cameras/gate").is_ok());
        assert!(only_a_page(&Method::GET, "/api/v1/unknown").is_err());
        assert!(only_a_page(&Method::POST, "/cameras/gate").is_err());
        assert!(only_a_page(&Method::PATCH, "/api/v1/cameras").is_err());
    }
}
