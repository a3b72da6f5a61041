//! The recorder itself.

use actix_web::{HttpResponse, Responder, get, web};
use serde::Deserialize;
use vigie_actors::{Recorder, SystemInfo, capacity::GroupCapacity, supervise::TreeNode};
use vigie_config::Utc;
use vigie_storage::accounts::HouseRight;

use super::blocking;
use crate::{problem::Problem, sign_in::Viewer};

/// The supervision tree: every actor, its state, restarts and last error
#[utoipa::path(get, path = "/api/v1/system/tree", responses((status = 200, body = TreeNode),
    (status = 403, description = "needs `system`", body = crate::problem::ProblemDocument)))]
#[get("/api/v1/system/tree")]
pub async fn tree(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(recorder.tree()))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct CapacityQuery {
    /// Say also how much room so many days take
    days: Option<f64>,
}

/// How many days the disks hold, by what was recorded during the last day
#[utoipa::path(get, path = "/api/v1/system/capacity", params(CapacityQuery),
    responses((status = 200, body = Vec<GroupCapacity>), (status = 400, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/system/capacity")]
pub async fn capacity(
    _: Viewer,
    query: web::Query<CapacityQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let days = query.days;
    if days.is_some_and(|days| !(0.0..=36_500.0).contains(&days)) {
        return Err(Problem::BadRequest("days: expected 0 to 36500".into()));
    }
    let reckon = move || {
        let assigned = recorder.disks().assignments();
        vigie_actors::capacity::capacity(&recorder.config(), recorder.storage(), &assigned, days, Utc::now())
    };
    Ok(HttpResponse::Ok().json(blocking(reckon).await?))
}

/// Name, version, clock, disks
///
/// Without `system` and `configure` only what concerns the viewer: `cameras` counts those they see,
/// `disks` and `links` are empty and `room` is null.
#[utoipa::path(get, path = "/api/v1/system/info", responses((status = 200, body = SystemInfo)))]
#[get("/api/v1/system/info")]
pub async fn info(viewer: Viewer, recorder: web::Data<Recorder>) -> impl Responder {
    let mut info = recorder.info();
    if !viewer.0.may(HouseRight::System) && !viewer.0.may(HouseRight::Configure) {
        let config = recorder.config();
        info.cameras = config.cameras.iter().filter(|camera| viewer.0.sees(&camera.id)).count();
        info.disks.clear();
        info.links.clear();
        info.room = None;
    }
    HttpResponse::Ok().json(info)
}
