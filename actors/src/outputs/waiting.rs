//! Actions that wait for what they switch on. Pure.

use std::collections::VecDeque;

use ulid::Ulid;

/// Actions that are remembered as told.
const TOLD: usize = 256;

/// An event, and the number of the action in it.
pub type Action = (Ulid, u16);

#[derive(Debug, Default)]
pub struct Waiting {
    /// In the order in which they came.
    waiting: Vec<Action>,
    /// The newest that came: whoever tells one again tells nothing.
    told: VecDeque<Action>,
}

impl Waiting {
    /// False: it was told before.
    pub fn take(&mut self, action: Action) -> bool {
        if self.told.contains(&action) {
            return false;
        }
        if self.told.len() >= TOLD {
            self.told.pop_front();
        }
        self.told.push_back(action);
        self.waiting.push(action);
        true
    }

    pub fn count(&self) -> usize {
        self.waiting.len()
    }

    /// The first so many wait no more.
    pub fn settle(&mut self, count: usize) -> Vec<Action> {
        let count = count.min(self.waiting.len());
        self.waiting.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_later_waits_on() {
        let action = |number| (Ulid::from(1u128), number);
        let mut waiting = Waiting::default();
        assert!(waiting.take(action(0)) && waiting.take(action(1)));
        let seen = waiting.count();
        assert!(!waiting.take(action(1)), "told before");
        assert!(waiting.take(action(2)));
        assert_eq!(waiting.settle(seen), [action(0), action(1)]);
        assert!(!waiting.take(action(0)), "settled, and not told anew");
        assert_eq!(waiting.settle(usize::MAX), [action(2)]);
    }
}
