//! The picture of a moment, held on to while the hub still has it: references, no copies.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_config::Utc;
use vigie_media::{
    AccessUnit, Track,
    format::VIDEO_TIMESCALE,
    hub::{Hub, Item, Policy, Subscriber, Wake},
};

/// Units of the moment may be on their way for as long: sources collect them, networks delay them.
const LATE: Duration = Duration::from_secs(2);
/// A picture that another one follows was shown until then, at most so long.
const LONGEST_SHOWN: Duration = Duration::from_secs(10);
/// One that nothing followed for [`LATE`] is the newest there is, or that of a camera that went.
const LONGEST_LAST: Duration = Duration::from_secs(2);
/// Units between two looks, and while the actor is down for a moment.
const RING: usize = 512;

/// Collects what decodes to the picture shown at one moment.
pub struct Held {
    subscriber: Option<Subscriber>,
    at: Utc,
    until: Instant,
    /// Video from a RAP on, without a hole.
    units: Vec<Arc<AccessUnit>>,
    /// After a hole nothing counts before the next RAP.
    hole: bool,
    /// A unit of after the moment came: nothing of before it comes any more.
    passed: bool,
}

/// When a unit's picture begins to be shown.
fn shown(unit: &AccessUnit) -> Utc {
    let later = i128::from(unit.pts - unit.dts) * 1_000_000 / i128::from(VIDEO_TIMESCALE);
    unit.utc.plus_micros(i64::try_from(later).unwrap_or(0))
}

impl Held {
    pub fn new(hub: &Arc<Hub>, at: Utc, now: Instant) -> Held {
        let mut held = Held {
            // Lazy: who waits for one picture is no viewer for whom a source would hurry.
            subscriber: Some(hub.subscribe(Policy::SkipToRap, Wake::Lazy, RING)),
            at,
            until: now + LATE,
            units: Vec::new(),
            hole: false,
            passed: false,
        };
        held.look(now);
        held
    }

    /// Takes what has come. True: no better picture will come.
    pub fn look(&mut self, now: Instant) -> bool {
        while let Some(item) = self.subscriber.as_mut().and_then(Subscriber::try_next) {
            match item {
                Item::Unit(unit) if unit.track == Track::Video => self.take(unit),
                Item::Unit(_) => {}
                Item::Lost { .. } => self.hole = true,
            }
            if self.passed {
                self.subscriber = None;
            }
        }
        if now >= self.until {
            self.subscriber = None;
        }
        self.is_done()
    }

    /// No better picture will come.
    pub fn is_done(&self) -> bool {
        self.subscriber.is_none()
    }

    fn take(&mut self, unit: Arc<AccessUnit>) {
        // What is decoded later is shown later than it is decoded.
        if unit.utc > self.at {
            self.passed = true;
            return;
        }
        if unit.rap && shown(&unit) <= self.at {
            self.units.clear();
            self.hole = false;
        }
        if !self.hole {
            self.units.push(unit);
        }
    }

    /// Bytes that stay in memory because of it.
    pub fn bytes(&self) -> usize {
        self.units.iter().map(|unit| unit.data.len()).sum()
    }

    /// From the RAP up to the picture, and when that began to be shown; `None`: the hub does not
    /// have it, or not any more.
    pub fn picture(&self) -> Option<(Vec<Arc<AccessUnit>>, Utc)> {
        let rap = self.units.first()?;
        // Leading pictures of the RAP refer to what was before it.
        let fits = |unit: &AccessUnit| unit.pts >= rap.pts && unit.epoch == rap.epoch && shown(unit) <= self.at;
        let candidates = self.units.iter().enumerate().filter(|(_, unit)| fits(unit));
        let (place, unit) = candidates.max_by_key(|(_, unit)| unit.pts)?;
        let longest = if self.passed { LONGEST_SHOWN } else { LONGEST_LAST };
        let begin = shown(unit);
        let units = self.units.get(..=place)?.to_vec();
        (self.at.since(begin) <= longest).then_some((units, begin))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use vigie_config::{CameraId, StreamId, StreamName};
    use vigie_media::{format::StreamFormat, hub::Publisher};

    use super::*;

    const PICTURE_US: i64 = 40_000;

    struct Camera {
        hub: Arc<Hub>,
        publisher: Publisher,
        format: Arc<StreamFormat>,
    }

    fn at(picture: i64) -> Utc {
        Utc::from_micros(1_700_000_000_000_000 + picture * PICTURE_US)
    }

    impl Camera {
        fn new() -> Camera {
            let hub = Hub::new(StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main), 1 << 20);
            Camera {
                publisher: hub.publisher(),
                hub,
                format: Arc::default(),
            }
        }

        /// The picture decoded as number `dts` and shown as number `pts`.
        fn send(&mut self, dts: i64, pts: i64, rap: bool) {
            self.publisher.publish(AccessUnit {
                track: Track::Video,
                data: Bytes::from(vec![0; 100]),
                dts: dts * 3600,
                pts: pts * 3600,
                utc: at(dts),
                rap,
                epoch: 0,
                format: self.format.clone(),
                seq: 0,
            });
            self.publisher.flush();
        }

        /// In order, a RAP every tenth.
        fn plain(&mut self, pictures: std::ops::Range<i64>) {
            pictures.for_each(|n| self.send(n, n, n % 10 == 0));
        }
    }

    /// Number of the first unit, of the picture, and of what is handed over.
    fn found(held: &Held) -> Option<(i64, i64, usize)> {
        let (units, begin) = held.picture()?;
        let first = units.first().unwrap();
        let picture = begin.micros_since(at(0)) / PICTURE_US;
        Some((first.pts / 3600, picture, units.len()))
    }

    #[test]
    fn it_waits_until_the_moment_has_passed() {
        let (mut camera, now) = (Camera::new(), Instant::now());
        camera.plain(0..14);
        // Between pictures 16 and 17, which are still on their way.
        let mut held = Held::new(&camera.hub, at(16).plus_micros(10_000), now);
        assert!(!held.look(now));
        camera.plain(14..17);
        assert!(!held.look(now));
        camera.plain(17..40);
        assert!(held.look(now));
        assert_eq!(found(&held), Some((10, 16, 7)));
        assert_eq!(camera.hub.stats().subscribers, 0);
        assert_eq!(held.bytes(), 700);
    }

    #[test]
    fn a_rap_on_the_way_begins_anew() {
        let (mut camera, now) = (Camera::new(), Instant::now());
        camera.plain(0..9);
        let mut held = Held::new(&camera.hub, at(12), now);
        camera.plain(9..20);
        assert!(held.look(now));
        assert_eq!(found(&held), Some((10, 12, 3)));
    }

    #[test]
    fn what_the_hub_no_longer_has_is_not_made_up() {
        let (mut camera, now) = (Camera::new(), Instant::now());
        camera.plain(0..25);
        let mut held = Held::new(&camera.hub, at(15), now);
        assert!(held.look(now), "it began with picture 20");
        assert_eq!(found(&held), None);
    }

    #[test]
    fn a_camera_that_went_has_no_picture_and_one_that_pauses_has_its_last() {
        let (mut camera, now) = (Camera::new(), Instant::now());
        camera.plain(0..5);
        let mut soon = Held::new(&camera.hub, at(4).plus_micros(1_900_000), now);
        let mut late = Held::new(&camera.hub, at(4).plus_micros(2_100_000), now);
        assert!(!soon.look(now) && !late.look(now + LATE - Duration::from_millis(1)));
        assert!(soon.look(now + LATE) && late.look(now + LATE));
        assert_eq!(found(&soon), Some((0, 4, 5)));
        assert_eq!(found(&late), None);
    }

    #[test]
    fn reordered_pictures_are_taken_by_when_they_are_shown() {
        let (mut camera, now) = (Camera::new(), Instant::now());
        // Decoded I P B B P B B: shown two pictures later than decoded at most.
        for (dts, pts) in [(0, 1), (1, 4), (2, 2), (3, 3), (4, 7), (5, 5), (6, 6), (7, 8)] {
            camera.send(dts, pts, dts == 0);
        }
        for (moment, picture, units) in [(2, 2, 3), (3, 3, 4), (4, 4, 2), (5, 5, 6)] {
            let mut held = Held::new(&camera.hub, at(moment), now);
            assert!(held.look(now));
            assert_eq!(found(&held), Some((1, picture, units)), "at {moment}");
        }
    }

    #[test]
    fn after_a_hole_only_a_rap_counts() {
        let (mut camera, now) = (Camera::new(), Instant::now());
        camera.plain(0..5);
        let mut held = Held::new(&camera.hub, at(1000), now);
        // More than the ring holds: it is emptied, and goes on at the next RAP.
        camera.plain(5..996);
        camera.plain(996..1002);
        assert!(held.look(now));
        let (first, picture, units) = found(&held).unwrap();
        assert_eq!((first, picture), (1000, 1000));
        assert_eq!(units, 1);
    }
}
