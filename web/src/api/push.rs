//! Push targets: how it stands with each, a test, and the browsers that ask to be told.

use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_actors::{PushSnapshot, Recorder, is_push_service};
use vigie_config::{Kind, Utc};
use vigie_storage::{accounts::HouseRight, subscriptions::Subscription};

use super::{
    blocking,
    recipients::{DeliveryBody, answer_of},
    small,
};
use crate::{problem::Problem, sign_in::Viewer};

const MOST_BYTES: usize = 8192;

/// How it stands with every push target
#[utoipa::path(get, path = "/api/v1/push",
    responses((status = 200, body = Vec<PushSnapshot>), (status = 403, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/push")]
pub async fn list(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(recorder.notifiers().pushes(&recorder.config())))
}

/// Send a message at once: says exactly what failed
#[utoipa::path(post, path = "/api/v1/push/{id}/test", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryBody), (status = 404, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/push/{id}/test")]
pub async fn test(_: Viewer, id: web::Path<String>, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let config = recorder.config();
    let tested = answer_of(recorder.notifiers().test_push(&config, &id)).await;
    tested.ok_or_else(|| Problem::nothing_at("push", &id))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VapidBody {
    /// The `applicationServerKey` of a subscription, base64url
    public_key: String,
}

/// The key that browsers subscribe with
#[utoipa::path(get, path = "/api/v1/push/vapid",
    responses((status = 200, body = VapidBody), (status = 503, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/push/vapid")]
pub async fn vapid(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let vapid = recorder.notifiers().vapid().clone();
    let key = blocking(move || vapid.public_key()).await?;
    let public_key = key.map_err(Problem::Unavailable)?;
    Ok(HttpResponse::Ok().json(VapidBody { public_key }))
}

/// A browser that is told
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SubscriptionBody {
    id: String,
    user: String,
    /// Its push service
    service: String,
    #[schema(value_type = String, format = DateTime)]
    since: Utc,
}

impl From<Subscription> for SubscriptionBody {
    fn from(subscription: Subscription) -> Self {
        Self {
            id: subscription.id.to_string(),
            user: subscription.user,
            // Whoever knows all of it may send to the browser.
            service: host(&subscription.endpoint).unwrap_or_default().to_owned(),
            since: subscription.since,
        }
    }
}

fn host(endpoint: &str) -> Option<&str> {
    endpoint.split_once("://")?.1.split(['/', '?', '#']).next()
}

/// The browsers of whoever asks; all of them for those who manage users
#[utoipa::path(get, path = "/api/v1/push/subscriptions", responses((status = 200, body = Vec<SubscriptionBody>)))]
#[get("/api/v1/push/subscriptions")]
pub async fn subscriptions(viewer: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let all = recorder.notifiers().subscriptions().all().into_iter();
    let shown = all.filter(|one| is_of(&viewer, one)).map(SubscriptionBody::from);
    HttpResponse::Ok().json(shown.collect::<Vec<_>>())
}

fn is_of(viewer: &Viewer, subscription: &Subscription) -> bool {
    viewer.0.may(HouseRight::Users) || subscription.is_of(&viewer.0)
}

/// As `PushSubscription.toJSON()` gives it
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewSubscription {
    endpoint: String,
    keys: Keys,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Keys {
    /// Public key of the browser, base64url
    p256dh: String,
    /// base64url
    auth: String,
}

/// Ask that this browser be told; again replaces what it asked before. Answered when it is on the device
#[utoipa::path(post, path = "/api/v1/push/subscriptions", request_body = NewSubscription,
    responses((status = 201, body = SubscriptionBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 503, body = crate::problem::ProblemDocument)))]
#[post("/api/v1/push/subscriptions")]
pub async fn subscribe(
    viewer: Viewer,
    body: web::Payload,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let bytes = small(body, MOST_BYTES).await?;
    let asked: NewSubscription =
        serde_json::from_slice(&bytes).map_err(|error| Problem::BadRequest(error.to_string()))?;
    if !is_push_service(&asked.endpoint) {
        let expected = "endpoint: expected https://HOST/… with the name of a host";
        return Err(Problem::BadRequest(expected.into()));
    }
    let browsers = recorder.notifiers().subscriptions().clone();
    let Keys { p256dh, auth } = asked.keys;
    let added = blocking(move || browsers.add(&viewer.0, &asked.endpoint, &p256dh, &auth)).await?;
    match added {
        Ok(subscription) => Ok(HttpResponse::Created().json(SubscriptionBody::from(subscription))),
        Err(error) => Err(Problem::of_kind(error.kind(), error)),
    }
}

/// Tell this browser nothing any more
#[utoipa::path(delete, path = "/api/v1/push/subscriptions/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/push/subscriptions/{id}")]
pub async fn unsubscribe(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let browsers = recorder.notifiers().subscriptions().clone();
    let found = Ulid::from_string(&id).ok().and_then(|id| browsers.get(id));
    let found = found
        .filter(|one| is_of(&viewer, one))
        .ok_or_else(|| Problem::nothing_at("push/subscriptions", &id))?;
    match blocking(move || browsers.end(found.id)).await? {
        Ok(_) => Ok(HttpResponse::NoContent().finish()),
        Err(error) => Err(Problem::of_kind(error.kind(), error)),
    }
}
