//! Nothing was recorded for hours: told, whatever the reason.
//!
//! Pure but for the actor: who is to be recorded and until when it was, goes in.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_config::{EventKind, StreamId, Utc};

use crate::{
    recorder::Recorder,
    registry::Event,
    supervise::{ChildSpec, worker_child},
};

const EVERY: Duration = Duration::from_secs(5);

/// One stream that is to be recorded.
#[derive(Debug)]
struct Seen {
    /// End of what is recorded; `None`: nothing yet.
    until: Option<Utc>,
    /// Since when it has been that.
    since: Instant,
    told: bool,
}

#[derive(Debug, Default)]
struct Tracker {
    streams: BTreeMap<StreamId, Seen>,
}

impl Tracker {
    /// What is to be told of a stream now: for how long nothing was recorded. Once, until
    /// something is. `until` is compared with what it was, not with a clock that may step.
    fn look(&mut self, stream: &StreamId, until: Option<Utc>, after: Duration, now: Instant) -> Option<Duration> {
        let seen = self.streams.entry(stream.clone()).or_insert(Seen {
            until,
            since: now,
            told: false,
        });
        if seen.until != until {
            *seen = Seen {
                until,
                since: now,
                told: false,
            };
        }
        let silent = now.duration_since(seen.since);
        let news = silent >= after && !std::mem::replace(&mut seen.told, silent >= after);
        news.then_some(silent)
    }

    fn keep(&mut self, wanted: &[StreamId]) {
        self.streams.retain(|stream, _| wanted.contains(stream));
    }

    /// Streams of which it was told and nothing is recorded since.
    fn silent(&self) -> usize {
        self.streams.values().filter(|seen| seen.told).count()
    }
}

/// The watch as a child of the root.
pub fn unrecorded_child(recorder: Arc<Recorder>) -> ChildSpec {
    worker_child("unrecorded", "unrecorded", move |context| {
        let recorder = recorder.clone();
        Box::pin(async move {
            let mut tracker = Tracker::default();
            loop {
                let config = recorder.config();
                let cameras = config.cameras.iter().filter(|camera| camera.enabled);
                // A stream that is not wanted all the time counts from when it was wanted again.
                let now = Utc::now();
                let zone = recorder.deps.site.zone();
                let recorded = cameras.filter(|camera| camera.record.continuous.is_on(now, &zone));
                let mut wanted = Vec::new();
                for camera in recorded {
                    for name in &camera.record.continuous_streams {
                        let stream = StreamId::new(camera.id.clone(), *name);
                        let until = recorder.storage().last_recorded(&stream);
                        let silent = tracker.look(&stream, until, camera.record.alarm_after, Instant::now());
                        if let Some(silent) = silent {
                            let minutes = silent.as_secs() / 60;
                            let last = until.map_or("never".to_owned(), |until| until.to_string());
                            let text = format!("nothing was recorded for {minutes} min; the last footage ends: {last}");
                            tracing::error!(camera = %stream.camera, stream = %stream.stream, text, "a stream is not recorded");
                            recorder
                                .events()
                                .raise(Event::stream(EventKind::NothingRecorded, stream.clone(), text));
                        }
                        wanted.push(stream);
                    }
                }
                tracker.keep(&wanted);
                context
                    .node
                    .publish(serde_json::json!({ "streams": wanted.len(), "silent": tracker.silent() }));
                if !context.pause(EVERY).await {
                    return Ok(());
                }
            }
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::{CameraId, StreamName};

    use super::*;

    #[test]
    fn told_once_until_something_is_recorded_again() {
        let gate = StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main);
        let (begin, hour) = (Instant::now(), Duration::from_secs(3600));
        let mut tracker = Tracker::default();
        let minute = |n: u32| begin + n * Duration::from_secs(60);
        let until = |s: i64| Some(Utc::from_micros(s * 1_000_000));
        assert_eq!(tracker.look(&gate, None, hour, minute(0)), None);
        assert_eq!(tracker.look(&gate, None, hour, minute(59)), None);
        assert_eq!(
            tracker.look(&gate, None, hour, minute(61)),
            Some(Duration::from_secs(61 * 60))
        );
        assert_eq!(tracker.look(&gate, None, hour, minute(62)), None, "once");
        assert_eq!(tracker.silent(), 1);
        assert_eq!(tracker.look(&gate, until(5), hour, minute(63)), None);
        assert_eq!(tracker.silent(), 0);
        assert_eq!(tracker.look(&gate, until(65), hour, minute(100)), None);
        // The clock going back is news of recording too.
        assert_eq!(tracker.look(&gate, until(6), hour, minute(101)), None);
        assert!(tracker.look(&gate, until(6), hour, minute(161)).is_some());
        tracker.keep(&[]);
        assert_eq!(tracker.silent(), 0);
    }
}
