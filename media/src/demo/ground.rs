//! The lower part of a demo camera's picture: bare ground, and now and then somebody who walks across.
//!
//! Above it the scene moves all the time, as trees and flags do; only here something happens.

use std::time::Duration;

/// The picture: I420, as `picture.rs` has it drawn.
const WIDTH: usize = 320;
const HEIGHT: usize = 180;
/// The first line of the ground; even, as colours have half as many lines.
const HORIZON: usize = 92;
/// No colour.
const GREY: u8 = 128;
/// How long it takes to walk across, and whoever walks.
const WALK: Duration = Duration::from_secs(8);
const WALKER: Walker = Walker {
    top: 104,
    lines: 44,
    width: 22,
    brightness: 210,
};

struct Walker {
    top: usize,
    lines: usize,
    width: usize,
    brightness: u8,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Ground {
    /// 16 is black, 235 white.
    pub brightness: u8,
    /// How often somebody comes, counted from the epoch, and how long after that.
    pub every: Duration,
    pub after: Duration,
}

impl Ground {
    /// Draws over `picture` what there is to see at `now`, counted from the epoch. One of another size stays
    /// as it is.
    pub fn draw(&self, picture: &mut [u8], now: Duration) {
        let Some((pixels, colours)) = picture.split_at_mut_checked(WIDTH * HEIGHT) else {
            return;
        };
        let lines = pixels.chunks_exact_mut(WIDTH).enumerate().skip(HORIZON);
        let walker = self.walker(now);
        for (number, line) in lines {
            line.fill(self.brightness);
            let walks = (WALKER.top..WALKER.top + WALKER.lines).contains(&number);
            if let Some(walker) = walker.clone().filter(|_| walks)
                && let Some(seen) = line.get_mut(walker)
            {
                seen.fill(WALKER.brightness);
            }
        }
        for plane in colours.chunks_exact_mut(WIDTH / 2 * (HEIGHT / 2)) {
            let lines = plane.chunks_exact_mut(WIDTH / 2).skip(HORIZON / 2);
            lines.for_each(|line| line.fill(GREY));
        }
    }

    /// The columns in which somebody is seen.
    fn walker(&self, now: Duration) -> Option<std::ops::Range<usize>> {
        let period = self.every.as_millis().max(1);
        let since = (now.as_millis() + period - self.after.as_millis() % period) % period;
        let way = (WIDTH + WALKER.width) as u128;
        let front = usize::try_from(since * way / WALK.as_millis()).ok()?;
        (front < WIDTH + WALKER.width).then(|| front.saturating_sub(WALKER.width)..front.min(WIDTH))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GROUND: Ground = Ground {
        brightness: 70,
        every: Duration::from_secs(40),
        after: Duration::from_secs(5),
    };

    /// The middle column of whoever walks, and whether all above the ground is as it was.
    fn seen(now: u64) -> (Option<usize>, bool) {
        let mut picture = vec![7; WIDTH * HEIGHT * 3 / 2];
        GROUND.draw(&mut picture, Duration::from_secs(now));
        let line = &picture[(WALKER.top + 1) * WIDTH..(WALKER.top + 2) * WIDTH];
        let bright: Vec<usize> = (0..WIDTH).filter(|x| line[*x] == WALKER.brightness).collect();
        assert!(line.iter().all(|pixel| [70, WALKER.brightness].contains(pixel)));
        let above = picture[..HORIZON * WIDTH].iter().all(|pixel| *pixel == 7);
        (bright.get(bright.len() / 2).copied(), above)
    }

    #[test]
    fn somebody_walks_across_and_the_scene_above_stays() {
        let walk: Vec<(Option<usize>, bool)> = (0..40).map(|second| seen(4_000_000 + second)).collect();
        assert!(walk.iter().all(|(_, above)| *above));
        let columns: Vec<(usize, usize)> = walk
            .iter()
            .enumerate()
            .filter_map(|(second, (column, _))| Some((second, (*column)?)))
            .collect();
        assert!(columns.len() >= 7 && columns.is_sorted(), "{columns:?}");
        assert!(
            columns.iter().all(|(second, _)| (5..13).contains(second)),
            "{columns:?}"
        );
        assert_eq!(seen(4_000_010), seen(4_000_050));
    }

    #[test]
    fn a_picture_of_another_size_stays() {
        let mut picture = vec![7; 100];
        GROUND.draw(&mut picture, Duration::ZERO);
        assert_eq!(picture, [7; 100]);
    }
}
