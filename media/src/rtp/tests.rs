//! Both tracks of a session whose packets come when a test says.
#![allow(clippy::unwrap_used)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_config::{CameraId, StreamId, StreamName};

use super::{StreamReceiver, packet::build, track::TrackReceiver};
use crate::{
    AccessUnit, Track,
    codec::depacketizer_for,
    hub::{Hub, Item, Policy, Subscriber, Wake},
};

const SDP: &str = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\n\
     m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
     a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0IAKZY1QPAET8s3AQEBQAAAAwBAAAAHoQ==,aM4xsg==\r\n\
     m=audio 0 RTP/AVP 0\r\n";
const VIDEO: usize = 0;
const AUDIO: usize = 1;

struct Session {
    receiver: StreamReceiver,
    subscriber: Subscriber,
    begin: Instant,
    sequences: [u16; 2],
    /// By how much (ms) the timestamps of sound are behind those of the picture.
    sound_behind: u32,
}

impl Session {
    fn new() -> Self {
        let hub = Hub::new(StreamId::new(CameraId::new("test").unwrap(), StreamName::Main), 1 << 24);
        let subscriber = hub.subscribe(Policy::MustNotDrop, Wake::EachBatch, 4096);
        let sdp = sdp_types::Session::parse(SDP.as_bytes()).unwrap();
        let tracks = sdp
            .medias
            .iter()
            .map(|media| TrackReceiver::new(depacketizer_for(media).unwrap(), None));
        Session {
            receiver: StreamReceiver::new(tracks.collect(), hub.publisher(), Arc::new(|_| ()), 1),
            subscriber,
            begin: Instant::now(),
            sequences: [0; 2],
            sound_behind: 0,
        }
    }

    /// What the camera took from `from` to `to` comes at `arrival` (ms): pictures each 40 ms, sound
    /// each 20 ms.
    fn comes(&mut self, arrival: u64, from: u32, to: u32) {
        self.receiver.begin_batch(self.begin + Duration::from_millis(arrival));
        for at in (from..to).step_by(20) {
            if at % 40 == 0 {
                let nal = if at == 0 { 0x65 } else { 0x41 };
                self.packet(VIDEO, 96, at * 90, &[nal, 0x88, 0x21]);
            }
            self.packet(AUDIO, 0, (at - self.sound_behind) * 8, &[0xff; 160]);
        }
        self.receiver.end_batch();
    }

    fn packet(&mut self, track: usize, payload_type: u8, timestamp: u32, payload: &[u8]) {
        let packet = build(payload_type, self.sequences[track], timestamp, 7, true, payload);
        self.sequences[track] += 1;
        self.receiver.rtp(track, &packet);
    }

    fn units(&mut self, track: Track) -> Vec<Arc<AccessUnit>> {
        let mut units = Vec::new();
        while let Some(Item::Unit(unit)) = self.subscriber.try_next() {
            units.push(unit);
        }
        units.retain(|unit| unit.track == track);
        units
    }

    /// What the camera took from `from` to `to` (ms) comes in pieces of 60 ms.
    fn flows(&mut self, from: u32, to: u32) {
        for at in (from..to).step_by(60) {
            self.comes(u64::from(at) + 60, at, at + 60);
        }
    }
}

fn steps(units: &[Arc<AccessUnit>]) -> Vec<i64> {
    units.windows(2).map(|pair| pair[1].pts - pair[0].pts).collect()
}

/// What came first was held up, so the clock began late.
#[test]
fn sound_keeps_its_pace_after_a_clock_that_began_late() {
    let mut session = Session::new();
    session.comes(1500, 0, 60);
    session.comes(1750, 60, 1740);
    session.flows(1740, 20_040);
    let sound = session.units(Track::Audio);
    assert_eq!(sound.len(), 1002);
    assert_eq!(steps(&sound), [160; 1001]);
    assert!(sound.windows(2).all(|pair| pair[1].utc > pair[0].utc));
}

/// Cameras that are silent do not count on; what comes then is of the present all the same.
#[test]
fn sound_whose_clock_stood_still_goes_on_at_the_present() {
    let mut session = Session::new();
    session.flows(0, 3000);
    session.sound_behind = 5000;
    session.flows(8000, 30_000);
    let sound = session.units(Track::Audio);
    assert_eq!(sound.len(), 1251);
    let steps = steps(&sound);
    let step = steps.iter().position(|step| *step != 160).unwrap();
    let (before, after) = (&sound[step], &sound[step + 1]);
    // Known after some windows of arrivals.
    assert!(before.pts < 15_000 * 8, "{}", before.pts);
    assert!(
        (after.pts - before.pts - 5000 * 8).abs() < 300 * 8,
        "{}",
        after.pts - before.pts
    );
    assert_eq!(steps[step + 1..], vec![160; steps.len() - step - 1]);
    assert!((after.utc.micros_since(before.utc) - 5_000_000).abs() < 300_000);
}
