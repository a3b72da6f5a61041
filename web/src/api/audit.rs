//! The audit log: who signed in, saw, took away and changed what.

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_actors::Recorder;
use vigie_config::{CameraId, Utc};
use vigie_storage::audit::{Entry, Kind, Query};

use super::{blocking, list_of, one, time};
use crate::{problem::Problem, sign_in::Viewer};

const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct AuditQuery {
    /// RFC 3339
    from: Option<String>,
    /// RFC 3339
    to: Option<String>,
    /// Of this user alone
    user: Option<String>,
    /// Kinds, separated by commas; default all
    kind: Option<String>,
    /// The next page: `next` of the one before
    before: Option<String>,
    /// At most 1000; default 100
    limit: Option<usize>,
}

/// Newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "entries": [{ "id": "01KAP3N7ZC0000000000000000", "at": "2026-11-22T18:02:11Z",
    "kind": "exported", "user": "ann", "peer": "192.0.2.7", "camera": "gate",
    "text": "from 2026-11-22T17:00:00Z to 2026-11-22T17:05:00Z" }], "next": null }))]
pub struct AuditBody {
    entries: Vec<EntryBody>,
    /// There are more: ask for those before this one
    next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EntryBody {
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Utc,
    /// `signed_in`, `sign_in_refused`, `signed_out`, `watched`, `played`, `exported`, `configuration`,
    /// `users`, `footage_deleted`, `footage_protected`, `switched`, `audit` (of the log itself)
    #[schema(value_type = String)]
    kind: Kind,
    user: Option<String>,
    peer: Option<String>,
    #[schema(value_type = Option<String>)]
    camera: Option<CameraId>,
    text: String,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at,
            kind: entry.kind,
            user: entry.user,
            peer: entry.peer,
            camera: entry.camera,
            text: entry.text,
        }
    }
}

/// Who did and saw what, newest first, of the cameras that the viewer may see
#[utoipa::path(get, path = "/api/v1/audit", params(AuditQuery),
    responses((status = 200, body = AuditBody), (status = 400, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/audit")]
pub async fn list(
    viewer: Viewer,
    query: web::Query<AuditQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let asked = Query {
        from: time("from", query.from.as_deref())?,
        to: time("to", query.to.as_deref())?,
        kinds: list_of("kind", query.kind.as_deref(), str::parse::<Kind>)?,
        before: one("before", query.before.as_deref(), str::parse::<Ulid>)?,
        limit: query.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE),
        user: query.user,
    };
    let page = blocking(move || recorder.storage().audit().query(&asked)).await?;
    let page = page.map_err(|error| Problem::Unavailable(format!("cannot read the audit log: {error}")))?;
    let sees = |entry: &Entry| entry.camera.as_ref().is_none_or(|camera| viewer.0.sees(camera));
    Ok(HttpResponse::Ok().json(AuditBody {
        entries: page.entries.into_iter().filter(sees).map(EntryBody::from).collect(),
        next: page.next.map(|id| id.to_string()),
    }))
}
