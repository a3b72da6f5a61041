//! A power cut at every moment: the operations of a scenario, as [`crate::file::trace`] wrote them
//! down, are played into an empty folder up to a point, as a power cut may leave them, and the
//! volume is brought up from that.
//!
//! What a sync covered that had returned is there. Of what came later, names (files, folders,
//! renames, deletions, lengths) may be there up to any point, and of the data any part: nothing,
//! zeros, a torn piece, all, in any order.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    os::unix::fs::FileExt,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use vigie_config::{Causes, GapCause};

use super::{
    tests::{House, LONG, all, at, begin, check, copy, files, fragment, record, segment, stream, until},
    *,
};
use crate::{
    file::trace::{self, FileId, Op},
    mp4::scan_segment,
};

/// What is known to be safe from some moment on.
struct Promise {
    /// Operations written down when it was made.
    from: usize,
    /// Stream and start of a segment, and how many of its fragments.
    segments: Vec<(StreamId, Utc, usize)>,
    /// Of which stream all of this time is marked.
    marks: Vec<(StreamId, Causes, Utc, Utc)>,
}

/// Whose mark, from when to when.
type Marked<'a> = (&'a StreamId, Causes, &'a str, &'a str);

struct Scenario {
    ops: Vec<Op>,
    promises: Vec<Promise>,
    /// State folders, and from which operation on they may be met.
    states: Vec<(usize, House)>,
    disk: vigie_config::Disk,
}

/// Two streams, rotations, a gap, marks, a deletion by retention, a checkpoint in the middle.
fn scenario() -> Scenario {
    let house = House::new();
    let mut disk = house.disk("d1");
    // Only when the scenario asks for it.
    disk.tick = std::time::Duration::from_secs(3600);
    let trace = trace::watch(&disk.path);
    let (gate, yard) = (stream("gate"), stream("yard"));
    let storage = house.open();
    let volume = storage.add_volume(&disk).unwrap();
    let mut promises = Vec::new();
    let mut states = vec![(0, house.snapshot_of_state())];
    let mut promise = |segments: &[(&StreamId, &str, usize)], marks: &[Marked<'_>]| {
        assert!(volume.settle(LONG));
        promises.push(Promise {
            from: trace.len(),
            segments: segments
                .iter()
                .map(|(s, start, n)| ((*s).clone(), at(start), *n))
                .collect(),
            marks: marks
                .iter()
                .map(|(s, cause, from, to)| ((*s).clone(), *cause, at(from), at(to)))
                .collect(),
        });
    };
    promise(&[], &[]);
    record(&volume, &gate, at("08:59:58"), 0, 2);
    let mut one = begin(&volume, segment(&gate, at("09:00:00"), 1));
    let mut two = begin(&volume, segment(&yard, at("09:00:00"), 0));
    for index in 0..2 {
        one.append(fragment(at("09:00:00"), index, 700)).unwrap();
        two.append(fragment(at("09:00:00"), index, 900)).unwrap();
    }
    // Over the hour before, and still open.
    storage.mark_opened(&gate, Causes::MOTION, at("08:59:57"));
    storage.mark_opened(&yard, Causes::MANUAL, at("09:00:00.2"));
    promise(
        &[(&gate, "09:00:00", 2), (&yard, "09:00:00", 2)],
        &[(&gate, Causes::MOTION, "08:59:57", "09:00:00.8")],
    );
    one.append(fragment(at("09:00:00"), 2, 700)).unwrap();
    two.append(fragment(at("09:00:00"), 2, 900)).unwrap();
    drop(one);
    let mut one = begin(&volume, segment(&gate, at("09:00:01.2"), 2));
    one.append(fragment(at("09:00:01.2"), 0, 700)).unwrap();
    storage.mark_closed(&yard, Causes::MANUAL, at("09:00:01"));
    storage.mark_opened(&gate, Causes::SENSOR, at("08:59:30"));
    promise(
        &[(&gate, "09:00:00", 3), (&gate, "09:00:01.2", 1), (&yard, "09:00:00", 3)],
        &[
            (&yard, Causes::MANUAL, "09:00:00.2", "09:00:01"),
            (&gate, Causes::SENSOR, "08:59:30", "09:00:01.6"),
        ],
    );
    storage.mark_closed(&gate, Causes::MOTION, at("09:00:01.5"));
    storage.checkpoint();
    assert!(volume.settle(LONG));
    states.push((trace.len(), house.snapshot_of_state()));
    // The camera is silent; retention takes the oldest file meanwhile.
    drop(one);
    storage.gap_opened(&gate, at("09:00:01.6"), GapCause::CameraOffline);
    let rules = RetentionRules {
        max_age: HashMap::from([(gate.camera.clone(), std::time::Duration::from_secs(30))]),
        ..RetentionRules::default()
    };
    let report = storage.retention_pass(&rules, at("09:00:30.5"), true);
    assert_eq!(report.deleted.len(), 1);
    two.append(fragment(at("09:00:00"), 3, 900)).unwrap();
    let mut one = begin(&volume, segment(&gate, at("10:02:00"), 3));
    one.append(fragment(at("10:02:00"), 0, 700)).unwrap();
    one.append(fragment(at("10:02:00"), 1, 700)).unwrap();
    promise(
        &[
            (&gate, "09:00:00", 3),
            (&gate, "09:00:01.2", 1),
            (&gate, "10:02:00", 2),
            (&yard, "09:00:00", 4),
        ],
        &[
            (&gate, Causes::MOTION, "08:59:57", "09:00:01.5"),
            (&gate, Causes::SENSOR, "08:59:30", "10:02:00.8"),
        ],
    );
    storage.mark_closed(&gate, Causes::SENSOR, at("10:02:01"));
    storage.mark_opened(&yard, Causes::MANUAL, at("09:00:01.5"));
    one.append(fragment(at("10:02:00"), 2, 700)).unwrap();
    drop(two);
    drop(one);
    assert!(volume.settle(LONG));
    let ops = trace.ops();
    drop(storage);
    Scenario {
        ops,
        promises,
        states,
        disk,
    }
}

/// What becomes of a write that no sync covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Data {
    Nothing,
    /// Its length is there, its bytes are not.
    Zeros,
    /// The first part of its bytes, zeros for the rest.
    Torn(u8),
    Whole,
}

impl Data {
    fn any(rng: &mut StdRng) -> Data {
        match rng.random_range(0..4) {
            0 => Data::Nothing,
            1 => Data::Zeros,
            2 => Data::Torn(rng.random_range(1..=255)),
            _ => Data::Whole,
        }
    }
}

/// Files and folders as a power cut left them.
#[derive(Default)]
struct Remains {
    dirs: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, FileId>,
    bytes: HashMap<FileId, Vec<u8>>,
}

impl Remains {
    /// Data of files whose name did not last is kept by nobody; harmless here.
    fn apply(&mut self, op: &Op, data: Data) {
        match op {
            Op::Create { file, path } => {
                self.names.insert(path.clone(), *file);
                self.bytes.entry(*file).or_default();
            }
            Op::Write { file, offset, bytes } => {
                let kept = match data {
                    Data::Nothing => return,
                    Data::Zeros => 0,
                    Data::Torn(part) => bytes.len() * usize::from(part) / 256,
                    Data::Whole => bytes.len(),
                };
                let all = self.bytes.entry(*file).or_default();
                let (from, to) = (*offset as usize, *offset as usize + bytes.len());
                all.resize(all.len().max(to), 0);
                all[from..from + kept].copy_from_slice(&bytes[..kept]);
            }
            Op::Truncate { file, len } => {
                self.bytes.entry(*file).or_default().resize(*len as usize, 0);
            }
            Op::Rename { from, to } => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                }
            }
            Op::Remove(path) => drop(self.names.remove(path)),
            Op::MakeDir(path) => drop(self.dirs.insert(path.clone())),
            Op::RemoveDir(path) => drop(self.dirs.remove(path)),
            Op::SyncBegin | Op::SyncEnd | Op::SyncedData(_) => {}
        }
    }

    fn write_to(&self, root: &Path) {
        std::fs::create_dir_all(root).unwrap();
        for dir in &self.dirs {
            std::fs::create_dir_all(root.join(dir)).unwrap();
        }
        for (path, file) in &self.names {
            let bytes = &self.bytes[file];
            let file = std::fs::File::create(root.join(path)).unwrap();
            // Zeros that nobody wrote are a hole.
            file.set_len(bytes.len() as u64).unwrap();
            for (index, block) in bytes.chunks(512).enumerate() {
                if block.iter().any(|b| *b != 0) {
                    file.write_all_at(block, index as u64 * 512).unwrap();
                }
            }
        }
    }
}

/// Before the operation `cut`, what the last sync that had returned covered.
fn covered(ops: &[Op], cut: usize) -> usize {
    let done = ops[..cut].iter().rposition(|op| *op == Op::SyncEnd);
    let begun = done.and_then(|end| ops[..end].iter().rposition(|op| *op == Op::SyncBegin));
    begun.unwrap_or(0)
}

/// `names`: how many of the operations on names after the sync lasted; `data` decides for each
/// write after it.
fn remains(ops: &[Op], cut: usize, names: usize, mut data: impl FnMut() -> Data) -> Remains {
    let covered = covered(ops, cut);
    let mut left = Remains::default();
    for op in &ops[..covered] {
        left.apply(op, Data::Whole);
    }
    let alone: HashMap<FileId, usize> = ops[..cut]
        .iter()
        .enumerate()
        .filter_map(|(at, op)| match op {
            Op::SyncedData(file) => Some((*file, at)),
            _ => None,
        })
        .collect();
    let mut lasted = 0;
    for (at, op) in ops[..cut].iter().enumerate().skip(covered) {
        match op {
            Op::Write { file, .. } if alone.get(file).is_some_and(|synced| at < *synced) => left.apply(op, Data::Whole),
            Op::Write { .. } => left.apply(op, data()),
            _ if lasted < names => {
                lasted += 1;
                left.apply(op, Data::Whole);
            }
            _ => {}
        }
    }
    // A file whose name did not last has no bytes either, and no folder of its own.
    left
}

/// Brings the volume up from what is left, and looks whether every promise is kept.
fn recovered(scenario: &Scenario, cut: usize, left: &Remains, state: Option<&House>, what: &str) {
    let house = House::empty();
    let disk = vigie_config::Disk {
        path: house.dir.path().join("d1"),
        tick: std::time::Duration::from_millis(20),
        ..scenario.disk.clone()
    };
    left.write_to(&disk.path);
    let newest = &scenario.states.last().unwrap().1;
    std::fs::create_dir(house.dir.path().join("state")).unwrap();
    match state {
        Some(state) => copy(&state.dir.path().join("state"), &house.dir.path().join("state")),
        None => {
            // Who we are is known, the index is gone.
            let name = "state/recorder.toml";
            std::fs::copy(newest.dir.path().join(name), house.dir.path().join(name)).unwrap();
        }
    }
    if !left.names.contains_key(Path::new(crate::layout::MARKER)) {
        let due = scenario.promises.iter().any(|promise| promise.from <= cut);
        assert!(!due, "{what}: the marker is gone");
        return;
    }
    let storage = house.open();
    let volume = match storage.add_volume(&disk) {
        Ok(volume) => volume,
        Err(error) => panic!("{what}: {error}"),
    };
    until("everything is read", || storage.index_state() == IndexState::Ok);
    for path in files(&disk.path) {
        let scan = scan_segment(&std::fs::File::open(&path).unwrap()).unwrap();
        assert!(
            scan.valid_len == scan.file_len && !scan.fragments.is_empty(),
            "{what}: {} has {} of {} bytes",
            path.display(),
            scan.valid_len,
            scan.file_len
        );
    }
    let kept = scenario.promises.iter().filter(|promise| promise.from <= cut);
    for (stream, start, fragments) in kept.flat_map(|promise| &promise.segments) {
        let path = disk.path.join(crate::layout::segment_path(stream, *start));
        let found = std::fs::File::open(&path).map(|file| scan_segment(&file).unwrap().fragments.len());
        assert!(
            found.as_ref().is_ok_and(|n| n >= fragments),
            "{what}: {} has {found:?} of {fragments} fragments",
            path.display()
        );
        let rows = all(&storage, stream).segments;
        assert!(
            rows.iter().any(|row| row.start == *start),
            "{what}: {stream} {start} is not in the index"
        );
    }
    check(&storage);
    // And it goes on.
    let gate = stream("gate");
    record(&volume, &gate, at("11:00:00"), 0, 2);
    assert!(volume.settle(LONG));
    let kept = scenario.promises.iter().filter(|promise| promise.from <= cut);
    for (stream, cause, from, to) in kept.flat_map(|promise| &promise.marks) {
        let rows = all(&storage, stream).marks;
        let own = rows.iter().filter(|row| row.cause == *cause && row.end.is_some());
        let marked = own.fold(*from, |at, row| match row.start <= at {
            true => at.max(row.end.unwrap()),
            false => at,
        });
        assert!(
            marked >= *to,
            "{what}: {stream} is not marked from {from} to {to}: {rows:?}"
        );
    }
    let seen: Vec<_> = [&gate, &stream("yard")].map(|stream| all(&storage, stream)).into();
    storage.index_rebuild().unwrap();
    let again: Vec<_> = [&gate, &stream("yard")].map(|stream| all(&storage, stream)).into();
    assert_eq!(seen, again, "{what}: the index is not what a rebuild makes of the disk");
}

#[test]
fn every_prefix_that_a_power_cut_allows() {
    let full = std::env::var_os("VIGIE_SHOWN").is_some_and(|v| v == "1");
    let (every, random) = if full { (1, 24) } else { (5, 1) };
    let scenario = scenario();
    let ops = &scenario.ops;
    let mut rng = StdRng::seed_from_u64(7);
    let mut tried = 0u32;
    for cut in (0..=ops.len()).filter(|cut| cut % every == 0 || *cut == ops.len()) {
        let open = cut - covered(ops, cut);
        let mut cases: Vec<(String, Remains)> = vec![
            ("only what was synced".into(), remains(ops, cut, 0, || Data::Nothing)),
            ("all names, no data".into(), remains(ops, cut, open, || Data::Nothing)),
            ("all names, zeros".into(), remains(ops, cut, open, || Data::Zeros)),
            (
                "all names, torn data".into(),
                remains(ops, cut, open, || Data::Torn(128)),
            ),
            ("everything".into(), remains(ops, cut, open, || Data::Whole)),
        ];
        for n in 0..random {
            let names = rng.random_range(0..=open);
            let left = remains(ops, cut, names, || Data::any(&mut rng));
            cases.push((format!("names {names} of {open}, any data ({n})"), left));
        }
        for (name, left) in &cases {
            let met = scenario
                .states
                .iter()
                .rfind(|(from, _)| *from <= cut)
                .map(|(_, state)| state);
            for state in [None, met] {
                let index = if state.is_some() { "the last index" } else { "no index" };
                let what = format!("cut {cut} of {}, {name}, {index}", ops.len());
                recovered(&scenario, cut, left, state, &what);
                tried += 1;
            }
        }
    }
    println!(
        "3: {tried} remains of {} moments recovered, every promise kept",
        ops.len() + 1
    );
}
