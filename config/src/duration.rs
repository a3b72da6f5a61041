//! Durations as the operator writes them: `500ms`, `5s`, `10m`, `12h`, `30d`.

use std::{fmt, time::Duration};

/// Longest first; milliseconds each.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Why a text is not a duration. Says what is expected, not what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("write a whole number and a unit: 500ms, 5s, 10m, 12h or 30d")]
    Shape,
    #[error("the unit is missing: write for example {0}s")]
    NoUnit(u64),
    #[error("too long")]
    TooLong,
}

/// A whole number and one of `ms s m h d`; one space may stand between them.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(DurationError::Shape)?;
    if number.is_empty() {
        return Err(DurationError::Shape);
    }
    let number: u64 = number.parse().map_err(|_| DurationError::TooLong)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    if unit.is_empty() {
        return Err(DurationError::NoUnit(number));
    }
    let (_, millis) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(DurationError::Shape)?;
    number
        .checked_mul(*millis)
        .map(Duration::from_millis)
        .ok_or(DurationError::TooLong)
}

/// Prints a duration so that [`parse_duration`] reads it back: in the largest unit that needs
/// no fraction. Fractions of a millisecond are cut off.
pub fn format_duration(duration: Duration) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let millis = duration.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        let fits = UNITS.iter().find(|(_, unit)| millis.is_multiple_of(u128::from(*unit)));
        let (name, unit) = fits.unwrap_or(&("ms", 1));
        write!(f, "{}{name}", millis / u128::from(*unit))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_the_reference_shows() {
        for (text, millis) in [
            ("500ms", 500),
            ("5s", 5_000),
            ("10m", 600_000),
            ("12h", 43_200_000),
            ("30d", 2_592_000_000),
            ("0s", 0),
            ("5 s", 5_000),
        ] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "", "s", "-5s", "5", "5 ", "5  s", "1.5s", "5sec", "5S", "5s ", " 5s", "1h30m", "５s",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_duration("60"), Err(DurationError::NoUnit(60)));
        assert_eq!(parse_duration("99999999999999999999s"), Err(DurationError::TooLong));
        assert_eq!(parse_duration("99999999999999999d"), Err(DurationError::TooLong));
    }

    proptest! {
        #[test]
        fn printed_durations_read_back(millis: u64) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration).to_string()), Ok(duration));
        }
        #[test]
        fn any_text_is_answered(text: String) {
            let _ = parse_duration(&text);
        }
    }
}
