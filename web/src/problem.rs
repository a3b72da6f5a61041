//! Errors as RFC 9457 problem documents with a stable `code`.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    error::{JsonPayloadError, PayloadError},
    http::StatusCode,
};
use serde::Serialize;
use vigie_config::{ErrorKind, Utc};

use crate::{api::NoteBody, deadline};

/// The body of every error answer, `application/problem+json`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ProblemDocument {
    /// What a program decides by: `bad_request`, `unauthenticated`, `code_needed`, `locked_out`, `forbidden`, `blocked`, `no_camera`, `no_disk`, `no_footage`,
    /// `mixed_formats`, `conflict`, `holds_footage`, `stale`, `refused`, `not_found`, `method_not_allowed`, `too_slow`, `unavailable`, `internal`.
    pub code: &'static str,
    pub title: &'static str,
    pub status: u16,
    /// For people: what failed, what was expected, what to do.
    pub detail: String,
    /// With `mixed_formats`: ask for ranges that end and begin at these times.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub cut_at: Vec<Utc>,
    /// With `refused`: everything that is wrong, in the order of lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<NoteBody>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum Problem {
    #[error("{0}")]
    BadRequest(String),
    #[error("sign in first: session cookie, bearer token or Basic credentials")]
    Unauthenticated { challenge: bool },
    #[error("the name or the password is wrong")]
    WrongPassword,
    #[error("{0}")]
    CodeNeeded(&'static str),
    #[error("too many wrong tries: wait {} s", .0.as_secs() + 1)]
    LockedOut(std::time::Duration),
    #[error("{0}")]
    Forbidden(String),
    #[error("this address is not admitted here")]
    Blocked,
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    HoldsFootage(String),
    #[error("there is no camera {0}")]
    NoCamera(String),
    #[error("there is no disk {0}")]
    NoDisk(String),
    #[error("{0}")]
    NoFootage(String),
    #[error("the format changes within the range; ask for each part by itself")]
    MixedFormats { cut_at: Vec<Utc> },
    #[error("{0}")]
    Stale(String),
    #[error("{} in the configuration", if .0.len() == 1 { "a fault".to_owned() } else { format!("{} faults", .0.len()) })]
    Refused(Vec<vigie_config::Problem>),
    #[error("nothing is at {0}")]
    NotFound(String),
    #[error("{path} takes {allow} only")]
    MethodNotAllowed { path: String, allow: String },
    #[error("the request was not whole within {0:?}")]
    Slow(std::time::Duration),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Internal(String),
}

impl Problem {
    /// Why a body could not be read.
    pub fn unread(error: &PayloadError) -> Problem {
        match deadline::is_over(error) {
            true => Problem::Slow(deadline::WITHIN),
            false => Problem::BadRequest(error.to_string()),
        }
    }

    /// What was asked for by a name that nothing has.
    pub fn nothing_at(folder: &str, id: &str) -> Problem {
        let id: String = id.chars().take(80).collect();
        Problem::NotFound(format!("/api/v1/{folder}/{id}"))
    }

    /// Also of one that is there and not for the viewer.
    pub fn no_camera(id: &str) -> Problem {
        Problem::NoCamera(id.chars().take(80).collect())
    }

    /// A failure below, by what can be done about it.
    pub fn of_kind(kind: ErrorKind, detail: impl ToString) -> Problem {
        let detail = detail.to_string();
        match kind {
            ErrorKind::Refused => Problem::Forbidden(detail),
            ErrorKind::Misconfigured => Problem::BadRequest(detail),
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Full | ErrorKind::Cancelled => {
                Problem::Unavailable(detail)
            }
            ErrorKind::Corrupt | ErrorKind::Bug => Problem::Internal(detail),
        }
    }

    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Problem::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request", "The request is not valid"),
            Problem::Unauthenticated { .. } | Problem::WrongPassword => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "Not signed in")
            }
            Problem::CodeNeeded(_) => (StatusCode::UNAUTHORIZED, "code_needed", "A code is needed"),
            Problem::LockedOut(_) => (StatusCode::TOO_MANY_REQUESTS, "locked_out", "Too many wrong tries"),
            Problem::Conflict(_) => (StatusCode::CONFLICT, "conflict", "Not as things stand"),
            Problem::HoldsFootage(_) => (StatusCode::CONFLICT, "holds_footage", "There is footage on it"),
            Problem::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Problem::Blocked => (StatusCode::FORBIDDEN, "blocked", "Not admitted"),
            Problem::NoCamera(_) => (StatusCode::NOT_FOUND, "no_camera", "No such camera"),
            Problem::NoDisk(_) => (StatusCode::NOT_FOUND, "no_disk", "No such disk"),
            Problem::NoFootage(_) => (StatusCode::NOT_FOUND, "no_footage", "No footage"),
            Problem::MixedFormats { .. } => (StatusCode::CONFLICT, "mixed_formats", "Formats differ"),
            Problem::Stale(_) => (StatusCode::PRECONDITION_FAILED, "stale", "Changed meanwhile"),
            Problem::Refused(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "refused",
                "Not a configuration to run with",
            ),
            Problem::NotFound(_) => (StatusCode::NOT_FOUND, "not_found", "Nothing there"),
            Problem::MethodNotAllowed { .. } => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Not done with this method",
            ),
            Problem::Slow(_) => (StatusCode::REQUEST_TIMEOUT, "too_slow", "Too slow"),
            Problem::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now"),
            Problem::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of the recorder"),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.parts().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code, title) = self.parts();
        let cut_at = match self {
            Problem::MixedFormats { cut_at } => cut_at.clone(),
            _ => Vec::new(),
        };
        let problems = match self {
            Problem::Refused(problems) => problems.iter().map(NoteBody::from).collect(),
            _ => Vec::new(),
        };
        let body = ProblemDocument {
            code,
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            cut_at,
            problems,
        };
        let mut answer = HttpResponse::build(status);
        answer
            .content_type("application/problem+json")
            .insert_header(("Cache-Control", "no-store"));
        if let Problem::Unauthenticated { challenge: true } = self {
            answer.insert_header(("WWW-Authenticate", "Basic realm=\"vigie\", charset=\"UTF-8\""));
        }
        if let Problem::LockedOut(wait) = self {
            answer.insert_header(("Retry-After", (wait.as_secs() + 1).to_string()));
        }
        if let Problem::Slow(_) = self {
            answer.insert_header(("Connection", "close"));
        }
        if let Problem::MethodNotAllowed { allow, .. } = self {
            answer.insert_header(("Allow", allow.as_str()));
        }
        answer.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

/// An extractor's complaint about a JSON body.
pub fn malformed_json(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    match error {
        JsonPayloadError::Payload(error) => Problem::unread(&error).into(),
        JsonPayloadError::Deserialize(error) => Problem::BadRequest(error.to_string()).into(),
        JsonPayloadError::ContentType => {
            Problem::BadRequest("expected JSON: send the header Content-Type: application/json".into()).into()
        }
        error => Problem::BadRequest(error.to_string()).into(),
    }
}

/// An extractor's complaint about query or path.
pub fn malformed(error: impl ToString, _: &HttpRequest) -> actix_web::Error {
    let text = error.to_string();
    let text = text.strip_prefix("Query deserialize error: ").unwrap_or(&text);
    Problem::BadRequest(text.to_owned()).into()
}
