//! Whether pictures come of what is looked at: without them nothing is known to move. Pure.

use std::time::{Duration, Instant};

/// No picture came for so much longer than the hold time: nothing is known to move any more.
const BLIND: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Sight {
    /// So many when the last one came.
    pictures: u64,
    last: Instant,
}

impl Sight {
    pub fn new(now: Instant) -> Self {
        Self {
            pictures: 0,
            last: now,
        }
    }

    /// So many pictures were decoded since it began.
    pub fn note(&mut self, pictures: u64, now: Instant) {
        if pictures > self.pictures {
            self.pictures = pictures;
            self.last = now;
        }
    }

    /// What moved is not known to move any more.
    pub fn is_over(&self, hold: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.last) > hold + BLIND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
