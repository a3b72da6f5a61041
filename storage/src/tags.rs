//! Words that people put at a moment, to find it again.
//!
//! Kept in `<state_dir>/tags.jsonl`, beside the index and not in it: a rebuilt index loses none.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use vigie_config::{CameraId, ErrorKind, Kind, Utc};

use crate::{
    kept::{Change, Kept, KeptError, Thing},
    note::{self, NoteError},
};

/// Characters of a tag.
pub const LONGEST: usize = 120;
const MOST: usize = 50_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub id: Ulid,
    /// `None`: of the house.
    pub camera: Option<CameraId>,
    pub at: Utc,
    pub text: String,
    /// Name of the user.
    pub by: String,
    pub created: Utc,
}

impl Thing for Tag {
    type Key = Ulid;
    const FILE: &'static str = "tags.jsonl";
    fn key(&self) -> Ulid {
        self.id
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TagError {
    #[error("text: {0}")]
    Text(#[from] NoteError),
    #[error("text: expected 1 to {LONGEST} characters")]
    Empty,
    #[error("{MOST} tags are kept already: delete some first")]
    Many,
    #[error("there is no tag {0}")]
    Unknown(Ulid),
    #[error(transparent)]
    Kept(#[from] KeptError),
}

impl Kind for TagError {
    fn kind(&self) -> ErrorKind {
        match self {
            TagError::Text(_) | TagError::Empty => ErrorKind::Misconfigured,
            TagError::Many => ErrorKind::Full,
            TagError::Unknown(_) => ErrorKind::Refused,
            TagError::Kept(error) => error.kind(),
        }
    }
}

pub struct Tags(Kept<Tag>);

impl Tags {
    pub fn open(state_dir: &Path) -> Tags {
        Tags(Kept::open(state_dir))
    }

    /// Those that `wanted` picks, by their moment.
    pub fn list(&self, wanted: impl Fn(&Tag) -> bool) -> Vec<Tag> {
        let mut found: Vec<Tag> = self.0.read().values().filter(|tag| wanted(tag)).cloned().collect();
        found.sort_by_key(|tag| (tag.at, tag.id));
        found
    }

    pub fn get(&self, id: Ulid) -> Option<Tag> {
        self.0.get(&id)
    }

    /// Durable when it returns.
    pub fn add(&self, camera: Option<CameraId>, at: Utc, text: &str, by: &str) -> Result<Tag, TagError> {
        let text = checked(text)?;
        self.0.change(|all| match all.len() < MOST {
            false => Err(TagError::Many),
            true => {
                let tag = Tag {
                    id: Ulid::generate(),
                    camera,
                    at,
                    text,
                    by: by.to_owned(),
                    created: Utc::now(),
                };
                Ok((vec![Change::Put(tag.clone())], tag))
            }
        })
    }

    /// Other words at the same moment.
    pub fn reword(&self, id: Ulid, text: &str) -> Result<Tag, TagError> {
        let text = checked(text)?;
        self.0.change(|all| {
            let mut tag = all.get(&id).cloned().ok_or(TagError::Unknown(id))?;
            tag.text = text;
            Ok((vec![Change::Put(tag.clone())], tag))
        })
    }

    pub fn remove(&self, id: Ulid) -> Result<(), TagError> {
        self.0.change(|all| match all.contains_key(&id) {
            true => Ok((vec![Change::Remove(id)], ())),
            false => Err(TagError::Unknown(id)),
        })
    }

    /// All of them.
    pub fn forget(&self) -> Result<(), KeptError> {
        self.0.forget()
    }

    /// Whether [`Tags::restore`] would find room.
    pub fn has_room_for(&self, tags: &[Tag]) -> Result<(), TagError> {
        room_for(&self.0.read(), tags)
    }

    /// As they were in another recorder, or before: each replaces one of the same id.
    pub fn restore(&self, tags: Vec<Tag>) -> Result<(), TagError> {
        self.0.change(|all| {
            room_for(all, &tags)?;
            let tags = tags.into_iter().filter(|tag| all.get(&tag.id) != Some(tag));
            Ok((tags.map(Change::Put).collect(), ()))
        })
    }
}

fn room_for(all: &BTreeMap<Ulid, Tag>, tags: &[Tag]) -> Result<(), TagError> {
    let new = tags.iter().filter(|tag| !all.contains_key(&tag.id)).count();
    match all.len() + new <= MOST {
        true => Ok(()),
        false => Err(TagError::Many),
    }
}

fn checked(text: &str) -> Result<String, TagError> {
    let text = text.trim();
    note::check_length(text, LONGEST)?;
    match text.is_empty() {
        true => Err(TagError::Empty),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tags_are_kept_by_their_moment() {
        let folder = tempfile::tempdir().unwrap();
        let tags = Tags::open(folder.path());
        let gate = CameraId::new("gate").unwrap();
        let late = tags.add(Some(gate), Utc::from_micros(9), " the van ", "ann").unwrap();
        let early = tags.add(None, Utc::from_micros(5), "alarm test", "ben").unwrap();
        assert_eq!(late.text, "the van");
        assert_eq!(tags.list(|_| true), [early.clone(), late.clone()]);
        let reworded = tags.reword(late.id, "the other van").unwrap();
        assert_eq!((reworded.by.as_str(), reworded.at), ("ann", late.at));
        tags.remove(early.id).unwrap();
        assert!(matches!(tags.remove(early.id), Err(TagError::Unknown(_))));
        let again = Tags::open(folder.path());
        assert_eq!(again.list(|_| true), std::slice::from_ref(&reworded));
        again.restore(vec![early.clone(), reworded]).unwrap();
        assert_eq!(again.list(|tag| tag.text.contains("test")), [early]);
        for bad in ["", "  ", "two\nlines", &"é".repeat(LONGEST + 1)] {
            assert!(tags.add(None, Utc::from_micros(5), bad, "ann").is_err(), "{bad:?}");
        }
        tags.add(None, Utc::from_micros(5), &"é".repeat(LONGEST), "ann")
            .unwrap();
    }
}
