#![allow(clippy::unwrap_used)]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use proptest::prelude::*;
use vigie_config::{CameraId, Causes, GapCause, StreamId, StreamName, Utc};
use vigie_media::{
    AccessUnit, AudioCodec, AudioFormat, StreamFormat, Track, VideoCodec, VideoFormat, fmp4,
    hub::{Hub, Publisher},
};
use vigie_storage::SegmentStart;

use super::{
    branch::Branch,
    cutter::{Cutter, Hole, NewSegment, Place, Why},
    footage::{Footage, Refusal, Segment},
    gaps::{GapFact, Gaps},
    tap::TapState,
    wish::{Look, Wish},
};

pub(super) const START: i64 = 1_763_632_860_000_000;
pub(super) const FRAME: i64 = 3600;

pub(super) fn format(width: u32) -> Arc<StreamFormat> {
    Arc::new(StreamFormat {
        video: Some(VideoFormat {
            codec: VideoCodec::H264,
            width,
            height: 360,
            fps: None,
            rfc6381: "avc1.64001e".into(),
            parameter_sets: vec![],
            decoder_config: Bytes::from_static(&[1, 0x64, 0, 0x1e, 0xff, 0xe0, 0]),
        }),
        audio: Some(AudioFormat {
            codec: AudioCodec::Aac,
            sample_rate: 8000,
            channels: 1,
            decoder_config: Bytes::from_static(&[0x15, 0x88]),
            rfc6381: "mp4a.40.2".into(),
        }),
    })
}

/// A picture `ticks` of 90 kHz after the start; its data is its own number, the track before it.
pub(super) fn picture(format: &Arc<StreamFormat>, number: u64, ticks: i64, rap: bool) -> AccessUnit {
    AccessUnit {
        track: Track::Video,
        data: [b"v", &number.to_be_bytes()[..]].concat().into(),
        dts: ticks,
        pts: ticks,
        utc: Utc::from_micros(START + ticks * 100 / 9),
        rap,
        epoch: 0,
        format: format.clone(),
        seq: 0,
    }
}

fn sound(format: &Arc<StreamFormat>, number: u64, ticks: i64) -> AccessUnit {
    let dts = ticks * 8 / 90;
    AccessUnit {
        track: Track::Audio,
        data: [b"a", &number.to_be_bytes()[..]].concat().into(),
        dts,
        pts: dts,
        rap: true,
        ..picture(format, number, ticks, true)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    Start {
        number: u32,
        continued: bool,
        start: Utc,
        causes: Causes,
    },
    Append {
        number: u32,
        video: Vec<u64>,
        audio: Vec<u64>,
        start: Utc,
        end: Utc,
    },
    Finish {
        number: u32,
    },
    Gap(GapFact),
    Mark(Causes, Utc),
    Unmark(Causes, Utc),
    Ended(Utc),
}

/// Storage that keeps what it is given, and refuses when it is told to.
#[derive(Default)]
pub(super) struct Shelf {
    seen: Mutex<Vec<Seen>>,
    /// Answers to the next calls; when empty, all is taken.
    refusals: Mutex<VecDeque<Refusal>>,
    last: Mutex<Option<Utc>>,
    ended: Mutex<bool>,
}

#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Shelf>);

impl Fake {
    fn refuse(&self) -> Result<(), Refusal> {
        self.0.refusals.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }
    fn see(&self, seen: Seen) {
        self.0.seen.lock().unwrap().push(seen);
    }
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.0.seen.lock().unwrap())
    }
    pub fn gaps(&self) -> Vec<GapFact> {
        let seen = self.0.seen.lock().unwrap();
        seen.iter()
            .filter_map(|s| if let Seen::Gap(fact) = s { Some(*fact) } else { None })
            .collect()
    }
    /// All stored pictures, in order of writing; and all sound.
    pub fn stored(&self) -> (Vec<u64>, Vec<u64>) {
        let mut all = (vec![], vec![]);
        for seen in self.0.seen.lock().unwrap().iter() {
            if let Seen::Append { video, audio, .. } = seen {
                all.0.extend(video);
                all.1.extend(audio);
            }
        }
        all
    }
}

impl Footage for Fake {
    fn start(&self, start: SegmentStart, format: Arc<StreamFormat>) -> Result<Box<dyn Segment>, Refusal> {
        self.refuse()?;
        fmp4::init_segment(&format, &[]).unwrap();
        self.see(Seen::Start {
            number: start.number,
            continued: start.continued,
            start: start.start,
            causes: start.causes,
        });
        Ok(Box::new(FakeSegment {
            number: start.number,
            sound: format.audio.is_some(),
            shelf: self.clone(),
        }))
    }
    fn gap(&self, fact: GapFact) {
        self.see(Seen::Gap(fact));
        if matches!(fact, GapFact::Opened { .. }) {
            *self.0.ended.lock().unwrap() = false;
        }
    }
    fn mark_opened(&self, cause: Causes, from: Utc) {
        self.see(Seen::Mark(cause, from));
    }
    fn mark_closed(&self, cause: Causes, to: Utc) {
        self.see(Seen::Unmark(cause, to));
    }
    fn ended(&self, at: Utc) {
        self.see(Seen::Ended(at));
        *self.0.ended.lock().unwrap() = true;
    }
    fn is_ended(&self) -> bool {
        *self.0.ended.lock().unwrap()
    }
    fn last_recorded(&self) -> Option<Utc> {
        *self.0.last.lock().unwrap()
    }
}

struct FakeSegment {
    number: u32,
    /// Its header has a track for sound.
    sound: bool,
    shelf: Fake,
}

impl Segment for FakeSegment {
    fn is_over(&self) -> bool {
        false
    }

    fn append(&mut self, fragment: &fmp4::Fragment) -> Result<(), Refusal> {
        self.shelf.refuse()?;
        let of = |track: u8| {
            let units = fragment.media.iter().filter(|m| m[0] == track);
            units
                .map(|m| u64::from_be_bytes(m[1..].try_into().unwrap()))
                .collect::<Vec<_>>()
        };
        let (video, audio) = (of(b'v'), of(b'a'));
        assert_eq!(video.len() + audio.len(), fragment.units as usize);
        assert!(self.sound || audio.is_empty(), "sound in a segment without its track");
        if !video.is_empty() {
            *self.shelf.0.last.lock().unwrap() = Some(fragment.end);
            *self.shelf.0.ended.lock().unwrap() = false;
        }
        let (number, start, end) = (self.number, fragment.start, fragment.end);
        self.shelf.see(Seen::Append {
            number,
            video,
            audio,
            start,
            end,
        });
        Ok(())
    }
}

impl Drop for FakeSegment {
    fn drop(&mut self) {
        self.shelf.see(Seen::Finish { number: self.number });
    }
}

pub(super) fn stream() -> StreamId {
    StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main)
}

pub(super) fn look() -> Look {
    Look {
        now: Utc::from_micros(START),
        idle: Duration::ZERO,
        cause: None,
        wish: Wish {
            continuous: true,
            ..Wish::default()
        },
        synchronised: true,
        settled: true,
    }
}

/// A hub with its publisher, a tap on it, and a branch over fake storage.
pub(super) struct Bench {
    pub hub: Arc<Hub>,
    pub publisher: Publisher,
    pub tap: TapState,
    pub fake: Fake,
    pub branch: Branch<Fake>,
}

impl Bench {
    pub fn new(segment: Duration) -> Bench {
        let hub = Hub::new(stream(), 1 << 20);
        let mut tap = TapState::default();
        tap.begin(&hub);
        let fake = Fake::default();
        let branch = Branch::new(stream(), fake.clone(), segment, Utc::from_micros(START));
        Bench {
            publisher: hub.publisher(),
            hub,
            tap,
            fake,
            branch,
        }
    }
    fn look(&mut self) {
        self.branch.look(&mut self.tap, &look());
    }
    /// The run ends without a word, and another begins.
    pub fn restart(&mut self, segment: Duration) {
        self.branch = Branch::new(stream(), self.fake.clone(), segment, Utc::from_micros(START));
        self.tap.rewind();
    }
    fn finish(&mut self) {
        self.branch.finish(&mut self.tap, &look(), GapCause::Shutdown);
    }
}

#[test]
fn rotation_is_at_the_rap_nearest_to_the_wanted_duration() {
    for (gop, seconds, expected) in [(25, 1, 25), (50, 60, 1500), (10, 1, 30), (1250, 60, 1250), (1, 1, 25)] {
        let format = format(640);
        let mut cutter = Cutter::new(Duration::from_secs(seconds));
        let rotation = (0..2000i64).find(|i| {
            let place = cutter.place(&picture(&format, 0, i * FRAME, i % gop == 0));
            *i > 0
                && place
                    == Place::New(NewSegment {
                        why: Why::Rotation,
                        continued: false,
                        hole: None,
                    })
        });
        assert_eq!(rotation, Some(expected), "GOP of {gop}, {seconds} s");
    }
}

#[test]
fn without_a_rap_a_segment_ends_after_five_minutes() {
    let format = format(640);
    let mut cutter = Cutter::new(Duration::from_secs(60));
    let ends: Vec<i64> = (0..25 * 700i64)
        .filter(|i| {
            let place = cutter.place(&picture(&format, 0, i * FRAME, *i == 0));
            place
                == Place::New(NewSegment {
                    why: Why::TooLong,
                    continued: true,
                    hole: None,
                })
        })
        .collect();
    assert_eq!(ends, [25 * 300, 25 * 600]);
}

#[test]
fn pauses_losses_clock_steps_and_formats_begin_a_segment() {
    let (a, b) = (format(640), format(1280));
    let begin = |cutter: &mut Cutter| {
        for i in 0..3 {
            cutter.place(&picture(&a, 0, i * FRAME, i == 0));
        }
    };
    let end = Utc::from_micros(START + 3 * 40_000);
    let hole = |why| Some(Hole { from: end, why });
    let next = |ticks| picture(&a, 0, ticks, false);
    let later = |unit: AccessUnit, micros| AccessUnit {
        utc: unit.utc.plus_micros(micros),
        ..unit
    };
    let cases = [
        (picture(&b, 0, 3 * FRAME, true), false, Why::Format, None),
        (
            AccessUnit {
                epoch: 1,
                ..later(next(3 * FRAME), 4_000_000)
            },
            false,
            Why::Pause,
            hole(Why::Pause),
        ),
        (
            AccessUnit {
                epoch: 1,
                ..later(next(3 * FRAME), -3_600_000_000)
            },
            false,
            Why::Clock,
            None,
        ),
        (next(3 * 90_000), false, Why::Pause, hole(Why::Pause)),
        (
            later(next(3 * FRAME), 3_600_000_000),
            false,
            Why::Clock,
            hole(Why::Clock),
        ),
        (later(next(3 * FRAME), -3_600_000_000), false, Why::Clock, None),
        (next(5 * FRAME), true, Why::Lost, hole(Why::Lost)),
    ];
    for (unit, lost, why, hole) in cases {
        let mut cutter = Cutter::new(Duration::from_secs(60));
        begin(&mut cutter);
        if lost {
            cutter.lost();
        }
        let continued = !unit.rap;
        assert_eq!(cutter.place(&unit), Place::New(NewSegment { why, continued, hole }));
    }
    let mut cutter = Cutter::new(Duration::from_secs(60));
    begin(&mut cutter);
    // The same format told anew is not another one.
    assert_eq!(cutter.place(&picture(&format(640), 0, 3 * FRAME, true)), Place::Here);
}

#[test]
fn jumps_of_the_timestamps_do_not_cut_between_raps() {
    for by in [-7200 * 90_000, 7200 * 90_000] {
        let format = format(640);
        let mut cutter = Cutter::new(Duration::from_secs(2));
        // Jumps at pictures 10 and 60 of GOPs of 25.
        let ends: Vec<i64> = (0..100i64)
            .filter(|i| {
                let epoch = i64::from(*i >= 10) + i64::from(*i >= 60);
                let unit = picture(&format, 0, i * FRAME, i % 25 == 0);
                let unit = AccessUnit {
                    epoch: epoch as u32,
                    dts: unit.dts + epoch * by,
                    pts: unit.pts + epoch * by,
                    ..unit
                };
                cutter.place(&unit) != Place::Here
            })
            .collect();
        assert_eq!(ends, [0, 50], "by {by} ticks");
    }
}

#[test]
fn a_camera_of_a_picture_every_two_seconds_is_not_in_a_gap() {
    let format = format(640);
    let mut cutter = Cutter::new(Duration::from_secs(60));
    let places: Vec<_> = (0..20i64)
        .map(|i| cutter.place(&picture(&format, 0, i * 180_000, true)))
        .collect();
    // The first pause is one, for nothing is known yet of the camera's pace.
    assert!(places[2..].iter().all(|p| *p == Place::Here), "{places:?}");
}

#[test]
fn sound_goes_to_the_segment_of_its_time() {
    let (a, b) = (format(640), format(1280));
    let mut cutter = Cutter::new(Duration::from_secs(1));
    assert_eq!(cutter.place(&sound(&a, 0, 0)), Place::Nowhere);
    cutter.place(&picture(&a, 0, 90_000, true));
    assert_eq!(cutter.place(&sound(&a, 0, 80_000)), Place::Before);
    assert_eq!(cutter.place(&sound(&a, 0, 91_000)), Place::Here);
    assert_eq!(cutter.place(&sound(&a, 0, 900_000)), Place::Nowhere);
    let mut other = StreamFormat::clone(&b);
    other.audio.as_mut().unwrap().sample_rate = 16_000;
    assert_eq!(cutter.place(&sound(&Arc::new(other), 0, 92_000)), Place::Nowhere);
}

#[test]
fn a_rotation_loses_no_time_and_late_sound_goes_before_it() {
    let mut bench = Bench::new(Duration::from_secs(1));
    let format = format(640);
    for i in 0..50i64 {
        bench
            .publisher
            .publish(picture(&format, i as u64, i * FRAME, i % 25 == 0));
        // Sound comes 100 ms late.
        bench
            .publisher
            .publish(sound(&format, i as u64, (i * FRAME - 9000).max(i)));
        if i % 8 == 7 {
            bench.look();
        }
    }
    bench.finish();
    let seen = bench.fake.seen();
    let of = |wanted: u32| {
        let fragments = seen.iter().filter_map(|s| match s {
            Seen::Append {
                number,
                video,
                audio,
                start,
                end,
            } if *number == wanted => Some((video, audio, *start, *end)),
            _ => None,
        });
        let mut all = (vec![], vec![], None, None);
        for (video, audio, start, end) in fragments {
            all.0.extend(video.iter().copied());
            all.1.extend(audio.iter().copied());
            if !video.is_empty() {
                all.2 = all.2.or(Some(start));
                all.3 = Some(end);
            }
        }
        all
    };
    let (first, second) = (of(0), of(1));
    assert_eq!(first.0, (0..25).collect::<Vec<_>>());
    assert_eq!(second.0, (25..50).collect::<Vec<_>>());
    assert_eq!(first.3, second.2);
    // 2.5 frames of sound were still to come at the seam.
    assert_eq!(second.1.first(), Some(&28));
    assert_eq!([first.1, second.1].concat(), (0..50).collect::<Vec<_>>());
}

/// A camera whose sound is known later than its picture, and a little older when it comes.
#[test]
fn sound_that_joins_goes_to_the_segment_that_knows_it() {
    let (with, without) = (
        format(640),
        Arc::new(StreamFormat {
            audio: None,
            ..(*format(640)).clone()
        }),
    );
    let mut bench = Bench::new(Duration::from_secs(60));
    bench.publisher.publish(picture(&without, 0, 0, true));
    bench.publisher.publish(picture(&with, 1, FRAME, false));
    for i in 2..50i64 {
        bench.publisher.publish(sound(&with, i as u64, (i - 2) * FRAME));
        bench
            .publisher
            .publish(picture(&with, i as u64, i * FRAME, i % 25 == 0));
        bench.look();
    }
    bench.finish();
    let (video, audio) = bench.fake.stored();
    assert_eq!(video, (0..50).collect::<Vec<_>>());
    // The first one is older than the first picture of its format.
    assert_eq!(audio, (3..50).collect::<Vec<_>>());
}

#[test]
fn a_full_queue_is_waited_for_and_nothing_is_lost() {
    let mut bench = Bench::new(Duration::from_secs(60));
    let format = format(640);
    let full = Refusal::Wait("the disk is too slow".into());
    for i in 0..100i64 {
        bench.publisher.publish(picture(&format, i as u64, i * FRAME, i == 0));
        if i % 10 == 9 {
            if (30..70).contains(&i) {
                bench.fake.0.refusals.lock().unwrap().push_back(full.clone());
            }
            bench.look();
        }
    }
    assert!(bench.branch.snapshot(&bench.tap).blocked.is_none());
    bench.finish();
    assert_eq!(bench.fake.stored().0, (0..100).collect::<Vec<_>>());
    assert!(matches!(
        bench.fake.gaps()[..],
        [GapFact::Opened {
            cause: GapCause::Shutdown,
            ..
        }]
    ));
}

#[test]
fn a_failed_volume_costs_no_unit() {
    let mut bench = Bench::new(Duration::from_secs(60));
    let format = format(640);
    for i in 0..100i64 {
        bench.publisher.publish(picture(&format, i as u64, i * FRAME, i == 0));
        if i % 10 == 9 {
            if i == 49 {
                bench
                    .fake
                    .0
                    .refusals
                    .lock()
                    .unwrap()
                    .push_back(Refusal::Down("gone".into()));
            }
            bench.look();
        }
    }
    bench.finish();
    assert_eq!(bench.fake.stored().0, (0..100).collect::<Vec<_>>());
    let starts: Vec<_> = bench
        .fake
        .seen()
        .into_iter()
        .filter(|s| matches!(s, Seen::Start { .. }))
        .collect();
    assert!(matches!(
        starts[..],
        [
            Seen::Start { continued: false, .. },
            Seen::Start {
                continued: true,
                number: 0,
                ..
            }
        ]
    ));
}

#[test]
fn what_overflows_while_the_disk_refuses_is_a_gap_of_the_disk() {
    let mut bench = Bench::new(Duration::from_secs(60));
    let format = format(640);
    for i in 0..3000i64 {
        if i == 100 {
            bench
                .fake
                .0
                .refusals
                .lock()
                .unwrap()
                .extend(vec![Refusal::Wait("no disk".into()); 200]);
        }
        if i == 2500 {
            bench.fake.0.refusals.lock().unwrap().clear();
        }
        bench
            .publisher
            .publish(picture(&format, i as u64, i * FRAME, i % 25 == 0));
        if i % 10 == 9 {
            bench.look();
        }
    }
    bench.finish();
    let (stored, _) = bench.fake.stored();
    let lost = bench.branch.snapshot(&bench.tap).lost_units;
    assert!(lost > 0 && stored.is_sorted());
    assert_eq!(stored.len() as u64 + lost, 3000);
    let hole = stored.windows(2).find(|w| w[1] != w[0] + 1).unwrap();
    let at = |number: u64| Utc::from_micros(START + number as i64 * 40_000);
    let gaps = bench.fake.gaps();
    assert_eq!(
        gaps[0],
        GapFact::Opened {
            start: at(hole[0] + 1),
            cause: GapCause::Disk
        }
    );
    assert_eq!(gaps[1], GapFact::Closed { end: at(hole[1]) });
    assert_eq!(gaps.len(), 3);
}

#[test]
fn a_quiet_camera_is_written_out_and_its_gap_told() {
    let mut bench = Bench::new(Duration::from_secs(60));
    let format = format(640);
    for i in 0..5i64 {
        bench.publisher.publish(picture(&format, i as u64, i * FRAME, i == 0));
    }
    for _ in 0..4 {
        bench.look();
    }
    assert_eq!(bench.fake.stored().0, (0..5).collect::<Vec<_>>());
    let end = Utc::from_micros(START + 5 * 40_000);
    let silent = |cause, now| Look {
        now,
        idle: Duration::from_millis(1200),
        cause,
        ..look()
    };
    bench
        .branch
        .look(&mut bench.tap, &silent(None, end.plus_micros(1_200_000)));
    bench.branch.look(
        &mut bench.tap,
        &silent(Some(GapCause::CameraOffline), end.plus_micros(1_500_000)),
    );
    bench.branch.look(
        &mut bench.tap,
        &silent(Some(GapCause::Network), end.plus_micros(9_000_000)),
    );
    bench.publisher.publish(picture(&format, 5, 900_000, true));
    bench.publisher.publish(picture(&format, 6, 900_000 + FRAME, false));
    for _ in 0..4 {
        bench.look();
    }
    assert_eq!(
        bench.fake.gaps(),
        [
            GapFact::Opened {
                start: end,
                cause: GapCause::Stalled
            },
            GapFact::Cause {
                at: end,
                cause: GapCause::CameraOffline
            },
            GapFact::Cause {
                at: end.plus_micros(9_000_000),
                cause: GapCause::Network
            },
            GapFact::Closed {
                end: Utc::from_micros(START + 10_000_000)
            },
        ]
    );
    assert_eq!(bench.fake.stored().0, (0..7).collect::<Vec<_>>());
}

#[test]
fn a_gap_of_an_earlier_run_is_explained_only_from_this_one_on() {
    let at = |seconds: i64| Utc::from_micros(START + seconds * 1_000_000);
    let mut gaps = Gaps::new(at(100));
    let second = Duration::from_millis(1100);
    let facts = gaps.silent(second, Some(at(10)), Some(GapCause::Refused), at(101));
    let opened = GapFact::Opened {
        start: at(10),
        cause: GapCause::Refused,
    };
    assert_eq!(
        facts,
        [
            Some(opened),
            Some(GapFact::Cause {
                at: at(100),
                cause: GapCause::Refused
            })
        ]
    );
    let mut gaps = Gaps::new(at(100));
    assert_eq!(gaps.silent(second, Some(at(10)), None, at(101))[1], None);
    let facts = gaps.silent(second, Some(at(10)), Some(GapCause::CameraOffline), at(104));
    assert_eq!(
        facts[0],
        Some(GapFact::Cause {
            at: at(100),
            cause: GapCause::CameraOffline
        })
    );
    // Sound of the time before the gap does not close it; a new segment does, whatever its time.
    assert_eq!(gaps.stored(at(9), false), None);
    assert_eq!(gaps.stored(at(9), true), Some(GapFact::Closed { end: at(10) }));
}

#[test]
fn switching_off_and_on_does_not_store_the_cached_gop_twice() {
    let mut bench = Bench::new(Duration::from_secs(60));
    let format = format(640);
    for i in 0..20i64 {
        bench.publisher.publish(picture(&format, i as u64, i * FRAME, i == 0));
    }
    bench.finish();
    bench.tap.end();
    for i in 20..30i64 {
        bench.publisher.publish(picture(&format, i as u64, i * FRAME, false));
    }
    bench.tap.begin(&bench.hub);
    bench.restart(Duration::from_secs(60));
    bench.finish();
    assert_eq!(bench.fake.stored().0, (0..30).collect::<Vec<_>>());
}

#[derive(Debug, Clone)]
enum Act {
    Pictures { count: u64, rap_first: bool },
    Sound { count: u64, late: i64 },
    Look,
    Restart,
    Refuse(Refusal),
    Jump,
    Format,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (1u64..12, any::<bool>()).prop_map(|(count, rap_first)| Act::Pictures { count, rap_first }),
        3 => (1u64..4, 0i64..20_000).prop_map(|(count, late)| Act::Sound { count, late }),
        6 => Just(Act::Look),
        1 => Just(Act::Restart),
        1 => Just(Act::Refuse(Refusal::Wait("full".into()))),
        1 => Just(Act::Refuse(Refusal::Down("down".into()))),
        1 => Just(Act::Jump),
        1 => Just(Act::Format),
    ]
}

proptest! {
    /// Whatever happens, every picture is stored once, in order, and each segment's pictures
    /// follow each other; fragments stay short.
    #[test]
    fn no_picture_is_lost_or_doubled(acts in prop::collection::vec(act(), 1..120), seconds in 1u64..4) {
        let segment = Duration::from_secs(seconds);
        let mut bench = Bench::new(segment);
        let (mut made, mut sounds, mut ticks, mut epoch, mut width) = (0u64, 0u64, 0i64, 0, 640);
        let mut now = format(width);
        for act in acts {
            match act {
                Act::Pictures { count, rap_first } => {
                    for n in 0..count {
                        let rap = made == 0 || (rap_first && n == 0);
                        let unit = picture(&now, made, ticks, rap);
                        // Another epoch counts from elsewhere; the wall clock goes on.
                        bench.publisher.publish(AccessUnit { epoch, dts: ticks + i64::from(epoch) * 777_777, pts: ticks + i64::from(epoch) * 777_777, ..unit });
                        made += 1;
                        ticks += FRAME;
                    }
                }
                Act::Sound { count, late } => {
                    for _ in 0..count {
                        let unit = sound(&now, sounds, ticks - late);
                        bench.publisher.publish(AccessUnit { epoch, ..unit });
                        sounds += 1;
                    }
                }
                Act::Look => bench.look(),
                Act::Restart => bench.restart(segment),
                Act::Refuse(refusal) => bench.fake.0.refusals.lock().unwrap().push_back(refusal),
                Act::Jump => epoch += 1,
                Act::Format => {
                    width += 16;
                    now = format(width);
                }
            }
        }
        bench.fake.0.refusals.lock().unwrap().clear();
        // A look that was refused before still has its say.
        bench.look();
        bench.finish();
        let (video, audio) = bench.fake.stored();
        prop_assert_eq!(video, (0..made).collect::<Vec<_>>());
        let mut unique = audio.clone();
        unique.sort_unstable();
        unique.dedup();
        prop_assert_eq!(unique.len(), audio.len(), "sound stored twice");
        prop_assert_eq!(bench.tap.waiting().min(300), bench.tap.waiting());
        let mut open: Vec<u32> = vec![];
        for seen in bench.fake.seen() {
            match seen {
                Seen::Start { number, .. } => open.push(number),
                Seen::Append { number, start, end, .. } => {
                    prop_assert!(open.contains(&number));
                    prop_assert!(start <= end);
                }
                Seen::Finish { number } => {
                    let at = open.iter().position(|n| *n == number);
                    prop_assert!(at.is_some());
                    open.remove(at.unwrap());
                }
                Seen::Gap(_) | Seen::Mark(..) | Seen::Unmark(..) | Seen::Ended(_) => {}
            }
        }
        prop_assert!(open.is_empty());
    }
}

/// `cargo test -- --ignored cost --nocapture`: processor time of one camera of 25 pictures and
/// 8 packets of sound a second, from `publish` to the call of `append`.
#[test]
#[ignore = "a measurement, not a test"]
fn cost_of_a_camera() {
    struct Void;
    impl Footage for Void {
        fn start(&self, _: SegmentStart, format: Arc<StreamFormat>) -> Result<Box<dyn Segment>, Refusal> {
            fmp4::init_segment(&format, &[]).unwrap();
            Ok(Box::new(Void))
        }
        fn gap(&self, _: GapFact) {}
        fn mark_opened(&self, _: Causes, _: Utc) {}
        fn mark_closed(&self, _: Causes, _: Utc) {}
        fn ended(&self, _: Utc) {}
        fn is_ended(&self) -> bool {
            false
        }
        fn last_recorded(&self) -> Option<Utc> {
            None
        }
    }
    impl Segment for Void {
        fn is_over(&self) -> bool {
            false
        }
        fn append(&mut self, fragment: &fmp4::Fragment) -> Result<(), Refusal> {
            std::hint::black_box(fragment.media.clone());
            Ok(())
        }
    }
    let cpu = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let hub = Hub::new(stream(), 16 << 20);
    let mut tap = TapState::default();
    tap.begin(&hub);
    let mut publisher = hub.publisher();
    let mut branch = Branch::new(stream(), Void, Duration::from_secs(60), Utc::from_micros(START));
    let (format, data) = (format(1920), Bytes::from(vec![0u8; 20_000]));
    let (mut publishing, mut looking) = (0.0, 0.0);
    let seconds = 3000u64;
    for tenth in 0..seconds * 10 / 3 {
        let start = cpu();
        // 7 or 8 pictures and 2 or 3 packets at every look of 300 ms.
        for i in tenth * 15 / 2..(tenth + 1) * 15 / 2 {
            publisher.publish(AccessUnit {
                data: data.clone(),
                ..picture(&format, 0, i as i64 * FRAME, i % 50 == 0)
            });
        }
        for i in tenth * 12 / 5..(tenth + 1) * 12 / 5 {
            publisher.publish(sound(&format, 0, i as i64 * 11_250));
        }
        publisher.flush();
        let middle = cpu();
        branch.look(&mut tap, &look());
        publishing += middle - start;
        looking += cpu() - middle;
    }
    let units = hub.stats().units as f64;
    println!(
        "publish: {:.0} ns a unit; look: {:.0} ns a unit, {:.4} % of a core a camera in all",
        publishing * 1e9 / units,
        looking * 1e9 / units,
        (publishing + looking) / seconds as f64 * 100.0
    );
}
