//! What faults of a disk have cost, by the books: sent, on disk, inside gap rows.

use vigie_fake_camera::FakeCameras;

use crate::{
    house::{House, ffprobe_is_content},
    recording::near_end,
};

/// What one fault may cost one camera.
pub const LOST_US: u64 = 2_000_000;

#[derive(Debug, Default)]
pub struct Losses {
    /// Of one camera and one fault, in microseconds.
    pub worst_us: u64,
    pub units: usize,
    /// Gap rows say to the second what is missing, with the right cause; nothing is there twice;
    /// no camera was connected anew; every file plays.
    pub honest: bool,
    /// Who has lost anything, or has a gap.
    pub touched: Vec<String>,
}

/// What a cut at `moment` cost the camera that lost most, in microseconds, on the first disk. Every
/// file plays.
pub fn since_cut(house: &House, cameras: &FakeCameras, moment: u64) -> u64 {
    let mut worst = 0;
    for log in cameras.logs() {
        let footage = house.footage(&log.camera, "main");
        let sent = footage.units.iter().map(|u| u.identity.sent_us);
        let kept = sent.filter(|s| *s < moment).max();
        // Where nothing is left, everything since the first connection is lost.
        let kept = kept.unwrap_or_else(|| log.due_us(log.ranges[0].first));
        worst = worst.max(moment.saturating_sub(kept + log.interval_us));
        ffprobe_is_content(&footage);
    }
    worst
}

/// Of all cameras on both disks. `moments`: when faults began.
pub fn count(house: &House, cameras: &FakeCameras, moments: &[u64]) -> Losses {
    let mut losses = Losses {
        honest: true,
        ..Losses::default()
    };
    for log in cameras.logs() {
        let footage = house.footage_of_two(&log.camera, "main");
        let gaps = house.recordings(&log.camera, "main").gaps_before(near_end(&log));
        let strict = footage.balance(&log, &[], 0);
        for moment in moments {
            let of_this = |n: &&u64| log.due_us(**n) + 5_000_000 > *moment && log.due_us(**n) < moment + 20_000_000;
            let lost = strict.missing.iter().filter(of_this).count() as u64 * log.interval_us;
            losses.worst_us = losses.worst_us.max(lost);
        }
        losses.units += strict.missing.len();
        if !(strict.missing.is_empty() && gaps.is_empty()) {
            losses.touched.push(log.camera.clone());
        }
        let balance = footage.balance(&log, &gaps, 1_000_000);
        let stated: u64 = gaps
            .iter()
            .map(|gap| gap.end_us.unwrap_or(gap.start_us) - gap.start_us)
            .sum();
        let lost = strict.missing.len() as u64 * log.interval_us;
        let told = balance.missing.len() as u64 * log.interval_us < 1_000_000 && stated.abs_diff(lost) <= 1_000_000;
        let cause = gaps.iter().all(|gap| gap.cause == "disk");
        let once = balance.doubled.is_empty() && balance.unknown.is_empty() && balance.out_of_order == 0;
        if !(told && cause && once) {
            eprintln!(
                "{}: {balance:?}\nlost {lost} µs, stated {stated} µs: {gaps:?}",
                log.camera
            );
            losses.honest = false;
        }
        if log.ranges.len() != 1 {
            eprintln!("{}: connected {} times", log.camera, log.ranges.len());
            losses.honest = false;
        }
        ffprobe_is_content(&footage);
    }
    losses
}
