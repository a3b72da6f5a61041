//! Keys of the index: `<kind><camera>/<stream>\0<hour>` for rows, so that one stream's hours lie
//! side by side in order of time; other kinds for what is not a row: `c` checkpoints, `d` the sum
//! over a stream's entries, `m` what is there once.

use vigie_config::{CameraId, StreamId, Utc};

use crate::uuid::VolumeId;

const HOUR_MICROS: i64 = 3_600_000_000;

/// What a key's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Segments = b's',
    Gaps = b'g',
    Marks = b'k',
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Segments, Kind::Gaps, Kind::Marks];

    pub fn of(key: &[u8]) -> Option<Kind> {
        let first = key.first()?;
        Self::ALL.into_iter().find(|kind| *kind as u8 == *first)
    }
}

pub(super) const FORMAT: &[u8] = b"mformat";
pub(super) const SUM_OF_ALL: &[u8] = b"msum";
/// All sums of streams lie in here,
pub(super) const SUMS: (&[u8], &[u8]) = (b"d", b"e");
/// and what the sum of all is made of in here.
pub(super) const SUMMED_IN_ALL: (&[u8], &[u8]) = (b"c", b"e");

pub(super) fn checkpoint(volume: VolumeId) -> Vec<u8> {
    [b"c".as_slice(), &volume.0.to_be_bytes()].concat()
}

pub(super) fn is_checkpoint(key: &[u8]) -> bool {
    key.first() == Some(&b'c')
}

/// Hours since 1970, before it negative; within ± 106 million for every [`Utc`].
pub(super) fn hour(at: Utc) -> i32 {
    at.as_micros().div_euclid(HOUR_MICROS) as i32
}

pub(super) fn hour_start(hour: i32) -> Utc {
    Utc::from_micros(i64::from(hour) * HOUR_MICROS)
}

/// All keys of the stream begin so, and no other stream's do.
pub(super) fn prefix(kind: Kind, stream: &StreamId) -> Vec<u8> {
    let mut key = vec![kind as u8];
    key.extend(stream.camera.as_str().as_bytes());
    key.push(b'/');
    key.extend(stream.stream.as_str().as_bytes());
    key.push(0);
    key
}

pub(super) fn bucket(kind: Kind, stream: &StreamId, hour: i32) -> Vec<u8> {
    let mut key = prefix(kind, stream);
    key.extend(ordered(hour));
    key
}

/// The first key behind all of the stream.
pub(super) fn behind(kind: Kind, stream: &StreamId) -> Vec<u8> {
    let mut key = prefix(kind, stream);
    key.pop();
    key.push(1);
    key
}

/// The sum over a stream's entries.
pub(super) fn sum(stream: &StreamId) -> Vec<u8> {
    let mut key = prefix(Kind::Segments, stream);
    if let Some(kind) = key.first_mut() {
        *kind = b'd';
    }
    key
}

/// The sum that counts this entry; `None`: that of all.
pub(super) fn sum_of(key: &[u8]) -> Option<Vec<u8>> {
    Kind::of(key)?;
    let (_, rest) = key.split_first()?;
    let (name, _) = rest.split_last_chunk::<4>()?;
    Some([b"d", name].concat())
}

/// The stream of a sum's key.
pub(super) fn summed_stream(key: &[u8]) -> Option<StreamId> {
    key.split_first().and_then(|(_, name)| parse_name(name))
}

/// Big endian with the sign turned, so that bytes sort as numbers do.
fn ordered(hour: i32) -> [u8; 4] {
    (hour as u32 ^ 0x8000_0000).to_be_bytes()
}

/// The stream and hour of a row's key.
pub(super) fn parse(key: &[u8]) -> Option<(StreamId, i32)> {
    let (_, rest) = key.split_first()?;
    let (name, hour) = rest.split_last_chunk::<4>()?;
    Some((parse_name(name)?, (u32::from_be_bytes(*hour) ^ 0x8000_0000) as i32))
}

fn parse_name(name: &[u8]) -> Option<StreamId> {
    let name = std::str::from_utf8(name.strip_suffix(b"\0")?).ok()?;
    let (camera, stream) = name.split_once('/')?;
    Some(StreamId::new(CameraId::new(camera).ok()?, stream.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use vigie_config::StreamName;

    use super::*;

    fn stream(camera: &str, stream: StreamName) -> StreamId {
        StreamId::new(CameraId::new(camera).unwrap(), stream)
    }

    proptest! {
        #[test]
        fn keys_sort_by_stream_then_hour(a in "[a-z0-9_-]{1,64}", b in "[a-z0-9_-]{1,4}", x: i32, y: i32) {
            let (a, b) = (stream(&a, StreamName::Main), stream(&b, StreamName::Sub));
            let (first, second) = (bucket(Kind::Segments, &a, x), bucket(Kind::Segments, &a, y));
            prop_assert_eq!(first.cmp(&second), x.cmp(&y));
            prop_assert_eq!(parse(&first), Some((a.clone(), x)));
            prop_assert!(first < behind(Kind::Segments, &a));
            prop_assert_eq!(sum_of(&first), Some(sum(&a)));
            prop_assert_eq!(summed_stream(&sum(&a)), Some(a.clone()));
            let other = bucket(Kind::Segments, &b, y);
            let outside = other < prefix(Kind::Segments, &a) || other >= behind(Kind::Segments, &a);
            prop_assert!(a == b || outside);
        }
    }

    #[test]
    fn hours_before_1970_are_below_zero() {
        assert_eq!(hour(Utc::from_micros(-1)), -1);
        assert_eq!(hour(Utc::from_micros(0)), 0);
        assert_eq!(hour_start(hour(Utc::MIN)).max(Utc::MIN), hour_start(hour(Utc::MIN)));
        assert!(hour(Utc::MAX) > 0 && hour(Utc::MIN) < 0);
    }
}
