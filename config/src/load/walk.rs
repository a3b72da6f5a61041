//! The document that is walked, and what is noted on the way.

use std::cell::RefCell;

use super::{
    problem::{Problem, Warning},
    variables::is_literal,
};

/// The document and what was found wrong with it so far.
pub struct Walk<'d> {
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
    /// Variables of the environment.
    pub(super) lookup: &'d dyn Fn(&str) -> Option<String>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Warning>>,
    /// The secrets that stand in the text itself.
    secrets: RefCell<Vec<(usize, String)>>,
}

impl<'d> Walk<'d> {
    pub fn new(text: &str, lookup: &'d dyn Fn(&str) -> Option<String>) -> Self {
        let breaks = text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'\n')
            .map(|(at, _)| at + 1);
        Self {
            lines: std::iter::once(0).chain(breaks).collect(),
            lookup,
            problems: RefCell::default(),
            warnings: RefCell::default(),
            secrets: RefCell::default(),
        }
    }

    /// The line, counted from 1, of a byte offset.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    pub fn problem(&self, line: usize, path: impl Into<String>, text: impl Into<String>) {
        self.problems.borrow_mut().push(Problem {
            line,
            path: path.into(),
            text: text.into(),
        });
    }

    pub fn warning(&self, line: usize, path: impl Into<String>, text: impl Into<String>) {
        self.warnings.borrow_mut().push(Warning {
            line,
            path: path.into(),
            text: text.into(),
        });
    }

    /// Notes that a text is secret; without a variable it stands in the file for all to read.
    pub fn secret(&self, text: &Found<Text>) {
        if !text.value.shown.is_empty() && is_literal(&text.value.shown) {
            self.secrets.borrow_mut().push((text.line, text.path.clone()));
        }
    }

    /// Line and field of each secret that stands in the text itself, in the order of reading.
    pub fn literal_secrets(&self) -> Vec<(usize, String)> {
        self.secrets.borrow().clone()
    }

    /// Everything noted, in the order of lines.
    pub fn into_notes(self) -> (Vec<Problem>, Vec<Warning>) {
        let (mut problems, mut warnings) = (self.problems.into_inner(), self.warnings.into_inner());
        problems.sort_by_key(|note| note.line);
        warnings.sort_by_key(|note| note.line);
        (problems, warnings)
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Found<T> {
    pub value: T,
    pub line: usize,
    pub path: String,
}

/// A text with its variables replaced, and as it stands in the file: only the latter may be shown.
#[derive(Debug, Clone)]
pub struct Text {
    pub value: String,
    pub shown: String,
}

impl Found<Text> {
    pub fn problem(&self, walk: &Walk<'_>, text: impl Into<String>) {
        walk.problem(self.line, &*self.path, text);
    }
}
