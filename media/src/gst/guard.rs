//! A bound on what a peer may send without a picture coming of it.
//!
//! Demuxers and parsers collect bytes until a part, a packet or a picture is whole, and have no
//! limit of their own: a peer that never ends one would take all memory.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gstreamer::{self as gst, prelude::*};

/// Larger than any picture (8K intra) with all that may lie between two.
pub(super) const MOST: u64 = 16 << 20;

/// Bytes that came since the last picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Guard(Arc<AtomicU64>);

impl Guard {
    /// Counts what leaves `pad`. Over the limit nothing passes any more, and `over` is told, at
    /// every further buffer again.
    pub fn watch(&self, pad: &gst::Pad, over: impl Fn() + Send + Sync + 'static) {
        let count = self.0.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let size = info.buffer().map_or(0, |buffer| buffer.size() as u64);
            if count.fetch_add(size, Ordering::Relaxed) + size <= MOST {
                return gst::PadProbeReturn::Ok;
            }
            over();
            gst::PadProbeReturn::Drop
        });
    }

    pub fn picture(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
