//! `vigie disk …`

use std::fmt;

use serde::{Deserialize, Serialize};
use vigie_config::{Disk, DiskId};
use vigie_storage::{Adopted, Erasure, Prepared, RecorderId};

use super::{Answer, House, OPERATOR};
use crate::disks::{DiskState, ServiceError, state_of};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum DiskRequest {
    List,
    Prepare { id: DiskId, erase: bool },
    Adopt { id: DiskId },
    Retire { id: DiskId },
    Release { id: DiskId },
}

pub(super) fn perform(request: DiskRequest, house: &House<'_>) -> Answer {
    let done = match request {
        DiskRequest::List => {
            let lines = house.config.disks.iter().map(|disk| line(disk, house)).collect();
            return Answer { ok: true, lines };
        }
        DiskRequest::Prepare { id, erase } => {
            let erase = erase.then(|| Erasure::new(OPERATOR, "")).transpose();
            match erase {
                Ok(erase) => DiskWish::Prepare(erase).grant(&id, house),
                Err(error) => return Answer::failed(error),
            }
        }
        DiskRequest::Adopt { id } => DiskWish::Adopt.grant(&id, house),
        DiskRequest::Retire { id } => DiskWish::Retire.grant(&id, house),
        DiskRequest::Release { id } => DiskWish::Release.grant(&id, house),
    };
    done.map_or_else(Answer::failed, Answer::done)
}

/// What is wanted of one disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskWish {
    /// Make its folder, where it is a new disk.
    CreateFolder,
    Prepare(Option<Erasure>),
    Adopt,
    Retire,
    Release,
}

impl DiskWish {
    /// What was done, in an operator's words. Blocks, and for as long as the disk hangs.
    pub fn grant(&self, id: &DiskId, house: &House<'_>) -> Result<String, ServiceError> {
        match self {
            DiskWish::CreateFolder => create_folder(id, house),
            DiskWish::Prepare(erase) => prepare(id, erase.as_ref(), house),
            DiskWish::Adopt => adopt(id, house),
            DiskWish::Retire => retire(id, house),
            DiskWish::Release => release(id, house),
        }
    }
}

impl fmt::Display for DiskWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DiskWish::CreateFolder => "create the folder",
            DiskWish::Prepare(None) => "prepare",
            DiskWish::Prepare(Some(_)) => "prepare with erase",
            DiskWish::Adopt => "adopt",
            DiskWish::Retire => "retire",
            DiskWish::Release => "release",
        })
    }
}

/// Id, group, state, free and total bytes, bytes of footage, path; then, indented, what is to be
/// known of a disk that is not in use.
fn line(disk: &Disk, house: &House<'_>) -> String {
    let running = house.disks.and_then(|disks| disks.snapshot(&disk.id));
    let (state, error, volume) = match running {
        Some(snapshot) => (snapshot.state, snapshot.error, snapshot.volume),
        None => {
            let (state, error) = standing_still(disk, house);
            (state, error, None)
        }
    };
    // Only where somebody has to decide, and never a disk that may hang or is about to be pulled.
    let undecided = [
        DiskState::Ready,
        DiskState::Foreign,
        DiskState::Blank,
        DiskState::Unmarked,
        DiskState::Damaged,
        DiskState::NewerFormat,
    ];
    let look = volume.is_none() && undecided.contains(&state) && !house.storage.is_hanging(&disk.path);
    let found = look.then(|| house.storage.survey(disk).ok()).flatten();
    let holds = found.map(|survey| survey.holds);
    let footage = volume.as_ref().map(|volume| volume.footage_bytes);
    let number = |figure: Option<u64>| figure.map_or("-".to_owned(), |bytes| bytes.to_string());
    let mut line = format!(
        "{}\t{}\t{state}\t{}\t{}\t{}\t{}",
        disk.id,
        disk.group,
        number(volume.as_ref().map(|volume| volume.free_bytes)),
        number(volume.as_ref().map(|volume| volume.total_bytes)),
        number(footage.or(holds.as_ref().map(|holds| holds.bytes()))),
        disk.path.display()
    );
    let holds = holds.filter(|holds| !holds.is_empty());
    for text in [error, holds.map(|holds| format!("it holds {holds}"))]
        .into_iter()
        .flatten()
    {
        line.push_str("\n  ");
        line.push_str(&text);
    }
    line
}

/// Where no recorder runs.
fn standing_still(disk: &Disk, house: &House<'_>) -> (DiskState, Option<String>) {
    match house.storage.look(disk) {
        Ok(()) if house.storage.is_retired(&disk.id) => (DiskState::Retired, None),
        Ok(()) => (DiskState::Ready, None),
        Err(error) => (state_of(&error), Some(error.to_string())),
    }
}

fn known<'a>(id: &DiskId, house: &'a House<'_>) -> Result<&'a Disk, ServiceError> {
    let disk = house.config.disks.iter().find(|disk| disk.id == *id);
    disk.ok_or_else(|| ServiceError::Unknown(id.clone()))
}

fn create_folder(id: &DiskId, house: &House<'_>) -> Result<String, ServiceError> {
    let disk = known(id, house)?;
    let created = match house.disks {
        Some(disks) => disks.create_folder(id)?,
        None => house.storage.create_folder(disk)?,
    };
    let path = disk.path.display();
    Ok(match created {
        true => format!("disk {id}: {path} is created, and taken into use within seconds"),
        false => format!("disk {id}: {path} is there: nothing was changed"),
    })
}

fn prepare(id: &DiskId, erase: Option<&Erasure>, house: &House<'_>) -> Result<String, ServiceError> {
    let prepared = match house.disks {
        Some(disks) => disks.prepare(id, erase)?,
        None => house.storage.prepare(known(id, house)?, erase)?,
    };
    Ok(match prepared {
        Prepared::Already => format!("disk {id} is this recorder's and holds no footage: nothing was changed"),
        Prepared::Done { erased } if erased.is_empty() => format!("disk {id} is ready"),
        Prepared::Done { erased } => format!("disk {id} is ready; erased: {erased}"),
    })
}

fn adopt(id: &DiskId, house: &House<'_>) -> Result<String, ServiceError> {
    let adopted = match house.disks {
        Some(disks) => disks.adopt(id)?,
        None => house.storage.adopt(known(id, house)?)?,
    };
    Ok(match adopted {
        Adopted::Already => format!("disk {id} is this recorder's and in service: nothing was changed"),
        Adopted::Done { holds, .. } if holds.is_empty() => format!("disk {id} is in service again"),
        Adopted::Done { holds, from } => {
            let from: Vec<String> = from.iter().map(RecorderId::to_string).collect();
            let by = match from.is_empty() {
                true => "this recorder".to_owned(),
                false => from.join(", "),
            };
            format!("disk {id} is this recorder's now, with {holds}; recorded by {by}")
        }
    })
}

fn retire(id: &DiskId, house: &House<'_>) -> Result<String, ServiceError> {
    match house.disks {
        Some(disks) => disks.retire(id)?,
        None => {
            known(id, house)?;
            house.storage.retire(id, true);
        }
    }
    Ok(format!(
        "disk {id} is retired: nothing new is begun there, and its footage stays until retention takes it; adopting it takes it back"
    ))
}

fn release(id: &DiskId, house: &House<'_>) -> Result<String, ServiceError> {
    known(id, house)?;
    Ok(match house.disks {
        Some(disks) => {
            disks.release(id)?;
            format!("disk {id} is closed: unmount and pull it; it is used again when it is back")
        }
        None => format!("no recorder is running: disk {id} is not in use"),
    })
}
