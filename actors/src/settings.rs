//! The configuration file, changed on behalf of programs and pages.
//!
//! The file stays the only source: a change is written into it, and the watcher of the file
//! ([`crate::reload`]) takes it up like one made by hand.
//!
//! Belongs here: one change after the other, checked before it is written. Does not belong here: who may
//! (`vigie-web`), how a text is changed (`vigie_config::edit`).

use std::{
    collections::{BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    sync::PoisonError,
    time::Duration,
};

use tokio::sync::{Mutex, MutexGuard};
use vigie_config::{
    Access, Caller, Config, ErrorKind, Kind, Problem, Problems, Secrets, SecretsError, Server, Warning, diff,
    edit::{self, Edit, EditError},
    variables_of,
};

use vigie_storage::history::History;

use crate::{gate::Gate, recorder::Recorder};

/// A reload waits for actors that end, each with a time of its own.
const APPLIED_WITHIN: Duration = Duration::from_secs(30);
/// Far more changes than wait to be taken up.
const AUTHORS: usize = 64;

/// Changes wait for each other here.
pub struct Settings {
    path: Option<PathBuf>,
    turn: Mutex<()>,
    /// The revisions written last, and who wanted each: one is taken up while the next is written.
    authors: std::sync::Mutex<VecDeque<(String, String)>>,
}

/// The file as it was read.
pub struct Read {
    pub edit: Edit,
    /// Another one for each text.
    pub revision: String,
}

/// Whoever wants a change.
#[derive(Clone, Copy)]
pub struct By<'a> {
    pub name: &'a str,
    /// From where they ask, as these settings have it: which proxies are believed is one of them.
    pub from: &'a dyn Fn(&Server) -> Option<Caller>,
    /// Whether they may, asked when it is their turn: they may have waited for whoever took their right.
    pub still: &'a dyn Fn() -> bool,
    /// Even where it shuts themselves out.
    pub forced: bool,
}

impl By<'_> {
    /// They could not ask anything any more, this change included.
    async fn shut_out(&self, recorder: &Recorder, new: &Config, text: &str) -> Option<Problem> {
        let (old, new) = (&recorder.config().server, &new.server);
        let reaches_them = old.access != new.access || proxies_key(old, new).is_some();
        if self.forced || !reaches_them {
            return None;
        }
        let from = (self.from)(new)?;
        if new.access.names_cards() {
            recorder.gate().look_for(from.address).await;
        }
        let path = self.shut_out_by(recorder.gate(), old, new, from)?;
        Some(Problem {
            line: line_of(text, path),
            path: path.to_owned(),
            text: format!(
                "shuts out {}, from where you ask: let it in, or say that you mean it (force=true)",
                from.address
            ),
        })
    }

    /// The key that does it.
    fn shut_out_by(&self, gate: &Gate, old: &Server, new: &Server, from: Caller) -> Option<&'static str> {
        let before = (self.from)(old);
        let proxies = proxies_key(old, new).filter(|_| before != Some(from));
        if !gate.would_admit(&new.access, Some(from)) {
            // Whoever is let in without the list of the admitted stands on no list of the blocked.
            let everybody = Access {
                allow: Vec::new(),
                ..new.access.clone()
            };
            let list = match gate.would_admit(&everybody, Some(from)) {
                true => "server.access.allow",
                false => "server.access.block",
            };
            let by_proxies = proxies.filter(|_| gate.would_admit(&new.access, before));
            return by_proxies.or(Some(list));
        }
        let is_at_home = |caller: Caller| gate.is_at_home(self.name, Some(caller.address));
        proxies.filter(|_| before.is_some_and(is_at_home) && !is_at_home(from))
    }
}

/// Of what decides from where somebody asks, what becomes another.
fn proxies_key(old: &Server, new: &Server) -> Option<&'static str> {
    if old.trusted_proxies != new.trusted_proxies {
        Some("server.trusted_proxies")
    } else if old.proxy_header != new.proxy_header {
        Some("server.proxy_header")
    } else {
        None
    }
}

/// Where a key of the server stands, or its table; else the first line.
fn line_of(text: &str, path: &str) -> usize {
    let (table, key) = path.rsplit_once('.').unwrap_or((path, ""));
    let (header, mut found) = (format!("[{table}]"), None);
    let mut in_table = false;
    for (at, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with('[') {
            in_table = line.starts_with(&header);
        }
        let is_key = line
            .strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with('='));
        if in_table && is_key {
            return at + 1;
        }
        found = found.or(in_table.then_some(at + 1));
    }
    found.unwrap_or(1)
}

/// What a change did, or would do.
#[derive(Debug)]
pub struct Outcome {
    /// Of the file after it.
    pub revision: String,
    /// For people, one line for each thing that becomes another.
    pub changes: Vec<String>,
    /// What is interrupted for a moment.
    pub restarts: Vec<String>,
    pub warnings: Vec<Warning>,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("this recorder was started without a configuration file")]
    NoFile,
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Secrets(#[from] SecretsError),
    #[error("cannot write {}: {source}; let the recorder's user write to the file and its folder, or change it by hand", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    /// Somebody else changed the file since it was read.
    #[error("the configuration was changed meanwhile: seen revision {seen}, expected {expected}; read it again")]
    Stale { seen: String, expected: String },
    #[error("{0}")]
    Edit(#[from] EditError),
    /// The new text is none that a recorder may run with; it was not written.
    #[error("{0}")]
    Refused(#[from] Problems),
    #[error("whoever asked may not do that any more; nothing was changed")]
    NoRight,
    #[error("there is no such table")]
    NoTable,
    #[error("written, but not taken up within {APPLIED_WITHIN:?}: see the events and the log for why")]
    NotApplied,
}

impl Kind for SettingsError {
    fn kind(&self) -> ErrorKind {
        match self {
            SettingsError::Edit(_) | SettingsError::Refused(_) | SettingsError::Stale { .. } => {
                ErrorKind::Misconfigured
            }
            SettingsError::NoFile | SettingsError::NoTable | SettingsError::NoRight => ErrorKind::Refused,
            SettingsError::Secrets(error) => error.kind(),
            SettingsError::Unreadable { .. } | SettingsError::Unwritable { .. } => ErrorKind::Unavailable,
            SettingsError::NotApplied => ErrorKind::Timeout,
        }
    }
}

impl Settings {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            turn: Mutex::new(()),
            authors: Default::default(),
        }
    }

    /// The file as it is now. Reads a disk.
    pub async fn read(&self) -> Result<Read, SettingsError> {
        let path = self.path()?;
        let text = within(path, |path| std::fs::read_to_string(path))
            .await
            .map_err(|source| SettingsError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
        Ok(Read {
            edit: Edit::new(&text)?,
            revision: revision(&text),
        })
    }

    /// Nobody else changes the file until it is dropped.
    pub async fn turn(&self) -> Turn<'_> {
        Turn {
            settings: self,
            _held: self.turn.lock().await,
        }
    }

    /// The recorder runs with this text now: kept, to go back to.
    pub(crate) fn runs(&self, recorder: &Recorder, text: &str, config: &Config) {
        let history = recorder.storage().history();
        let author = self.author_of(&revision(text));
        let before = history.newest().and_then(|newest| history.text(newest.id).ok());
        // A secret that is gone says nothing about what changed.
        let parsed = |text: String| Config::parse_sparing(&text, &variables_of(&text), &|_| true).ok();
        let before = before.and_then(parsed);
        let changes = before.map(|(before, _)| diff(&before, config).words());
        if let Err(error) = history.put(text, author.as_deref(), changes.unwrap_or_default()) {
            tracing::warn!(%error, "this configuration is not kept in the history");
        }
    }

    fn wrote(&self, revision: &str, by: &str) {
        let mut authors = self.authors.lock().unwrap_or_else(PoisonError::into_inner);
        authors.push_back((revision.to_owned(), by.to_owned()));
        if authors.len() > AUTHORS {
            authors.pop_front();
        }
    }

    /// `None`: somebody who changed the file.
    fn author_of(&self, revision: &str) -> Option<String> {
        let authors = self.authors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest = authors.iter().rev();
        newest
            .find(|(written, _)| written == revision)
            .map(|(_, name)| name.clone())
    }

    fn path(&self) -> Result<&Path, SettingsError> {
        self.path.as_deref().ok_or(SettingsError::NoFile)
    }
}

/// Whoever may change the file now.
pub struct Turn<'s> {
    settings: &'s Settings,
    _held: MutexGuard<'s, ()>,
}

impl Turn<'_> {
    /// Those of the file as it is. Reads disks.
    pub async fn secrets(&self) -> Result<Secrets, SettingsError> {
        secrets_of(self.settings.read().await?.edit.text()).await
    }

    /// Changes the file for somebody and waits until the recorder runs with it. `expected`: the revision that
    /// the change was made for, where it matters. `try_only`: nothing is written.
    pub async fn change(
        &self,
        recorder: &Recorder,
        by: By<'_>,
        expected: Option<&str>,
        try_only: bool,
        change: impl FnOnce(&mut Edit) -> Result<(), SettingsError>,
    ) -> Result<Outcome, SettingsError> {
        if !(by.still)() {
            return Err(SettingsError::NoRight);
        }
        let path = self.settings.path()?;
        let Read {
            mut edit,
            revision: seen,
        } = self.settings.read().await?;
        if let Some(expected) = expected.filter(|expected| *expected != seen) {
            return Err(SettingsError::Stale {
                seen,
                expected: expected.chars().take(80).collect(),
            });
        }
        let before = edit.clone();
        change(&mut edit)?;
        let mut secrets = secrets_of(edit.text()).await?;
        let known = secrets.clone();
        edit.move_secrets(&before, &mut |field, value| secrets.keep(field, value));
        // One that was lost and is set again has the name that the text has already.
        let moved = secrets != known;
        let text = edit.text();
        let (config, warnings) = Config::parse_sparing(&text, &|name| secrets.variable(name), &|name| {
            recorder.config().unknown_secrets.contains(name)
        })?;
        if let Some(problem) = by.shut_out(recorder, &config, &text).await {
            return Err(SettingsError::Refused(Problems(vec![problem])));
        }
        let changes = diff(&recorder.config(), &config);
        let outcome = Outcome {
            revision: revision(&text),
            changes: changes.words(),
            restarts: changes.restarts(),
            warnings,
        };
        if try_only || (outcome.revision == seen && !moved) {
            return Ok(outcome);
        }
        self.settings.wrote(&outcome.revision, by.name);
        if moved {
            let storage = recorder.storage().clone();
            let file = Secrets::path_of(&text);
            let written = within(&file, move |_| {
                forget_unused(&mut secrets, [before, edit], storage.history());
                secrets.write()
            });
            let written = written.await;
            written.map_err(|source| SettingsError::Unwritable { path: file, source })?;
        }
        let written = within(path, move |path| edit::replace(path, &text)).await;
        written.map_err(|source| SettingsError::Unwritable {
            path: path.to_owned(),
            source,
        })?;
        match tokio::time::timeout(APPLIED_WITHIN, recorder.runs_with(&config)).await {
            Ok(()) => Ok(outcome),
            Err(_) => Err(SettingsError::NotApplied),
        }
    }
}

/// Those that a recorder with this text knows.
async fn secrets_of(text: String) -> Result<Secrets, SettingsError> {
    let path = Secrets::path_of(&text);
    let read = tokio::task::spawn_blocking(move || Secrets::of(&text)).await;
    let read = read.map_err(|error| SettingsError::Unreadable {
        path,
        source: io::Error::other(error),
    })?;
    Ok(read?)
}

/// What the file names neither before nor after the change, nor any text that one may go back to.
fn forget_unused(secrets: &mut Secrets, files: [Edit; 2], history: &History) {
    let mut used: BTreeSet<String> = files.iter().flat_map(Edit::variables).collect();
    for version in history.list() {
        let text = history.text(version.id).ok();
        match text.and_then(|text| Edit::new(&text).ok()) {
            Some(edit) => used.extend(edit.variables()),
            // One that cannot be read now may be read later.
            None => return,
        }
    }
    secrets.retain(|name| used.contains(name));
}

/// Off the actors' threads.
async fn within<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let path = path.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn revision(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_at_its_key_or_its_table() {
        let text = "[server]\nname = \"a\"\ntrusted_proxies = []\n\n[server.access]\nallow = [\n  \"10.0.0.0/8\",\n]\n\n[[disk]]\nblock = 1\n";
        for (path, line) in [
            ("server.trusted_proxies", 3),
            ("server.proxy_header", 1),
            ("server.access.allow", 6),
            ("server.access.block", 5),
        ] {
            assert_eq!(line_of(text, path), line, "{path}");
        }
        assert_eq!(line_of("", "server.access.allow"), 1);
    }
}
