//! The one representation of wall-clock time in storage and API.

use std::{
    fmt,
    ops::{Add, Sub},
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z without leap seconds. Text form: RFC 3339, UTC, `Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utc(i64);

/// A text that is not an RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seen:?} is not an RFC 3339 time such as 2026-11-20T09:41:00Z")]
pub struct ParseUtcError {
    pub seen: String,
}

/// The range jiff can print: years -9999 to 9999.
const MIN_MICROS: i64 = -377_705_023_201_000_000;
const MAX_MICROS: i64 = 253_402_207_200_000_000;

impl Utc {
    pub const MIN: Utc = Utc(MIN_MICROS);
    pub const MAX: Utc = Utc(MAX_MICROS);

    /// The host's clock now.
    pub fn now() -> Utc {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Utc::from_micros(i64::try_from(since.as_micros()).unwrap_or(MAX_MICROS))
    }
    /// Clamped to the printable range.
    pub fn from_micros(micros: i64) -> Utc {
        Utc(micros.clamp(MIN_MICROS, MAX_MICROS))
    }
    pub fn as_micros(self) -> i64 {
        self.0
    }
    /// `self - earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Utc) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
    /// `self - other` in microseconds, negative when `other` is later.
    pub fn micros_since(self, other: Utc) -> i64 {
        self.0 - other.0
    }
    pub fn plus_micros(self, micros: i64) -> Utc {
        Utc::from_micros(self.0.saturating_add(micros))
    }
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
    /// A `strftime` rendering in UTC, for file names.
    pub fn strftime(self, format: &str) -> String {
        self.timestamp().strftime(format).to_string()
    }
}

impl Add<Duration> for Utc {
    type Output = Utc;
    fn add(self, d: Duration) -> Utc {
        self.plus_micros(i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Sub<Duration> for Utc {
    type Output = Utc;
    fn sub(self, d: Duration) -> Utc {
        self.plus_micros(-i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp())
    }
}

impl fmt::Debug for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Utc {
    type Err = ParseUtcError;
    fn from_str(text: &str) -> Result<Self, ParseUtcError> {
        text.parse::<Timestamp>()
            .map(|t| Utc::from_micros(t.as_microsecond()))
            .map_err(|_| ParseUtcError {
                seen: text.chars().take(80).collect(),
            })
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Utc {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
