//! Disks put into service and out of it, by the same wishes as on the command line.
//!
//! Belongs here: one command per disk at a time, on a thread of its own and to its end whoever hangs
//! up or waits no longer, and told in the audit log however it ends. Does not belong here: what the
//! commands do (`vigie_actors::control`).

use std::{thread, time::Duration};

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use vigie_actors::{
    Recorder, ServiceError,
    control::{DiskWish, House},
};
use vigie_config::{DiskId, ErrorKind, Kind as _};
use vigie_storage::{
    Erasure, PrepareError,
    accounts::CameraRight,
    audit::{Entry, Kind},
};

use crate::{
    audit::said,
    problem::Problem,
    sign_in::{Viewer, peer},
};

/// Longest that somebody is kept waiting: releasing takes 50 s, erasing and a disk that hangs longer.
const WITHIN: Duration = Duration::from_secs(60);

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "erase": true, "note": "sold with the house" }))]
pub struct PrepareWords {
    /// Delete the footage that is on it, whoever's it is: needs the right `delete` with every camera
    #[serde(default)]
    erase: bool,
    /// Why it is erased, for those who come after; at most 500 characters. Needed with `erase`
    #[serde(default)]
    note: String,
}

/// What was done
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "text": ["disk d2 is ready"] }))]
pub struct DoneBody {
    /// As `vigie disk` prints it, a line each
    text: Vec<String>,
}

/// Somebody's wish of a disk, to its end.
async fn carried_out(
    viewer: Viewer,
    request: HttpRequest,
    recorder: web::Data<Recorder>,
    disk: web::Path<String>,
    wish: DiskWish,
) -> Result<HttpResponse, Problem> {
    let (by, from) = (viewer.0.name, peer(&request));
    let no_disk = || Problem::NoDisk(disk.chars().take(80).collect());
    let disk = DiskId::new(disk.as_str()).map_err(|_| no_disk())?;
    if recorder.config().disks.iter().all(|known| known.id != disk) {
        return Err(no_disk());
    }
    let busy = || Problem::Unavailable(format!("disk {disk}: another command is under way; try again later"));
    let turn = recorder.disks().turn(&disk).ok_or_else(busy)?;
    let id = disk.clone();
    let work = move || {
        let _turn = turn;
        let (kind, note) = match &wish {
            DiskWish::Prepare(Some(erasure)) => (Kind::FootageDeleted, erasure.note()),
            _ => (Kind::Configuration, ""),
        };
        let tell = |text: String| {
            tracing::info!(%disk, by, text, "disk service over the API");
            let entry = Entry::new(kind, text).by(by.as_str()).from(from);
            recorder.storage().audit().tell(entry);
        };
        // Told before as well: the recorder may end amid it.
        match &wish {
            DiskWish::Prepare(Some(_)) => tell(format!("disk {disk}: {wish} begins: {note}")),
            DiskWish::Release => tell(format!("disk {disk}: {wish} begins")),
            _ => {}
        }
        let house = House {
            storage: recorder.storage(),
            config: &recorder.config(),
            disks: Some(recorder.disks()),
        };
        let done = wish.grant(&disk, &house);
        match &done {
            Ok(text) => tell(text.clone()),
            Err(error) => tell(format!("{wish} failed: {error}")),
        }
        done.map_err(refused)
    };
    let text = answered(&id, WITHIN, work).await?;
    // It told of itself.
    Ok(said(HttpResponse::Ok().json(DoneBody { text: vec![text] }), ""))
}

/// What a disk of that id is asked for, on a thread of its own: one that hangs holds up nobody else.
async fn answered(
    disk: &DiskId,
    within: Duration,
    work: impl FnOnce() -> Result<String, Problem> + Send + 'static,
) -> Result<String, Problem> {
    let (done, answer) = oneshot::channel();
    let body = move || drop(done.send(work()));
    let thread = thread::Builder::new().name(format!("disk-{disk}")).spawn(body);
    thread.map_err(|error| Problem::Unavailable(format!("disk {disk}: no thread for it: {error}; try again")))?;
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(Problem::Internal("it panicked; see the log".into())),
        Err(_) => Err(Problem::Unavailable(format!(
            "disk {disk} has not answered within {} s: it goes on; look at the disk's state and at the audit log",
            within.as_secs()
        ))),
    }
}

fn refused(error: ServiceError) -> Problem {
    let text = error.to_string();
    match (error.kind(), error) {
        (ErrorKind::Refused, ServiceError::Prepare(PrepareError::Holds { .. })) => Problem::HoldsFootage(text),
        // Whoever asks may do it; the disk is not as it takes.
        (ErrorKind::Refused, _) => Problem::Conflict(text),
        (kind, _) => Problem::of_kind(kind, text),
    }
}

/// Make the folder of a disk that was never recorded on, on whatever file system it comes to lie
#[utoipa::path(post, path = "/api/v1/disks/{id}/create-folder", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "it was recorded on before: it is to be mounted", body = crate::problem::ProblemDocument),
              (status = 503, description = "it cannot be made, `require_mount` is on, another command is under way on the disk, or it has not answered within 60 s and goes on", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/create-folder")]
pub async fn create_folder(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    carried_out(viewer, request, recorder, id, DiskWish::CreateFolder).await
}

/// Take a disk into use that holds nothing to keep. What `erase` deletes is in `GET /api/v1/footage/deletions`
#[utoipa::path(post, path = "/api/v1/disks/{id}/prepare", params(("id" = String, Path)), request_body = PrepareWords,
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 400, description = "`erase` without a `note`, or one that is too long", body = crate::problem::ProblemDocument),
              (status = 403, description = "needs `configure`; with `erase` also `delete` with every camera", body = crate::problem::ProblemDocument),
              (status = 409, description = "it holds footage (`holds_footage`) or protected footage, or is in use; nothing was changed", body = crate::problem::ProblemDocument),
              (status = 503, description = "the disk cannot be read or written, another command is under way on it, or it has not answered within 60 s and goes on", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/prepare")]
pub async fn prepare(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<PrepareWords>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let PrepareWords { erase, note } = body.into_inner();
    let erasure = match erase {
        false => None,
        true => {
            viewer.may_everywhere(CameraRight::Delete)?;
            if note.trim().is_empty() {
                return Err(Problem::BadRequest("note: say why the disk is erased".into()));
            }
            let erasure = Erasure::new(&viewer.0.name, &note);
            Some(erasure.map_err(|error| Problem::BadRequest(format!("note: {error}")))?)
        }
    };
    carried_out(viewer, request, recorder, id, DiskWish::Prepare(erasure)).await
}

/// Take over a disk with its footage: another recorder's, one of before a reinstall, one without its marker;
/// or take back a retired or released one
#[utoipa::path(post, path = "/api/v1/disks/{id}/adopt", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 409, description = "nothing to take over, or of a newer format", body = crate::problem::ProblemDocument),
              (status = 503, description = "the disk cannot be read or written, another command is under way on it, or it has not answered within 60 s and goes on", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/adopt")]
pub async fn adopt(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    carried_out(viewer, request, recorder, id, DiskWish::Adopt).await
}

/// Begin nothing new on a disk; its footage stays until retention takes it
#[utoipa::path(post, path = "/api/v1/disks/{id}/retire", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 503, description = "the disk cannot be read or written, another command is under way on it, or it has not answered within 60 s and goes on", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/retire")]
pub async fn retire(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    carried_out(viewer, request, recorder, id, DiskWish::Retire).await
}

/// Stop recording on a disk, sync and close it, so that it can be unmounted and pulled: up to 50 s
#[utoipa::path(post, path = "/api/v1/disks/{id}/release", params(("id" = String, Path)),
    responses((status = 200, body = DoneBody), (status = 404, body = crate::problem::ProblemDocument),
              (status = 503, description = "the disk does not answer, or its files are being read, another command is under way on it, or it has not answered within 60 s and goes on", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/disks/{id}/release")]
pub async fn release(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    carried_out(viewer, request, recorder, id, DiskWish::Release).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[actix_web::test]
    async fn who_waits_for_a_disk_that_hangs_is_answered_and_the_work_goes_on() {
        let disk = DiskId::new("d1").unwrap();
        let (wake, hangs) = mpsc::channel::<()>();
        let (ended, end) = oneshot::channel();
        let work = move || {
            hangs.recv().unwrap();
            ended.send(thread::current().name().map(str::to_owned)).unwrap();
            Ok("done".to_owned())
        };
        let late = answered(&disk, Duration::from_millis(20), work).await.unwrap_err();
        assert!(
            matches!(&late, Problem::Unavailable(text) if text.contains("goes on")),
            "{late}"
        );
        wake.send(()).unwrap();
        assert_eq!(end.await.unwrap().as_deref(), Some("disk-d1"));
    }

    #[actix_web::test]
    async fn a_panic_is_a_fault_of_the_recorder() {
        let disk = DiskId::new("d1").unwrap();
        let fault = answered(&disk, WITHIN, || panic!("on purpose")).await.unwrap_err();
        assert!(matches!(fault, Problem::Internal(_)), "{fault}");
    }

    #[test]
    fn the_kind_decides_what_is_answered() {
        let disk = || DiskId::new("d1").unwrap();
        for (error, code) in [
            (ServiceError::NotClosed(disk()), 503),
            (ServiceError::Read { disk: disk(), files: 2 }, 503),
            (PrepareError::InUse { disk: disk() }.into(), 409),
            (PrepareError::Journal("no room".into()).into(), 503),
        ] {
            let status = actix_web::ResponseError::status_code(&refused(error));
            assert_eq!(status.as_u16(), code);
        }
    }
}
