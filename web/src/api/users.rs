//! Users, by somebody who manages them and gives no more than they have.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use serde::{Deserialize, Deserializer, Serialize};
use vigie_actors::Recorder;
use vigie_config::{CameraId, Kind, Utc, Whence};
use vigie_storage::accounts::{AccountsError, Bounds, Change, GroupName, SessionInfo, User};

use super::blocking;
use crate::{
    audit::said,
    problem::Problem,
    sign_in::{Viewer, peer},
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "name": "ann", "group": "ordinary", "enabled": true, "created": "2026-11-20T09:41:00Z",
    "cameras": ["gate"], "addresses": ["192.0.2.0/24"], "second_factor": false, "last_seen": "2026-11-22T18:02:11Z" }))]
pub struct UserBody {
    name: String,
    group: String,
    enabled: bool,
    #[schema(value_type = String, format = DateTime)]
    created: Utc,
    /// Kept to these cameras; null: all that the group may see
    #[schema(value_type = Option<Vec<String>>)]
    cameras: Option<BTreeSet<CameraId>>,
    /// Bound to these addresses, ranges and MAC addresses; null: may come from anywhere
    #[schema(value_type = Option<Vec<String>>)]
    addresses: Option<Vec<Whence>>,
    /// A code is asked for beside the password
    second_factor: bool,
    /// Of a session that has not ended
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen: Option<Utc>,
}

impl UserBody {
    fn of(user: User, sessions: &[SessionInfo]) -> Self {
        let seen = sessions.iter().filter(|session| session.user == user.name);
        Self {
            last_seen: seen.map(|session| session.seen).max(),
            name: user.name,
            group: user.group.to_string(),
            enabled: user.enabled,
            created: user.created,
            cameras: user.cameras,
            addresses: user.addresses,
            second_factor: user.second_factor.is_some(),
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "ann", "password": "correct horse battery", "group": "ordinary", "cameras": ["gate"] }))]
pub struct NewUser {
    /// 1 to 64 of A-Z a-z 0-9 . _ - @
    name: String,
    /// 8 characters or more
    password: String,
    #[schema(value_type = String)]
    group: GroupName,
    /// Kept to these cameras; null or absent: all that the group may see
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    cameras: Option<BTreeSet<CameraId>>,
    /// Bound to these addresses, ranges and MAC addresses; null or absent: may come from anywhere
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    addresses: Option<Vec<Whence>>,
}

/// What is absent stays as it is
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "group": "advanced", "cameras": null }))]
pub struct UserChange {
    #[schema(value_type = Option<String>)]
    group: Option<GroupName>,
    /// false ends the user's sessions
    enabled: Option<bool>,
    /// null: all that the group may see
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    cameras: Option<Option<BTreeSet<CameraId>>>,
    /// null: from anywhere
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    addresses: Option<Option<Vec<Whence>>>,
    /// Ends the user's sessions
    password: Option<String>,
    /// Only false: the password alone is enough again
    second_factor: Option<bool>,
}

/// `null` is something else than absent.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

fn kept_to(user: &User) -> String {
    let cameras = user.cameras.as_ref().map(|cameras| {
        let names: Vec<String> = cameras.iter().map(CameraId::to_string).collect();
        format!(", kept to {}", names.join(", "))
    });
    let addresses = user.addresses.as_ref().map(|addresses| {
        let names: Vec<String> = addresses.iter().map(Whence::to_string).collect();
        format!(", from {} alone", names.join(", "))
    });
    [cameras, addresses].into_iter().flatten().collect()
}

/// How an answer says what failed with accounts.
pub(super) fn problem(error: AccountsError) -> Problem {
    match error {
        AccountsError::LastManager
        | AccountsError::Exists { .. }
        | AccountsError::GroupInUse { .. }
        | AccountsError::BuiltIn { .. }
        | AccountsError::SetUp
        | AccountsError::NotEnrolled
        | AccountsError::TooManyTokens { .. } => Problem::Conflict(error.to_string()),
        AccountsError::NoUser { name } => Problem::nothing_at("users", &name),
        AccountsError::NoToken { id } => Problem::nothing_at("tokens", &id),
        error => Problem::of_kind(error.kind(), error),
    }
}

/// Everybody who may sign in
#[utoipa::path(get, path = "/api/v1/users", responses((status = 200, body = Vec<UserBody>)))]
#[get("/api/v1/users")]
pub async fn list(_: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let accounts = recorder.storage().accounts();
    let sessions = accounts.sessions();
    let users = accounts.list().into_iter().map(|user| UserBody::of(user, &sessions));
    HttpResponse::Ok().json(users.collect::<Vec<_>>())
}

/// Add a user, who may do no more than whoever asks
#[utoipa::path(post, path = "/api/v1/users", request_body = NewUser,
    responses((status = 201, body = UserBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "more than you may yourself", body = crate::problem::ProblemDocument),
              (status = 409, description = "there is one of that name", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/users")]
pub async fn add(
    viewer: Viewer,
    body: web::Json<NewUser>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let by = viewer.0.name.clone();
    let NewUser {
        name,
        password,
        group,
        cameras,
        addresses,
    } = body.into_inner();
    let added = blocking(move || {
        let giver = recorder.storage().accounts().giver(viewer.0.rights);
        giver.add_within(&name, group, Bounds { cameras, addresses }, &password)
    });
    let user = added.await?.map_err(problem)?;
    tracing::info!(by, user = user.name, group = %user.group, "user added");
    let text = format!("user {} added to {}{}", user.name, user.group, kept_to(&user));
    Ok(said(HttpResponse::Created().json(UserBody::of(user, &[])), text))
}

/// Change a user; rights and sessions are those of now at once
#[utoipa::path(put, path = "/api/v1/users/{name}", params(("name" = String, Path)), request_body = UserChange,
    responses((status = 200, body = UserBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "more than you may yourself", body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "nobody who manages users would be left, or you would bind yourself to where you are not", body = crate::problem::ProblemDocument)))]
#[put("/api/v1/users/{name}")]
pub async fn change(
    viewer: Viewer,
    request: HttpRequest,
    name: web::Path<String>,
    body: web::Json<UserChange>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let by = viewer.0.name.clone();
    let UserChange {
        group,
        enabled,
        cameras,
        addresses,
        password,
        second_factor,
    } = body.into_inner();
    if *name == viewer.0.name
        && let Some(Some(addresses)) = &addresses
    {
        let from = peer(&request);
        if let Some(from) = from.filter(|_| addresses.iter().any(Whence::is_mac)) {
            recorder.gate().look_for(from).await;
        }
        if !recorder.gate().holds(addresses, from) {
            let text =
                "you would be bound to addresses that are not yours now: have somebody else do it, or do it from there";
            return Err(Problem::Conflict(text.into()));
        }
    }
    if second_factor == Some(true) {
        let text = "second_factor: only the user can begin with one, expected false";
        return Err(Problem::BadRequest(text.into()));
    }
    let new_password = password.is_some();
    let changed = blocking(move || {
        let accounts = recorder.storage().accounts();
        let giver = accounts.giver(viewer.0.rights);
        // The password first: it alone may be one that cannot be had.
        if let Some(password) = &password {
            giver.passwd(&name, password)?;
        }
        let change = Change {
            group,
            enabled,
            cameras,
            addresses,
            without_second_factor: second_factor == Some(false),
        };
        Ok((giver.change(&name, change)?, accounts.sessions()))
    });
    let (user, sessions) = changed.await?.map_err(problem)?;
    tracing::info!(by, user = user.name, group = %user.group, enabled = user.enabled, "user changed");
    let state = if user.enabled { "" } else { ", switched off" };
    let words = if new_password { ", with a new password" } else { "" };
    let text = format!("user {}: {}{}{state}{words}", user.name, user.group, kept_to(&user));
    Ok(said(HttpResponse::Ok().json(UserBody::of(user, &sessions)), text))
}

/// Remove a user, with their sessions and tokens
#[utoipa::path(delete, path = "/api/v1/users/{name}", params(("name" = String, Path)),
    responses((status = 204), (status = 403, body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "nobody who manages users would be left", body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/users/{name}")]
pub async fn remove(
    viewer: Viewer,
    name: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let (by, gone) = (viewer.0.name.clone(), name.clone());
    let removed = blocking(move || recorder.storage().accounts().giver(viewer.0.rights).remove(&name));
    removed.await?.map_err(problem)?;
    tracing::info!(by, user = gone, "user removed");
    Ok(said(HttpResponse::NoContent().finish(), format!("user {gone} removed")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cameras_that_are_null_are_all_and_absent_ones_stay() {
        let read = |text: &str| serde_json::from_str::<UserChange>(text).unwrap().cameras;
        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"cameras":null}"#), Some(None));
        let gate: BTreeSet<CameraId> = [CameraId::new("gate").unwrap()].into();
        assert_eq!(read(r#"{"cameras":["gate"]}"#), Some(Some(gate)));
        assert!(serde_json::from_str::<UserChange>(r#"{"grup":"x"}"#).is_err());
    }
}
