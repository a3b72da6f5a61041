//! Recordings that events ask for: done when footage of one is stored, failed when nobody wants it any
//! more and nothing was. Until then, as long as the event goes on, it may still come true.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use ulid::Ulid;
use vigie_config::{CameraId, Causes, StreamId, StreamName, Utc};
use vigie_storage::events::ActionState;

use crate::{
    camera::CameraHandle, cameras::Cameras, deps::Deps, disks::Disks, registry::queue::Events, stream::StreamState,
};

/// What is in hand when the time after an event ends is stored within so long.
const GRACE: Duration = Duration::from_secs(10);
/// A batch of events does not make it look more often.
const PACE: Duration = Duration::from_millis(250);

/// An action that is not settled.
struct Open {
    event: Ulid,
    number: u16,
    camera: CameraId,
    cause: Causes,
    /// Footage that ends later is of this event, the pre-alarm time included.
    from: Utc,
    watch: Watch,
}

#[derive(Default)]
pub(super) struct Recordings {
    open: Vec<Open>,
    looked: Option<Instant>,
}

impl Recordings {
    pub fn ask(&mut self, event: Ulid, number: u16, camera: &CameraId, cause: Causes, from: Utc) {
        self.open.retain(|open| (open.event, open.number) != (event, number));
        self.open.push(Open {
            event,
            number,
            camera: camera.clone(),
            cause,
            from,
            watch: Watch::default(),
        });
    }

    /// Tells what is settled now.
    pub fn look(&mut self, cameras: &Cameras, deps: &Deps, events: &Events) {
        let now = Instant::now();
        if self.open.is_empty() || self.looked.is_some_and(|looked| now.duration_since(looked) < PACE) {
            return;
        }
        self.looked = Some(now);
        let zone = deps.site.zone();
        // Many events of one camera and cause are answered alike.
        let mut views: Vec<(CameraId, Causes, View)> = Vec::new();
        self.open.retain_mut(|open| {
            let tell = |state, detail| events.outcome(open.event, open.number, state, detail);
            let Some(camera) = cameras.get(&open.camera) else {
                tell(
                    ActionState::Failed,
                    Some(format!("there is no camera {} any more", open.camera)),
                );
                return false;
            };
            let known = views
                .iter()
                .find(|(id, cause, _)| (id, cause) == (&open.camera, &open.cause));
            let view = match known {
                Some((_, _, view)) => *view,
                None => {
                    let view = View::of(&camera, open.cause, deps, &zone);
                    views.push((open.camera.clone(), open.cause, view));
                    view
                }
            };
            match open.watch.look(view.seen_from(open.from), now) {
                Some(true) => tell(ActionState::Done, None),
                Some(false) => {
                    let why = why_not(&camera, open, &deps.disks);
                    tell(ActionState::Failed, Some(why));
                }
                None => return true,
            }
            false
        });
    }
}

/// What one look shows.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// The event goes on, or the time after it does.
    wanted: bool,
    /// A recording follows it: its schedule is on.
    followed: bool,
    stored: bool,
}

/// What earlier looks showed. Pure.
#[derive(Debug, Default)]
struct Watch {
    followed: bool,
    unwanted: Option<Instant>,
}

impl Watch {
    /// `true`: it is done, `false`: it failed, `None`: it may still be done.
    fn look(&mut self, seen: Seen, now: Instant) -> Option<bool> {
        self.followed |= seen.followed;
        if self.followed && seen.stored {
            return Some(true);
        }
        if seen.wanted {
            self.unwanted = None;
            return None;
        }
        let unwanted = *self.unwanted.get_or_insert(now);
        let grace = if self.followed { GRACE } else { Duration::ZERO };
        (now.duration_since(unwanted) >= grace).then_some(false)
    }
}

fn streams(camera: &CameraHandle) -> Vec<(StreamName, StreamId)> {
    let config = camera.config();
    let names = config.record.event_streams.iter();
    let names = names.filter(|name| camera.streams.contains_key(name));
    names
        .map(|name| (*name, StreamId::new(config.id.clone(), *name)))
        .collect()
}

/// How it stands with one camera and cause.
#[derive(Clone, Copy)]
struct View {
    wanted: bool,
    followed: bool,
    /// End of the newest footage.
    stored: Option<Utc>,
}

impl View {
    fn of(camera: &CameraHandle, cause: Causes, deps: &Deps, zone: &TimeZone) -> View {
        let (now, streams) = (Utc::now(), streams(camera));
        let follows = |name: &StreamName| camera.wish(*name, now, zone).causes().contains(cause);
        View {
            wanted: camera.is_asked(cause),
            followed: streams.iter().any(|(name, _)| follows(name)),
            stored: streams
                .iter()
                .filter_map(|(_, stream)| deps.storage.last_recorded(stream))
                .max(),
        }
    }

    fn seen_from(&self, from: Utc) -> Seen {
        Seen {
            wanted: self.wanted,
            followed: self.followed,
            stored: self.stored.is_some_and(|end| end > from),
        }
    }
}

/// Why nothing was stored.
fn why_not(camera: &Arc<CameraHandle>, open: &Open, disks: &Disks) -> String {
    let config = camera.config();
    let id = &config.id;
    if !config.enabled {
        return format!("{id} is switched off");
    }
    let kinds = config.record.event_kinds();
    let when = kinds.iter().find(|(kind, _)| *kind == open.cause);
    if !open.watch.followed
        && let Some((_, when)) = when
    {
        let names: Vec<&str> = open.cause.names().collect();
        return format!("{id}: record.{} is {when}, not on now", names.concat());
    }
    for (name, stream) in streams(camera) {
        if let Some(why) = disks.why_none(&stream, &config.disk_group) {
            return why;
        }
        let status = camera.streams.get(&name).map(|stream| stream.status());
        if let Some(status) = status.filter(|status| status.state != StreamState::Live) {
            let state = format!("{:?}", status.state).to_lowercase();
            let error = status.error.map(|error| format!(": {error}")).unwrap_or_default();
            return format!("{stream} is {state}{error}");
        }
    }
    format!("{id}: it was over before anything of it was stored")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(wanted: bool, followed: bool, stored: bool) -> Seen {
        Seen {
            wanted,
            followed,
            stored,
        }
    }

    #[test]
    fn done_is_what_is_stored() {
        let now = Instant::now();
        let mut watch = Watch::default();
        assert_eq!(watch.look(seen(true, true, false), now), None, "the cable is cut");
        let later = now + Duration::from_secs(3600);
        assert_eq!(watch.look(seen(true, true, true), later), Some(true), "it is back");
        let stored_in_between = [seen(true, true, false), seen(false, false, true)];
        let mut watch = Watch::default();
        let told = stored_in_between.map(|seen| watch.look(seen, now));
        assert_eq!(told, [None, Some(true)]);
    }

    #[test]
    fn what_is_never_stored_fails_when_nobody_wants_it_any_more() {
        let now = Instant::now();
        let mut watch = Watch::default();
        assert_eq!(watch.look(seen(true, true, false), now), None);
        assert_eq!(
            watch.look(seen(false, false, false), now),
            None,
            "a fragment is in hand"
        );
        // Another event of its cause.
        assert_eq!(watch.look(seen(true, true, false), now + GRACE), None);
        let over = now + GRACE * 2;
        assert_eq!(watch.look(seen(false, false, false), over), None);
        assert_eq!(watch.look(seen(false, false, false), over + GRACE), Some(false));
    }

    #[test]
    fn what_another_cause_stores_is_not_of_an_event_outside_its_schedule() {
        let now = Instant::now();
        let mut watch = Watch::default();
        assert_eq!(watch.look(seen(true, false, true), now), None);
        // Its schedule comes on while it goes on.
        assert_eq!(watch.look(seen(true, true, true), now), Some(true));
        let mut watch = Watch::default();
        assert_eq!(watch.look(seen(false, false, true), now), Some(false));
    }
}
