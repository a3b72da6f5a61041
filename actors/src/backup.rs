//! What a backup takes of a recorder, and what restoring one puts back.
//!
//! Belongs here: the whole of it, of a recorder that runs or does not. Does not belong here: the file
//! ([`vigie_storage::backup`]), how a configuration is written ([`crate::settings`]).

use std::collections::BTreeMap;

use vigie_config::{
    Config, ErrorKind, Kind, Problems, Variables,
    edit::{Edit, EditError, Place},
};
use vigie_storage::{
    Storage, accounts::AccountsError, backup::Contents, inspect, layouts::LayoutError, preferences::PreferenceError,
    tags::TagError,
};

use crate::settings::SettingsError;

/// A machine's own: where its state is kept. Restoring keeps it, or the next start would find nobody.
const OF_THE_MACHINE: [&str; 1] = ["state_dir"];
/// Those of another machine may not be there: nobody could reach the pages any more.
const ADDRESSES: [&str; 3] = ["http", "https", "rtsp"];

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the configuration is restored, not users, groups and tokens: {0}")]
    Accounts(#[from] AccountsError),
    #[error("configuration and users are restored, not layouts, what pages remember and tags: {0}")]
    Layouts(#[from] LayoutError),
    #[error("configuration, users and layouts are restored, not what pages remember and tags: {0}")]
    Preferences(#[from] PreferenceError),
    #[error("everything but the tags is restored: {0}")]
    Tags(#[from] TagError),
}

/// A backup without it would be refused on the day that it is needed.
#[derive(Debug, thiserror::Error)]
#[error("what the configuration names is not known here, so it cannot be saved: {names}{why}")]
pub struct SaveError {
    names: String,
    why: String,
}

impl Kind for SaveError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

impl Kind for RestoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            RestoreError::Accounts(error) => error.kind(),
            RestoreError::Layouts(error) => error.kind(),
            RestoreError::Preferences(error) => error.kind(),
            RestoreError::Tags(error) => error.kind(),
        }
    }
}

/// What a backup holds has no place here; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NoPlace {
    #[error("{0}")]
    Accounts(#[from] AccountsError),
    #[error("layouts of the backup beside those that are here: {0}")]
    Layouts(#[from] LayoutError),
    #[error("tags of the backup beside those that are here: {0}")]
    Tags(#[from] TagError),
}

/// Everything that is set up here. `config`: the file as it is.
pub fn contents(storage: &Storage, config: &Edit, name: &str) -> Result<Contents, SaveError> {
    let text = config.text();
    let known = Variables::of(&text);
    let (mut variables, mut unknown) = (BTreeMap::new(), Vec::new());
    for name in config.variables() {
        match known.get(&name) {
            Some(value) => drop(variables.insert(name, value)),
            None => unknown.push(name),
        }
    }
    if let Some(names) = (!unknown.is_empty()).then(|| unknown.join(", ")) {
        let why = known.error().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(SaveError { names, why });
    }
    Ok(Contents {
        recorder: storage.recorder().to_string(),
        name: name.to_owned(),
        config: text.clone(),
        variables,
        accounts: storage.accounts().export(),
        layouts: storage.layouts().list(|_| true),
        preferences: storage.preferences().all(),
        tags: storage.tags().list(|_| true),
    })
}

/// The file's text as it becomes on this recorder, and what of it is other than in the backup.
/// `variable`: what this machine's stand for.
pub fn configuration(
    storage: &Storage,
    contents: &Contents,
    now: &Edit,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(Edit, Vec<String>), ConfigError> {
    let mut notes = Vec::new();
    let mut edit = Edit::new(&contents.config)?;
    let differs = |name: &str| variable(name).as_ref() != contents.variables.get(name);
    edit.write_out(&differs, &contents.variables);
    for name in contents.variables.keys().filter(|name| differs(name)) {
        notes.push(format!(
            "${{{name}}} is another one or none on this machine: what it stood for is written into the file"
        ));
    }
    let server = Place::One("server");
    let table = |edit: &Edit| match edit.get(&server) {
        Some(serde_json::Value::Object(table)) => table,
        _ => Default::default(),
    };
    let (mine, mut wanted) = (table(now), table(&edit));
    let foreign = contents.recorder != storage.recorder().to_string();
    let kept = OF_THE_MACHINE.iter().chain(ADDRESSES.iter().filter(|_| foreign));
    for key in kept {
        if mine.get(*key) == wanted.get(*key) {
            continue;
        }
        notes.push(format!("server.{key}: stays as it is on this machine"));
        match mine.get(*key) {
            Some(value) => drop(wanted.insert((*key).to_owned(), value.clone())),
            None => drop(wanted.remove(*key)),
        }
    }
    if wanted != table(&edit) {
        edit.put(&server, wanted)?;
    }
    Ok((edit, notes))
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0}")]
    Problems(#[from] Problems),
    #[error("{0}")]
    Edit(#[from] EditError),
}

impl From<ConfigError> for SettingsError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Problems(problems) => SettingsError::Refused(problems),
            ConfigError::Edit(error) => SettingsError::Edit(error),
        }
    }
}

/// Disks of a configuration that cannot be recorded on here. Looks at disks.
pub fn absent_disks(config: &Config) -> Vec<(String, String)> {
    let look = |disk: &vigie_config::Disk| {
        let error = inspect(&config.server.state_dir, disk).err()?;
        Some((format!("disk {:?}", disk.id.as_str()), error.to_string()))
    };
    config.disks.iter().filter_map(look).collect()
}

/// What becomes another beside the configuration, a line each.
pub fn changes(storage: &Storage, contents: &Contents) -> Result<Vec<String>, NoPlace> {
    let mut lines = storage.accounts().import_changes(&contents.accounts)?;
    storage.layouts().has_room_for(&contents.layouts)?;
    storage.tags().has_room_for(&contents.tags)?;
    let known = storage.layouts().list(|_| true);
    let layouts = contents.layouts.iter().filter(|one| !known.contains(one)).count();
    let known = storage.preferences().all();
    let preferences = contents.preferences.iter().filter(|one| !known.contains(one)).count();
    let tags = contents
        .tags
        .iter()
        .filter(|tag| storage.tags().get(tag.id).as_ref() != Some(tag));
    let counts = [
        (layouts, "layouts"),
        (preferences, "users' preferences"),
        (tags.count(), "tags"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    lines.extend(counts.map(|(count, what)| format!("{what}: {count} put back")));
    Ok(lines)
}

/// Everything but the configuration, which is in force by then. Nobody is signed in any more.
pub fn restore(storage: &Storage, contents: Contents) -> Result<(), RestoreError> {
    storage.accounts().import(&contents.accounts)?;
    storage.layouts().restore(contents.layouts)?;
    storage.preferences().restore(contents.preferences)?;
    storage.tags().restore(contents.tags)?;
    Ok(())
}
