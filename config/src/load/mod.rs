//! From text to [`Config`]: everything is checked, and everything wrong is reported at once.
//!
//! Belongs here: what can be judged from the text alone. Does not belong here: whether a disk is
//! there or a camera answers; those are states of a running recorder.

mod access;
mod buzzer;
mod camera;
mod disk;
mod email;
mod gpio;
mod input;
mod motion;
mod mqtt;
mod output;
mod problem;
mod push;
mod reach;
mod record;
mod rule;
mod schedule;
mod section;
mod server;
mod snapshots;
mod source_url;
mod suggest;
mod variables;
mod walk;

#[cfg(test)]
mod alarm_tests;
#[cfg(test)]
mod notify_tests;
#[cfg(test)]
mod reach_tests;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

pub use problem::{LoadError, Problem, Problems, Warning};
pub use source_url::{UrlError, parse_source_url, redact_url};
use toml_edit::{Document, TableLike};
pub(crate) use variables::{is_literal, system_variable};

use self::section::{Found, Section, Text, Walk};
use crate::{Config, secrets::Variables};

/// The larger a text, the longer a reload takes; 256 cameras need 100 KiB.
const MOST_BYTES: u64 = 8 << 20;

impl Config {
    /// Reads and checks `text`. `lookup` answers what `${NAME}` stands for.
    pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<(Config, Vec<Warning>), Problems> {
        Config::parse_sparing(text, lookup, &|_| false)
    }

    /// [`Config::parse`], but the secrets of `spared` names may be unknown: each is a warning, and stands
    /// among [`Config::unknown_secrets`].
    pub fn parse_sparing(
        text: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
        spared: &dyn Fn(&str) -> bool,
    ) -> Result<(Config, Vec<Warning>), Problems> {
        parse(text, lookup, spared, false)
    }

    /// Reads and checks a file, with `${NAME}`s as [`Variables`] says.
    pub fn load(path: &Path) -> Result<(Config, Vec<Warning>), LoadError> {
        Config::load_sparing(path, &|_| false).map(|(config, warnings, _)| (config, warnings))
    }

    /// [`Config::load`] as [`Config::parse_sparing`] does it, and the text that was read.
    pub fn load_sparing(
        path: &Path,
        spared: &dyn Fn(&str) -> bool,
    ) -> Result<(Config, Vec<Warning>, String), LoadError> {
        let (text, open_to_all) = read_file(path).map_err(|source| LoadError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let variables = Variables::of(&text);
        let parsed = parse(&text, &|name| variables.get(name), spared, open_to_all);
        let unread = variables.error().map(ToString::to_string);
        let (config, mut warnings) = parsed.map_err(|mut problems| {
            let note = |text| Problem {
                line: 0,
                path: String::new(),
                text,
            };
            problems.0.extend(unread.clone().map(note));
            LoadError::Problems {
                path: path.to_owned(),
                problems,
            }
        })?;
        let note = |text| Warning {
            line: 0,
            path: String::new(),
            text,
        };
        warnings.extend(unread.map(note));
        Ok((config, warnings, text))
    }
}

/// The file's text, and whether every account of the machine may read it.
fn read_file(path: &Path) -> io::Result<(String, bool)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut text = String::new();
    let read = file.take(MOST_BYTES).read_to_string(&mut text)?;
    if read as u64 == MOST_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "8 MiB or more is no configuration",
        ));
    }
    Ok((text, mode & 0o004 != 0))
}

fn parse(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    spared: &dyn Fn(&str) -> bool,
    open_to_all: bool,
) -> Result<(Config, Vec<Warning>), Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let walk = Walk::new(text, lookup, spared);
    let document = toml(&walk, text)?;
    if document.as_table().is_empty() {
        // What a full disk or a broken copy leaves must not end all recording.
        walk.problem(
            1,
            "",
            "nothing is in it, expected at least [server], [[disk]] or [[camera]]",
        );
    }
    let mut config = read(&walk, document.as_table());
    config.unknown_secrets = walk.unknown_secrets();
    if let Some((line, path)) = walk.literal_secrets().into_iter().next().filter(|_| open_to_all) {
        walk.warning(
            line,
            path,
            "a secret in a file that everybody may read: chmod o-r, or use ${NAME}",
        );
    }
    let (problems, warnings) = walk.into_notes();
    if problems.is_empty() {
        Ok((config, warnings))
    } else {
        Err(Problems(problems))
    }
}

fn toml<'t>(walk: &Walk<'_>, text: &'t str) -> Result<Document<&'t str>, Problems> {
    Document::parse(text).map_err(|error| {
        Problems(vec![Problem {
            line: walk.line(error.span().map_or(0, |span| span.start)),
            path: String::new(),
            text: format!("not TOML: {}", error.message().lines().collect::<Vec<_>>().join(", ")),
        }])
    })
}

/// What a text with variables means; `None`: one of them is not there, or it is none.
pub(crate) fn expanded(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    variables::expand(text, lookup).ok()
}

/// The fields that hold a secret in the text itself, whatever else is wrong with it.
pub(crate) fn secrets_of(text: &str) -> Result<BTreeSet<String>, Problems> {
    // What a variable stands for does not matter here.
    let walk = Walk::new(text, &|_| Some(String::new()), &|_| false);
    read(&walk, toml(&walk, text)?.as_table());
    Ok(walk.literal_secrets().into_iter().map(|(_, path)| path).collect())
}

/// Where a recorder with this text keeps its state, whatever else is wrong with it.
pub(crate) fn state_dir(text: &str) -> PathBuf {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let walk = Walk::new(text, &system_variable, &|_| false);
    let document = toml(&walk, text).unwrap_or_else(|_| Document::default());
    let root = Section::new(&walk, document.as_table(), String::new(), 1);
    server::read(&walk, root.section("server")).state_dir
}

/// Where there are problems, the answer lacks what they concern.
fn read(walk: &Walk<'_>, table: &dyn TableLike) -> Config {
    let root = Section::new(walk, table, String::new(), 1);
    let server = server::read(walk, root.section("server"));
    let disks = disk::read_all(&root, &server);
    let schedules = schedule::read_all(&root);
    let cameras = camera::read_all(&root, &disks, &schedules);
    if cameras.is_empty() && !root.has("camera") {
        walk.warning(0, "camera", "no camera yet: nothing will be recorded");
    }
    let mut config = Config {
        server,
        mqtt: mqtt::read(root.section("mqtt")),
        inputs: input::read_all(&root),
        outputs: output::read_all(&root, &schedules),
        buzzer: buzzer::read(root.section("buzzer")),
        snapshots: snapshots::read(root.section("snapshots")),
        email: email::read_server(&root),
        recipients: email::read_recipients(&root, &schedules),
        pushes: push::read_all(&root, &schedules),
        disks: disks.disks.into_iter().map(|found| found.value).collect(),
        cameras,
        schedules: Vec::new(),
        rules: Vec::new(),
        unknown_secrets: BTreeSet::new(),
    };
    config.rules = rule::read_all(&root, &schedules, &config);
    config.schedules = schedules.into_own();
    root.finish(|_| None);
    config
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
    let plain = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !path.is_absolute() || !plain || text.value.value.contains('\0') {
        text.problem(
            walk,
            format!(
                "{:?} is not usable, expected an absolute path without ..",
                text.value.shown
            ),
        );
        return None;
    }
    // Collecting the components drops doubled and trailing slashes.
    Some(path.components().collect::<PathBuf>())
}
