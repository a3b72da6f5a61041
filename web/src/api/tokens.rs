//! API tokens, for programs: with a part of what their owner may.

use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_actors::Recorder;
use vigie_config::Utc;
use vigie_storage::accounts::{HouseRight, Rights, Token};

use super::{blocking, groups::RightsBody, users::problem};
use crate::{audit::said, problem::Problem, sign_in::Viewer};

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "id": "01KAP3N7ZC0000000000000000", "name": "home automation", "owner": "ann",
    "rights": { "house": [], "every_camera": [], "cameras": { "gate": ["live"] } },
    "created": "2026-11-20T09:41:00Z", "expires": null, "used": "2026-11-22T18:02:11Z" }))]
pub struct TokenBody {
    id: String,
    name: String,
    owner: String,
    /// As they were given; those of the owner bound them
    #[schema(value_type = RightsBody)]
    rights: Rights,
    #[schema(value_type = String, format = DateTime)]
    created: Utc,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Utc>,
    /// Last, since the recorder started
    #[schema(value_type = Option<String>, format = DateTime)]
    used: Option<Utc>,
    /// What a program shows, as bearer or as password of its owner; told this once
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<Token> for TokenBody {
    fn from(token: Token) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            owner: token.owner,
            rights: token.rights,
            created: token.created,
            expires: token.expires,
            used: token.used,
            token: None,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "home automation",
    "rights": { "house": [], "every_camera": [], "cameras": { "gate": ["live"] } }, "expires": "2027-11-20T00:00:00Z" }))]
pub struct NewToken {
    /// What it is for; at most 80 characters
    name: String,
    #[schema(value_type = RightsBody)]
    rights: Rights,
    /// null or absent: it does not
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Utc>,
}

/// The tokens of whoever asks; all of them for those who manage users
#[utoipa::path(get, path = "/api/v1/tokens", responses((status = 200, body = Vec<TokenBody>)))]
#[get("/api/v1/tokens")]
pub async fn list(viewer: Viewer, recorder: web::Data<Recorder>) -> HttpResponse {
    let all = recorder.storage().accounts().tokens().into_iter();
    let shown = all.filter(|token| is_theirs(&viewer, token));
    HttpResponse::Ok().json(shown.map(TokenBody::from).collect::<Vec<_>>())
}

fn is_theirs(viewer: &Viewer, token: &Token) -> bool {
    viewer.0.may(HouseRight::Users) || token.owner == viewer.0.name
}

/// Make a token with some of your own rights
#[utoipa::path(post, path = "/api/v1/tokens", request_body = NewToken,
    responses((status = 201, body = TokenBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "more than you may yourself", body = crate::problem::ProblemDocument),
              (status = 409, description = "too many", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/tokens")]
pub async fn add(
    viewer: Viewer,
    body: web::Json<NewToken>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let NewToken { name, rights, expires } = body.into_inner();
    let by = viewer.0.name.clone();
    let made = blocking(move || {
        let accounts = recorder.storage().accounts();
        accounts.add_token(&viewer.0, &name, rights, expires)
    });
    let (token, text) = made.await?.map_err(problem)?;
    tracing::info!(by, token = %token.id, name = token.name, "token made");
    let told = format!("token {} made: {}", token.id, token.name);
    let answer = HttpResponse::Created()
        .insert_header(("Cache-Control", "no-store"))
        .json(TokenBody {
            token: Some(text),
            ..TokenBody::from(token)
        });
    Ok(said(answer, told))
}

/// End a token at once
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = crate::problem::ProblemDocument)))]
#[delete("/api/v1/tokens/{id}")]
pub async fn end(
    viewer: Viewer,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::nothing_at("tokens", &id);
    let wanted: Ulid = id.parse().map_err(|_| unknown())?;
    let tokens = recorder.storage().accounts().tokens();
    let found = tokens
        .iter()
        .find(|token| token.id == wanted && is_theirs(&viewer, token));
    found.ok_or_else(unknown)?;
    let ended = blocking(move || recorder.storage().accounts().end_token(wanted));
    ended.await?.map_err(problem)?;
    tracing::info!(by = viewer.0.name, token = %wanted, "token ended");
    Ok(said(
        HttpResponse::NoContent().finish(),
        format!("token {wanted} ended"),
    ))
}
