//! Which stream is looked at, and whether pictures come of it: without them nothing is known to move.

use std::time::{Duration, Instant};

use vigie_config::StreamName;

use crate::{camera::CameraHandle, stream::StreamState};

/// No picture came for so much longer than the hold time: nothing is known to move any more.
const BLIND: Duration = Duration::from_secs(5);
/// Units come, and no picture of them, for so long: somebody should know. Longer than most GOPs.
const IN_VAIN: Duration = Duration::from_secs(30);

/// The small stream where there is one; the large one while that is the only one that is live.
pub(super) fn stream_of(camera: &CameraHandle) -> Option<StreamName> {
    let names = [StreamName::Sub, StreamName::Main].into_iter();
    let mut there = names.filter(|name| camera.streams.contains_key(name));
    let live = there.clone().find(|name| is_live(camera, *name));
    live.or_else(|| there.next())
}

pub(super) fn is_live(camera: &CameraHandle, name: StreamName) -> bool {
    let stream = camera.streams.get(&name);
    stream.is_some_and(|stream| stream.status().state == StreamState::Live)
}

/// What became of the units that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sees {
    Pictures,
    NotYet,
    Nothing,
}

#[derive(Debug)]
pub(super) struct Sight {
    /// So many when the last one came.
    pictures: u64,
    last: Instant,
    /// When the first and the newest units after it came.
    in_vain: Option<(Instant, Instant)>,
}

impl Sight {
    pub fn new(now: Instant) -> Self {
        Self {
            pictures: 0,
            last: now,
            in_vain: None,
        }
    }

    /// Units came; so many pictures were decoded since it began.
    pub fn note(&mut self, pictures: u64, now: Instant) -> Sees {
        if pictures > self.pictures {
            self.pictures = pictures;
            self.last = now;
            self.in_vain = None;
            return Sees::Pictures;
        }
        // After a pause of the stream it begins anew.
        let goes_on = |(_, newest): &(Instant, Instant)| now.saturating_duration_since(*newest) < IN_VAIN;
        let first = self.in_vain.filter(goes_on).map_or(now, |(first, _)| first);
        self.in_vain = Some((first, now));
        match now.saturating_duration_since(first) >= IN_VAIN {
            true => Sees::Nothing,
            false => Sees::NotYet,
        }
    }

    /// What moved is not known to move any more.
    pub fn is_over(&self, hold: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.last) > hold + BLIND
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::Config;

    use super::*;

    #[test]
    fn the_small_stream_unless_only_the_large_one_is_live() {
        let text = "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[camera]]\nid = \"gate\"\nmain.url = \"test://\"\n\
                    [camera.sub]\nurl = \"test://\"\n[[camera]]\nid = \"yard\"\nmain.url = \"test://\"\n";
        let (config, _) = Config::parse(text, &|_| None).unwrap();
        let [gate, yard] = [0, 1].map(|n: usize| CameraHandle::new(&config.cameras[n]));
        assert_eq!(stream_of(&yard), Some(StreamName::Main));
        let (live, refused) = (StreamState::Live, StreamState::Refused);
        for (sub, main, expected) in [
            (refused, refused, StreamName::Sub),
            (refused, live, StreamName::Main),
            (live, live, StreamName::Sub),
            (live, refused, StreamName::Sub),
        ] {
            gate.streams[&StreamName::Sub].set_status(sub, None);
            gate.streams[&StreamName::Main].set_status(main, None);
            assert_eq!(stream_of(&gate), Some(expected), "{sub:?} {main:?}");
        }
    }

    #[test]
    fn it_is_a_trouble_when_units_come_in_vain_not_when_none_come() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut sight = Sight::new(begin);
        // Nothing came until now.
        assert_eq!(sight.note(0, at(100)), Sees::NotYet);
        assert_eq!(sight.note(0, at(129)), Sees::NotYet);
        assert_eq!(sight.note(0, at(130)), Sees::Nothing);
        assert_eq!(sight.note(1, at(131)), Sees::Pictures);
        assert_eq!(sight.note(1, at(200)), Sees::NotYet);
        // The stream was away for an hour.
        assert_eq!(sight.note(1, at(3800)), Sees::NotYet);
    }

    #[test]
    fn what_moved_is_over_where_no_picture_comes() {
        let (begin, hold) = (Instant::now(), Duration::from_secs(2));
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut sight = Sight::new(begin);
        sight.note(10, at(1));
        // Units come, and nothing is decoded of them.
        for second in 2..=8 {
            sight.note(10, at(second));
            assert!(!sight.is_over(hold, at(second)), "{second}");
        }
        sight.note(10, at(9));
        assert!(sight.is_over(hold, at(9)));
        sight.note(11, at(9));
        assert!(!sight.is_over(hold, at(9)));
    }
}
