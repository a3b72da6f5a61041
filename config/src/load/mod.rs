//! From text to [`Config`]: everything is checked, and everything wrong is reported at once.
//!
//! Belongs here: what can be judged from the text alone. Does not belong here: whether a disk is
//! there or a camera answers; those are states of a running recorder.

mod camera;
mod disk;
mod problem;
mod record;
mod section;
mod server;
mod source_url;
mod suggest;
mod variables;




use std::{fs, path::Path};

pub use problem::{LoadError, Problem, Problems, Warning};
pub use source_url::{UrlError, parse_source_url, redact_url};
use toml_edit::{Document, TableLike};
pub use variables::system_variable;

use self::section::{Found, Section, Text, Walk};
use crate::Config;

impl Config {
    /// Reads and checks `text`. `lookup` answers what `${NAME}` stands for.
    pub fn parse(
        text: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Config, Vec<Warning>), Problems> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let walk = Walk::new(text, lookup);
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let line = walk.line(error.span().map_or(0, |span| span.start));
                let text = format!("not TOML: {}", error.message().lines().collect::<Vec<_>>().join(", "));
                return Err(Problems(vec![Problem { line, path: String::new(), text }]));
            }
        };
        let config = read(&walk, document.as_table());
        let (problems, warnings) = walk.into_notes();
        if problems.is_empty() { Ok((config, warnings)) } else { Err(Problems(problems)) }
    }

    /// Reads and checks a file, with `${NAME}` from systemd credentials, then the environment.
    pub fn load(path: &Path) -> Result<(Config, Vec<Warning>), LoadError> {
        let text = fs::read_to_string(path)
            .map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
        Config::parse(&text, &system_variable)
            .map_err(|problems| LoadError::Problems { path: path.to_owned(), problems })
    }
}

/// Where there are problems, the answer lacks what they concern.
fn read(walk: &Walk<'_>, table: &dyn TableLike) -> Config {
    let root = Section::new(walk, table, String::new(), 1);
    let server = server::read(walk, root.section("server"));
    let disks = disk::read_all(&root, &server);
    let cameras = camera::read_all(&root, &disks);
    if cameras.is_empty() && !root.has("camera") {
        walk.warning(1, "camera", "no camera: nothing will be recorded");
    }
    root.finish(|_| None);
    let disks = disks.into_iter().map(|found| found.value).collect();
    Config { server, disks, cameras }
}

/// Names people read: not empty, one line, at most 128 characters.
fn display_name(walk: &Walk<'_>, text: Found<Text>) -> Option<String> {
    let name = text.value.value.trim();
    let fits = (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !fits {
        text.problem(walk, "expected a name of 1 to 128 characters on one line");
    }
    fits.then(|| name.to_owned())
}

/// An absolute path without `..`, so that two of them can be compared.
fn absolute_path(walk: &Walk<'_>, text: &Found<Text>) -> Option<std::path::PathBuf> {
    use std::path::{Component, PathBuf};
    let path = Path::new(&text.value.value);
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !path.is_absolute() || !plain || text.value.value.contains('\0') {
        text.problem(walk, format!("{:?} is not usable, expected an absolute path without ..", text.value.shown));
        return None;
    }
    // Collecting the components drops doubled and trailing slashes.
    Some(path.components().collect::<PathBuf>())
}
