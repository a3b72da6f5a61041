//! Sizes in bytes as the operator writes them: `5 GiB`, `2 TiB`, `500 GB`.

use std::fmt;

/// Binary and decimal multiples of a byte, largest first.
const UNITS: [(&str, u64); 11] = [
    ("PiB", 1 << 50),
    ("PB", 1_000_000_000_000_000),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Why a text is not a size. Says what is expected, not what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    #[error("write a whole number and a unit: B, kB, MB, GB, TB, PB or KiB, MiB, GiB, TiB, PiB")]
    Shape,
    #[error("the unit is missing: write for example {0} GiB")]
    NoUnit(u64),
    #[error("too large")]
    TooLarge,
}

/// A whole number and a unit; one space may stand between them. `KB` reads as `kB`.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(SizeError::Shape)?;
    if number.is_empty() {
        return Err(SizeError::Shape);
    }
    let number: u64 = number.parse().map_err(|_| SizeError::TooLarge)?;
    let unit = match unit.strip_prefix(' ').unwrap_or(unit) {
        "" if number == 0 => "B",
        "" => return Err(SizeError::NoUnit(number)),
        "KB" => "kB",
        unit => unit,
    };
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(SizeError::Shape)?;
    number.checked_mul(*bytes).ok_or(SizeError::TooLarge)
}

/// Prints a size so that [`parse_size`] reads it back: in the largest unit that needs no fraction.
pub fn format_size(bytes: u64) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let fits = UNITS.iter().find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit));
        let (name, unit) = fits.unwrap_or(&("B", 1));
        write!(f, "{} {name}", bytes / unit)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_both_families() {
        for (text, bytes) in [
            ("5 GiB", 5_368_709_120),
            ("5GiB", 5_368_709_120),
            ("2 TiB", 2_199_023_255_552),
            ("500 GB", 500_000_000_000),
            ("64KB", 64_000),
            ("0", 0),
            ("17 B", 17),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "", "GiB", "-1 GiB", "1.5 GiB", "5  GiB", "5 gib", "5 G", "5 GiB ", "five",
        ] {
            assert_eq!(parse_size(text), Err(SizeError::Shape), "{text:?}");
        }
        assert_eq!(parse_size("5"), Err(SizeError::NoUnit(5)));
        assert_eq!(parse_size("99999 PiB"), Err(SizeError::TooLarge));
    }

    proptest! {
        #[test]
        fn printed_sizes_read_back(bytes: u64) {
            prop_assert_eq!(parse_size(&format_size(bytes).to_string()), Ok(bytes));
        }
        #[test]
        fn whole_units_read_back(number in 0u64..1000, (_, unit) in proptest::sample::select(&UNITS[..])) {
            let bytes = number * unit;
            prop_assert_eq!(parse_size(&format_size(bytes).to_string()), Ok(bytes));
        }
        #[test]
        fn any_text_is_answered(text: String) {
            let _ = parse_size(&text);
        }
    }
}
