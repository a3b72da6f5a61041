//! What may be seen before anybody has signed in: a picture now and then of the cameras whose
//! configuration says so (`preview`).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpResponse, get,
    http::header,
    web::{self, Bytes},
};
use serde::Serialize;
use vigie_actors::Recorder;
use vigie_config::{Camera, CameraId, StreamId, StreamName};

use super::snapshot::newest_jpeg;
use crate::problem::Problem;

/// A picture is made anew after so long, however many ask for it.
const FRESH: Duration = Duration::from_secs(2);
const WIDTH: u32 = 640;

/// The newest picture of each camera that was asked for; whoever asks while it is made waits for it.
#[derive(Default)]
pub struct Previews(Mutex<HashMap<CameraId, Arc<tokio::sync::Mutex<Option<Made>>>>>);

struct Made {
    at: Instant,
    picture: Result<Bytes, Problem>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewBody {
    #[schema(example = "gate")]
    id: String,
    #[schema(example = "Front gate")]
    name: String,
}

/// Cameras that anybody may have a look at
#[utoipa::path(get, path = "/api/v1/previews", responses((status = 200, body = [PreviewBody])))]
#[get("/api/v1/previews")]
pub async fn list(recorder: web::Data<Recorder>) -> HttpResponse {
    let config = recorder.config();
    let shown = config.cameras.iter().filter(|camera| is_shown(camera));
    let shown = shown.map(|camera| PreviewBody {
        id: camera.id.to_string(),
        name: camera.name.clone(),
    });
    HttpResponse::Ok().json(shown.collect::<Vec<_>>())
}

/// The picture of one of them, at most 640 pixels wide and a few seconds old
#[utoipa::path(get, path = "/api/v1/previews/{id}.jpg", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg"), (status = 404, body = crate::problem::ProblemDocument),
              (status = 503, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/previews/{id}.jpg")]
pub async fn show(
    id: web::Path<String>,
    recorder: web::Data<Recorder>,
    previews: web::Data<Previews>,
) -> Result<HttpResponse, Problem> {
    let config = recorder.config();
    let camera = config.cameras.iter().find(|camera| camera.id.as_str() == *id);
    // Whether there is one that is not shown is nobody's business.
    let camera = camera
        .filter(|camera| is_shown(camera))
        .ok_or_else(|| Problem::no_camera(&id))?;
    let stream = match camera.streams.contains_key(&StreamName::Sub) {
        true => StreamName::Sub,
        false => StreamName::Main,
    };
    let picture = previews
        .newest(&recorder, StreamId::new(camera.id.clone(), stream))
        .await?;
    Ok(HttpResponse::Ok()
        .content_type("image/jpeg")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(picture))
}

fn is_shown(camera: &Camera) -> bool {
    camera.preview && camera.enabled
}

impl Previews {
    async fn newest(&self, recorder: &Recorder, stream: StreamId) -> Result<Bytes, Problem> {
        let place = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(stream.camera.clone()).or_default().clone()
        };
        let mut made = place.lock().await;
        if let Some(made) = made.as_ref().filter(|made| made.at.elapsed() < FRESH) {
            return made.picture.clone();
        }
        let picture = newest_jpeg(recorder, &stream, Some(WIDTH)).await;
        *made = Some(Made {
            at: Instant::now(),
            picture: picture.clone(),
        });
        picture
    }
}
