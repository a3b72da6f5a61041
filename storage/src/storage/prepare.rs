//! What an operator does with a disk: prepare it, take it over, retire it.
//!
//! Belongs here: the marker's changes and what they need of the index. Does not belong here: when
//! a disk is opened and closed (its actor does that), how footage is erased (`erase`).

use std::{fmt, io, path::PathBuf};

use vigie_config::{Disk, DiskId, ErrorKind, Kind, Utc};

use super::{
    Storage,
    erase::{Erasure, unfinished},
    list, lock,
    survey::{self, Holdings, Survey},
    volumes::open_root,
};
use crate::{
    error::VolumeError,
    file::Root,
    layout,
    uuid::{RecorderId, VolumeId},
    volume::marker::{FORMAT, Identity, Marker},
};

/// Why a disk was not prepared or taken over; except for the last nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error(transparent)]
    Volume(#[from] VolumeError),
    #[error("disk {disk} is in use: release it first")]
    InUse { disk: DiskId },
    #[error("disk {disk}: {} is {whose} and holds {holds}: nothing was changed; preparing it with erase deletes all of it, adopting it keeps it", path.display())]
    Holds {
        disk: DiskId,
        path: PathBuf,
        whose: Whose,
        holds: Holdings,
    },
    #[error("disk {disk}: {} holds protected footage of {cameras}: end its protection first", path.display())]
    Protected {
        disk: DiskId,
        path: PathBuf,
        cameras: String,
    },
    #[error("disk {disk}: nothing is erased while it is not known what is protected: {fault}")]
    Locks { disk: DiskId, fault: String },
    #[error("disk {disk}: there is no footage in {} to take over: preparing it takes it into use", path.display())]
    NothingToAdopt { disk: DiskId, path: PathBuf },
    #[error("disk {disk} was recorded on before: mount it; a new folder in its place would hide that it is missing")]
    NotNew { disk: DiskId },
    #[error("what is erased must be written down first, and cannot: {0}")]
    Journal(String),
    #[error("{error}; {erased} of {of} files of footage were deleted before that: prepare it again")]
    Unfinished { error: VolumeError, erased: u64, of: u64 },
}

impl Kind for PrepareError {
    fn kind(&self) -> ErrorKind {
        match self {
            PrepareError::Volume(error) | PrepareError::Unfinished { error, .. } => error.kind(),
            PrepareError::Journal(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Refused,
        }
    }
}

/// In an operator's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Ours,
    Foreign(RecorderId),
    /// There is a marker, and it cannot be read.
    Unreadable,
    Nobodys,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Ours => f.write_str("this recorder's"),
            Whose::Foreign(recorder) => write!(f, "recorder {recorder}'s"),
            Whose::Unreadable => write!(f, "marked by a {} that cannot be read", layout::MARKER),
            Whose::Nobodys => f.write_str("not marked"),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// It was ours and without footage already.
    Already,
    /// Its marker was written; what was deleted for that.
    Done { erased: Holdings },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adopted {
    /// It is this recorder's already.
    Already,
    Done {
        holds: Holdings,
        from: Vec<RecorderId>,
    },
}

/// What preparing comes to. Pure.
fn decide(survey: &Survey, own: RecorderId, erase: bool) -> Result<Decision, Whose> {
    let empty = survey.holds.is_empty();
    let whose = match &survey.identity {
        Identity::Marked(marker) if marker.recorder == own => Whose::Ours,
        Identity::Marked(marker) => Whose::Foreign(marker.recorder),
        Identity::Bad(_) => Whose::Unreadable,
        Identity::Blank | Identity::Unmarked | Identity::NewerFormat(_) => Whose::Nobodys,
    };
    match (&survey.identity, whose) {
        (Identity::NewerFormat(seen), _) => Ok(Decision::Newer(*seen)),
        (_, Whose::Ours) if empty => Ok(Decision::Nothing),
        (Identity::Blank | Identity::Unmarked, _) if empty => Ok(Decision::Write),
        _ if erase => Ok(Decision::Erase),
        _ => Err(whose),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Nothing,
    Write,
    Erase,
    Newer(i64),
}

impl Storage {
    /// What lies on a disk that is not in use.
    pub fn survey(&self, disk: &Disk) -> Result<Survey, VolumeError> {
        survey::survey(disk, &open_root(disk)?)
    }

    /// Makes the folder of a disk that was never recorded on, and what leads to it. False: it is there.
    pub fn create_folder(&self, disk: &Disk) -> Result<bool, PrepareError> {
        let one = self.one_change_of(&disk.id);
        let _one = lock(&one);
        match open_root(disk) {
            Ok(_) => return Ok(false),
            Err(VolumeError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let (id, path) = (disk.id.clone(), disk.path.clone());
        if lock(&self.state).knows(&id) {
            return Err(PrepareError::NotNew { disk: id });
        }
        // What is to be a mount of its own is for whoever mounts it.
        if disk.require_mount {
            return Err(VolumeError::NotMounted { disk: id, path }.into());
        }
        let made = std::fs::create_dir_all(&path);
        made.map_err(|error| VolumeError::io(&id, "cannot create", &path, &error))?;
        tracing::warn!(volume = %id, path = %path.display(), "the folder of a disk was created");
        Ok(true)
    }

    /// Takes a disk into use that holds nothing, or nothing that is to be kept (`erase`): what
    /// goes then is written down before and after, by camera. Files that are not footage stay. Blocks
    /// as long as deleting takes.
    pub fn prepare(&self, disk: &Disk, erase: Option<&Erasure>) -> Result<Prepared, PrepareError> {
        let one = self.one_change_of(&disk.id);
        let _one = lock(&one);
        let (root, survey) = self.unused(disk)?;
        let own = self.recorder();
        let (id, path) = (disk.id.clone(), disk.path.clone());
        let decision = decide(&survey, own, erase.is_some()).map_err(|whose| PrepareError::Holds {
            disk: id.clone(),
            path: path.clone(),
            whose,
            holds: survey.holds.clone(),
        })?;
        let mut gone = 0;
        match decision {
            Decision::Nothing => {
                lock(&self.state).retire(&disk.id, false);
                return Ok(Prepared::Already);
            }
            Decision::Newer(seen) => return Err(newer(disk, seen).into()),
            Decision::Write => {}
            Decision::Erase => gone = self.erase(disk, &root, &survey, erase)?,
        }
        let failed = |error: io::Error| VolumeError::io(&disk.id, "cannot write the marker in", &disk.path, &error);
        let failed = |error: io::Error| unfinished(failed(error), gone, &survey);
        let volume = VolumeId::generate().map_err(|error| failed(io::Error::other(error)))?;
        Marker::new(volume, own).replace(&root).map_err(failed)?;
        self.taken_over(disk, volume);
        tracing::warn!(volume = %disk.id, path = %disk.path.display(), id = %volume, erased = %survey.holds, "a disk was prepared");
        let erased = survey.holds;
        Ok(Prepared::Done { erased })
    }

    /// Takes a disk over with the footage that is on it: another recorder's, one of before a
    /// reinstall, one that lost its marker, a retired one.
    pub fn adopt(&self, disk: &Disk) -> Result<Adopted, PrepareError> {
        if self.volume(&disk.id).is_some_and(|volume| !volume.has_failed()) {
            return Ok(match lock(&self.state).retire(&disk.id, false) {
                true => Adopted::Done {
                    holds: Holdings::default(),
                    from: Vec::new(),
                },
                false => Adopted::Already,
            });
        }
        let one = self.one_change_of(&disk.id);
        let _one = lock(&one);
        let (root, survey) = self.unused(disk)?;
        let own = self.recorder();
        let failed = |error: io::Error| VolumeError::io(&disk.id, "cannot take over", &disk.path, &error);
        let marker = match &survey.identity {
            Identity::NewerFormat(seen) => return Err(newer(disk, *seen).into()),
            Identity::Marked(marker) if marker.recorder == own => {
                lock(&self.state).retire(&disk.id, false);
                return Ok(Adopted::Already);
            }
            Identity::Marked(marker) => {
                let mut adopted = marker.adopted.clone();
                adopted.push(marker.recorder);
                adopted.retain(|recorder| *recorder != own);
                Marker {
                    volume: marker.volume,
                    recorder: own,
                    adopted,
                }
            }
            Identity::Blank | Identity::Unmarked | Identity::Bad(_) => {
                if survey.holds.is_empty() {
                    let (disk, path) = (disk.id.clone(), disk.path.clone());
                    return Err(PrepareError::NothingToAdopt { disk, path });
                }
                let mut adopted = survey::owners(&root).map_err(failed)?;
                adopted.remove(&own);
                let volume = match self.volume_before(&disk.id) {
                    Some(volume) => volume,
                    None => VolumeId::generate().map_err(|error| failed(io::Error::other(error)))?,
                };
                Marker {
                    volume,
                    recorder: own,
                    adopted: adopted.into_iter().collect(),
                }
            }
        };
        marker.replace(&root).map_err(failed)?;
        // All of it is to be read.
        self.catalog.index().forget_checkpoint(marker.volume);
        self.taken_over(disk, marker.volume);
        tracing::warn!(
            volume = %disk.id, path = %disk.path.display(), from = ?marker.adopted, holds = %survey.holds,
            "a disk was taken over with its footage"
        );
        Ok(Adopted::Done {
            holds: survey.holds,
            from: marker.adopted,
        })
    }

    /// Nothing new is begun on a retired disk; its footage stays until retention takes it. True:
    /// that is a change.
    pub fn retire(&self, disk: &DiskId, retired: bool) -> bool {
        let changed = lock(&self.state).retire(disk, retired);
        if changed {
            tracing::warn!(%disk, retired, "an operator retired a disk or took it back");
        }
        changed
    }

    pub fn is_retired(&self, disk: &DiskId) -> bool {
        lock(&self.state).is_retired(disk)
    }

    fn unused(&self, disk: &Disk) -> Result<(Root, Survey), PrepareError> {
        if self.volume(&disk.id).is_some_and(|volume| !volume.has_failed()) {
            let disk = disk.id.clone();
            return Err(PrepareError::InUse { disk });
        }
        self.check_returned(disk, |left| left.path == disk.path)?;
        let root = open_root(disk)?;
        let survey = survey::survey(disk, &root)?;
        let mut state = lock(&self.state);
        let settled = match &survey.identity {
            Identity::Marked(marker) => marker.recorder,
            _ => state.recorder(),
        };
        // Where who we are was lost, as in `identify`.
        state.settle(settled);
        drop(state);
        if let Identity::Marked(marker) = &survey.identity {
            let online = list(&self.volumes);
            if let Some(other) = online.iter().find(|volume| volume.id() == marker.volume) {
                let (disk, path, other) = (disk.id.clone(), disk.path.clone(), other.disk().clone());
                return Err(VolumeError::Duplicate { disk, path, other }.into());
            }
        }
        Ok((root, survey))
    }

    /// What the disk held when it was last recorded on, unless that is in use elsewhere.
    pub(super) fn volume_before(&self, disk: &DiskId) -> Option<VolumeId> {
        let volume = lock(&self.state).volume_of(disk)?;
        let online = list(&self.volumes).iter().any(|other| other.id() == volume);
        (!online).then_some(volume)
    }

    /// The disk stands for that volume from now on; rows of one that it stood for before, and that
    /// is not there any more, go. They come back with that disk.
    fn taken_over(&self, disk: &Disk, volume: VolumeId) {
        let before = self.volume_before(&disk.id).filter(|before| *before != volume);
        let mut state = lock(&self.state);
        state.remember(&disk.id, volume);
        state.retire(&disk.id, false);
        let elsewhere = before.is_some_and(|before| state.volumes().contains(&before));
        drop(state);
        if let Some(before) = before.filter(|_| !elsewhere) {
            self.forget(before);
        }
    }

    /// The rows of a volume that is not in use.
    pub(super) fn forget(&self, volume: VolumeId) {
        for stream in self.streams() {
            let rows = self.catalog.indexed(&stream, Utc::MIN, Utc::MAX);
            let mut gone = rows.iter().filter(|row| row.volume == volume).peekable();
            if gone.peek().is_some() {
                gone.for_each(|row| self.catalog.segment_gone(&stream, row.start, volume));
                self.catalog.forget_last_end(&stream);
            }
        }
        self.catalog.index().forget_checkpoint(volume);
    }
}

fn newer(disk: &Disk, seen: i64) -> VolumeError {
    VolumeError::NewerFormat {
        disk: disk.id.clone(),
        path: disk.path.clone(),
        seen,
        known: FORMAT,
    }
}
