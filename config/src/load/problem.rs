//! What is wrong with a configuration, one line each.

use std::{fmt, path::PathBuf};

use serde::Serialize;

use crate::{ErrorKind, Kind};

/// One fault of the text. Never holds a credential.
/// Prints as `line 12: camera[1] "gate".main.url: what was seen, what is expected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Counted from 1; 0: of the text as a whole.
    pub line: usize,
    /// The field, e.g. `camera[1] "gate".main.url` (lists count from 0). Empty for a fault of
    /// the TOML syntax.
    pub path: String,
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_note(f, self.line, &self.path, &self.text)
    }
}

fn write_note(f: &mut fmt::Formatter<'_>, line: usize, path: &str, text: &str) -> fmt::Result {
    match (line, path) {
        (0, _) => f.write_str(text),
        (line, "") => write!(f, "line {line}: {text}"),
        (line, path) => write!(f, "line {line}: {path}: {text}"),
    }
}

/// All faults of one text, in the order of its lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Kind for Problems {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Misconfigured
    }
}

/// Something the operator should know, which does not stop the configuration from being used.
/// Prints like a [`Problem`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub line: usize,
    pub path: String,
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_note(f, self.line, &self.path, &self.text)
    }
}

/// A file that gives no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read configuration {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// One line per problem, each with the file's name in front.
    #[error("{}", InFile { path, problems })]
    Problems { path: PathBuf, problems: Problems },
}

impl Kind for LoadError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Misconfigured
    }
}

struct InFile<'a> {
    path: &'a std::path::Path,
    problems: &'a Problems,
}

impl fmt::Display for InFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}: {problem}", self.path.display())?;
        }
        Ok(())
    }
}
