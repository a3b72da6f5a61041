//! How often refusals are told: each once in a while, and of an attack from everywhere only so many.

use std::{
    collections::{HashSet, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

/// Refusals of one address, and of one user there, are told once in so long.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
const MOST_TOLD: usize = 1024;

/// What was told a moment ago, the oldest first: each is remembered as long as the others.
#[derive(Default)]
pub struct Told {
    remembered: HashSet<Whoever>,
    by_age: VecDeque<(Instant, Whoever)>,
}

/// An address, and the user who was named there.
type Whoever = (IpAddr, Option<String>);

impl Told {
    pub fn is_new(&mut self, from: IpAddr, user: Option<&str>, now: Instant) -> bool {
        let is_over = |at: &Instant| now.duration_since(*at) >= AGAIN_AFTER;
        while let Some((_, whoever)) = self.by_age.pop_front_if(|(at, _)| is_over(at)) {
            self.remembered.remove(&whoever);
        }
        let whoever = (from, user.map(str::to_owned));
        // So many at once are one attack: the log has it.
        if self.by_age.len() >= MOST_TOLD || !self.remembered.insert(whoever.clone()) {
            return false;
        }
        self.by_age.push_back((now, whoever));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_once_in_a_while() {
        let (mut told, now) = (Told::default(), Instant::now());
        let [one, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        assert!(told.is_new(one, None, now));
        assert!(!told.is_new(one, None, now + Duration::from_secs(5)));
        assert!(told.is_new(other, None, now) && told.is_new(one, Some("ann"), now));
        assert!(told.is_new(one, None, now + AGAIN_AFTER));
        assert!(
            !told.is_new(one, None, now + AGAIN_AFTER * 3 / 2),
            "told anew, remembered anew"
        );
    }

    #[test]
    fn an_attack_from_everywhere_fills_nothing() {
        let (mut told, now) = (Told::default(), Instant::now());
        let tried = (0..MOST_TOLD as u32 * 2).filter(|n| told.is_new(IpAddr::from(n.to_be_bytes()), None, now));
        assert_eq!(tried.count(), MOST_TOLD);
        let later = now + AGAIN_AFTER;
        assert!(told.is_new(IpAddr::from([192, 0, 2, 1]), None, later));
        assert_eq!((told.remembered.len(), told.by_age.len()), (1, 1));
    }
}
