use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{Effect, Errno, Fault, FaultDisk, Op};

/// `None`: said why.
fn disk(folder: &Path) -> Option<FaultDisk> {
    match FaultDisk::mount(&folder.join("below"), &folder.join("disk")) {
        Ok(disk) => Some(disk),
        Err(error) => {
            eprintln!("left out: no root or no FUSE ({error})");
            None
        }
    }
}

#[test]
fn everything_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = disk(folder.path()) else { return };
    let (at, below) = (disk.path(), folder.path().join("below"));
    fs::create_dir_all(at.join("a/b")).unwrap();
    let long: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
    fs::write(at.join("a/b/one"), &long).unwrap();
    assert_eq!(fs::read(below.join("a/b/one")).unwrap(), long);
    assert_eq!(fs::read(at.join("a/b/one")).unwrap(), long);

    fs::rename(at.join("a/b/one"), at.join("a/two")).unwrap();
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    fs::write(at.join("other"), "x").unwrap();
    let cwd = rustix::fs::CWD;
    let refused = rustix::fs::renameat_with(cwd, at.join("other"), cwd, at.join("a/two"), flags);
    assert_eq!(refused, Err(Errno::EXIST));

    let file = File::options().append(true).open(at.join("a/two")).unwrap();
    (&file).write_all(b"end").unwrap();
    file.set_len(3_000_001).unwrap();
    let keep = rustix::fs::FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(&file, keep, 0, 8 << 20).unwrap();
    let seen = file.metadata().unwrap();
    assert_eq!((seen.len(), seen.nlink()), (3_000_001, 1));
    assert!(seen.blocks() * 512 >= 8 << 20);
    fs::remove_file(at.join("a/two")).unwrap();
    assert_eq!(file.metadata().unwrap().nlink(), 0, "a file without a name is a file");
    file.write_at(b"!", 0).unwrap();

    let names = |at: &Path| {
        let mut all: Vec<_> = fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
        all.sort();
        all
    };
    assert_eq!(names(at), ["a", "other"]);
    fs::remove_dir(at.join("a/b")).unwrap();
    assert_eq!(fs::remove_dir(at).unwrap_err().kind(), ErrorKind::ResourceBusy);
    assert!(names(&at.join("a")).is_empty());
    assert!(rustix::fs::statvfs(at).unwrap().f_blocks > 0);
}

#[test]
fn faults_strike_as_often_and_where_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = disk(folder.path()) else { return };
    let at = disk.path();
    let one = File::create(at.join("one")).unwrap();
    let two = File::create(at.join("two")).unwrap();
    disk.inject(Fault::new(Op::Write, Effect::Fail(Errno::IO)).at("one").times(1));
    two.write_at(b"x", 0).unwrap();
    assert_eq!(one.write_at(b"x", 0).unwrap_err().raw_os_error(), Some(5));
    one.write_at(b"x", 0).unwrap();
    assert_eq!(disk.struck(), 1);

    disk.inject(Fault::new(Op::Write, Effect::Short(3)));
    assert_eq!(one.write_at(b"abcdef", 0).unwrap(), 3);
    disk.heal();
    assert_eq!(one.write_at(b"abcdef", 0).unwrap(), 6);

    for (op, act) in [
        (
            Op::Create,
            Box::new(|| File::create(at.join("new")).map(drop)) as Box<dyn Fn() -> _>,
        ),
        (Op::Create, Box::new(|| fs::create_dir(at.join("folder")))),
        (Op::Rename, Box::new(|| fs::rename(at.join("two"), at.join("three")))),
        (Op::Sync, Box::new(|| one.sync_data())),
    ] {
        disk.inject(Fault::new(op, Effect::Fail(Errno::NOSPC)).times(1));
        let failed = act().unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::StorageFull, "{op:?}");
        act().unwrap();
    }

    disk.inject(Fault::new(Op::Write, Effect::Delay(Duration::from_millis(300))).times(1));
    let begin = Instant::now();
    one.write_at(b"x", 0).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(300));

    disk.inject(Fault::new(Op::Write, Effect::Hang).times(1));
    let hanging = thread::spawn(move || one.write_at(b"x", 0));
    while disk.struck() < 8 {
        thread::yield_now();
    }
    two.write_at(b"x", 0).unwrap();
    assert!(!hanging.is_finished());
    disk.heal();
    assert_eq!(hanging.join().unwrap().unwrap(), 1);
}

#[test]
fn a_power_cut_takes_what_no_sync_has_covered() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = disk(folder.path()) else { return };
    let at = disk.path();
    let sync_folder = |path: &Path| File::open(path).unwrap().sync_all().unwrap();
    fs::create_dir(at.join("kept")).unwrap();
    sync_folder(at);
    let file = File::create(at.join("kept/.file")).unwrap();
    file.write_at(b"synced", 0).unwrap();
    file.sync_data().unwrap();
    sync_folder(&at.join("kept"));
    fs::rename(at.join("kept/.file"), at.join("kept/file")).unwrap();
    file.write_at(b" and not", 6).unwrap();
    fs::create_dir(at.join("lost")).unwrap();
    fs::write(at.join("lost/file"), "x").unwrap();
    // What `syncfs` does here: nothing.
    rustix::fs::syncfs(File::open(at).unwrap()).unwrap();
    drop(file);
    disk.cut_power().unwrap();
    assert_eq!(fs::read(at.join("kept/.file")).unwrap(), b"synced");
    assert!(!at.join("kept/file").exists() && !at.join("lost").exists());
}
