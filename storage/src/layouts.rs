//! Arrangements of pictures that people make for the wall of cameras. What is in one is the pages'
//! business.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ulid::Ulid;
use vigie_config::{ErrorKind, Kind, Utc};

use crate::{
    accounts::User,
    kept::{Change, Kept, KeptError, Thing},
    note::{self, NoteError},
};

/// Of a body, written as JSON.
pub const MOST_BYTES: usize = 16 << 10;
const LONGEST_NAME: usize = 80;
const LONGEST_ID: usize = 40;
const OF_ONE: usize = 100;
const OF_ALL: usize = 500;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    pub id: String,
    pub name: String,
    pub body: Map<String, Value>,
    /// Everybody may see it.
    pub shared: bool,
    /// Name of the user,
    pub owner: String,
    /// who was made at this time: another of the same name is not the owner.
    pub owner_created: Utc,
    /// Another one after each change.
    pub revision: Ulid,
}

impl Layout {
    pub fn is_of(&self, user: &User) -> bool {
        (self.owner.as_str(), self.owner_created) == (user.name.as_str(), user.created)
    }
}

impl Thing for Layout {
    type Key = String;
    const FILE: &'static str = "layouts.jsonl";
    fn key(&self) -> String {
        self.id.clone()
    }
}

/// What a page wants to be kept.
pub struct Wanted {
    pub id: String,
    pub name: String,
    pub body: Map<String, Value>,
    pub shared: bool,
}

/// What a change is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Whatever,
    /// Nobody has made it yet.
    New,
    Revision(String),
}

#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error("id: expected 1 to {LONGEST_ID} of a-z 0-9 - _")]
    Id,
    #[error("name: {0}")]
    Name(#[from] NoteError),
    #[error("name: expected 1 to {LONGEST_NAME} characters")]
    NoName,
    #[error("body: seen {0} bytes, expected at most {MOST_BYTES}")]
    Long(usize),
    #[error("{0} layouts are kept already: delete some first")]
    Many(usize),
    #[error("there is no layout {0}")]
    Unknown(String),
    #[error("the layout {0} is somebody else's")]
    Foreign(String),
    #[error("the layout {0} was changed meanwhile: read it again")]
    Stale(String),
    #[error(transparent)]
    Kept(#[from] KeptError),
}

impl Kind for LayoutError {
    fn kind(&self) -> ErrorKind {
        match self {
            LayoutError::Id | LayoutError::Name(_) | LayoutError::NoName | LayoutError::Long(_) => {
                ErrorKind::Misconfigured
            }
            LayoutError::Stale(_) => ErrorKind::Misconfigured,
            LayoutError::Many(_) => ErrorKind::Full,
            LayoutError::Unknown(_) | LayoutError::Foreign(_) => ErrorKind::Refused,
            LayoutError::Kept(error) => error.kind(),
        }
    }
}

pub struct Layouts(Kept<Layout>);

impl Layouts {
    pub fn open(state_dir: &Path) -> Layouts {
        Layouts(Kept::open(state_dir))
    }

    /// By id.
    pub fn list(&self, wanted: impl Fn(&Layout) -> bool) -> Vec<Layout> {
        self.0
            .read()
            .values()
            .filter(|layout| wanted(layout))
            .cloned()
            .collect()
    }

    /// Durable when it returns. `any`: others' too. Whoever made it stays its owner.
    pub fn put(&self, user: &User, any: bool, wanted: Wanted, expected: &Expected) -> Result<Layout, LayoutError> {
        let Wanted { id, name, body, shared } = wanted;
        let name = name.trim();
        check_id(&id)?;
        note::check_length(name, LONGEST_NAME)?;
        if name.is_empty() {
            return Err(LayoutError::NoName);
        }
        check_body(&body).map_err(LayoutError::Long)?;
        self.0.change(|all| {
            let before = all.get(&id);
            let mut layout = Layout {
                name: name.to_owned(),
                body,
                shared,
                owner: user.name.clone(),
                owner_created: user.created,
                revision: Ulid::generate(),
                id,
            };
            match before {
                Some(before) => {
                    may_change(before, user, any, expected)?;
                    (layout.owner, layout.owner_created) = (before.owner.clone(), before.owner_created);
                }
                None if matches!(expected, Expected::Revision(_)) => return Err(LayoutError::Stale(layout.id)),
                None => {
                    let of_one = all.values().filter(|other| other.is_of(user)).count();
                    if of_one >= OF_ONE || all.len() >= OF_ALL {
                        return Err(LayoutError::Many(of_one));
                    }
                }
            }
            Ok((vec![Change::Put(layout.clone())], layout))
        })
    }

    pub fn remove(&self, user: &User, any: bool, id: &str, expected: &Expected) -> Result<(), LayoutError> {
        self.0.change(|all| {
            let unknown = || LayoutError::Unknown(id.chars().take(LONGEST_ID).collect());
            // To others a layout that is not shared is not there.
            let there = all.get(id).filter(|layout| any || layout.shared || layout.is_of(user));
            let before = there.ok_or_else(unknown)?;
            may_change(before, user, any, expected)?;
            Ok((vec![Change::Remove(before.id.clone())], ()))
        })
    }

    /// All of them.
    pub fn forget(&self) -> Result<(), KeptError> {
        self.0.forget()
    }

    /// Whether [`Layouts::restore`] would find room.
    pub fn has_room_for(&self, layouts: &[Layout]) -> Result<(), LayoutError> {
        room_for(&self.0.read(), layouts)
    }

    /// As they were in another recorder, or before: each replaces one of the same id.
    pub fn restore(&self, layouts: Vec<Layout>) -> Result<(), LayoutError> {
        self.0.change(|all| {
            room_for(all, &layouts)?;
            let layouts = layouts.into_iter().filter(|one| all.get(&one.id) != Some(one));
            Ok((layouts.map(Change::Put).collect(), ()))
        })
    }
}

fn room_for(all: &BTreeMap<String, Layout>, layouts: &[Layout]) -> Result<(), LayoutError> {
    let new = layouts.iter().filter(|one| !all.contains_key(&one.id)).count();
    match all.len() + new <= OF_ALL {
        true => Ok(()),
        false => Err(LayoutError::Many(all.len())),
    }
}

fn may_change(before: &Layout, user: &User, any: bool, expected: &Expected) -> Result<(), LayoutError> {
    if !any && !before.is_of(user) {
        return Err(LayoutError::Foreign(before.id.clone()));
    }
    match expected {
        Expected::Whatever => Ok(()),
        Expected::Revision(revision) if *revision == before.revision.to_string() => Ok(()),
        Expected::New | Expected::Revision(_) => Err(LayoutError::Stale(before.id.clone())),
    }
}

fn check_id(id: &str) -> Result<(), LayoutError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    match (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain) {
        true => Ok(()),
        false => Err(LayoutError::Id),
    }
}

/// An error: how long it is.
pub(crate) fn check_body(body: &Map<String, Value>) -> Result<(), usize> {
    let length = serde_json::to_vec(body).map_or(usize::MAX, |text| text.len());
    match length <= MOST_BYTES {
        true => Ok(()),
        false => Err(length),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn user(name: &str) -> User {
        User::sample(name, Utc::from_micros(7))
    }

    fn wanted(id: &str, windows: u64) -> Wanted {
        Wanted {
            id: id.into(),
            name: "Entrance".into(),
            body: json!({ "windows": windows }).as_object().unwrap().clone(),
            shared: false,
        }
    }

    #[test]
    fn two_who_edit_one_layout_do_not_overwrite_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let layouts = Layouts::open(folder.path());
        let ann = user("ann");
        let first = layouts.put(&ann, false, wanted("door", 1), &Expected::New).unwrap();
        let again = layouts.put(&ann, false, wanted("door", 2), &Expected::New);
        assert!(matches!(again, Err(LayoutError::Stale(_))));
        let seen = Expected::Revision(first.revision.to_string());
        let second = layouts.put(&ann, false, wanted("door", 4), &seen).unwrap();
        assert!(second.revision != first.revision);
        assert!(matches!(
            layouts.put(&ann, false, wanted("door", 9), &seen),
            Err(LayoutError::Stale(_))
        ));
        assert!(matches!(
            layouts.remove(&ann, false, "door", &seen),
            Err(LayoutError::Stale(_))
        ));
        assert_eq!(Layouts::open(folder.path()).list(|_| true), [second]);
        layouts.remove(&ann, false, "door", &Expected::Whatever).unwrap();
        assert!(Layouts::open(folder.path()).list(|_| true).is_empty());
    }

    #[test]
    fn only_the_owner_or_whoever_may_change_all_changes_one() {
        let folder = tempfile::tempdir().unwrap();
        let layouts = Layouts::open(folder.path());
        let (ann, ben) = (user("ann"), user("ben"));
        layouts.put(&ann, false, wanted("door", 1), &Expected::New).unwrap();
        let foreign = layouts.put(&ben, false, wanted("door", 2), &Expected::Whatever);
        assert!(matches!(foreign, Err(LayoutError::Foreign(_))));
        let namesake = User {
            created: Utc::from_micros(8),
            ..ann.clone()
        };
        let unseen = layouts.remove(&namesake, false, "door", &Expected::Whatever);
        assert!(matches!(unseen, Err(LayoutError::Unknown(_))));
        let mut shared = wanted("door", 1);
        shared.shared = true;
        layouts.put(&ann, false, shared, &Expected::Whatever).unwrap();
        let foreign = layouts.remove(&namesake, false, "door", &Expected::Whatever);
        assert!(matches!(foreign, Err(LayoutError::Foreign(_))));
        let changed = layouts.put(&ben, true, wanted("door", 2), &Expected::Whatever).unwrap();
        assert!(changed.is_of(&ann));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let layouts = Layouts::open(folder.path());
        let ann = user("ann");
        for n in 0..OF_ONE {
            layouts
                .put(&ann, false, wanted(&format!("l{n}"), 1), &Expected::New)
                .unwrap();
        }
        let put = |wanted: Wanted| layouts.put(&ann, false, wanted, &Expected::Whatever);
        assert!(matches!(put(wanted("more", 1)), Err(LayoutError::Many(OF_ONE))));
        assert!(put(wanted("l1", 3)).is_ok());
        for id in ["", "A", "a b", "../x", &"a".repeat(LONGEST_ID + 1)] {
            assert!(matches!(put(wanted(id, 1)), Err(LayoutError::Id)), "{id:?}");
        }
        let mut long = wanted("l1", 1);
        long.body.insert("text".into(), "x".repeat(MOST_BYTES).into());
        assert!(matches!(put(long), Err(LayoutError::Long(_))));
    }
}
