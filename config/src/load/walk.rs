//! The document that is walked, and what is noted on the way.

use std::{cell::RefCell, collections::BTreeSet};

use super::{
    problem::{Problem, Warning},
    variables::{VariableError, is_literal},
};

/// The document and what was found wrong with it so far.
pub struct Walk<'d> {
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
    /// Variables of the environment.
    pub(super) lookup: &'d dyn Fn(&str) -> Option<String>,
    /// Whether a secret may be unknown.
    pub(super) spared: &'d dyn Fn(&str) -> bool,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Warning>>,
    /// The secrets that stand in the text itself.
    secrets: RefCell<Vec<(usize, String)>>,
    /// Every field that is secret.
    secret: RefCell<BTreeSet<String>>,
    /// Line, field and name of what was taken for what is unknown.
    unknown: RefCell<Vec<(usize, String, String)>>,
}

impl<'d> Walk<'d> {
    pub fn new(text: &str, lookup: &'d dyn Fn(&str) -> Option<String>, spared: &'d dyn Fn(&str) -> bool) -> Self {
        let breaks = text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'\n')
            .map(|(at, _)| at + 1);
        Self {
            lines: std::iter::once(0).chain(breaks).collect(),
            lookup,
            spared,
            problems: RefCell::default(),
            warnings: RefCell::default(),
            secrets: RefCell::default(),
            secret: RefCell::default(),
            unknown: RefCell::default(),
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
        self.secret.borrow_mut().insert(text.path.clone());
        if !text.value.shown.is_empty() && is_literal(&text.value.shown) {
            self.secrets.borrow_mut().push((text.line, text.path.clone()));
        }
    }

    /// Line and field of each secret that stands in the text itself, in the order of reading.
    pub fn literal_secrets(&self) -> Vec<(usize, String)> {
        self.secrets.borrow().clone()
    }

    pub fn unknown(&self, line: usize, path: &str, name: String) {
        self.unknown.borrow_mut().push((line, path.to_owned(), name));
    }

    /// The names of the secrets that are unknown. Of nothing else may a part be unknown.
    pub fn unknown_secrets(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (line, path, name) in self.unknown.take() {
            let missing = VariableError::Missing(name.clone());
            // Of a table of texts the fields are below it.
            let is_secret = |field: &String| {
                field
                    .strip_prefix(&path)
                    .is_some_and(|r| r.is_empty() || r.starts_with('.'))
            };
            if self.secret.borrow().iter().any(is_secret) {
                self.warning(line, path, format!("{missing}: goes on without; see to it and reload"));
                names.insert(name);
            } else {
                self.problem(line, path, missing.to_string());
            }
        }
        names
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
