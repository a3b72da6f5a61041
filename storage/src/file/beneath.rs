//! Paths below a directory that is held open, without a symbolic link on the way: whoever may write
//! to the disk must not lead footage, nor its deletion, to another place.

use std::{
    ffi::OsStr,
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{self, Mode, OFlags, ResolveFlags},
    io::Errno,
};

/// `ELOOP` where a part of the path is a symbolic link.
pub(super) fn open(dir: impl AsFd, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Any other mode is refused where nothing is created.
    let mode = if flags.contains(OFlags::CREATE) {
        mode
    } else {
        Mode::empty()
    };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match fs::openat2(&dir, path, flags, mode, resolve) {
        // Before Linux 5.6, or forbidden by a sandbox that does not know it.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(&dir, path, flags, mode),
        other => Ok(other?),
    }
}

/// As [`open`]; `ENOTDIR` where a folder is a symbolic link.
fn step_by_step(dir: impl AsFd, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let folder_flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = fs::openat(&dir, ".", folder_flags, Mode::empty())?;
    let (folders, name) = match path.file_name() {
        Some(name) => (path.parent().unwrap_or(Path::new("")), Path::new(name)),
        None => (Path::new(""), path),
    };
    for step in folders {
        folder = fs::openat(&folder, step, folder_flags, Mode::empty())?;
    }
    Ok(fs::openat(&folder, name, flags, mode)?)
}

/// The last name of a path with the folder it is in.
pub(super) fn parent(dir: impl AsFd, path: &Path) -> io::Result<(OwnedFd, &OsStr)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    let folder = open(dir, folder.unwrap_or(Path::new(".")), flags, Mode::empty())?;
    Ok((folder, name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::symlink;

    use super::*;
    use crate::file::{Root, is_of_path};

    /// Everything that a recorder does to a path.
    #[test]
    fn a_link_in_the_path_is_refused_and_nothing_behind_it_touched() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("elsewhere");
        std::fs::create_dir_all(elsewhere.join("main")).unwrap();
        std::fs::write(elsewhere.join("main/kept"), "theirs").unwrap();
        std::fs::create_dir(dir.path().join("disk")).unwrap();
        symlink(&elsewhere, dir.path().join("disk/gate")).unwrap();
        let root = Root::open(&dir.path().join("disk")).unwrap();
        std::fs::write(dir.path().join("disk/own"), "ours").unwrap();
        let root_dir = std::fs::File::open(dir.path().join("disk")).unwrap();

        let (folder, kept, new) = (
            Path::new("gate/main"),
            Path::new("gate/main/kept"),
            Path::new("gate/main/new"),
        );
        let own = Path::new("own");
        let refused = [
            root.create_new(new).err(),
            root.open_append(kept).err(),
            root.open_read(kept).err(),
            root.open_write(kept).err(),
            root.rename(own, new).err(),
            root.rename(kept, new).err(),
            root.replace(own, kept).err(),
            root.remove(kept).err(),
            root.remove_dir(folder).err(),
            root.create_dirs(Path::new("gate/sub")).err(),
            root.exists(kept).err(),
            root.allocated(kept).err(),
        ];
        for (n, error) in refused.iter().enumerate() {
            assert!(error.as_ref().is_some_and(is_of_path), "{n}: {error:?}");
        }
        assert_eq!(std::fs::read_dir(elsewhere.join("main")).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(elsewhere.join("main/kept")).unwrap(), "theirs");
        assert_eq!(std::fs::read_to_string(dir.path().join("disk/own")).unwrap(), "ours");
        assert!(!elsewhere.join("sub").exists());
        assert!(root.list(folder).unwrap().is_empty());
        // Where the kernel does not do it.
        let mode = Mode::empty();
        assert!(step_by_step(&root_dir, kept, OFlags::RDONLY, mode).is_err_and(|error| is_of_path(&error)));
        assert!(step_by_step(&root_dir, own, OFlags::RDONLY, mode).is_ok());
        assert!(step_by_step(&root_dir, Path::new("."), OFlags::RDONLY, mode).is_ok());
        // The link itself is a name like others.
        assert!(root.exists(Path::new("gate")).unwrap());
    }
}
