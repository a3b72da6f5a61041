//! Alarm inputs: how they stand, and whoever speaks for one.

use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use serde::{Deserialize, Serialize};
use vigie_actors::{
    Recorder,
    inputs::{InputHandle, InputSnapshot, Report},
};
use vigie_config::{Contact, InputId, InputKind};
use vigie_storage::accounts::HouseRight;

use super::small;
use crate::{problem::Problem, sign_in::Viewer};

/// The longest report.
const MOST_BYTES: usize = 4096;

/// How every alarm input stands
#[utoipa::path(get, path = "/api/v1/inputs", responses((status = 200, body = Vec<InputSnapshot>)))]
#[get("/api/v1/inputs")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let all = recorder.inputs().all();
    // What failed names addresses and topics.
    let administers = viewer.0.may(HouseRight::Configure);
    let shown = all.iter().map(|input| {
        let snapshot = input.snapshot();
        InputSnapshot {
            error: snapshot.error.filter(|_| administers),
            ..snapshot
        }
    });
    HttpResponse::Ok().json(shown.collect::<Vec<_>>())
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReport {
    /// `active`, `inactive`, `open`, `closed`, or `pulse`: active for as long as the input's `hold` says
    state: State,
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Active,
    Inactive,
    Open,
    Closed,
    Pulse,
}

impl From<State> for Report {
    fn from(state: State) -> Self {
        match state {
            State::Active => Report::Active,
            State::Inactive => Report::Inactive,
            State::Open => Report::Contact(Contact::Open),
            State::Closed => Report::Contact(Contact::Closed),
            State::Pulse => Report::Pulse,
        }
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReportBody {
    #[serde(flatten)]
    input: InputSnapshot,
    /// The event that goes on, or has just ended; null: the report changed nothing
    event: Option<String>,
}

/// Say how an input stands, with its token; an empty body is a pulse. Answered when the event is
/// in the log, on the device
#[utoipa::path(post, path = "/api/v1/inputs/{id}", params(("id" = String, Path)), request_body = NewReport,
    responses((status = 200, body = ReportBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 401, body = crate::problem::ProblemDocument), (status = 404, body = crate::problem::ProblemDocument),
              (status = 503, description = "not in the log yet", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/inputs/{id}")]
pub async fn tell(
    id: web::Path<String>,
    body: web::Payload,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let input = InputId::new(&id).ok().and_then(|id| recorder.inputs().get(&id));
    let input = input.ok_or_else(|| Problem::nothing_at("inputs", &id))?;
    take(&input, body).await
}

/// Whether a request has the token of the input that it is about. Whoever has not is not told which
/// inputs there are.
pub fn speaks_for_itself(request: &HttpRequest, recorder: &Recorder, id: &str) -> bool {
    let input = InputId::new(id).ok().and_then(|id| recorder.inputs().get(&id));
    input.is_some_and(|input| has_token(request, &input))
}

async fn take(input: &InputHandle, body: web::Payload) -> Result<HttpResponse, Problem> {
    let bytes = small(body, MOST_BYTES).await?;
    let report = match bytes.trim_ascii() {
        [] => Report::Pulse,
        text => Report::from({
            let read: Result<NewReport, _> = serde_json::from_slice(text);
            let expected = r#"expected {"state": "active"}, or inactive, open, closed, pulse"#;
            read.map_err(|error| Problem::BadRequest(format!("{error}; {expected}")))?
                .state
        }),
    };
    match input.report(report).await {
        Ok(event) => Ok(HttpResponse::Ok().json(ReportBody {
            input: input.snapshot(),
            event: event.map(|event| event.id.to_string()),
        })),
        Err(error) => Err(Problem::Unavailable(error.to_string())),
    }
}

fn has_token(request: &HttpRequest, input: &InputHandle) -> bool {
    let InputKind::Http { token, .. } = &input.config.kind else {
        return false;
    };
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    let given = given.and_then(|v| v.split_once(' '));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("bearer") && same(given.trim().as_bytes(), token.reveal().as_bytes())
    })
}

/// Takes as long whatever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
