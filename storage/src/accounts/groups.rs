//! Groups: named sets of rights. Three are built in and stay as they are; the owner may make more.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    AccountsError,
    rights::{CameraRight, HouseRight, Rights},
    users::StoredUser,
};

/// The name of a group; whether there is one is another question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

pub const ADMINISTRATOR: &str = "administrator";
pub const ADVANCED: &str = "advanced";
pub const ORDINARY: &str = "ordinary";

impl GroupName {
    pub fn administrator() -> GroupName {
        GroupName(ADMINISTRATOR.to_owned())
    }

    pub fn ordinary() -> GroupName {
        GroupName(ORDINARY.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_built_in(&self) -> bool {
        [ADMINISTRATOR, ADVANCED, ORDINARY].contains(&self.as_str())
    }

    /// Of a built-in group.
    fn rights(&self) -> Option<Rights> {
        match self.as_str() {
            ADMINISTRATOR => Some(Rights::all()),
            ADVANCED => Some(Rights {
                house: [HouseRight::Alarms, HouseRight::System].into(),
                every_camera: CameraRight::ALL
                    .into_iter()
                    .filter(|right| *right != CameraRight::Delete)
                    .collect(),
                cameras: BTreeMap::new(),
            }),
            ORDINARY => Some(Rights {
                every_camera: [CameraRight::Live, CameraRight::Playback].into(),
                ..Rights::default()
            }),
            _ => None,
        }
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for GroupName {
    type Err = AccountsError;
    fn from_str(text: &str) -> Result<Self, AccountsError> {
        let fits = (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        match fits {
            true => Ok(GroupName(text.to_owned())),
            false => Err(AccountsError::BadGroup {
                seen: text.chars().take(80).collect(),
            }),
        }
    }
}

impl TryFrom<String> for GroupName {
    type Error = AccountsError;
    fn try_from(text: String) -> Result<Self, AccountsError> {
        text.parse()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> String {
        name.0
    }
}

/// A group as others may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    pub name: GroupName,
    pub built_in: bool,
    pub rights: Rights,
}

/// Those that the owner made.
#[derive(Default)]
pub(super) struct Groups(pub BTreeMap<GroupName, Rights>);

impl Groups {
    /// `None`: there is no such group.
    pub fn rights(&self, name: &GroupName) -> Option<Rights> {
        name.rights().or_else(|| self.0.get(name).cloned())
    }

    /// Built in ones first.
    pub fn list(&self) -> Vec<Group> {
        let built_in = [ADMINISTRATOR, ADVANCED, ORDINARY].map(|name| GroupName(name.to_owned()));
        let all = built_in.iter().chain(self.0.keys());
        all.filter_map(|name| {
            Some(Group {
                built_in: name.is_built_in(),
                rights: self.rights(name)?,
                name: name.clone(),
            })
        })
        .collect()
    }

    /// What a user of a group may do. Of a group that is gone: nothing.
    pub fn rights_of(&self, user: &StoredUser) -> Rights {
        let rights = self.rights(&user.group).unwrap_or_default();
        match &user.cameras {
            Some(cameras) => rights.limited_to(cameras),
            None => rights,
        }
    }
}
