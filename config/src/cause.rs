//! Why footage was recorded, and why it is missing.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a stretch of time has no media although it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// Closed by the camera, or silent at connect.
    CameraOffline,
    /// No route, no name, own link down, lost packets.
    Network,
    /// Connected, but nothing decodable came.
    Stalled,
    /// The camera said no.
    Refused,
    /// This machine was too slow.
    Overload,
    /// The disk did not take it.
    Disk,
    /// Vigie was asked to stop.
    Shutdown,
    /// Vigie ended without being asked.
    Crash,
    /// The camera or its recording was switched off.
    Disabled,
    /// The host's clock jumped.
    Clock,
}

impl GapCause {
    pub fn as_str(self) -> &'static str {
        match self {
            GapCause::CameraOffline => "camera_offline",
            GapCause::Network => "network",
            GapCause::Stalled => "stalled",
            GapCause::Refused => "refused",
            GapCause::Overload => "overload",
            GapCause::Disk => "disk",
            GapCause::Shutdown => "shutdown",
            GapCause::Crash => "crash",
            GapCause::Disabled => "disabled",
            GapCause::Clock => "clock",
        }
    }
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a segment was recorded: a set, as several reasons may hold at once.
/// In JSON a list of names, e.g. `["schedule"]`; on disk the bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Causes(u8);

impl Causes {
    pub const NONE: Causes = Causes(0);
    pub const SCHEDULE: Causes = Causes(1);
    pub const MANUAL: Causes = Causes(2);
    pub const MOTION: Causes = Causes(4);
    pub const SENSOR: Causes = Causes(8);
    pub const ANALYTICS: Causes = Causes(16);

    pub const ALL: Causes = Causes(0b1_1111);

    const NAMES: [(Causes, &'static str); 5] = [
        (Causes::SCHEDULE, "schedule"),
        (Causes::MANUAL, "manual"),
        (Causes::MOTION, "motion"),
        (Causes::SENSOR, "sensor"),
        (Causes::ANALYTICS, "analytics"),
    ];

    pub fn bits(self) -> u8 {
        self.0
    }
    /// Unknown bits, from a newer format, are kept out.
    pub fn from_bits(bits: u8) -> Self {
        Causes(bits & Causes::ALL.0)
    }
    pub fn union(self, other: Causes) -> Causes {
        Causes(self.0 | other.0)
    }
    pub fn contains(self, other: Causes) -> bool {
        self.0 & other.0 == other.0
    }
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    pub fn without(self, other: Causes) -> Causes {
        Causes(self.0 & !other.0)
    }
    /// One set for each reason in it.
    pub fn each(self) -> impl Iterator<Item = Causes> {
        let known = Self::NAMES.into_iter().map(|(cause, _)| cause);
        known.filter(move |cause| self.contains(*cause))
    }
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(cause, _)| self.contains(*cause))
            .map(|(_, name)| name)
    }
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Causes> {
        names.into_iter().try_fold(Causes::NONE, |all, name| {
            Self::NAMES
                .iter()
                .find(|(_, known)| *known == name)
                .map(|(cause, _)| all.union(*cause))
        })
    }
}

impl Serialize for Causes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Causes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(d)?;
        Causes::from_names(names.iter().map(String::as_str))
            .ok_or_else(|| serde::de::Error::custom(format!("unknown recording cause in {names:?}")))
    }
}
