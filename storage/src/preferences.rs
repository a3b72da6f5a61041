//! What pages remember for each user: language, theme, the last wall. Their own business.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vigie_config::{ErrorKind, Kind, Utc};

use crate::{
    accounts::User,
    kept::{Change, Kept, KeptError, Thing},
    layouts::{MOST_BYTES, check_body},
};

/// Users come and go; those of the longest unchanged ones are forgotten first.
const MOST: usize = 1000;

/// Of one user, as a backup carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preference {
    user: String,
    /// When that user was made: another of the same name begins with nothing.
    user_created: Utc,
    changed: Utc,
    body: Map<String, Value>,
}

impl Thing for Preference {
    type Key = String;
    const FILE: &'static str = "preferences.jsonl";
    fn key(&self) -> String {
        self.user.clone()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PreferenceError {
    #[error("seen {0} bytes, expected at most {MOST_BYTES}")]
    Long(usize),
    #[error(transparent)]
    Kept(#[from] KeptError),
}

impl Kind for PreferenceError {
    fn kind(&self) -> ErrorKind {
        match self {
            PreferenceError::Long(_) => ErrorKind::Misconfigured,
            PreferenceError::Kept(error) => error.kind(),
        }
    }
}

pub struct Preferences(Kept<Preference>);

impl Preferences {
    pub fn open(state_dir: &Path) -> Preferences {
        Preferences(Kept::open(state_dir))
    }

    /// Empty where nothing was put.
    pub fn of(&self, user: &User) -> Map<String, Value> {
        let kept = self.0.get(&user.name);
        kept.filter(|kept| kept.user_created == user.created)
            .map(|kept| kept.body)
            .unwrap_or_default()
    }

    /// Durable when it returns.
    pub fn put(&self, user: &User, body: Map<String, Value>) -> Result<(), PreferenceError> {
        check_body(&body).map_err(PreferenceError::Long)?;
        self.0.change(|all| {
            let mut changes = Vec::new();
            if all.len() >= MOST && !all.contains_key(&user.name) {
                let oldest = all.values().min_by_key(|kept| kept.changed);
                changes.extend(oldest.map(|kept| Change::Remove(kept.user.clone())));
            }
            changes.push(Change::Put(Preference {
                user: user.name.clone(),
                user_created: user.created,
                changed: Utc::now(),
                body,
            }));
            Ok((changes, ()))
        })
    }

    /// Everybody's.
    pub fn all(&self) -> Vec<Preference> {
        self.0.read().values().cloned().collect()
    }

    /// All of them.
    pub fn forget(&self) -> Result<(), KeptError> {
        self.0.forget()
    }

    /// As they were in another recorder, or before; nothing else is remembered.
    pub fn restore(&self, preferences: Vec<Preference>) -> Result<(), PreferenceError> {
        self.0.change(|all| {
            let gone = all
                .keys()
                .filter(|user| preferences.iter().all(|one| one.user != **user));
            let mut changes: Vec<_> = gone.cloned().map(Change::Remove).collect();
            let new = preferences.iter().filter(|one| all.get(&one.user) != Some(*one));
            changes.extend(new.take(MOST).cloned().map(Change::Put));
            Ok((changes, ()))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn each_user_has_their_own_and_a_namesake_begins_with_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let preferences = Preferences::open(folder.path());
        let ann = User::sample("ann", Utc::from_micros(7));
        let dark = json!({ "theme": "dark" }).as_object().unwrap().clone();
        preferences.put(&ann, dark.clone()).unwrap();
        let again = Preferences::open(folder.path());
        assert_eq!(again.of(&ann), dark);
        let namesake = User {
            created: Utc::from_micros(8),
            ..ann.clone()
        };
        assert!(again.of(&namesake).is_empty());
        let long = json!({ "x": "y".repeat(MOST_BYTES) }).as_object().unwrap().clone();
        assert!(matches!(again.put(&ann, long), Err(PreferenceError::Long(_))));
    }
}
