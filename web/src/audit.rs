//! What of all requests goes into the audit log, in one place: after the answer, by what the route
//! needs ([`crate::rights`]). Handlers may say it in better words ([`Said`]).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpMessage, HttpResponse,
    dev::ServiceResponse,
    http::{Method, StatusCode},
    web,
};
use vigie_actors::Recorder;
use vigie_config::CameraId;
use vigie_storage::{
    accounts::{
        CameraRight::{Delete, Live, Protect},
        HouseRight::{Alarms, Configure, Users},
    },
    audit::{Entry, Kind},
};

use crate::{
    rights::Need,
    sign_in::{Viewer, peer},
};

/// What was done, in the words of the handler. Empty: nothing that is to be told.
#[derive(Clone)]
pub struct Said(pub String);

/// An answer, and what was done for it.
pub fn said(mut answer: HttpResponse, text: impl Into<String>) -> HttpResponse {
    answer.extensions_mut().insert(Said(text.into()));
    answer
}

/// A player asks for many ranges of one piece of footage: told once in a while.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
const MOST: usize = 1024;

/// Who played which camera a moment ago.
#[derive(Default)]
pub struct Recent(Mutex<HashMap<(String, String), Instant>>);

impl Recent {
    /// `true`: not yet.
    fn is_new(&self, user: &str, camera: &str, now: Instant) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MOST {
            recent.retain(|_, at| now.duration_since(*at) < AGAIN_AFTER);
        }
        if recent.len() >= MOST {
            recent.clear();
        }
        let last = recent.insert((user.to_owned(), camera.to_owned()), now);
        last.is_none_or(|last| now.duration_since(last) >= AGAIN_AFTER)
    }
}

/// Which kind of entry an answered request makes.
fn kind(method: &Method, path: &str, need: Need, downloads: bool) -> Option<Kind> {
    if *method == Method::GET {
        return match need {
            Need::Footage if downloads => Some(Kind::Exported),
            Need::Footage => Some(Kind::Played),
            Need::Camera(Live) if path.ends_with("/live") => Some(Kind::Watched),
            _ => None,
        };
    }
    match need {
        _ if path.starts_with("/api/v1/push/subscriptions") || path.ends_with("/test") => None,
        // What a user keeps for themselves.
        _ if path.starts_with("/api/v1/layouts/") || path == "/api/v1/preferences" => None,
        // It tries, and changes nothing.
        _ if path == "/api/v1/probe" => None,
        Need::Person if path.starts_with("/api/v1/sessions/") => Some(Kind::SignedOut),
        Need::House(Configure) | Need::Both(..) => Some(Kind::Configuration),
        Need::House(Users) | Need::Person => Some(Kind::Users),
        Need::House(Alarms) | Need::ByHand => Some(Kind::Switched),
        Need::Some(Delete) => Some(Kind::FootageDeleted),
        Need::Some(Protect) => Some(Kind::FootageProtected),
        _ => None,
    }
}

/// Tells of a request that was answered.
pub fn tell<B>(need: Need, path: &str, response: &ServiceResponse<B>) {
    let request = response.request();
    let status = response.status();
    if !status.is_success() && status != StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let query = query.map(web::Query::into_inner).unwrap_or_default();
    let asked = |key: &str| {
        query
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    };
    let Some(kind) = kind(request.method(), path, need, asked("download").is_some()) else {
        return;
    };
    if kind == Kind::Configuration && asked("try_only") == Some("true") {
        return;
    }
    let (Some(recorder), Some(viewer)) = (
        request.app_data::<web::Data<Recorder>>(),
        request.extensions().get::<Viewer>().cloned(),
    ) else {
        return;
    };
    let name = match path.contains("/cameras/") {
        true => path.split('/').nth(4),
        false => asked("camera"),
    };
    let camera = name.and_then(|name| CameraId::new(name).ok());
    if kind == Kind::Played {
        let recent = request.app_data::<web::Data<Recent>>();
        let camera = camera.as_ref().map_or("", CameraId::as_str);
        if !recent.is_none_or(|recent| recent.is_new(&viewer.0.name, camera, Instant::now())) {
            return;
        }
    }
    let said = response.response().extensions().get::<Said>().cloned();
    let text = match said {
        Some(Said(text)) if text.is_empty() => return,
        Some(Said(text)) => text,
        None => match (kind, asked("from"), asked("to")) {
            (Kind::Watched, ..) => format!("{} in a browser", asked("stream").unwrap_or("main")),
            (Kind::Played | Kind::Exported, Some(from), Some(to)) => format!("from {from} to {to}"),
            _ => format!("{} {path}", request.method()),
        },
    };
    let mut entry = Entry::new(kind, text).by(viewer.0.name).from(peer(request));
    entry.camera = camera;
    recorder.storage().audit().tell(entry);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::NEEDS;

    #[test]
    fn whatever_changes_something_is_told() {
        let untold: Vec<_> = NEEDS
            .iter()
            .filter(|(method, path, need)| {
                *method != "GET"
                    && Method::from_bytes(method.as_bytes())
                        .is_ok_and(|method| kind(&method, path, *need, false).is_none())
            })
            .map(|(method, path, _)| format!("{method} {path}"))
            .filter(|one| !one.ends_with("/test") && !one.contains("/test/"))
            .collect();
        assert_eq!(
            untold,
            [
                // Told by their handlers.
                "POST /api/v1/session",
                "DELETE /api/v1/session",
                "POST /api/v1/setup",
                "POST /api/v1/session/input",
                // What a user keeps for themselves.
                "PUT /api/v1/layouts/{id}",
                "DELETE /api/v1/layouts/{id}",
                "PUT /api/v1/preferences",
                // Events tell of these.
                "POST /api/v1/inputs/{id}",
                "POST /api/v1/buzzer/silence",
                "POST /api/v1/push/subscriptions",
                "DELETE /api/v1/push/subscriptions/{id}",
                "POST /api/v1/probe",
            ]
        );
    }

    #[test]
    fn a_player_is_told_once_in_a_while() {
        let (recent, now) = (Recent::default(), Instant::now());
        assert!(recent.is_new("ann", "gate", now));
        assert!(!recent.is_new("ann", "gate", now + Duration::from_secs(5)));
        assert!(recent.is_new("ann", "hall", now) && recent.is_new("bob", "gate", now));
        assert!(recent.is_new("ann", "gate", now + AGAIN_AFTER * 2));
    }
}
