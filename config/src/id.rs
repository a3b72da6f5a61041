//! Names of cameras, disks and streams.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seen:?} is not an id: use 1 to 64 of a-z 0-9 - _")]
pub struct IdError {
    pub seen: String,
}

fn check(text: &str) -> Result<(), IdError> {
    let fits = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if fits {
        Ok(())
    } else {
        Err(IdError {
            seen: text.chars().take(80).collect(),
        })
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.into()))
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// The operator's name of a camera: part of file names, addresses and rows.
    CameraId
}
id! {
    /// The operator's name of a disk.
    DiskId
}
id! {
    /// The operator's name of an alarm input.
    InputId
}
id! {
    /// The operator's name of an alarm output.
    OutputId
}
id! {
    /// The operator's name of a schedule.
    ScheduleId
}
id! {
    /// The operator's name of a rule.
    RuleId
}
id! {
    /// The operator's name of someone who gets mails.
    RecipientId
}
id! {
    /// The operator's name of a push target.
    PushId
}

/// Which of a camera's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    Main,
    Sub,
}

impl StreamName {
    pub const ALL: [StreamName; 2] = [StreamName::Main, StreamName::Sub];

    pub fn as_str(self) -> &'static str {
        match self {
            StreamName::Main => "main",
            StreamName::Sub => "sub",
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StreamName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match text {
            "main" => Ok(StreamName::Main),
            "sub" => Ok(StreamName::Sub),
            other => Err(IdError {
                seen: other.chars().take(80).collect(),
            }),
        }
    }
}

/// One stream of one camera; prints as `gate/main`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    pub camera: CameraId,
    pub stream: StreamName,
}

impl StreamId {
    pub fn new(camera: CameraId, stream: StreamName) -> Self {
        Self { camera, stream }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.camera, self.stream)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
