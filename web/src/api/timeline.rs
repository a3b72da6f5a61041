//! What cameras have over any length of time, in as few spans as a screen can show.

use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use vigie_actors::Recorder;
use vigie_config::{CameraId, Causes, GapCause, StreamId, StreamName, Utc};
use vigie_storage::{
    accounts::CameraRight::Playback,
    timeline::{Lane, Lanes, Span},
};

use super::{blocking, known_camera, span};
use crate::{problem::Problem, sign_in::Viewer};

/// Of one answer: what all of them may take is bounded by these two.
const MOST_CAMERAS: usize = 64;
const MOST_STEPS: f64 = 5000.0;
/// Without `step`: about the pixels of a screen.
const STEPS: f64 = 1500.0;
const SHORTEST_STEP_S: f64 = 0.001;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct TimelineQuery {
    /// Cameras, separated by commas, at most 64; default all whose footage the viewer may see
    cameras: Option<String>,
    /// RFC 3339
    from: String,
    /// RFC 3339
    to: String,
    /// Seconds: what is nearer to each other is one span. At least a 5000th of the time asked for;
    /// default a 1500th
    step: Option<f64>,
}

/// Main streams. All spans are `[begin, end]` in milliseconds since 1970, in order, within `[from, to)`; what
/// goes on ends now
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TimelineBody {
    #[schema(value_type = String, format = DateTime)]
    from: Utc,
    #[schema(value_type = String, format = DateTime)]
    to: Utc,
    step_s: f64,
    cameras: Vec<CameraTimeline>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CameraTimeline {
    camera: String,
    /// Why it was recorded: `schedule`, `manual`, `motion`, `sensor`, `analytics`, each with its spans
    #[schema(value_type = Object, example = json!({ "schedule": [[1763629200000i64, 1763632800000i64]] }))]
    causes: ByCause,
    #[schema(value_type = Vec<[i64; 2]>)]
    footage: Vec<Span>,
    /// `[begin, end, cause]`
    #[schema(value_type = Vec<Object>, example = json!([[1763629200000i64, 1763632800000i64, "network"]]))]
    gaps: Vec<(i64, i64, GapCause)>,
}

#[derive(Debug)]
struct ByCause(Vec<(Causes, Vec<Span>)>);

impl Serialize for ByCause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (cause, spans) in &self.0 {
            map.serialize_entry(cause.names().next().unwrap_or_default(), spans)?;
        }
        map.end()
    }
}

impl CameraTimeline {
    fn new(camera: &CameraId, lanes: &Lanes) -> Self {
        let mut timeline = CameraTimeline {
            camera: camera.to_string(),
            causes: ByCause(Causes::ALL.each().map(|cause| (cause, Vec::new())).collect()),
            footage: Vec::new(),
            gaps: Vec::new(),
        };
        for (lane, spans) in lanes.iter() {
            match lane {
                Lane::Footage => timeline.footage = spans.to_vec(),
                Lane::Missing(cause) => timeline.gaps.extend(spans.iter().map(|span| (span.0, span.1, cause))),
                Lane::Recorded(cause) => {
                    let of_cause = timeline.causes.0.iter_mut().find(|(known, _)| *known == cause);
                    if let Some((_, known)) = of_cause {
                        *known = spans.to_vec();
                    }
                }
            }
        }
        timeline.gaps.sort_unstable_by_key(|gap| (gap.0, gap.1));
        timeline
    }
}

/// The step to take, and what is wrong with the one asked for.
fn step(length: Duration, asked: Option<f64>) -> Result<Duration, Problem> {
    let length = length.as_secs_f64();
    let least = (length / MOST_STEPS).max(SHORTEST_STEP_S);
    let step = asked.unwrap_or((length / STEPS).max(SHORTEST_STEP_S));
    match (least..=1e12).contains(&step) {
        true => Ok(Duration::from_secs_f64(step)),
        false => Err(Problem::BadRequest(format!(
            "step: seen {step} s, expected at least {least} s for so long a time"
        ))),
    }
}

/// Footage, its causes and gaps of many cameras, for a timeline
#[utoipa::path(get, path = "/api/v1/timeline", params(TimelineQuery),
    responses((status = 200, body = TimelineBody), (status = 400, body = crate::problem::ProblemDocument),
              (status = 404, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/timeline")]
pub async fn show(
    viewer: Viewer,
    query: web::Query<TimelineQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let (from, to) = span(&query.from, &query.to)?;
    let step = step(to.since(from), query.step)?;
    let cameras = match &query.cameras {
        Some(names) => {
            let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
            let cameras = names.map(|name| {
                let camera = known_camera(&recorder, &viewer, name)?;
                viewer.may_with(&camera, Playback).map(|()| camera)
            });
            cameras.collect::<Result<Vec<_>, _>>()?
        }
        None => {
            let config = recorder.config();
            let seen = config.cameras.iter().map(|camera| camera.id.clone());
            seen.filter(|id| viewer.0.may_with(id, Playback))
                .take(MOST_CAMERAS)
                .collect()
        }
    };
    if cameras.len() > MOST_CAMERAS {
        let seen = cameras.len();
        return Err(Problem::BadRequest(format!(
            "cameras: seen {seen}, expected at most {MOST_CAMERAS}"
        )));
    }
    let body = blocking(move || {
        let now = Utc::now();
        let of_camera = |camera: &CameraId| {
            let stream = StreamId::new(camera.clone(), StreamName::Main);
            let lanes = recorder.storage().timeline(&stream, from, to, step, now);
            CameraTimeline::new(camera, &lanes)
        };
        let cameras = cameras.iter().map(of_camera).collect();
        let step_s = step.as_secs_f64();
        let body = TimelineBody {
            from,
            to,
            step_s,
            cameras,
        };
        serde_json::to_vec(&body).map_err(|error| Problem::Internal(error.to_string()))
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(body.await??))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_never_so_short_that_an_answer_is_unbounded() {
        let day = Duration::from_secs(86_400);
        assert_eq!(step(day, None).unwrap(), Duration::from_millis(57_600));
        assert_eq!(step(day, Some(60.0)).unwrap(), Duration::from_secs(60));
        for refused in [0.0, -1.0, f64::NAN, f64::INFINITY, 17.0, 1e300] {
            assert!(step(day, Some(refused)).is_err(), "{refused}");
        }
        let all = Utc::MAX.since(Utc::MIN);
        assert!(step(all, None).is_ok());
    }
}
