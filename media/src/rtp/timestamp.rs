//! RTP timestamps without their wrap at 2³² (every 13 h at 90 kHz).

/// Unwraps a track's timestamps; each is taken as the one nearest to its predecessor.
#[derive(Debug, Default, Clone)]
pub struct Timestamps {
    last: Option<i64>,
}

impl Timestamps {
    /// The first value comes out as it is.
    pub fn unwrap(&mut self, timestamp: u32) -> i64 {
        let ticks = self.near(timestamp);
        self.last = Some(ticks);
        ticks
    }

    /// Like [`Timestamps::unwrap`], for a timestamp from elsewhere (a sender report): remembers nothing.
    pub fn near(&self, timestamp: u32) -> i64 {
        match self.last {
            None => i64::from(timestamp),
            // The truncation to 32 bits and the reading as signed are the arithmetic modulo 2^32.
            Some(last) => last.wrapping_add(i64::from(timestamp.wrapping_sub(last as u32) as i32)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_walk_of_less_than_half_a_cycle_is_followed(start: u32, steps in proptest::collection::vec(-0x7fff_ffffi64..0x7fff_ffff, 0..50)) {
            let mut timestamps = Timestamps::default();
            let mut truth = timestamps.unwrap(start);
            for step in steps {
                truth += step;
                prop_assert_eq!(timestamps.near(truth as u32), truth);
                prop_assert_eq!(timestamps.unwrap(truth as u32), truth);
            }
        }
    }
}
