//! The writer thread: takes jobs from the queue, one `pwritev` per fragment.

use std::{collections::HashMap, path::Path, sync::Arc};

use vigie_config::StreamId;

use super::{
    Volume,
    handle::SegmentHandle,
    open_file::{OpenFile, Trouble, is_full},
    queue::Job,
};
use crate::{error::VolumeError, fact::StorageFact, segment::Fragment};

/// What the first segment of a stream reserves.
const FIRST_GUESS: u64 = 8 << 20;
/// A full disk: so much room is asked for, so many times.
const ROOM_WANTED: u64 = 64 << 20;
const ROOM_TRIES: u32 = 3;

struct Writer {
    volume: Arc<Volume>,
    files: HashMap<u64, (Arc<SegmentHandle>, OpenFile)>,
    /// Length of each stream's last segment: the next one reserves about as much.
    lengths: HashMap<StreamId, u64>,
    /// Ledgers this thread has appended to: their last line is whole.
    ledgers: Vec<std::path::PathBuf>,
}

/// Runs until the queue is closed and empty, or the volume has failed.
pub(super) fn run(volume: Arc<Volume>) {
    let mut writer = Writer {
        volume,
        files: HashMap::new(),
        lengths: HashMap::new(),
        ledgers: Vec::new(),
    };
    while let Some(job) = writer.volume.queue.pop(&writer.volume.held) {
        if writer.volume.has_failed() {
            break;
        }
        writer.volume.writing.begin();
        let done = writer.take(job);
        writer.volume.writing.end();
        if let Err(error) = done {
            writer.volume.fail(error);
            break;
        }
    }
    writer.finish_all();
}

impl Writer {
    fn take(&mut self, job: Job) -> Result<(), VolumeError> {
        match job {
            Job::Fragment { segment, fragment } => self.fragment(&segment, &fragment),
            Job::Finish { segment } => self.finish(&segment),
            Job::Ledger { path, text } => self.ledger(&path, &text),
            Job::Names => {
                self.names();
                Ok(())
            }
            Job::Barrier(done) => {
                // Whoever asked may have gone.
                let _ = done.send(());
                Ok(())
            }
        }
    }

    fn fragment(&mut self, handle: &Arc<SegmentHandle>, fragment: &Arc<Fragment>) -> Result<(), VolumeError> {
        let volume = self.volume.clone();
        if let Some(detail) = handle.down() {
            if volume.held.drop_newest() {
                self.pass_on(handle, fragment, detail.to_owned(), false);
            }
            return Ok(());
        }
        if !self.files.contains_key(&handle.token) {
            volume.check_in_place()?;
        }
        let mut tries = 0;
        let result = loop {
            let result = self.store(handle, fragment);
            match &result {
                Err(trouble) if trouble.is_full() && tries < ROOM_TRIES => {
                    tries += 1;
                    // Deleting takes its time: that is no hanging.
                    volume.writing.begin();
                    let freed = volume.make_room(ROOM_WANTED.max(fragment.len() * 2));
                    volume.writing.begin();
                    if freed == 0 {
                        break result;
                    }
                }
                _ => break result,
            }
        };
        match result {
            Ok(()) => {
                volume.held.written();
                volume.stats.written_bytes.add(fragment.len());
                volume.stats.fragments.add(1);
                Ok(())
            }
            Err(Trouble::Bad(detail)) => {
                volume.held.drop_newest();
                volume.stats.dropped_units.add(u64::from(fragment.units));
                let stream = &handle.segment.stream;
                tracing::error!(%stream, segment = %handle.segment.start, %detail, "a fragment cannot be stored");
                handle.give_up(detail);
                Ok(())
            }
            Err(Trouble::Io { what, path, error }) => {
                let at = volume.root.path().join(path);
                let trouble = VolumeError::io(&volume.disk, what, at, &error);
                if self.files.contains_key(&handle.token) || !volume.blames_a_path(&error) {
                    return Err(trouble);
                }
                if !volume.held.drop_newest() {
                    return Ok(());
                }
                let detail = trouble.to_string();
                tracing::error!(stream = %handle.segment.stream, %detail, "this stream's folder takes no footage");
                handle.give_up(detail.clone());
                self.pass_on(handle, fragment, detail, true);
                Ok(())
            }
        }
    }

    /// To whoever finds another place.
    fn pass_on(&self, handle: &SegmentHandle, fragment: &Arc<Fragment>, detail: String, folder: bool) {
        let volume = &self.volume;
        let behind = volume.queue.take_fragments(handle.token);
        let all: Vec<Fragment> = std::iter::once(fragment)
            .chain(&behind)
            .map(|fragment| fragment.as_ref().clone())
            .collect();
        volume
            .stats
            .dropped_units
            .add(all.iter().map(|f| u64::from(f.units)).sum());
        (volume.facts)(StorageFact::SegmentDown {
            disk: volume.disk.clone(),
            detail,
            folder,
            unsynced: Arc::new(vec![handle.unsynced(all)]),
        });
    }

    fn store(&mut self, handle: &Arc<SegmentHandle>, fragment: &Fragment) -> Result<(), Trouble> {
        let volume = &self.volume;
        let stream = &handle.segment.stream;
        if let Some((_, file)) = self.files.get_mut(&handle.token) {
            file.append(fragment)?;
            let tally = &file.tally;
            let start = file.segment.start;
            volume.catalog.segment_grew(stream, handle.token, |row| {
                row.end = start.plus_micros(tally.end_us());
                row.bytes = tally.bytes;
                row.units = tally.units;
            });
            return Ok(());
        }
        let expected = self.lengths.get(stream).copied().unwrap_or(FIRST_GUESS);
        let file = OpenFile::create(&volume.root, volume.recorder, handle, fragment, expected)?;
        volume.open_started(handle.token, stream, file.segment.start);
        volume
            .catalog
            .segment_opened(handle.token, file.row(volume.id), handle.created_seq);
        self.files.insert(handle.token, (handle.clone(), file));
        Ok(())
    }

    /// Whoever deleted a file that is open left a place that is written to and that nobody finds.
    fn names(&mut self) {
        let volume = &self.volume;
        self.files.retain(|_, (handle, file)| {
            let there = file.is_linked();
            if !there {
                deleted(volume, handle, file);
            }
            there
        });
    }

    fn finish(&mut self, handle: &Arc<SegmentHandle>) -> Result<(), VolumeError> {
        let Some((_, file)) = self.files.remove(&handle.token) else {
            return Ok(());
        };
        let volume = &self.volume;
        if !file.is_linked() {
            deleted(volume, handle, &file);
            return Ok(());
        }
        self.lengths
            .insert(file.segment.stream.clone(), file.tally.bytes + file.tally.bytes / 16);
        // The row first: whatever becomes of the trimming, the fragments are in the file. Until
        // it is in the index and synced, no checkpoint may pass it.
        volume.catalog.segment_closed(&file.segment.stream, handle.token);
        volume.held.closed(file.segment.start);
        volume.open_finished(handle.token);
        volume.stats.footage_bytes.add(file.tally.bytes);
        file.finish().map_err(|trouble| match trouble {
            Trouble::Io { what, path, error } => {
                VolumeError::io(&volume.disk, what, volume.root.path().join(path), &error)
            }
            Trouble::Bad(_) => VolumeError::io(
                &volume.disk,
                "cannot finish",
                volume.root.path(),
                &std::io::ErrorKind::Other.into(),
            ),
        })
    }

    fn ledger(&mut self, path: &Path, text: &str) -> Result<(), VolumeError> {
        let volume = self.volume.clone();
        let mut tries = 0;
        loop {
            match self.append_ledger(path, text) {
                Ok(()) => {
                    volume.held.dirty();
                    return Ok(());
                }
                Err(error) if is_full(&error) && tries < ROOM_TRIES => {
                    tries += 1;
                    if volume.make_room(ROOM_WANTED) == 0 {
                        return Err(VolumeError::io(
                            &volume.disk,
                            "cannot append to",
                            volume.root.path().join(path),
                            &error,
                        ));
                    }
                }
                Err(error) if volume.blames_a_path(&error) => {
                    // The index has it, and so have the other disks: an alarm, not an end.
                    tracing::error!(volume = %volume.disk, path = %path.display(), %error, "a line of the gap ledger cannot be written");
                    return Ok(());
                }
                Err(error) => {
                    return Err(VolumeError::io(
                        &volume.disk,
                        "cannot append to",
                        volume.root.path().join(path),
                        &error,
                    ));
                }
            }
        }
    }

    fn append_ledger(&mut self, path: &Path, text: &str) -> std::io::Result<()> {
        let root = &self.volume.root;
        let file = match root.open_append(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                root.create_dirs(path.parent().unwrap_or(Path::new("")))?;
                root.open_append(path)?
            }
            other => other?,
        };
        // What a power cut left behind may not end in a whole line.
        if !self.ledgers.iter().any(|known| known == path) {
            let old = root.read(path, u64::MAX)?;
            if old.last().is_some_and(|last| *last != b'\n') {
                file.append(b"\n")?;
            }
            if self.ledgers.len() > 4096 {
                self.ledgers.clear();
            }
            self.ledgers.push(path.to_owned());
        }
        file.append(text.as_bytes())
    }

    /// The end of the thread: segments nobody finished.
    fn finish_all(&mut self) {
        let failed = self.volume.has_failed();
        for (token, (handle, file)) in self.files.drain() {
            let volume = &self.volume;
            if !failed && !file.is_linked() {
                deleted(volume, &handle, &file);
                continue;
            }
            volume.catalog.segment_closed(&file.segment.stream, token);
            volume.held.closed(file.segment.start);
            volume.open_finished(token);
            if !failed {
                volume.stats.footage_bytes.add(file.tally.bytes);
                if let Err(Trouble::Io { error, path, .. }) = file.finish() {
                    tracing::warn!(%error, volume = %volume.disk, path = %path.display(), "cannot trim a segment");
                }
            }
        }
    }
}

/// Its recorder hears of it with the next fragment, and starts another segment.
fn deleted(volume: &Volume, handle: &SegmentHandle, file: &OpenFile) {
    let (stream, start) = (&file.segment.stream, file.segment.start);
    handle.give_up("its file was deleted while it was written");
    tracing::error!(
        volume = %volume.disk, %stream, segment = %start, units = file.tally.units,
        "footage was deleted while it was written: its time is a gap"
    );
    volume.stats.dropped_units.add(u64::from(file.tally.units));
    volume.catalog.segment_lost(stream, handle.token);
    volume.open_finished(handle.token);
    (volume.facts)(StorageFact::SegmentDeleted {
        disk: volume.disk.clone(),
        stream: stream.clone(),
        start,
    });
}
