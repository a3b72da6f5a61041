//! A factory reset: what a recorder forgets, and what it keeps.
//!
//! Belongs here: the configuration it gets, and everything people have set up in its state. Does not
//! belong here: footage, events, snapshots, locks and the audit log, which stay.

use serde_json::{Map, Value};
use vigie_config::{
    Secrets,
    edit::{Edit, EditError, LISTS, Place, SINGLES},
};
use vigie_storage::{
    Storage, accounts::AccountsError, history::HistoryError, layouts::LayoutError, preferences::PreferenceError,
    tags::TagError,
};

/// What is not about how this machine is reached and where it keeps its state.
const OF_THE_OWNER: [&str; 3] = ["name", "access", "time_zone"];

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error("the configuration is reset, users are not forgotten: {0}")]
    Accounts(#[from] AccountsError),
    #[error("users are forgotten, not all layouts: {0}")]
    Layouts(#[from] LayoutError),
    #[error("users and layouts are forgotten, not all that pages remember: {0}")]
    Preferences(#[from] PreferenceError),
    #[error("users are forgotten, not all tags: {0}")]
    Tags(#[from] TagError),
    #[error("users are forgotten, not former configurations: {0}")]
    History(#[from] HistoryError),
    #[error("users are forgotten, not the secrets that were set on the pages: {0}")]
    Secrets(std::io::Error),
}

/// The configuration of a new recorder at the same addresses with the same disks.
pub fn configuration(now: &Edit) -> Result<Edit, EditError> {
    let mut edit = now.clone();
    let shown = now.shown();
    for table in SINGLES.into_iter().filter(|table| *table != "server") {
        edit.remove(&Place::One(table))?;
    }
    for table in LISTS.into_iter().filter(|table| *table != "disk") {
        let Some(Value::Array(entries)) = shown.get(table) else {
            continue;
        };
        for id in entries.iter().filter_map(|entry| entry["id"].as_str()) {
            edit.remove(&Place::Entry(table, id.to_owned()))?;
        }
    }
    if let Some(Value::Object(server)) = shown.get("server") {
        let kept = server.iter().filter(|(key, _)| !OF_THE_OWNER.contains(&key.as_str()));
        let kept: Map<_, _> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        edit.put(&Place::One("server"), kept)?;
    }
    Ok(edit)
}

/// Everything that people have set up beside the configuration `text`, which is in force by then. Browsers
/// that take notifications do so for users, and are forgotten with them. Writes to disks.
pub fn forget(storage: &Storage, text: &str) -> Result<(), ResetError> {
    storage.accounts().forget_everybody()?;
    storage.layouts().clear()?;
    storage.preferences().clear()?;
    storage.tags().clear()?;
    storage.history().clear()?;
    storage.history().put(text, None, Vec::new())?;
    Secrets::forget_all(text).map_err(ResetError::Secrets)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_disks_stay() {
        let text = r#"# of this machine
[server]
name = "Lobby"
state_dir = "/var/lib/vigie"
http = ["127.0.0.1:8080"]
time_zone = "Europe/Paris"
[server.access]
block = ["192.0.2.0/24"]
[[disk]]
id = "d1"
path = "/srv/d1"
[[camera]]
id = "gate"
password = "hunter2"
[camera.main]
url = "rtsp://192.0.2.1/"
[[camera]]
id = "yard"
[camera.main]
url = "rtsp://192.0.2.2/"
[email]
password = "hunter3"
[[rule]]
id = "night"
"#;
        let reset = configuration(&Edit::new(text).unwrap()).unwrap().text();
        let kept = "# of this machine\n[server]\nstate_dir = \"/var/lib/vigie\"\nhttp = [\"127.0.0.1:8080\"]\n\
                    [[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n";
        assert_eq!(reset, kept);
    }
}
