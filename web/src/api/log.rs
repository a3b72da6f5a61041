//! The newest lines of the recorder's log.

use actix_web::{HttpRequest, HttpResponse, get, http::header::ACCEPT, web};
use serde::{Deserialize, Serialize};
use vigie_actors::{
    Recorder,
    log::{Level, Line, Wanted},
};
use vigie_config::Utc;

use super::{blocking, one, time};
use crate::{problem::Problem, sign_in::Viewer};

const PAGE: usize = 200;
const LONGEST_PAGE: usize = 2000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// `trace`, `debug`, `info`, `warn`, `error`: this and graver ones
    level: Option<String>,
    /// Part of the words, the module or a field such as `camera=gate`, in capitals or not
    text: Option<String>,
    /// RFC 3339
    from: Option<String>,
    /// RFC 3339
    to: Option<String>,
    /// The next page: `next` of the one before
    before: Option<u64>,
    /// At most 2000; default 200. A text has all lines
    limit: Option<usize>,
}

/// Newest first
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LogBody {
    lines: Vec<LineBody>,
    /// There are more: ask for those before this one
    next: Option<u64>,
    /// Lines that were not kept, because too many came at once
    lost: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LineBody {
    id: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Utc,
    #[schema(value_type = String)]
    level: Level,
    /// The module
    target: String,
    text: String,
    /// Such as `camera`, `stream`, `disk`, `error`
    #[schema(value_type = Object)]
    fields: std::collections::BTreeMap<String, String>,
}

impl From<&Line> for LineBody {
    fn from(line: &Line) -> Self {
        Self {
            id: line.id,
            at: line.at,
            level: line.level,
            target: line.target.clone(),
            text: line.text.clone(),
            fields: line.fields.clone(),
        }
    }
}

/// The last 20,000 lines of the log since the start; with `Accept: text/plain` all of them that fit, oldest
/// first, to be kept as a file
#[utoipa::path(get, path = "/api/v1/log", params(LogQuery),
    responses((status = 200, body = LogBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "for administrators", body = crate::problem::ProblemDocument)))]
#[get("/api/v1/log")]
pub async fn list(
    _: Viewer,
    request: HttpRequest,
    query: web::Query<LogQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let LogQuery {
        level,
        text,
        from,
        to,
        before,
        limit,
    } = query.into_inner();
    let wanted = Wanted {
        level: one("level", level.as_deref(), str::parse::<Level>)?,
        text: text.filter(|text| !text.is_empty()),
        from: time("from", from.as_deref())?,
        to: time("to", to.as_deref())?,
        before,
    };
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.starts_with("text/plain")) {
        let text = blocking(move || {
            let (lines, _) = recorder.log().find(&wanted, usize::MAX);
            lines.iter().rev().map(|line| format!("{line}\n")).collect::<String>()
        });
        let name = format!(
            "attachment; filename=\"vigie-{}.log\"",
            Utc::now().strftime("%Y%m%dT%H%M%SZ")
        );
        return Ok(HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .insert_header(("Content-Disposition", name))
            .body(text.await?));
    }
    let limit = limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let body = blocking(move || {
        let (lines, more) = recorder.log().find(&wanted, limit);
        LogBody {
            next: lines.last().filter(|_| more).map(|line| line.id),
            lines: lines.iter().map(|line| LineBody::from(&**line)).collect(),
            lost: recorder.log().lost(),
        }
    });
    Ok(HttpResponse::Ok().json(body.await?))
}
