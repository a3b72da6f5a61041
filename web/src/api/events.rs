//! What happened, and what was done about it.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;
use vigie_actors::{
    Recorder,
    registry::{Command, Event},
};
use vigie_config::{CameraId, EventKind, Kind, RuleId, Severity, Source, Utc};
use vigie_storage::{
    accounts::HouseRight,
    events::{Action, ActionState, EventRecord, Query},
};

use super::{blocking, known_camera, list_of, one, time};
use crate::{live, problem::Problem, sign_in::Viewer};

const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct EventsQuery {
    /// RFC 3339; events that go on at this time or later
    from: Option<String>,
    /// RFC 3339; events that began before this time
    to: Option<String>,
    /// Kinds, separated by commas; default all
    kind: Option<String>,
    /// Sources such as `input:door`, separated by commas; default all
    source: Option<String>,
    /// Cameras, separated by commas; default all
    camera: Option<String>,
    /// `info`, `warning`, `alarm`: this and graver ones
    severity: Option<String>,
    /// The next page: `next` of the one before
    before: Option<String>,
    /// At most 1000; default 100
    limit: Option<usize>,
}

/// Newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventsBody {
    events: Vec<EventBody>,
    /// There are more: ask for those before this one
    next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventBody {
    pub id: String,
    #[schema(value_type = String)]
    kind: EventKind,
    /// `house`, `camera:gate`, `stream:gate/main`, `disk:d1`, `input:door`
    #[schema(value_type = String)]
    source: Source,
    #[schema(value_type = String, format = DateTime)]
    start: Utc,
    /// null: it goes on; the start itself: it was a moment
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Utc>,
    #[schema(value_type = String)]
    severity: Severity,
    text: String,
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
    actions: Vec<ActionBody>,
}

/// One thing that was or is to be done
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActionBody {
    /// The rule that wants it; null: the camera's own recording
    #[schema(value_type = Option<String>)]
    rule: Option<RuleId>,
    /// `record`, `snapshot`, `output`, `buzzer`, `popup_video`, `popup_message`, `email`, `push`
    what: String,
    target: Option<String>,
    /// `planned`, `done`, `failed`, `expired`, `merged`
    #[schema(value_type = String)]
    state: ActionState,
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Utc>,
    /// Why, where it was not done
    detail: Option<String>,
}

impl From<Action> for ActionBody {
    fn from(action: Action) -> Self {
        Self {
            rule: action.rule,
            what: action.what,
            target: action.target,
            state: action.state,
            at: action.at,
            detail: action.detail,
        }
    }
}

impl EventBody {
    /// As a viewer may see it: without what was done with cameras that they may not watch, and
    /// without what devices answered.
    pub(crate) fn of(event: EventRecord, viewer: &Viewer) -> Self {
        let administers = viewer.0.may(HouseRight::Configure);
        let sees = |action: &Action| match Command::of(action) {
            Some(Command::Record(camera) | Command::Snapshot(camera) | Command::PopupVideo(camera)) => {
                viewer.may_view(&camera).is_ok()
            }
            // Who gets mails is the business of those who configure it.
            Some(Command::Email(_)) => administers,
            Some(Command::Output(_) | Command::Buzzer | Command::Push(_) | Command::PopupMessage) | None => true,
        };
        let shown = |action: Action| {
            let names_devices = matches!(
                Command::of(&action),
                Some(Command::Output(_) | Command::Buzzer | Command::Push(_))
            );
            let detail = action.detail.filter(|_| administers || !names_devices);
            ActionBody::from(Action { detail, ..action })
        };
        Self {
            id: event.id.to_string(),
            kind: event.kind,
            source: event.source,
            start: event.start,
            end: event.end,
            severity: event.severity,
            text: event.text,
            payload: event.payload.map(|payload| payload_for(payload, viewer)),
            actions: event.actions.into_iter().filter(sees).map(shown).collect(),
        }
    }
}

/// Without the cameras that a viewer may not watch, where it lists some.
fn payload_for(mut payload: Value, viewer: &Viewer) -> Value {
    let may_view = |name: &Value| {
        let camera = name.as_str().and_then(|name| CameraId::new(name).ok());
        camera.is_none_or(|camera| viewer.may_view(&camera).is_ok())
    };
    if let Some(Value::Array(cameras)) = payload.get_mut("cameras") {
        cameras.retain(may_view);
    }
    payload
}

/// Whoever may not watch a camera is not told of it.
pub(crate) fn may_see(viewer: &Viewer, source: &Source) -> bool {
    source.camera().is_none_or(|camera| viewer.may_view(camera).is_ok())
}

fn severity(text: &str) -> Result<Severity, String> {
    let value = Value::String(text.to_owned());
    serde_json::from_value(value).map_err(|_| format!("{text:?} is none of info, warning, alarm"))
}

/// What happened, newest first
#[utoipa::path(get, path = "/api/v1/events", params(EventsQuery),
    responses((status = 200, body = EventsBody), (status = 400, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/events")]
pub async fn list(
    viewer: Viewer,
    query: web::Query<EventsQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let asked = Query {
        from: time("from", query.from.as_deref())?,
        to: time("to", query.to.as_deref())?,
        kinds: list_of("kind", query.kind.as_deref(), str::parse::<EventKind>)?,
        sources: list_of("source", query.source.as_deref(), str::parse::<Source>)?,
        cameras: list_of("camera", query.camera.as_deref(), CameraId::new)?,
        min_severity: one("severity", query.severity.as_deref(), severity)?,
        before: one("before", query.before.as_deref(), str::parse::<Ulid>)?,
        limit: query.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE),
    };
    let log = recorder.event_log().clone();
    let page = blocking(move || log.query(&asked)).await?;
    let page = page.map_err(|error| Problem::of_kind(error.kind(), error))?;
    let seen = page.events.into_iter().filter(|event| may_see(&viewer, &event.source));
    Ok(HttpResponse::Ok().json(EventsBody {
        events: seen.map(|event| EventBody::of(event, &viewer)).collect(),
        next: page.next.map(|id| id.to_string()),
    }))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// `motion`, `analytics` or `external`
    #[schema(value_type = String)]
    kind: EventKind,
    /// The camera it is about; needed for motion and analytics
    camera: Option<String>,
    /// Told here before, and over now
    #[serde(default)]
    over: bool,
    /// For people; at most 500 characters
    #[serde(default)]
    text: String,
    /// Whatever belongs to it; at most 16 KiB
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
}

/// Tell what another program saw; answered when it is in the log, on the device
#[utoipa::path(post, path = "/api/v1/events", request_body = NewEvent,
    responses((status = 201, description = "the event that goes on, or has just ended", body = EventBody),
              (status = 204, description = "nothing of that kind goes on"),
              (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "needs `alarms`", body = crate::problem::ProblemDocument),
              (status = 503, description = "not in the log yet", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/events")]
pub async fn add(
    viewer: Viewer,
    body: web::Json<NewEvent>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let NewEvent {
        kind,
        camera,
        over,
        text,
        payload,
    } = body.into_inner();
    let camera = match camera {
        Some(camera) => Some(configured(&recorder, known_camera(&recorder, &viewer, &camera)?)?),
        None => None,
    };
    let source = match (kind, camera) {
        (EventKind::Motion | EventKind::Analytics | EventKind::External, Some(camera)) => Source::Camera(camera),
        (EventKind::External, None) => Source::House,
        (EventKind::Motion | EventKind::Analytics, None) => {
            return Err(Problem::BadRequest(format!("camera: missing, {kind} is seen by one")));
        }
        _ => {
            return Err(Problem::BadRequest(format!(
                "kind: {kind} is not for others to tell, expected motion, analytics or external"
            )));
        }
    };
    if over && !kind.is_lasting() {
        return Err(Problem::BadRequest(format!("over: {kind} is a moment, it has no end")));
    }
    if text.chars().count() > 500 {
        return Err(Problem::BadRequest("text: more than 500 characters".into()));
    }
    if payload
        .as_ref()
        .is_some_and(|payload| payload.to_string().len() > 16 << 10)
    {
        return Err(Problem::BadRequest("payload: more than 16 KiB".into()));
    }
    let event = match over {
        true => Event::over(kind, source),
        false => Event::new(kind, source, text),
    };
    let event = Event {
        payload,
        ..event.of_a_program()
    };
    answer(recorder.events().raise_durably(event).await, &viewer)
}

/// Nobody would end what lasts at a camera that is removed.
fn configured(recorder: &Recorder, camera: CameraId) -> Result<CameraId, Problem> {
    match recorder.config().cameras.iter().any(|one| one.id == camera) {
        true => Ok(camera),
        false => Err(Problem::BadRequest(format!(
            "camera: {camera} was removed, only its footage is here"
        ))),
    }
}

/// What is answered to whoever told something.
pub(super) fn answer(
    told: Result<Option<EventRecord>, vigie_actors::registry::NotDurable>,
    viewer: &Viewer,
) -> Result<HttpResponse, Problem> {
    match told {
        Ok(Some(event)) => Ok(HttpResponse::Created().json(EventBody::of(event, viewer))),
        Ok(None) => Ok(HttpResponse::NoContent().finish()),
        Err(error) => Err(Problem::Unavailable(error.to_string())),
    }
}

/// Every event from now on (WebSocket): one JSON for each as it begins, ends, or is acted on;
/// `{"missed": n}` for those that a slow listener was not told; `{}` every 10 s
#[utoipa::path(get, path = "/api/v1/events/live",
    responses((status = 101, description = "WebSocket"), (status = 401, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/events/live")]
pub async fn listen(
    viewer: Viewer,
    request: HttpRequest,
    body: web::Payload,
    recorder: web::Data<Recorder>,
) -> actix_web::Result<HttpResponse> {
    live::news(viewer, &request, body, recorder)
}
