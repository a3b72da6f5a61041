//! Volumes come and go.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Instant,
};

use vigie_config::{CameraId, Disk, DiskId, StreamId, StreamName, Utc};

use super::{Storage, list, lock};
use crate::{
    error::VolumeError,
    file::Root,
    recovery::{Mark, Pass},
    retention::{self, Demand, RetentionReport},
    state,
    uuid::{RecorderId, VolumeId},
    volume::{
        Limits, Parts, Volume,
        marker::{self, Identity, Marker},
    },
};

/// A thread that hangs in the kernel.
pub(super) struct LeftBehind {
    pub(super) path: PathBuf,
    volume: VolumeId,
    thread: JoinHandle<()>,
}

/// While it lives no other disk can be opened as the same volume.
struct Opening<'a> {
    storage: &'a Storage,
    volume: VolumeId,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        lock(&self.storage.opening).remove(&self.volume);
    }
}

impl Storage {
    /// Checks the identity of the disk, repairs what a crash left, starts its threads. A disk that
    /// had failed is given another chance; one that records already only gets its new limits. May
    /// take seconds on a slow disk.
    pub fn add_volume(self: &Arc<Self>, disk: &Disk) -> Result<Arc<Volume>, VolumeError> {
        let one = self.one_change_of(&disk.id);
        let _one = lock(&one);
        let opening = || format!("disk {} is being looked through", disk.id);
        lock(&self.absent).entry(disk.id.clone()).or_insert_with(opening);
        let added = self.add(disk);
        match &added {
            Ok(_) => lock(&self.absent).remove(&disk.id),
            Err(error) => lock(&self.absent).insert(disk.id.clone(), error.to_string()),
        };
        added
    }

    pub(super) fn one_change_of(&self, disk: &DiskId) -> Arc<Mutex<()>> {
        lock(&self.changing).entry(disk.clone()).or_default().clone()
    }

    /// A write that returns late must not find the file repaired.
    pub(super) fn check_returned(&self, disk: &Disk, is_it: impl Fn(&LeftBehind) -> bool) -> Result<(), VolumeError> {
        let mut all = lock(&self.left_behind);
        all.retain(|left| !left.thread.is_finished());
        match all.iter().any(is_it) {
            false => Ok(()),
            true => Err(VolumeError::Hanging {
                disk: disk.id.clone(),
                path: disk.path.clone(),
            }),
        }
    }

    /// It was recognised and is being looked through.
    pub fn is_opening(&self, disk: &DiskId) -> bool {
        lock(&self.opening).values().any(|opening| opening == disk)
    }

    /// A write to that path has not returned since the disk was closed.
    pub fn is_hanging(&self, path: &Path) -> bool {
        let mut all = lock(&self.left_behind);
        all.retain(|left| !left.thread.is_finished());
        all.iter().any(|left| left.path == path)
    }

    /// The disk that has a camera's newest footage.
    pub fn newest_footage_on(&self, camera: &CameraId) -> Option<DiskId> {
        let of_camera = StreamName::ALL.iter().map(|name| StreamId::new(camera.clone(), *name));
        let newest = of_camera.filter_map(|stream| self.catalog.index().last_segment(&stream).ok().flatten());
        let volume = newest.max_by_key(|row| row.start)?.volume;
        lock(&self.state).disk_of(volume)
    }

    fn add(self: &Arc<Self>, disk: &Disk) -> Result<Arc<Volume>, VolumeError> {
        if let Some(volume) = self.volume(&disk.id) {
            if !volume.has_failed() && volume.path() == disk.path {
                volume.set_limits(Limits::of(disk));
                return Ok(volume);
            }
            self.take_out(&disk.id);
        }
        // Before anything that may hang as well.
        self.check_returned(disk, |left| left.path == disk.path)?;
        let root = open_root(disk)?;
        let (marker, fresh) = self.identify(disk, &root)?;
        self.check_returned(disk, |left| left.volume == marker.volume)?;
        let opening = self.only_here(disk, marker.volume)?;
        let added = self.bring_up(disk, root, &marker, fresh);
        drop(opening);
        added
    }

    /// Two disks of the configuration that lead to one volume would write over each other.
    fn only_here(&self, disk: &Disk, volume: VolumeId) -> Result<Opening<'_>, VolumeError> {
        let mut opening = lock(&self.opening);
        let online = list(&self.volumes);
        let online = online
            .iter()
            .find(|other| other.id() == volume)
            .map(|other| other.disk());
        match online.or(opening.get(&volume)) {
            Some(other) => Err(VolumeError::Duplicate {
                disk: disk.id.clone(),
                path: disk.path.clone(),
                other: other.clone(),
            }),
            None => {
                opening.insert(volume, disk.id.clone());
                Ok(Opening { storage: self, volume })
            }
        }
    }

    fn bring_up(
        self: &Arc<Self>,
        disk: &Disk,
        root: Root,
        marker: &Marker,
        fresh: bool,
    ) -> Result<Arc<Volume>, VolumeError> {
        let failed = |error| VolumeError::io(&disk.id, "cannot write to", &disk.path, &error);
        root.try_writing().map_err(failed)?;
        // The first one may tell of writes before this opening, which would end the recording.
        let had_failed = root.sync().is_err();
        if had_failed {
            root.sync().map_err(failed)?;
        }
        let distrusted = had_failed || lock(&self.distrusted).contains(&marker.volume);
        let begin = Instant::now();
        let generation = *lock(&self.generation);
        let mark = self.mark_of(marker.volume);
        let mut online = list(&self.volumes);
        // One that hangs must not hold up another.
        online.retain(|volume| volume.is_prompt());
        let others: Vec<&Root> = online.iter().map(|volume| volume.root()).collect();
        let recovered = Pass {
            root: &root,
            marker,
            mark: mark.as_ref(),
            catalog: &self.catalog,
            others: &others,
            fresh,
            distrusted,
        }
        .run()
        .map_err(|error| VolumeError::io(&disk.id, "cannot look through", &disk.path, &error))?;
        tracing::info!(
            volume = %disk.id, path = %disk.path.display(), files = recovered.files, cut = recovered.cut,
            removed = recovered.removed, set_aside = recovered.set_aside.len(),
            millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            "recording on this disk"
        );
        let volume = Volume::start(Parts {
            disk: disk.id.clone(),
            id: marker.volume,
            root,
            recorder: marker.recorder,
            limits: Limits::of(disk),
            options: self.options.clone(),
            catalog: self.catalog.clone(),
            make_room: self.make_room(),
            footage_bytes: recovered.footage_bytes,
            oldest: recovered.oldest,
            incomplete: recovered.skipped,
            checkpoint: mark.as_ref().map(|mark| mark.from),
            full_told: lock(&self.full_told).entry(disk.id.clone()).or_default().clone(),
        })?;
        self.volumes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(volume.clone());
        lock(&self.distrusted).remove(&marker.volume);
        lock(&self.state).remember(&disk.id, marker.volume);
        self.catalog.send_waiting_lines();
        *lock(&self.crash_gaps_due) = Some(Instant::now());
        // Or the index was lost since the checkpoint was read.
        let lost = generation != *lock(&self.generation);
        if mark.is_none() || lost {
            volume.set_indexed(false);
            self.read_behind(&volume);
        }
        Ok(volume)
    }

    /// Finishes its segments, syncs, stops its threads. Its footage stays in the index. The disk
    /// is no longer one of ours.
    pub fn remove_volume(&self, disk: &DiskId) {
        let one = self.one_change_of(disk);
        let _one = lock(&one);
        lock(&self.absent).remove(disk);
        self.take_out(disk);
    }

    /// As [`Storage::remove_volume`], of a disk that is to be used again; `why` it is not until then.
    pub fn close_volume(&self, disk: &DiskId, why: String) {
        let one = self.one_change_of(disk);
        let _one = lock(&one);
        lock(&self.absent).insert(disk.clone(), why);
        self.take_out(disk);
    }

    fn take_out(&self, disk: &DiskId) {
        let Some(volume) = self.volume(disk) else { return };
        let hanging = volume.stop();
        if !hanging.is_empty() {
            let behind = hanging.into_iter().map(|thread| LeftBehind {
                path: volume.path().to_owned(),
                volume: volume.id(),
                thread,
            });
            lock(&self.left_behind).extend(behind);
            // What it holds goes elsewhere, or is told.
            volume.give_up();
        } else if !volume.has_failed() {
            self.set_mark(&volume, Utc::now());
        }
        if volume.has_failed() {
            lock(&self.distrusted).insert(volume.id());
        }
        let mut volumes = self.volumes.write().unwrap_or_else(PoisonError::into_inner);
        volumes.retain(|other| other.disk() != disk);
    }

    /// Whose disk this is; a new and empty one becomes ours. The flag: it is one.
    fn identify(&self, disk: &Disk, root: &Root) -> Result<(Marker, bool), VolumeError> {
        let failed = |error: io::Error| VolumeError::io(&disk.id, "cannot look at", &disk.path, &error);
        // Read before the lock is taken: the disk may hang.
        let identity = marker::identify(root).map_err(failed)?;
        let (recorder, new_disk) = {
            let mut state = lock(&self.state);
            if state.is_provisional() {
                let own = state.recorder();
                match &identity {
                    Identity::Marked(marker) => {
                        tracing::warn!(volume = %disk.id, recorder = %marker.recorder, "who this recorder is was lost; this disk says it");
                        state.settle(marker.recorder);
                    }
                    Identity::Blank => state.settle(own),
                    _ => {}
                }
            }
            (state.recorder(), !state.knows(&disk.id))
        };
        match marker::admit(&disk.id, &disk.path, identity, recorder, new_disk)? {
            Some(marker) => Ok((marker, false)),
            None => {
                let volume = VolumeId::generate().map_err(|error| failed(io::Error::other(error)))?;
                let marker = Marker::new(volume, recorder);
                marker
                    .write(root)
                    .map_err(|error| VolumeError::io(&disk.id, "cannot write the marker in", &disk.path, &error))?;
                tracing::info!(volume = %disk.id, path = %disk.path.display(), id = %volume, "a new disk was prepared");
                Ok((marker, true))
            }
        }
    }

    /// What a full volume calls from its writer thread.
    fn make_room(self: &Arc<Self>) -> crate::volume::MakeRoom {
        let storage = Arc::downgrade(self);
        Box::new(move |volume, bytes| {
            let Some(storage) = storage.upgrade() else { return 0 };
            let rules = storage.rules();
            let mut report = RetentionReport::default();
            let demand = Demand {
                over_size: 0,
                short_of_free: bytes,
            };
            let pass = retention::Pass {
                volume,
                rules: &rules,
                now: Utc::now(),
                clock_trusted: true,
            };
            if let Err(error) = retention::make_room(&pass, &storage.catalog, demand, &mut report) {
                tracing::error!(volume = %volume.disk(), %error, "the disk is full and cannot be looked through");
            }
            tracing::warn!(
                volume = %volume.disk(), deleted = report.deleted.len(), bytes = report.freed_bytes,
                "the disk is full: the oldest footage went at once"
            );
            retention::tidy(volume, &report);
            report.freed_bytes
        })
    }

    pub(super) fn mark_of(&self, volume: VolumeId) -> Option<Mark> {
        match self.catalog.index().checkpoint(volume) {
            Ok(bytes) => bytes.as_deref().and_then(Mark::decode),
            Err(error) => {
                tracing::warn!(%error, "the checkpoint of a volume cannot be read: all of it will be");
                None
            }
        }
    }

    /// Reads what the quick look at its newest hours left out.
    pub(super) fn read_behind(self: &Arc<Self>, volume: &Arc<Volume>) {
        let (storage, own) = (Arc::downgrade(self), volume.clone());
        self.rebuilding.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let body = move || {
            if let Some(storage) = storage.upgrade() {
                storage.read_all_of(&own);
                storage.rebuilding.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            }
        };
        if let Err(error) = thread::Builder::new()
            .name(format!("read.{}", volume.disk()))
            .spawn(body)
        {
            self.rebuilding.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            tracing::error!(volume = %volume.disk(), %error, "older footage cannot be read back now");
        }
    }
}

impl Storage {
    /// Would this disk be recorded on? Changes nothing.
    pub fn look(&self, disk: &Disk) -> Result<(), VolumeError> {
        let (own, new_disk) = {
            let state = lock(&self.state);
            (state.recorder(), !state.knows(&disk.id))
        };
        inspect_as(disk, own, new_disk)
    }
}

/// Would this disk be recorded on? Changes nothing, takes no lock: for `vigie check`.
pub fn inspect(state_dir: &Path, disk: &Disk) -> Result<(), VolumeError> {
    let known = state::peek(state_dir);
    let new_disk = known.as_ref().is_none_or(|known| !known.disks.contains_key(&disk.id));
    // A recorder without an identity yet owns no marker: every one is another's.
    let own = known.map_or(RecorderId(0), |known| known.recorder);
    inspect_as(disk, own, new_disk)
}

fn inspect_as(disk: &Disk, own: RecorderId, new_disk: bool) -> Result<(), VolumeError> {
    let identity = marker::identify(&open_root(disk)?);
    let identity = identity.map_err(|error| VolumeError::io(&disk.id, "cannot look at", &disk.path, &error))?;
    marker::admit(&disk.id, &disk.path, identity, own, new_disk).map(|_| ())
}

pub(super) fn open_root(disk: &Disk) -> Result<Root, VolumeError> {
    let (id, path) = (disk.id.clone(), disk.path.clone());
    let root = match Root::open(&disk.path) {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(VolumeError::Missing { disk: id, path }),
        Err(error) => return Err(VolumeError::io(&disk.id, "cannot open", path, &error)),
    };
    if disk.require_mount {
        match root.is_mount_point() {
            Ok(true) => {}
            Ok(false) => return Err(VolumeError::NotMounted { disk: id, path }),
            Err(error) => return Err(VolumeError::io(&disk.id, "cannot look at", path, &error)),
        }
    }
    Ok(root)
}
