//! What somebody may do: in the house, and with each camera.
//!
//! Pure. Belongs here: sets of rights and what follows from them. Does not belong here: who has
//! them ([`super::groups`], [`super::users`], [`super::tokens`]), what a route demands (`vigie-web`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vigie_config::CameraId;

/// A right that is about no camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HouseRight {
    /// Inputs, outputs and the buzzer; recording by hand of every camera that is seen; acknowledging.
    Alarms,
    /// The tree of actors, the log, metrics, capacity.
    System,
    /// The configuration, its history, disks.
    Configure,
    /// Users, groups, the sessions and tokens of others, the audit log.
    Users,
}

/// A right with a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraRight {
    Live,
    Playback,
    /// Taking footage away as a file.
    Export,
    /// Recording by hand.
    Record,
    /// Locks and tags.
    Protect,
    /// Deleting footage and pictures.
    Delete,
}

impl HouseRight {
    pub const ALL: [HouseRight; 4] = [
        HouseRight::Alarms,
        HouseRight::System,
        HouseRight::Configure,
        HouseRight::Users,
    ];
}

impl CameraRight {
    pub const ALL: [CameraRight; 6] = [
        CameraRight::Live,
        CameraRight::Playback,
        CameraRight::Export,
        CameraRight::Record,
        CameraRight::Protect,
        CameraRight::Delete,
    ];
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rights {
    pub house: BTreeSet<HouseRight>,
    /// With every camera, those of tomorrow too.
    pub every_camera: BTreeSet<CameraRight>,
    /// With single cameras, on top of those with every one.
    pub cameras: BTreeMap<CameraId, BTreeSet<CameraRight>>,
}

impl Rights {
    /// Everything there is.
    pub fn all() -> Rights {
        Rights {
            house: HouseRight::ALL.into(),
            every_camera: CameraRight::ALL.into(),
            cameras: BTreeMap::new(),
        }
    }

    pub fn may(&self, right: HouseRight) -> bool {
        self.house.contains(&right)
    }

    pub fn may_with(&self, camera: &CameraId, right: CameraRight) -> bool {
        self.every_camera.contains(&right) || self.cameras.get(camera).is_some_and(|own| own.contains(&right))
    }

    /// With every camera, those of tomorrow and those that are gone too.
    pub fn may_everywhere(&self, right: CameraRight) -> bool {
        self.every_camera.contains(&right)
    }

    /// With one camera at least.
    pub fn may_somewhere(&self, right: CameraRight) -> bool {
        self.every_camera.contains(&right) || self.cameras.values().any(|own| own.contains(&right))
    }

    /// For whoever does not see a camera it does not exist.
    pub fn sees(&self, camera: &CameraId) -> bool {
        !self.every_camera.is_empty() || self.cameras.get(camera).is_some_and(|own| !own.is_empty())
    }

    fn with(&self, camera: &CameraId) -> BTreeSet<CameraRight> {
        let own = self.cameras.get(camera).into_iter().flatten();
        self.every_camera.iter().chain(own).copied().collect()
    }

    /// What both allow.
    pub fn and(&self, other: &Rights) -> Rights {
        let named = self.cameras.keys().chain(other.cameras.keys());
        let every_camera: BTreeSet<CameraRight> =
            self.every_camera.intersection(&other.every_camera).copied().collect();
        let of = |camera: &CameraId| -> BTreeSet<CameraRight> {
            let (mine, theirs) = (self.with(camera), other.with(camera));
            mine.intersection(&theirs)
                .copied()
                .filter(|right| !every_camera.contains(right))
                .collect()
        };
        Rights {
            house: self.house.intersection(&other.house).copied().collect(),
            cameras: named
                .map(|camera| (camera.clone(), of(camera)))
                .filter(|(_, rights)| !rights.is_empty())
                .collect(),
            every_camera,
        }
    }

    /// Whether whoever has these may give `other`: nothing of it is missing here.
    pub fn cover(&self, other: &Rights) -> bool {
        other.house.is_subset(&self.house)
            && other.every_camera.is_subset(&self.every_camera)
            && other
                .cameras
                .iter()
                .all(|(camera, rights)| rights.is_subset(&self.with(camera)))
    }

    /// The same, with these cameras alone.
    pub fn limited_to(&self, cameras: &BTreeSet<CameraId>) -> Rights {
        let of = |camera: &CameraId| (camera.clone(), self.with(camera));
        Rights {
            house: self.house.clone(),
            every_camera: BTreeSet::new(),
            cameras: cameras
                .iter()
                .map(of)
                .filter(|(_, rights)| !rights.is_empty())
                .collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use proptest::{collection, prelude::*, sample::subsequence};

    use super::*;

    pub fn camera(name: &str) -> CameraId {
        CameraId::new(name).unwrap()
    }

    fn cameras() -> Vec<CameraId> {
        ["gate", "hall", "yard"].map(camera).into()
    }

    fn set<T: Copy + Ord + std::fmt::Debug + 'static, const N: usize>(
        all: [T; N],
    ) -> impl Strategy<Value = BTreeSet<T>> {
        subsequence(all.to_vec(), 0..=N).prop_map(BTreeSet::from_iter)
    }

    pub fn any_rights() -> impl Strategy<Value = Rights> {
        let own = collection::btree_map(proptest::sample::select(cameras()), set(CameraRight::ALL), 0..3);
        (set(HouseRight::ALL), set(CameraRight::ALL), own).prop_map(|(house, every_camera, cameras)| Rights {
            house,
            every_camera,
            cameras,
        })
    }

    /// Everything that may be asked of rights, with a camera that nobody named too.
    fn answers(rights: &Rights) -> Vec<bool> {
        let mut asked: Vec<CameraId> = cameras();
        asked.push(camera("tomorrow"));
        let house = HouseRight::ALL.iter().map(|right| rights.may(*right));
        let each = |camera: &CameraId| CameraRight::ALL.map(|right| rights.may_with(camera, right));
        house.chain(asked.iter().flat_map(each)).collect()
    }

    proptest! {
        #[test]
        fn both_allow_what_each_allows(a in any_rights(), b in any_rights()) {
            let both = a.and(&b);
            let expected: Vec<bool> = answers(&a).into_iter().zip(answers(&b)).map(|(a, b)| a && b).collect();
            prop_assert_eq!(answers(&both), expected);
            prop_assert!(a.cover(&both) && b.cover(&both));
            prop_assert_eq!(b.and(&a), both);
        }

        /// Whatever may be given never exceeds what the giver has.
        #[test]
        fn nobody_gives_more_than_they_have(a in any_rights(), b in any_rights()) {
            let exceeds = answers(&a).into_iter().zip(answers(&b)).any(|(has, gives)| gives && !has);
            // Every camera of today is not every camera.
            let tomorrow = !b.every_camera.is_subset(&a.every_camera);
            prop_assert_eq!(a.cover(&b), !exceeds && !tomorrow);
        }

        #[test]
        fn kept_to_some_cameras_one_sees_no_other(a in any_rights(), n in 0usize..4) {
            let some: BTreeSet<CameraId> = cameras().into_iter().take(n).collect();
            let kept = a.limited_to(&some);
            prop_assert!(a.cover(&kept));
            for camera in cameras().iter().chain([&camera("tomorrow")]) {
                let expected = some.contains(camera) && a.sees(camera);
                prop_assert_eq!(kept.sees(camera), expected);
                for right in CameraRight::ALL {
                    prop_assert_eq!(kept.may_with(camera, right), some.contains(camera) && a.may_with(camera, right));
                }
            }
        }

        #[test]
        fn rights_are_written_and_read(a in any_rights()) {
            let text = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rights>(&text).unwrap(), a);
        }
    }

    #[test]
    fn rights_are_written_as_the_api_says() {
        let text = r#"{"house":["alarms"],"every_camera":["live"],"cameras":{"gate":["playback","delete"]}}"#;
        let rights: Rights = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rights).unwrap(), text);
        assert!(rights.may_with(&camera("gate"), CameraRight::Live));
        assert!(!rights.may_with(&camera("hall"), CameraRight::Playback));
        assert!(serde_json::from_str::<Rights>(r#"{"house":["everything"]}"#).is_err());
        assert!(serde_json::from_str::<Rights>(r#"{"hose":[]}"#).is_err());
    }
}
