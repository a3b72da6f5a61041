//! How far in the log everything is told. Pure.

use std::collections::VecDeque;

use vigie_storage::events::Position;

/// Messages are numbered as they come to wait; of the log it is known between which two a position lies.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Up to there in the log all is told when no message up to this one waits.
    open: VecDeque<(u64, Position)>,
    reached: Option<Position>,
}

impl Marks {
    /// What the log tells up to `position` is among the messages up to `last`.
    pub fn set(&mut self, last: u64, position: Position) {
        match self.open.back_mut() {
            Some((number, mark)) if *number == last => *mark = position.max(*mark),
            Some((_, mark)) if *mark >= position => {}
            _ => self.open.push_back((last, position)),
        }
    }

    /// `first`: the first message that waits.
    pub fn reached(&mut self, first: Option<u64>) -> Option<Position> {
        while let Some((number, position)) = self.open.front()
            && first.is_none_or(|first| *number < first)
        {
            self.reached = self.reached.max(Some(*position));
            self.open.pop_front();
        }
        self.reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_reached_when_nothing_before_it_waits() {
        let mut marks = Marks::default();
        assert_eq!(marks.reached(None), None);
        marks.set(2, Position(10));
        marks.set(2, Position(11));
        marks.set(5, Position(20));
        marks.set(6, Position(20));
        assert_eq!(marks.reached(Some(1)), None);
        assert_eq!(marks.reached(Some(2)), None);
        assert_eq!(marks.reached(Some(3)), Some(Position(11)));
        assert_eq!(marks.reached(Some(6)), Some(Position(20)));
        assert_eq!(marks.reached(None), Some(Position(20)));
        marks.set(6, Position(30));
        assert_eq!(marks.reached(None), Some(Position(30)), "nothing came");
    }
}
