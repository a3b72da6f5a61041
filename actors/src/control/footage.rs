//! `vigie footage …`

use std::sync::Arc;

use vigie_config::{CameraId, Utc};
use vigie_storage::{Storage, deletions::Deletion};

use super::{Answer, House, OPERATOR};

/// Camera, stream, oldest, newest, and whether the camera is configured no more.
pub(super) fn list(house: &House<'_>) -> Answer {
    let lines = house.storage.extents().into_iter().map(|extent| {
        let camera = &extent.stream.camera;
        let configured = house.config.cameras.iter().any(|known| known.id == *camera);
        let removed = if configured { "" } else { "\tremoved" };
        let stream = extent.stream.stream;
        format!("{camera}\t{stream}\t{}\t{}{removed}", extent.first, extent.last)
    });
    Answer {
        ok: true,
        lines: lines.collect(),
    }
}

pub(super) fn delete(house: &House<'_>, camera: &CameraId, from: Utc, to: Utc, note: &str) -> Answer {
    let storage = house.storage;
    let configured = house.config.cameras.iter().any(|known| known.id == *camera);
    if !configured && storage.extents().iter().all(|extent| extent.stream.camera != *camera) {
        return Answer::failed(format!(
            "no camera {camera} is configured, and the index knows no footage of one: see \"vigie footage list\""
        ));
    }
    match storage.delete(camera, from, to, note, OPERATOR) {
        Ok(deletion) => match deletion.done {
            Some(done) => Answer::done(format!("{} files deleted, {} bytes", done.files, done.bytes)),
            None => Answer::failed("some files could not be deleted: the log says which; try again"),
        },
        Err(error) => Answer::failed(error),
    }
}

/// Id, camera, from, to, by, at, files, bytes, note; with that of one picture in front its id, with that of an erased disk its id.
pub(super) fn deletions(storage: &Arc<Storage>) -> Answer {
    let line = |deletion: &Deletion| {
        let Deletion {
            id,
            camera,
            from,
            to,
            note,
            by,
            at,
            snapshot,
            disk,
            parts: _,
            done,
        } = deletion;
        let snapshot = snapshot.as_ref().map_or(String::new(), |id| format!("snapshot {id}: "));
        let disk = disk.as_ref().map_or(String::new(), |id| format!("disk {id} erased: "));
        let done = done.map_or("interrupted\t-".to_owned(), |done| {
            format!("{}\t{}", done.files, done.bytes)
        });
        format!("{id}\t{camera}\t{from}\t{to}\t{by}\t{at}\t{done}\t{snapshot}{disk}{note}")
    };
    Answer {
        ok: true,
        lines: storage.deletions().iter().map(line).collect(),
    }
}
