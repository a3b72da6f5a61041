//! A recorder made as it was when it was new, but for what was recorded.
//!
//! Belongs here: what is forgotten, and what stays. Does not belong here: how a configuration is written
//! ([`crate::settings`]), the set-up link (`vigie_storage::accounts`).

use vigie_config::{ErrorKind, Kind, Secrets, edit::Edit};
use vigie_storage::{
    Storage, accounts::AccountsError, history::HistoryError, kept::KeptError, subscriptions::SubscriptionError,
    subscriptions::Subscriptions,
};

use crate::settings::SettingsError;

/// Of `[server]`: by what it is reached, and where its state is. Who resets it finds it again.
const KEPT: [&str; 10] = [
    "state_dir",
    "http",
    "https",
    "http_redirect",
    "hsts",
    "certificate",
    "base_path",
    "trusted_proxies",
    "proxy_header",
    "rtsp",
];

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error("the configuration is the one of a new recorder, all else is still there: {0}")]
    History(#[from] HistoryError),
    #[error("the configuration is the one of a new recorder, users and the secrets that were set are still there: {0}")]
    Secrets(std::io::Error),
    #[error("the configuration is the one of a new recorder, users and some of what they keep are still there: {0}")]
    Kept(#[from] KeptError),
    #[error(
        "the configuration is the one of a new recorder, users and the browsers that are told are still there: {0}"
    )]
    Subscriptions(#[from] SubscriptionError),
    #[error("the configuration is the one of a new recorder, users, groups and tokens are still there: {0}")]
    Accounts(#[from] AccountsError),
}

impl Kind for ResetError {
    fn kind(&self) -> ErrorKind {
        match self {
            ResetError::History(error) => error.kind(),
            ResetError::Secrets(_) => ErrorKind::Unavailable,
            ResetError::Kept(error) => error.kind(),
            ResetError::Subscriptions(error) => error.kind(),
            ResetError::Accounts(error) => error.kind(),
        }
    }
}

/// The configuration of a new recorder with these disks, reached as this one is.
pub fn configuration(now: &Edit) -> Result<Edit, SettingsError> {
    let mut wanted = now.shown();
    wanted.retain(|table, _| table == "server" || table == "disk");
    if let Some(serde_json::Value::Object(server)) = wanted.get_mut("server") {
        server.retain(|key, _| KEPT.contains(&key.as_str()));
    }
    // Not the text of before: its comments may hold what was set up.
    let mut edit = Edit::new("")?;
    edit.put_all(wanted)?;
    Ok(edit)
}

/// Everything but the configuration, whose `text` is in force by then. Footage, events, pictures, what is
/// protected and the audit log stay. People go last: whoever asked can ask again when it ends half way.
pub fn forget(
    storage: &Storage,
    subscriptions: &Subscriptions,
    text: &str,
    by: Option<&str>,
) -> Result<(), ResetError> {
    storage.history().begin_anew(text, by)?;
    Secrets::forget_all(text).map_err(ResetError::Secrets)?;
    forget_kept(storage, subscriptions)?;
    storage.accounts().forget_everybody()?;
    // Whoever was signed in until now may have kept something meanwhile.
    if let Err(error) = forget_kept(storage, subscriptions) {
        tracing::warn!(%error, "the reset is done, but for what people kept while it went on");
    }
    Ok(())
}

fn forget_kept(storage: &Storage, subscriptions: &Subscriptions) -> Result<(), ResetError> {
    storage.layouts().forget()?;
    storage.preferences().forget()?;
    storage.tags().forget()?;
    Ok(subscriptions.forget()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn disks_and_the_way_in_stay() {
        let text = "# Ours: rtsp://admin:old@192.0.2.9/1\n[server]\nname = \"Lobby\"\nstate_dir = \"/s\"\nhttp = \"127.0.0.1:1\"\ntime_zone = \"Asia/Jakarta\"\n\
            [server.certificate]\nkind = \"own\"\n[server.access]\nblock = [\"192.0.2.1\"]\n\
            [email]\nserver = \"mail.example.org\"\npassword = \"s3cret\"\n\
            [[disk]]\nid = \"d1\"\npath = \"/d1\"\n[[camera]]\nid = \"gate\"\nmain.url = \"rtsp://u:pw@192.0.2.7/1\"\n";
        let new = configuration(&Edit::new(text).unwrap()).unwrap();
        let expected = serde_json::json!({
            "server": { "state_dir": "/s", "http": "127.0.0.1:1", "certificate": { "kind": "own" } },
            "disk": [{ "id": "d1", "path": "/d1" }],
        });
        assert_eq!(serde_json::Value::Object(new.shown()), expected);
        for gone in ["Lobby", "192.0.2", "s3cret", "gate", "Ours"] {
            assert!(!new.text().contains(gone), "{gone}: {}", new.text());
        }
        let empty = configuration(&Edit::new("").unwrap()).unwrap();
        assert_eq!(empty.text(), "");
    }
}
