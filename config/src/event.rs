//! The words for what happens: kinds of events, where they come from, how grave they are.
//!
//! Belongs here: the vocabulary that configuration (rules name kinds and sources), storage (the
//! log) and actors (who raises and acts) share. Does not belong here: what follows an event.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{CameraId, DiskId, IdError, InputId, OutputId, StreamId};

/// How much an event matters to whoever reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    /// Someone should look now.
    Alarm,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $severity:ident, $lasting:literal;)+) => {
        /// What happened. The names are on disk, in the configuration and in the API: add, never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $kind,)+
        }

        impl EventKind {
            pub const ALL: &'static [EventKind] = &[$(EventKind::$kind,)+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(EventKind::$kind => $name,)+
                }
            }

            pub fn severity(self) -> Severity {
                match self {
                    $(EventKind::$kind => Severity::$severity,)+
                }
            }

            /// It has a beginning and an end; the others are moments.
            pub fn is_lasting(self) -> bool {
                match self {
                    $(EventKind::$kind => $lasting,)+
                }
            }
        }
    };
}

kinds! {
    /// Something moves in a camera's picture.
    Motion = "motion", Info, true;
    /// Motion is to be looked for at a camera, and no picture of it can be decoded.
    MotionBlind = "motion_blind", Warning, true;
    /// An alarm input is active.
    Sensor = "sensor", Alarm, true;
    /// A line crossed, an object left: told by a camera or by another program.
    Analytics = "analytics", Alarm, true;
    /// Somebody records a camera by hand.
    Manual = "manual", Info, true;
    /// Told through the API, and of no other kind.
    External = "external", Info, false;
    StreamOffline = "stream_offline", Alarm, true;
    StreamStalled = "stream_stalled", Alarm, true;
    StreamRefused = "stream_refused", Alarm, true;
    StreamLive = "stream_live", Info, false;
    DiskError = "disk_error", Alarm, true;
    /// No room was left: the oldest footage goes at once.
    DiskFull = "disk_full", Warning, false;
    /// Unmounted, pulled, or its folder replaced.
    DiskRemoved = "disk_removed", Alarm, true;
    /// It does not answer in time.
    DiskSlow = "disk_slow", Warning, false;
    DiskBack = "disk_back", Info, false;
    /// Closed by an operator, so that it can be pulled.
    DiskReleased = "disk_released", Info, false;
    /// The device under it says that it fails, or is part of an array or pool that lost members.
    DiskFailing = "disk_failing", Alarm, false;
    /// No disk of a group takes footage.
    NoDisk = "no_disk", Alarm, false;
    /// One stream's folder on a disk takes no files.
    FolderRefused = "folder_refused", Warning, false;
    /// A stream that is to be recorded was not, for longer than its `alarm_after`.
    NothingRecorded = "nothing_recorded", Alarm, false;
    /// A file was deleted while it was written.
    FootageDeleted = "footage_deleted", Alarm, false;
    /// Access units were lost because this machine was too slow.
    Overload = "overload", Alarm, false;
    /// Every network link of this machine is down.
    NetworkDown = "network_down", Alarm, true;
    /// Another machine uses this one's address.
    IpConflict = "ip_conflict", Alarm, false;
    /// Failed sign-ins.
    IllegalAccess = "illegal_access", Warning, false;
    /// An output that is let go of could not be switched off.
    OutputStaysOn = "output_stays_on", Alarm, false;
    /// Somebody switched an output off while an event that goes on wanted it on.
    OutputSwitchedOff = "output_switched_off", Info, false;
    ClockStepped = "clock_stepped", Warning, false;
    Started = "started", Info, false;
    Stopping = "stopping", Info, false;
    ConfigurationChanged = "configuration_changed", Info, false;
    ConfigurationRefused = "configuration_refused", Warning, false;
}

/// A text that is no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seen:?} is no kind of event, expected one of {}", names().join(", "))]
pub struct UnknownKind {
    pub seen: String,
}

fn names() -> Vec<&'static str> {
    EventKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let known = EventKind::ALL.iter().find(|kind| kind.as_str() == text);
        known.copied().ok_or_else(|| UnknownKind {
            seen: text.chars().take(80).collect(),
        })
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where an event comes from. As text `house`, `camera:gate`, `stream:gate/main`, `disk:d1`,
/// `input:door`, `output:siren`; so in JSON too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The recorder as a whole.
    House,
    Camera(CameraId),
    Stream(StreamId),
    Disk(DiskId),
    Input(InputId),
    Output(OutputId),
}

impl Source {
    /// The camera it is about, if it is about one.
    pub fn camera(&self) -> Option<&CameraId> {
        match self {
            Source::Camera(camera) => Some(camera),
            Source::Stream(stream) => Some(&stream.camera),
            _ => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::House => f.write_str("house"),
            Source::Camera(id) => write!(f, "camera:{id}"),
            Source::Stream(id) => write!(f, "stream:{id}"),
            Source::Disk(id) => write!(f, "disk:{id}"),
            Source::Input(id) => write!(f, "input:{id}"),
            Source::Output(id) => write!(f, "output:{id}"),
        }
    }
}

impl FromStr for Source {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let unknown = || IdError {
            seen: text.chars().take(80).collect(),
        };
        match text.split_once(':') {
            None if text == "house" => Ok(Source::House),
            Some(("camera", id)) => Ok(Source::Camera(CameraId::new(id)?)),
            Some(("disk", id)) => Ok(Source::Disk(DiskId::new(id)?)),
            Some(("input", id)) => Ok(Source::Input(InputId::new(id)?)),
            Some(("output", id)) => Ok(Source::Output(OutputId::new(id)?)),
            Some(("stream", id)) => {
                let (camera, stream) = id.split_once('/').ok_or_else(unknown)?;
                Ok(Source::Stream(StreamId::new(CameraId::new(camera)?, stream.parse()?)))
            }
            _ => Err(unknown()),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_to_one() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse::<EventKind>().as_ref(), Ok(kind));
        }
        let unknown = "moton".parse::<EventKind>().unwrap_err().to_string();
        assert!(unknown.starts_with("\"moton\" is no kind of event"), "{unknown}");
    }

    #[test]
    fn sources_are_texts() {
        for text in [
            "house",
            "camera:gate",
            "stream:gate/sub",
            "disk:d1",
            "input:door",
            "output:siren",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "gate",
            "camera:",
            "camera:Gate",
            "stream:gate",
            "stream:gate/third",
            "house:1",
        ] {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
    }
}
