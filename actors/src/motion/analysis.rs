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
    /// Pictures before this are learnt from, and nothing is told of them.
    tell_from: Utc,
    /// Time of the last picture, over all decoders.
    last: Option<Duration>,
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
    pub fn new(config: &Motion, tell_from: Utc) -> Self {
        Self {
            detector: Detector::new(Sensitivity::new(config.sensitivity)),
            watch: Watch::new(Area::of_rows(&config.area), config.hold),
            config: config.clone(),
            decoder: None,
            anew: false,
            tell_from,
            last: None,
            pictures: 0,
            error: None,
        }
    }

    pub fn config(&self) -> &Motion {
        &self.config
    }

    /// Nothing is known to move any more; what is known of the picture as such stays.
    pub fn forget(&mut self) {
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
        self.pictures += 1;
        self.detector.see(&picture.luma(), at);
        if picture.utc < self.tell_from {
            return None;
        }
        match self.watch.see(&self.detector, at)? {
            Change::Began { at: begin } => {
                let before = i64::try_from((at - begin).as_micros()).unwrap_or(0);
                let share = self.watch.share();
                Some(Finding::Began {
                    at: picture.utc.plus_micros(-before),
                    payload: json!({ "area_moving_percent": (share * 1000.0).round() / 10.0 }),
                })
            }
            Change::Ended { .. } => Some(Finding::Ended { at: picture.utc }),
        }
    }
}
