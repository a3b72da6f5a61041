//! What was found against what is true, by event.

use std::time::Duration;

use vigie_media::motion::{Area, Change, Detector, Luma, Sensitivity, Watch};

/// A found event's start may be off by so much, and movement may be told so late.
pub const TOLERANCE: f64 = 0.5;
/// As in the labels: what moves again within a second goes on.
const HOLD: Duration = Duration::from_millis(950);

/// A part of a picture, and when something moves in it: first and last frame, both included.
pub struct Zone {
    pub name: String,
    pub area: Area,
    pub moving: Vec<(u32, u32)>,
}

/// An event of the detector's, in frames: first and last with movement, and when it was told.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub first: u32,
    pub last: u32,
    pub told: u32,
}

#[derive(Debug, Clone, Default)]
pub struct Score {
    pub true_events: usize,
    pub found: usize,
    pub right: usize,
    /// From the picture of the true start to the one with which the detector told it, seconds, of each
    /// right event. The product reads, decodes and writes down besides.
    pub delays: Vec<f64>,
}

impl Score {
    pub fn add(&mut self, other: &Self) {
        self.true_events += other.true_events;
        self.found += other.found;
        self.right += other.right;
        self.delays.extend(&other.delays);
    }

    /// Of the true events, in per cent; none of none is all.
    pub fn recall(&self) -> f64 {
        share(self.right, self.true_events)
    }

    /// Of the found events, in per cent; none of none is all.
    pub fn precision(&self) -> f64 {
        share(self.right, self.found)
    }

    pub fn worst_delay(&self) -> f64 {
        self.delays.iter().copied().fold(0.0, f64::max)
    }

    pub fn mean_delay(&self) -> f64 {
        self.delays.iter().sum::<f64>() / self.delays.len().max(1) as f64
    }
}

fn share(part: usize, all: usize) -> f64 {
    if all == 0 {
        100.0
    } else {
        100.0 * part as f64 / all as f64
    }
}

/// Runs one detector over pictures and follows each zone.
pub struct Judge {
    fps: u32,
    frame: u32,
    detector: Detector,
    watches: Vec<(Watch, Vec<Found>)>,
}

impl Judge {
    pub fn new(zones: &[Zone], fps: u32, sensitivity: Sensitivity) -> Self {
        Self {
            fps,
            frame: 0,
            detector: Detector::new(sensitivity),
            watches: zones
                .iter()
                .map(|zone| (Watch::new(zone.area.clone(), HOLD), Vec::new()))
                .collect(),
        }
    }

    pub fn see(&mut self, picture: &Luma) {
        let at = Duration::from_secs(1) * self.frame / self.fps;
        self.detector.see(picture, at);
        let frame = |at: Duration| (at.as_secs_f64() * f64::from(self.fps)).round() as u32;
        for (watch, found) in &mut self.watches {
            match watch.see(&self.detector, at) {
                Some(Change::Began { at }) => found.push(Found {
                    first: frame(at),
                    last: u32::MAX,
                    told: self.frame,
                }),
                Some(Change::Ended { at }) => {
                    if let Some(found) = found.last_mut() {
                        found.last = frame(at);
                    }
                }
                None => {}
            }
        }
        self.frame += 1;
    }

    /// What was found in each zone.
    pub fn found(self) -> Vec<Vec<Found>> {
        let end = self.frame.saturating_sub(1);
        let found = self.watches.into_iter().map(|(_, found)| found);
        found
            .map(|mut all| {
                all.iter_mut().for_each(|found| found.last = found.last.min(end));
                all
            })
            .collect()
    }
}

/// An event is right if its start is within [`TOLERANCE`] of the true one's and what both share is
/// at least half of each; each counts once.
pub fn score(found: &[Found], moving: &[(u32, u32)], fps: u32) -> Score {
    let mut score = Score {
        true_events: moving.len(),
        found: found.len(),
        ..Score::default()
    };
    let mut left = found.to_vec();
    for (first, last) in moving {
        let right = |found: &Found| {
            let off = f64::from(found.first.abs_diff(*first)) / f64::from(fps);
            let both = (found.last.min(*last) + 1).saturating_sub(found.first.max(*first));
            let half = |first: u32, last: u32| 2 * both > last - first;
            off <= TOLERANCE && half(*first, *last) && half(found.first, found.last)
        };
        if let Some(at) = left.iter().position(right) {
            let found = left.remove(at);
            score.right += 1;
            score
                .delays
                .push((f64::from(found.told) - f64::from(*first)) / f64::from(fps));
        }
    }
    score
}
