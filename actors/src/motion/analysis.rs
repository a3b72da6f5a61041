//! A camera's decoder and detector, and what they make of some access units. Blocks while it works.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use vigie_config::{Motion, Utc};
use vigie_media::{
    AccessUnit, StreamFormat, Track,
    decode::{DecodeError, Picture, Pictures},
    motion::{Area, Change, Detector, Sensitivity, Watch},
};

/// Ten pictures a second tell as much as more do: between two there is at least this.
const LEAST_BETWEEN: Duration = Duration::from_millis(80);
/// Between the last picture of one decoder and the first of the next.
const ANEW: Duration = Duration::from_millis(100);

/// What was found, with the host's clock at that picture.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finding {
    Began { at: Utc, payload: serde_json::Value },
    Ended { at: Utc },
}

pub(super) struct Analysis {
    config: Motion,
    detector: Detector,
    watch: Watch,
    decoder: Option<Decoder>,
    /// The next unit comes after a hole.
    anew: bool,
    /// The hub's number of the last unit that is learnt from only: nothing is told of it.
    learn_to: u64,
    /// Time of the last picture, over all decoders.
    last: Option<Duration>,
    last_utc: Utc,
    pub pictures: u64,
    /// Why the last unit could not be decoded.
    pub error: Option<DecodeError>,
}

struct Decoder {
    pictures: Pictures,
    format: Arc<StreamFormat>,
    epoch: u32,
    /// Added to the times of its pictures.
    offset: Duration,
}

impl Analysis {
    /// `learn_to`: of units up to this number of the hub's nothing is told.
    pub fn new(config: &Motion, learn_to: u64) -> Self {
        Self {
            detector: Detector::new(Sensitivity::new(config.sensitivity)),
            watch: Watch::new(Area::of_rows(&config.area), config.hold),
            config: config.clone(),
            decoder: None,
            anew: false,
            learn_to,
            last: None,
            last_utc: Utc::MIN,
            pictures: 0,
            error: None,
        }
    }

    pub fn config(&self) -> &Motion {
        &self.config
    }

    /// What moves in the last picture; `None`: nothing, or not for long enough.
    pub fn moving(&self) -> Option<Finding> {
        let moves = self.watch.is_moving() && self.watch.share() > 0.0;
        moves.then(|| self.began(self.last_utc))
    }

    fn began(&self, at: Utc) -> Finding {
        let share = self.watch.share();
        let payload = json!({ "area_moving_percent": (share * 1000.0).round() / 10.0 });
        Finding::Began { at, payload }
    }

    /// What was seen is of too long ago: begins anew with the next picture.
    pub fn forget(&mut self) {
        self.detector = Detector::new(Sensitivity::new(self.config.sensitivity));
        self.watch = Watch::new(Area::of_rows(&self.config.area), self.config.hold);
    }

    /// The next unit comes after a hole: nothing is decoded before a RAP.
    pub fn lost(&mut self) {
        self.anew = true;
    }

    /// Takes units in order.
    pub fn see(&mut self, units: &[Arc<AccessUnit>]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for unit in units.iter().filter(|unit| unit.track == Track::Video) {
            match self.decode(unit) {
                Ok(pictures) => {
                    for picture in pictures {
                        findings.extend(self.picture(&picture));
                    }
                }
                Err(error) => {
                    self.decoder = None;
                    self.error = Some(error);
                }
            }
        }
        findings
    }

    fn decode(&mut self, unit: &AccessUnit) -> Result<Vec<Picture>, DecodeError> {
        let fits = |decoder: &Decoder| {
            decoder.epoch == unit.epoch
                && (Arc::ptr_eq(&decoder.format, &unit.format) || decoder.format.video == unit.format.video)
        };
        if std::mem::take(&mut self.anew) || self.decoder.as_ref().is_some_and(|decoder| !fits(decoder)) {
            self.decoder = None;
        }
        if self.decoder.is_none() {
            let Some(video) = unit.format.video.as_ref().filter(|_| unit.rap) else {
                return Ok(Vec::new());
            };
            self.decoder = Some(Decoder {
                pictures: Pictures::new(video)?,
                format: unit.format.clone(),
                epoch: unit.epoch,
                offset: self.last.map_or(Duration::ZERO, |last| last + ANEW),
            });
            self.error = None;
        }
        match &mut self.decoder {
            Some(decoder) => decoder.pictures.decode(unit),
            None => Ok(Vec::new()),
        }
    }

    fn picture(&mut self, picture: &Picture) -> Option<Finding> {
        let offset = self.decoder.as_ref().map_or(Duration::ZERO, |decoder| decoder.offset);
        let at = offset + picture.since;
        if self.last.is_some_and(|last| at < last + LEAST_BETWEEN) {
            return None;
        }
        self.last = Some(at);
        self.last_utc = picture.utc;
        self.pictures += 1;
        self.detector.see(&picture.luma(), at);
        if picture.seq <= self.learn_to {
            return None;
        }
        match self.watch.see(&self.detector, at)? {
            Change::Began { at: begin } => {
                let before = i64::try_from((at - begin).as_micros()).unwrap_or(0);
                Some(self.began(picture.utc.plus_micros(-before)))
            }
            Change::Ended { .. } => Some(Finding::Ended { at: picture.utc }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{ops::Range, process::Command};

    use bytes::Bytes;
    use vigie_media::{VideoCodec, VideoFormat};

    use super::*;

    const INTERVAL_US: i64 = 100_000;

    /// As many JPEGs; from the first of `moving` on a block goes by.
    fn film(pictures: usize, moving: Range<usize>) -> Vec<Bytes> {
        let (from, to) = (moving.start, moving.end);
        let graph = format!(
            "color=gray:s=320x240:r=10[ground];color=black:s=60x80:r=10[block];\
             [ground][block]overlay=x='if(between(n,{from},{to}),(n-{from})*12,-100)':y=80,format=yuvj420p"
        );
        let output = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-filter_complex",
                &graph,
                "-frames:v",
                &pictures.to_string(),
            ])
            .args(["-c:v", "mjpeg", "-f", "image2pipe", "-"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let begins = output.stdout.windows(3).enumerate();
        let begins = begins
            .filter(|(_, bytes)| *bytes == [0xff, 0xd8, 0xff])
            .map(|(at, _)| at);
        let mut edges: Vec<usize> = begins.collect();
        edges.push(output.stdout.len());
        let all = edges
            .windows(2)
            .map(|edge| Bytes::copy_from_slice(&output.stdout[edge[0]..edge[1]]));
        let all: Vec<Bytes> = all.collect();
        assert_eq!(all.len(), pictures);
        all
    }

    fn format() -> Arc<StreamFormat> {
        Arc::new(StreamFormat {
            video: Some(VideoFormat {
                codec: VideoCodec::Mjpeg,
                width: 320,
                height: 240,
                fps: None,
                rfc6381: "mp4v.6c".into(),
                parameter_sets: Vec::new(),
                decoder_config: Bytes::new(),
            }),
            audio: None,
        })
    }

    fn at(picture: i64) -> Utc {
        Utc::from_micros(1_700_000_000_000_000 + picture * INTERVAL_US)
    }

    /// Of the `n`th picture (its `seq` counts from 1), under this epoch and host's clock.
    fn unit(format: &Arc<StreamFormat>, n: i64, jpeg: &Bytes, epoch: u32, utc: Utc) -> Arc<AccessUnit> {
        Arc::new(AccessUnit {
            track: Track::Video,
            data: jpeg.clone(),
            dts: n * 9_000,
            pts: n * 9_000,
            utc,
            rap: true,
            epoch,
            format: format.clone(),
            seq: n.unsigned_abs() + 1,
        })
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing() {
        let (format, film) = (format(), film(50, 30..48));
        let mut analysis = Analysis::new(&Motion::default(), 10);
        let units = film.iter().zip(0..).map(|(jpeg, n)| match n {
            0..15 => unit(&format, n, jpeg, 0, at(n)),
            // By an hour.
            _ => unit(&format, n, jpeg, 1, at(n - 36_000)),
        });
        let findings = analysis.see(&units.collect::<Vec<_>>());
        let [Finding::Began { at: began, .. }] = &findings[..] else {
            panic!("{findings:?}")
        };
        let off = began.micros_since(at(30 - 36_000)) / INTERVAL_US;
        assert!((0..=2).contains(&off), "{off} pictures late");
    }

    #[test]
    fn what_moves_can_be_told_anew() {
        let (format, film) = (format(), film(30, 5..20));
        let mut analysis = Analysis::new(&Motion::default(), 0);
        let moving = film.iter().zip(0..).map(|(jpeg, n)| {
            analysis.see(&[unit(&format, n, jpeg, 0, at(n))]);
            analysis.moving()
        });
        let moving: Vec<Option<Finding>> = moving.collect();
        let told = matches!(moving[18], Some(Finding::Began { at: told, .. }) if told == at(18));
        // In the hold time nothing moves.
        assert!(told && moving[4].is_none() && moving[29].is_none(), "{moving:?}");
    }

    #[test]
    fn of_what_was_there_before_nothing_is_told() {
        let (format, film) = (format(), film(40, 10..28));
        let units: Vec<_> = (film.iter().zip(0..))
            .map(|(jpeg, n)| unit(&format, n, jpeg, 0, at(n)))
            .collect();
        let found = |learn_to| Analysis::new(&Motion::default(), learn_to).see(&units).len();
        assert_eq!((found(0), found(40)), (1, 0));
    }

    #[test]
    fn units_that_cannot_be_decoded_are_no_pictures() {
        let (format, garbage) = (format(), Bytes::from_static(&[0x55; 500]));
        let mut analysis = Analysis::new(&Motion::default(), 0);
        for n in 0..20 {
            analysis.see(&[unit(&format, n, &garbage, 0, at(n))]);
        }
        assert_eq!(analysis.pictures, 0);
    }
}
