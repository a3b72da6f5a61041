//! The first start: whoever reads the link that the recorder printed makes the first user.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use vigie_actors::{Recorder, sign_ins::With};
use vigie_storage::{
    accounts::AccountsError,
    audit::{Entry, Kind},
};

use super::{
    blocking,
    session::{SessionBody, begin},
    users::problem,
};
use crate::{problem::Problem, sign_in::peer};

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "needed": true }))]
pub struct SetupBody {
    /// There is no user yet
    needed: bool,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "link": "q1Zc…", "name": "ann", "password": "correct horse battery" }))]
pub struct FirstUser {
    /// Of the line that the recorder printed at its start
    link: String,
    name: String,
    /// 8 characters or more
    password: String,
}

/// Whether the recorder waits for its first user
#[utoipa::path(get, path = "/api/v1/setup", responses((status = 200, body = SetupBody)))]
#[get("/api/v1/setup")]
pub async fn show(recorder: web::Data<Recorder>) -> HttpResponse {
    let needed = recorder.storage().accounts().setup_link().is_some();
    HttpResponse::Ok().json(SetupBody { needed })
}

/// Make the first user, who may do everything; the answer signs them in
#[utoipa::path(post, path = "/api/v1/setup", request_body = FirstUser,
    responses((status = 201, body = SessionBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 403, description = "not the link that was printed", body = crate::problem::ProblemDocument),
              (status = 409, description = "there are users already", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/setup")]
pub async fn make(
    request: HttpRequest,
    body: web::Json<FirstUser>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let FirstUser { link, name, password } = body.into_inner();
    let peer = peer(&request);
    recorder
        .sign_ins()
        .may_try(peer, With::Token)
        .map_err(Problem::LockedOut)?;
    let accounts = recorder.clone();
    let made = blocking(move || accounts.storage().accounts().set_up(&link, &name, &password)).await?;
    if matches!(made, Err(AccountsError::BadLink)) {
        recorder.sign_ins().tell(peer, With::Token);
    }
    let user = made.map_err(problem)?;
    let peer = peer.map(|peer| peer.to_string());
    tracing::info!(user = user.name, peer, "the first user was made");
    let entry = Entry::new(Kind::Users, format!("the first user {} was made", user.name)).by(user.name.as_str());
    recorder.storage().audit().tell(entry.from(peer));
    let (cookie, session) = begin(&request, recorder.clone(), user.name.clone(), true).await?;
    let body = SessionBody::of(user, session.as_ref(), &recorder);
    Ok(HttpResponse::Created().cookie(cookie).json(body))
}
