//! Names below a volume's root.
//!
//! ```text
//! <camera>/<stream>/2026-11-20/09/20261120T094100.123Z.mp4
//! <camera>/<stream>/2026-11-20/09/.20261120T094100.123Z.mp4      until its first whole fragment
//! <camera>/<stream>/2026-11-20/ledger.jsonl
//! <camera>/snapshots/2026-11-20/09/20261120T094100.123Z-<event>.jpg        [`crate::snapshots`]
//! ```
//! Days and hours are UTC. Two segments of a stream never share a millisecond: the writer starts
//! the later one a millisecond on, so that (volume, stream, start) always gives the path.

use std::path::{Path, PathBuf};

use vigie_config::{CameraId, StreamId, StreamName, Utc};

pub const MARKER: &str = "vigie-volume.toml";
pub const LEDGER: &str = "ledger.jsonl";
/// Below a stream's folder: retention has taken what is older, or part of it.
pub const EXPIRED: &str = "expired.txt";
/// Beside a camera's streams: its pictures.
pub const SNAPSHOTS: &str = "snapshots";
/// Set aside: not understood, not deleted.
pub const BROKEN_SUFFIX: &str = ".broken";

pub fn stream_dir(stream: &StreamId) -> PathBuf {
    Path::new(stream.camera.as_str()).join(stream.stream.as_str())
}

pub fn day_dir(stream: &StreamId, at: Utc) -> PathBuf {
    stream_dir(stream).join(at.strftime("%Y-%m-%d"))
}

pub fn hour_dir(stream: &StreamId, at: Utc) -> PathBuf {
    day_dir(stream, at).join(at.strftime("%H"))
}

pub fn snapshots_dir(camera: &CameraId) -> PathBuf {
    Path::new(camera.as_str()).join(SNAPSHOTS)
}

/// The folder of an hour's pictures.
pub fn snapshots_hour_dir(camera: &CameraId, at: Utc) -> PathBuf {
    snapshots_dir(camera).join(at.strftime("%Y-%m-%d/%H"))
}

/// As names of files have it.
pub fn millisecond(at: Utc) -> String {
    at.strftime("%Y%m%dT%H%M%S.%3fZ")
}

/// The file's name; `at` is cut to the millisecond.
pub fn segment_name(at: Utc) -> String {
    millisecond(at) + ".mp4"
}

pub fn segment_path(stream: &StreamId, start: Utc) -> PathBuf {
    hour_dir(stream, start).join(segment_name(start))
}

pub fn ledger_path(stream: &StreamId, at: Utc) -> PathBuf {
    day_dir(stream, at).join(LEDGER)
}

/// The name while the file has no whole fragment yet.
pub fn dot_name(name: &str) -> String {
    format!(".{name}")
}

/// The name of a segment, whole or set aside.
pub fn is_of_hour(name: &str) -> bool {
    parse_segment_name(name.strip_suffix(BROKEN_SUFFIX).unwrap_or(name)).is_some()
}

/// The millisecond a segment's name (with or without its dot) stands for.
pub fn parse_segment_name(name: &str) -> Option<Utc> {
    parse_millisecond(name.strip_prefix('.').unwrap_or(name).strip_suffix(".mp4")?)
}

/// What [`millisecond`] makes, and nothing else.
pub fn parse_millisecond(text: &str) -> Option<Utc> {
    let (date, time) = text.split_once('T')?;
    if date.len() != 8 || time.len() != 11 || !text.is_ascii() {
        return None;
    }
    let rfc3339 = format!(
        "{}-{}-{}T{}:{}:{}",
        date.get(..4)?,
        date.get(4..6)?,
        date.get(6..8)?,
        time.get(..2)?,
        time.get(2..4)?,
        time.get(4..)?
    );
    let at: Utc = rfc3339.parse().ok()?;
    (millisecond(at) == text).then_some(at)
}

/// `2026-11-20` → its midnight.
pub fn parse_day(name: &str) -> Option<Utc> {
    if name.len() != 10 {
        return None;
    }
    let at: Utc = format!("{name}T00:00:00Z").parse().ok()?;
    (at.strftime("%Y-%m-%d") == name).then_some(at)
}

/// `09` → 9.
pub fn parse_hour(name: &str) -> Option<u8> {
    if name.len() != 2 || !name.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    name.parse().ok().filter(|h| *h < 24)
}

pub fn parse_stream(camera: &str, stream: &str) -> Option<StreamId> {
    Some(StreamId::new(
        CameraId::new(camera).ok()?,
        stream.parse::<StreamName>().ok()?,
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn gate() -> StreamId {
        StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main)
    }

    #[test]
    fn path_of_a_segment() {
        let at: Utc = "2026-11-20T09:41:00.123456Z".parse().unwrap();
        let path = segment_path(&gate(), at);
        assert_eq!(
            path.to_str().unwrap(),
            "gate/main/2026-11-20/09/20261120T094100.123Z.mp4"
        );
        assert_eq!(
            parse_segment_name("20261120T094100.123Z.mp4").unwrap(),
            "2026-11-20T09:41:00.123Z".parse().unwrap()
        );
        assert_eq!(
            parse_segment_name(".20261120T094100.123Z.mp4"),
            parse_segment_name("20261120T094100.123Z.mp4")
        );
    }

    #[test]
    fn other_names_are_not_segments() {
        for name in [
            "",
            ".mp4",
            "20261120T094100.123Z.mp4.broken",
            "20261320T094100.123Z.mp4",
            "x",
            "20261120T094100Z.mp4",
            "2026112éT094100.123Z.mp4",
        ] {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
        assert_eq!(parse_day("2026-02-30"), None);
        assert_eq!(parse_hour("24"), None);
    }
}
