//! The recorder's end of a segment.

use std::sync::Arc;

use vigie_config::{StreamName, Utc};

use super::{Volume, handle::SegmentHandle, queue::Job};
use crate::{
    error::WriteError,
    fact::{InitSegment, Unsynced},
    mp4::{FragmentInfo, Moov, rebase},
    segment::{Fragment, SegmentStart},
};

impl Volume {
    /// Queues a new file; it appears on the disk with its first fragment. `init` builds its head
    /// (`ftyp`, `moov`) from the tags it is given; it is called on the writer's thread, once or
    /// (another name, another volume) more often.
    pub fn start_segment(
        self: &Arc<Self>,
        segment: SegmentStart,
        init: impl Fn(&[(String, String)]) -> bytes::Bytes + Send + Sync + 'static,
    ) -> Result<SegmentWriter, WriteError> {
        // Where a disk is too slow for all, main streams go on when sub streams no longer can.
        let limit = match segment.stream.stream {
            StreamName::Main => self.options.queue_bytes,
            StreamName::Sub => self.options.queue_bytes / 2,
        };
        self.start_at(segment, Arc::new(init), self.catalog.seq(), None, limit)
    }

    /// As [`Volume::start_segment`], for what another volume did not store; with the fragments as
    /// they go into this one.
    pub fn start_rest(self: &Arc<Self>, rest: &Unsynced) -> Result<(SegmentWriter, Vec<Fragment>), WriteError> {
        let (segment, fragments) = as_segment(rest);
        let limit = self.options.queue_bytes;
        let writer = self.start_at(
            segment,
            rest.init.clone(),
            rest.created_seq,
            rest.confirmed_until,
            limit,
        )?;
        Ok((writer, fragments))
    }

    fn start_at(
        self: &Arc<Self>,
        segment: SegmentStart,
        init: InitSegment,
        created_seq: i64,
        confirmed_until: Option<Utc>,
        limit: u64,
    ) -> Result<SegmentWriter, WriteError> {
        self.check_up()?;
        let token = self.catalog.next_token();
        let handle = SegmentHandle::new(token, segment, init, created_seq, confirmed_until);
        Ok(SegmentWriter {
            volume: self.clone(),
            handle: Arc::new(handle),
            limit,
            bytes: 0,
            finished: false,
        })
    }
}

/// What was not stored as a segment of its own, which begins where that does.
fn as_segment(rest: &Unsynced) -> (SegmentStart, Vec<Fragment>) {
    let mut segment = rest.segment.clone();
    let moov = Moov::from_init(&(rest.init)(&[]));
    let rebased = moov.as_ref().and_then(|moov| {
        let first = FragmentInfo::parse(moov, &rest.fragments.first()?.header, 0)?;
        let moved = rest.fragments.iter().map(|fragment| {
            let header = rebase(moov, &fragment.header, first.start_us)?;
            Some(Fragment {
                header,
                ..fragment.clone()
            })
        });
        let moved = moved.collect::<Option<Vec<_>>>()?;
        Some((first, moved))
    });
    match rebased {
        Some((first, fragments)) => {
            segment.start = segment.start.plus_micros(first.start_us);
            segment.continued = !first.rap;
            (segment, fragments)
        }
        // Whoever writes them will say what is wrong with them.
        None => (segment, rest.fragments.clone()),
    }
}

/// The one who appends to a segment. Dropping it finishes the segment.
#[derive(Debug)]
pub struct SegmentWriter {
    volume: Arc<Volume>,
    handle: Arc<SegmentHandle>,
    /// With more than this in memory the volume takes nothing of it.
    limit: u64,
    bytes: u64,
    finished: bool,
}

impl SegmentWriter {
    /// Queues one fragment; never blocks. After an error start another segment: nothing of this
    /// fragment is in this one.
    pub fn append(&mut self, fragment: Fragment) -> Result<(), WriteError> {
        let volume = &self.volume;
        volume.check_up()?;
        if let Some(detail) = self.handle.down() {
            return Err(WriteError::SegmentDown {
                disk: volume.disk.clone(),
                detail: detail.to_owned(),
            });
        }
        let len = fragment.len();
        let queued = volume.queue.bytes() + volume.held.bytes() + len;
        let limit = self.limit;
        if queued > limit {
            volume.stats.refused.add(1);
            return Err(WriteError::QueueFull {
                disk: volume.disk.clone(),
                queued,
                limit,
            });
        }
        let job = Job::Fragment {
            segment: self.handle.clone(),
            fragment: Arc::new(fragment),
        };
        if !volume.queue.push(job) {
            return Err(WriteError::VolumeDown {
                disk: volume.disk.clone(),
                detail: "it was taken out".into(),
            });
        }
        self.bytes += len;
        Ok(())
    }

    /// Bytes of fragments queued so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Its volume was closed or has failed: whoever keeps it keeps that disk from being unmounted.
    pub fn is_over(&self) -> bool {
        self.volume.has_failed() || self.volume.queue.is_closed()
    }

    pub fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// No more fragments: the file is trimmed and its row goes to the index.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            self.volume.queue.push(Job::Finish {
                segment: self.handle.clone(),
            });
        }
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        self.end();
    }
}
