//! `vigie-volume.toml`: whose footage this is. Without it nothing is written.

use std::{io, path::Path};

use toml_edit::{Array, DocumentMut, value};
use vigie_config::DiskId;

use crate::{
    error::VolumeError,
    file::Root,
    layout,
    uuid::{RecorderId, VolumeId},
};

/// The newest layout of a volume this build knows.
pub const FORMAT: i64 = 1;
const MAX_BYTES: u64 = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    pub volume: VolumeId,
    pub recorder: RecorderId,
    /// Recorders whose footage lay here when this one took the disk over: it counts as its own.
    pub adopted: Vec<RecorderId>,
}

/// What a folder is, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    Marked(Marker),
    /// No marker and nothing else (`lost+found` does not count).
    Blank,
    /// No marker, but something.
    Unmarked,
    NewerFormat(i64),
    /// A marker that cannot be read.
    Bad(String),
}

impl Marker {
    pub fn new(volume: VolumeId, recorder: RecorderId) -> Marker {
        Marker {
            volume,
            recorder,
            adopted: Vec::new(),
        }
    }

    /// Footage of that recorder on this disk is ours.
    pub fn owns(&self, recorder: RecorderId) -> bool {
        self.recorder == recorder || self.adopted.contains(&recorder)
    }

    fn text(&self) -> String {
        let mut document = DocumentMut::new();
        document.insert("format", value(FORMAT));
        document.insert("volume", value(self.volume.to_string()));
        document.insert("recorder", value(self.recorder.to_string()));
        if !self.adopted.is_empty() {
            let adopted: Array = self.adopted.iter().map(RecorderId::to_string).collect();
            document.insert("adopted", value(adopted));
        }
        format!("# Footage of a Vigie recorder. Without this file Vigie does not write to this disk.\n{document}")
    }

    fn parse(text: &str) -> Identity {
        let document: DocumentMut = match text.parse() {
            Ok(document) => document,
            Err(error) => return Identity::Bad(error.to_string().replace('\n', " ")),
        };
        let text_of = |key: &str| document.get(key).and_then(|item| item.as_str()).unwrap_or_default();
        match document.get("format").and_then(|item| item.as_integer()) {
            Some(format) if format > FORMAT => return Identity::NewerFormat(format),
            Some(FORMAT) => {}
            other => return Identity::Bad(format!("format is {other:?}, expected {FORMAT}")),
        }
        let adopted = document.get("adopted").and_then(|item| item.as_array());
        let adopted = adopted.into_iter().flatten();
        let adopted: Option<Vec<RecorderId>> = adopted.map(|id| id.as_str()?.parse().ok()).collect();
        let Some(adopted) = adopted else {
            return Identity::Bad("adopted: expected a list of recorders".into());
        };
        match (text_of("volume").parse(), text_of("recorder").parse()) {
            (Ok(volume), Ok(recorder)) => Identity::Marked(Marker {
                volume,
                recorder,
                adopted,
            }),
            (Err(error), _) => Identity::Bad(format!("volume: {error}")),
            (_, Err(error)) => Identity::Bad(format!("recorder: {error}")),
        }
    }

    /// Durable when it returns. Never over another marker.
    pub fn write(&self, root: &Root) -> io::Result<()> {
        self.put(root, Root::rename)
    }

    /// As [`Marker::write`], in place of whatever marker there is.
    pub fn replace(&self, root: &Root) -> io::Result<()> {
        self.put(root, Root::replace)
    }

    fn put(&self, root: &Root, rename: fn(&Root, &Path, &Path) -> io::Result<()>) -> io::Result<()> {
        let temporary = Path::new(".vigie-volume.toml");
        if root.exists(temporary)? {
            root.remove(temporary)?;
        }
        let file = root.create_new(temporary)?;
        file.write_at(&[self.text().as_bytes()], 0)?;
        file.sync_data()?;
        rename(root, temporary, Path::new(layout::MARKER))?;
        root.sync()
    }
}

pub fn identify(root: &Root) -> io::Result<Identity> {
    match root.read(Path::new(layout::MARKER), MAX_BYTES) {
        Ok(bytes) => Ok(match std::str::from_utf8(&bytes) {
            Ok(text) => Marker::parse(text),
            Err(_) => Identity::Bad("not a text".into()),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let other = root
                .list(Path::new(""))?
                .into_iter()
                .any(|entry| entry.name != "lost+found" && entry.name != ".vigie-volume.toml");
            Ok(if other { Identity::Unmarked } else { Identity::Blank })
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Identity::Bad(error.to_string())),
        Err(error) => Err(error),
    }
}

/// May this recorder write to what lies at `path`? `new_disk`: this disk id was never used before,
/// so an empty folder is a new disk and not a missing mount.
pub fn admit(
    disk: &DiskId,
    path: &Path,
    identity: Identity,
    recorder: RecorderId,
    new_disk: bool,
) -> Result<Option<Marker>, VolumeError> {
    let (disk, path) = (disk.clone(), path.to_owned());
    match identity {
        Identity::Marked(marker) if marker.recorder == recorder => Ok(Some(marker)),
        Identity::Marked(marker) => Err(VolumeError::Foreign {
            disk,
            path,
            seen: marker.recorder,
            own: recorder,
        }),
        Identity::Blank if new_disk => Ok(None),
        Identity::Blank => Err(VolumeError::Blank { disk, path }),
        Identity::Unmarked => Err(VolumeError::Unmarked { disk, path }),
        Identity::NewerFormat(seen) => Err(VolumeError::NewerFormat {
            disk,
            path,
            seen,
            known: FORMAT,
        }),
        Identity::Bad(detail) => Err(VolumeError::BadMarker {
            disk,
            path: path.join(layout::MARKER),
            detail,
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn admit_in(dir: &Path, own: RecorderId, new_disk: bool) -> Result<Option<Marker>, VolumeError> {
        let identity = identify(&Root::open(dir).unwrap()).unwrap();
        admit(&DiskId::new("d1").unwrap(), dir, identity, own, new_disk)
    }

    #[test]
    fn who_may_write_where() {
        let dir = tempfile::tempdir().unwrap();
        let own = RecorderId::generate().unwrap();
        std::fs::create_dir(dir.path().join("lost+found")).unwrap();
        assert!(admit_in(dir.path(), own, true).unwrap().is_none());
        assert!(matches!(
            admit_in(dir.path(), own, false),
            Err(VolumeError::Blank { .. })
        ));

        let root = Root::open(dir.path()).unwrap();
        let mut marker = Marker::new(VolumeId::generate().unwrap(), own);
        marker.write(&root).unwrap();
        assert_eq!(admit_in(dir.path(), own, false).unwrap(), Some(marker.clone()));
        assert!(marker.write(&root).is_err(), "never over another");
        marker.adopted = vec![RecorderId(8), RecorderId(9)];
        marker.replace(&root).unwrap();
        assert_eq!(admit_in(dir.path(), own, false).unwrap(), Some(marker.clone()));
        assert!(marker.owns(own) && marker.owns(RecorderId(9)) && !marker.owns(RecorderId(7)));
        assert!(matches!(
            admit_in(dir.path(), RecorderId(7), true),
            Err(VolumeError::Foreign { .. })
        ));

        let path = dir.path().join(layout::MARKER);
        std::fs::write(&path, "format = 2\nsomething = 1\n").unwrap();
        assert!(matches!(
            admit_in(dir.path(), own, true),
            Err(VolumeError::NewerFormat { seen: 2, .. })
        ));
        std::fs::write(&path, [0u8; 200]).unwrap();
        assert!(matches!(
            admit_in(dir.path(), own, true),
            Err(VolumeError::BadMarker { .. })
        ));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(dir.path().join("letter.odt"), "x").unwrap();
        assert!(matches!(
            admit_in(dir.path(), own, true),
            Err(VolumeError::Unmarked { .. })
        ));
    }
}
