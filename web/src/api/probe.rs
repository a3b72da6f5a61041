//! A camera's address, tried before it is saved.

use actix_web::{HttpResponse, post, web};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use vigie_actors::{Recorder, probe::Seen};
use vigie_config::{
    Config, Credentials, ErrorKind, Secret, SourceUrl, Stream, StreamName,
    edit::{Edit, Place},
    variables_of,
};
use vigie_media::format::{AudioCodec, VideoCodec};

use super::known_camera;
use crate::{problem::Problem, sign_in::Viewer};

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// As in `camera.main.url`
    url: String,
    username: Option<String>,
    password: Option<String>,
    /// `tcp` (default) or `udp`
    transport: Option<String>,
    /// Without a password: that of this camera, as far as it is of the same host
    camera: Option<String>,
}

/// What came, or why nothing did
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum ProbeBody {
    Seen(SeenBody),
    Failed(FailedBody),
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SeenBody {
    /// true
    ok: bool,
    /// Until a picture could be decoded
    first_picture_ms: u64,
    streams: StreamsBody,
    /// How far the camera's clock is ahead of the recorder's, by its sender reports (RFC 3550 §6.4.1);
    /// null: it did not say within the attempt, or counts from elsewhere
    clock_offset_ms: Option<i64>,
    /// JPEG in base64; null: it cannot be decoded here
    picture: Option<String>,
    /// Without H.265, which few browsers know: use a sub stream in H.264 for them
    plays_in_browsers: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StreamsBody {
    video: Option<VideoBody>,
    audio: Option<AudioBody>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VideoBody {
    /// `h264`, `h265`, `mjpeg`
    #[schema(value_type = String)]
    codec: VideoCodec,
    width: u32,
    height: u32,
    fps: Option<f64>,
    /// Of all that came, audio too
    bitrate_bps: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AudioBody {
    /// `aac`, `opus`, `pcmu`, `pcma`
    #[schema(value_type = String)]
    codec: AudioCodec,
    rate: u32,
    channels: u16,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FailedBody {
    /// false
    ok: bool,
    /// `unavailable`, `refused`, `misconfigured`, `timeout`, `corrupt`, `bug`
    #[schema(value_type = String)]
    kind: ErrorKind,
    detail: String,
}

impl From<Seen> for SeenBody {
    fn from(seen: Seen) -> Self {
        let plays_in_browsers = seen.plays_in_browsers();
        let video = seen.format.video.as_ref().map(|video| VideoBody {
            codec: video.codec,
            width: video.width,
            height: video.height,
            fps: seen.fps,
            bitrate_bps: seen.bitrate_bps,
        });
        let audio = seen.format.audio.as_ref().map(|audio| AudioBody {
            codec: audio.codec,
            rate: audio.sample_rate,
            channels: audio.channels,
        });
        Self {
            ok: true,
            first_picture_ms: u64::try_from(seen.first_picture.as_millis()).unwrap_or(u64::MAX),
            streams: StreamsBody { video, audio },
            clock_offset_ms: seen.clock_ahead_us.map(|ahead| ahead / 1000),
            picture: seen.picture.map(|jpeg| BASE64_STANDARD.encode(jpeg)),
            plays_in_browsers,
        }
    }
}

/// The stream as the configuration would have it, checked as the configuration is.
fn stream(address: &Address) -> Result<Stream, Problem> {
    let mut camera = Map::new();
    // A name alone goes with the stored password.
    if address.password.is_some() || address.camera.is_none() {
        for (key, value) in [("username", &address.username), ("password", &address.password)] {
            camera.extend(value.as_ref().map(|value| (key.to_owned(), literal(value))));
        }
    }
    let mut main = json!({ "url": literal(&address.url) });
    if let Some(transport) = &address.transport {
        main["transport"] = transport.as_str().into();
    }
    camera.insert("main".into(), main);
    let place = Place::Entry("camera", "probe".into());
    let wrong = |error: &dyn std::fmt::Display| Problem::BadRequest(error.to_string());
    let mut edit = Edit::new("").map_err(|error| wrong(&error))?;
    edit.put(&place, camera).map_err(|error| wrong(&error))?;
    // A camera needs one; this one is never opened.
    let disk = Place::Entry("disk", "probe".into());
    let nowhere = Map::from_iter([("path".to_owned(), "/nonexistent".into())]);
    edit.put(&disk, nowhere).map_err(|error| wrong(&error))?;
    let text = edit.text();
    let (config, _) = Config::parse(&text, &variables_of(&text)).map_err(|problems| Problem::Refused(problems.0))?;
    let mut cameras = config.cameras.into_iter();
    let stream = cameras
        .next()
        .and_then(|mut camera| camera.streams.remove(&StreamName::Main));
    stream.ok_or_else(|| Problem::BadRequest("url: expected an address".into()))
}

/// What is tried is no variable of this machine.
fn literal(text: &str) -> Value {
    text.replace("${", "$${").into()
}

/// Those that the camera is configured with: they go nowhere but where they go already.
fn stored(recorder: &Recorder, viewer: &Viewer, camera: &str, wanted: &Stream) -> Result<Option<Credentials>, Problem> {
    let id = known_camera(recorder, viewer, camera)?;
    let config = recorder.config();
    let camera = config.cameras.iter().find(|camera| camera.id == id);
    let streams = camera.into_iter().flat_map(|camera| camera.streams.values());
    let same = |stream: &&Stream| match (&stream.url, &wanted.url) {
        (SourceUrl::Network(known), SourceUrl::Network(wanted)) => known.host() == wanted.host(),
        _ => false,
    };
    Ok(streams.filter(same).find_map(|stream| stream.credentials.clone()))
}

/// Connect to a camera as recording would, and say what comes. Takes up to 15 s
#[utoipa::path(post, path = "/api/v1/probe", request_body = Address,
    responses((status = 200, body = ProbeBody), (status = 403, body = crate::problem::ProblemDocument),
              (status = 422, description = "not an address to record from", body = crate::problem::ProblemDocument),
              (status = 503, description = "four go on already", body = crate::problem::ProblemDocument)))]
#[post("/api/v1/probe")]
pub async fn probe(
    viewer: Viewer,
    body: web::Json<Address>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let mut stream = stream(&body)?;
    if let Some(camera) = body.camera.as_deref()
        && body.password.is_none()
        && stream.credentials.is_none()
    {
        let known = stored(&recorder, &viewer, camera, &stream)?;
        stream.credentials = known.map(|known| Credentials {
            username: body.username.clone().unwrap_or(known.username),
            password: Secret::new(known.password.reveal()),
        });
    }
    let busy = || Problem::Unavailable("four addresses are being tried already; try again in a few seconds".into());
    Ok(
        HttpResponse::Ok().json(match recorder.probe(&stream).await.ok_or_else(busy)? {
            Ok(seen) => ProbeBody::Seen(seen.into()),
            Err(error) => ProbeBody::Failed(FailedBody {
                ok: false,
                kind: error.kind,
                detail: error.to_string(),
            }),
        }),
    )
}
