//! What the recorder hands over: the beginning of a segment, and its fragments.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use ulid::Ulid;
use vigie_config::{CameraId, Causes, StreamId, StreamName, Utc};

use crate::{layout, uuid::RecorderId};

/// The newest format this build writes and reads.
pub const FORMAT: u32 = 1;

/// Names of the format tags in `moov/meta` (keys and ilst; ffprobe shows them).
pub mod tag {
    pub const FORMAT: &str = "vigie.format";
    pub const RECORDER: &str = "vigie.recorder";
    pub const CAMERA: &str = "vigie.camera";
    pub const STREAM: &str = "vigie.stream";
    pub const RUN: &str = "vigie.run";
    pub const SEGMENT: &str = "vigie.segment";
    pub const START: &str = "vigie.start";
    pub const CAUSES: &str = "vigie.causes";
    pub const CLOCK: &str = "vigie.clock";
    pub const CODEC: &str = "vigie.codec";
    pub const CONTINUED: &str = "vigie.continued";
}

/// Why a file's tags are not those of a segment of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error("it has no tag {0}")]
    Missing(&'static str),
    #[error("its tag {key} is {seen:?}")]
    Bad { key: &'static str, seen: String },
    #[error("its format is {seen}, this build reads up to {FORMAT}")]
    Newer { seen: u32 },
}

/// A new segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentStart {
    pub stream: StreamId,
    pub run: Ulid,
    /// Counts the segments of the run, from 0.
    pub number: u32,
    /// Wall clock of media time 0, which is the decoding time of the first video unit. The
    /// writer moves it on by milliseconds when a file of that name exists.
    pub start: Utc,
    pub causes: Causes,
    /// It does not begin with a RAP.
    pub continued: bool,
    /// The host's clock is synchronised.
    pub synchronised: bool,
    /// RFC 6381, video first, comma separated: `avc1.640028,mp4a.40.2`.
    pub codec: Arc<str>,
}

impl SegmentStart {
    /// Where the file is below the volume's root.
    pub fn path(&self) -> PathBuf {
        layout::segment_path(&self.stream, self.start)
    }

    /// What a file says about itself, read back, and whose it is.
    pub fn from_tags(tags: &[(String, String)]) -> Result<(SegmentStart, RecorderId), TagError> {
        let tag = |key: &'static str| {
            let found = tags.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
            found.ok_or(TagError::Missing(key))
        };
        fn bad<T, E>(key: &'static str, seen: &str, result: Result<T, E>) -> Result<T, TagError> {
            result.map_err(|_| TagError::Bad {
                key,
                seen: seen.chars().take(80).collect(),
            })
        }
        fn parse<T: std::str::FromStr>(key: &'static str, seen: &str) -> Result<T, TagError> {
            bad(key, seen, seen.parse::<T>())
        }
        let format: u32 = parse(tag::FORMAT, tag(tag::FORMAT)?)?;
        if format > FORMAT {
            return Err(TagError::Newer { seen: format });
        }
        let camera: CameraId = parse(tag::CAMERA, tag(tag::CAMERA)?)?;
        let stream: StreamName = parse(tag::STREAM, tag(tag::STREAM)?)?;
        let causes = tag(tag::CAUSES)?;
        let names = causes.split(',').filter(|name| !name.is_empty());
        let segment = SegmentStart {
            stream: StreamId::new(camera, stream),
            run: parse(tag::RUN, tag(tag::RUN)?)?,
            number: parse(tag::SEGMENT, tag(tag::SEGMENT)?)?,
            start: parse(tag::START, tag(tag::START)?)?,
            causes: bad(tag::CAUSES, causes, Causes::from_names(names).ok_or(()))?,
            continued: tag(tag::CONTINUED) == Ok("1"),
            synchronised: tag(tag::CLOCK)? == "synchronised",
            codec: tag(tag::CODEC)?.into(),
        };
        Ok((segment, parse(tag::RECORDER, tag(tag::RECORDER)?)?))
    }

    /// What the file says about itself.
    pub fn tags(&self, recorder: RecorderId) -> Vec<(String, String)> {
        let causes: Vec<&str> = self.causes.names().collect();
        let mut tags = vec![
            (tag::FORMAT, FORMAT.to_string()),
            (tag::RECORDER, recorder.to_string()),
            (tag::CAMERA, self.stream.camera.to_string()),
            (tag::STREAM, self.stream.stream.to_string()),
            (tag::RUN, self.run.to_string()),
            (tag::SEGMENT, self.number.to_string()),
            (tag::START, self.start.strftime("%Y-%m-%dT%H:%M:%S.%6fZ")),
            (tag::CAUSES, causes.join(",")),
            (
                tag::CLOCK,
                if self.synchronised {
                    "synchronised"
                } else {
                    "unsynchronised"
                }
                .into(),
            ),
            (tag::CODEC, self.codec.to_string()),
        ];
        if self.continued {
            tags.push((tag::CONTINUED, "1".into()));
        }
        tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

/// One `moof` + `mdat`: at most 500 ms of media, written whole or not at all.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// The whole `moof` box and the header of the `mdat` box.
    pub header: Bytes,
    /// The body of `mdat`, in order; shared with everyone else who reads these units.
    pub media: Vec<Bytes>,
    /// Decoding time of the first unit, and end of the last.
    pub start: Utc,
    pub end: Utc,
    /// Access units of all tracks.
    pub units: u32,
    /// Begins with a RAP.
    pub rap: bool,
}

impl Fragment {
    /// Bytes in the file.
    pub fn len(&self) -> u64 {
        self.header.len() as u64 + self.media.iter().map(|b| b.len() as u64).sum::<u64>()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
