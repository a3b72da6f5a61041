//! What the pipeline's samples carry: formats from caps, bytes in our shape.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use gstreamer as gst;

use super::caps;
use crate::{access_unit::Track, format::StreamFormat};

/// Formats of both tracks, and the caps that they were made of.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    video: Option<gst::Caps>,
    audio: Option<gst::Caps>,
    nal_length_size: usize,
    format: Arc<StreamFormat>,
}

impl Tracks {
    pub fn format(&self) -> &Arc<StreamFormat> {
        &self.format
    }

    /// Looks at caps that are new; whether the format changed.
    pub fn see(&mut self, track: Track, caps: &gst::CapsRef) -> bool {
        let seen = match track {
            Track::Video => &mut self.video,
            Track::Audio => &mut self.audio,
        };
        if seen
            .as_ref()
            .is_some_and(|seen| std::ptr::eq(&**seen, caps) || **seen == *caps)
        {
            return false;
        }
        *seen = Some(caps.to_owned());
        let mut format = (*self.format).clone();
        match track {
            Track::Video => {
                format.video = caps::video_format(caps);
                self.nal_length_size = caps::nal_length_size(caps);
            }
            Track::Audio => format.audio = caps::audio_format(caps),
        }
        let changed = format != *self.format;
        if changed {
            self.format = Arc::new(format);
        }
        changed
    }

    /// The unit's bytes, shared with the pipeline's buffer where its shape is ours.
    pub fn data(&self, track: Track, buffer: &gst::BufferRef) -> Option<Bytes> {
        let map = buffer.to_owned().into_mapped_buffer_readable().ok()?;
        let size = self.nal_length_size;
        if track == Track::Audio || matches!(size, 0 | 4) {
            return Some(Bytes::from_owner(map));
        }
        let mut out = BytesMut::with_capacity(map.len() + 64);
        let mut rest = map.as_slice();
        while let Some((length, tail)) = rest.split_at_checked(size) {
            let length = length.iter().fold(0usize, |n, byte| n << 8 | usize::from(*byte));
            let (unit, tail) = tail.split_at_checked(length)?;
            out.put_u32(u32::try_from(length).ok()?);
            out.put_slice(unit);
            rest = tail;
        }
        Some(out.freeze())
    }
}
