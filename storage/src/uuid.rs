//! UUIDs of recorders and volumes (RFC 9562, version 4), in their usual text form.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seen:?} is not a UUID such as 0f8fad5b-d9cb-469f-a165-70867728950e")]
pub struct ParseUuidError {
    pub seen: String,
}

fn parse(text: &str) -> Option<u128> {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|p| p.len()).collect();
    if lengths != [8, 4, 4, 4, 12] || !text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        return None;
    }
    u128::from_str_radix(&parts.concat(), 16).ok()
}

macro_rules! uuid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// A new random one.
            pub fn generate() -> Result<Self, getrandom::Error> {
                let mut bytes = [0u8; 16];
                getrandom::fill(&mut bytes)?;
                let random = u128::from_be_bytes(bytes);
                // RFC 9562 §5.4: version 4 in bits 48..52, variant 10 in bits 64..66.
                let version = random & !(0xf << 76) | 0x4 << 76;
                Ok(Self(version & !(0x3 << 62) | 0x2 << 62))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let v = self.0;
                write!(
                    f,
                    "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                    v >> 96,
                    v >> 80 & 0xffff,
                    v >> 64 & 0xffff,
                    v >> 48 & 0xffff,
                    v & 0xffff_ffff_ffff
                )
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = ParseUuidError;
            fn from_str(text: &str) -> Result<Self, ParseUuidError> {
                parse(text)
                    .map(Self)
                    .ok_or_else(|| ParseUuidError { seen: text.chars().take(80).collect() })
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid! {
    /// One recorder: stays the same for the life of its `state_dir`.
    RecorderId
}
uuid! {
    /// One disk's tree of footage: stays with the disk wherever it is mounted.
    VolumeId
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let id = VolumeId::generate().unwrap();
        let text = id.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(text.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&text.as_bytes()[19]));
        assert_eq!(text.parse::<VolumeId>().unwrap(), id);
    }

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "0f8fad5bd9cb469fa16570867728950e",
            "+f8fad5b-d9cb-469f-a165-70867728950e",
        ] {
            assert!(text.parse::<RecorderId>().is_err(), "{text}");
        }
    }
}
