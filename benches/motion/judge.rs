//! A set of footage through the product's decoder and detector, beside its truth.

use anyhow::Result;
use vigie_media::motion::{Area, Sensitivity};

use crate::{
    clips::Clip,
    scenes::{self, Scene},
    score::{Found, Judge, Score, Zone, score},
    truth,
};

/// Of the labelled film; also its frames per second.
pub const FPS: u32 = 10;

/// One line of the table.
pub struct Line {
    /// `vtest` or a scene.
    pub footage: String,
    pub zone: String,
    pub moving: Vec<(u32, u32)>,
    pub found: Vec<Found>,
    pub score: Score,
}

/// The film with its labels.
pub fn vtest(labels: &str, sensitivity: Sensitivity) -> Result<Vec<Line>> {
    judge("vtest", &Clip::vtest()?, truth::zones(labels)?, sensitivity)
}

/// A synthetic scene, the whole picture as zone.
pub fn scene(scene: &Scene, sensitivity: Sensitivity) -> Result<Vec<Line>> {
    let zone = Zone {
        name: "whole".into(),
        area: Area::whole(),
        moving: scene.moving.clone(),
    };
    assert_eq!(scenes::FPS, FPS);
    judge(scene.name, &Clip::scene(scene)?, vec![zone], sensitivity)
}

fn judge(footage: &str, clip: &Clip, zones: Vec<Zone>, sensitivity: Sensitivity) -> Result<Vec<Line>> {
    let mut judge = Judge::new(&zones, FPS, sensitivity);
    let mut decoder = clip.decoder()?;
    for unit in &clip.units {
        for picture in decoder.decode(unit)? {
            judge.see(&picture.luma());
        }
    }
    let lines = zones.into_iter().zip(judge.found()).map(|(zone, found)| Line {
        footage: footage.into(),
        zone: zone.name,
        score: score(&found, &zone.moving, FPS),
        moving: zone.moving,
        found,
    });
    Ok(lines.collect())
}

pub fn sum<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Score {
    let mut sum = Score::default();
    lines.into_iter().for_each(|line| sum.add(&line.score));
    sum
}
