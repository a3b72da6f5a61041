//! Power cuts between two flushes, and damage anywhere: played on copies of the files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

/// The unit in which a device takes writes.
const BLOCK: usize = 4096;
/// Enough that segments of sled's log are used again.
const BATCHES: u64 = 700;

/// Files by their path below the index's folder.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn read_all(dir: &Path) -> Files {
    let (mut files, mut folders) = (Files::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                files.insert(path.strip_prefix(dir).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

fn write_all(dir: &Path, files: &Files) {
    if dir.exists() {
        fs::remove_dir_all(dir).unwrap();
    }
    fs::create_dir_all(dir.join("blobs")).unwrap();
    for (path, bytes) in files {
        fs::write(dir.join(path), bytes).unwrap();
    }
}

/// An index after some flush, and what the kernel may have begun to write since.
struct Window {
    flushed: u64,
    before: Files,
    after: Files,
}

/// Flushes batch after batch; `at`: between which flushes files are kept.
fn windows(dir: &Path, at: &BTreeSet<u64>, rng: &mut StdRng) -> Vec<Window> {
    let mut index = open(dir).unwrap();
    let mut found = Vec::new();
    for batch in 1..=BATCHES {
        let before = at.contains(&batch).then(|| read_all(dir));
        put(&index, batch);
        index.flush().unwrap();
        if let Some(before) = before {
            found.push(Window {
                flushed: batch - 1,
                before,
                after: read_all(dir),
            });
        }
        if rng.random_range(0..150) == 0 {
            drop(index);
            index = open(dir).unwrap();
        }
    }
    found
}

/// What a power cut may leave: each block as it was, as it was to be, or zeros; a file that was
/// new is there or not.
fn cut(window: &Window, rng: &mut StdRng) -> Files {
    let mut left = Files::new();
    let names: BTreeSet<&PathBuf> = window.before.keys().chain(window.after.keys()).collect();
    let kept = rng.random_range(0.0..1.0);
    for name in names {
        let (before, after) = match (window.before.get(name), window.after.get(name)) {
            (Some(before), Some(after)) => (before, after),
            (None, Some(after)) if rng.random_bool(0.5) => (&Vec::new(), after),
            // Its name was not durable, or its removal is not yet.
            (None, Some(_)) => continue,
            (Some(before), None) if rng.random_bool(0.5) => (before, before),
            _ => continue,
        };
        let len = match rng.random_range(0..3) {
            0 => before.len(),
            1 => after.len(),
            _ => rng.random_range(before.len().min(after.len())..=before.len().max(after.len())),
        };
        let mut bytes = vec![0; len];
        for (number, block) in bytes.chunks_mut(BLOCK).enumerate() {
            let of = |from: &[u8]| -> Vec<u8> {
                let all = from.iter().skip(number * BLOCK).copied();
                all.chain(std::iter::repeat(0)).take(block.len()).collect()
            };
            let (old, new) = (of(before), of(after));
            if old == new || rng.random_bool(kept) {
                block.copy_from_slice(&new);
            } else {
                block.copy_from_slice(&old);
            }
        }
        left.insert(name.clone(), bytes);
    }
    left
}

/// What a failing device may do to files that were whole.
fn damage(files: &Files, rng: &mut StdRng) -> (Files, String) {
    let mut files = files.clone();
    let names: Vec<PathBuf> = files
        .iter()
        .filter(|(_, bytes)| !bytes.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    let name = names.get(rng.random_range(0..names.len())).unwrap();
    let bytes = files.get_mut(name).unwrap();
    // Half of it near the end, where the newest rows are.
    let newest = if rng.random_bool(0.5) {
        bytes.len().saturating_sub(300_000)
    } else {
        0
    };
    let from = rng.random_range(newest..bytes.len());
    let to = (from + rng.random_range(1..2 * BLOCK)).min(bytes.len());
    let what = match rng.random_range(0..5) {
        0 => {
            bytes.truncate(from);
            "truncated"
        }
        1 => {
            bytes[from..to].fill(0);
            "zeroed"
        }
        2 => {
            bytes[from..to].fill_with(|| rng.random());
            "overwritten"
        }
        3 => {
            let other = rng.random_range(0..bytes.len()) / BLOCK * BLOCK;
            let block = bytes[other..(other + BLOCK).min(bytes.len())].to_vec();
            let from = from / BLOCK * BLOCK;
            let to = (from + block.len()).min(bytes.len());
            bytes[from..to].copy_from_slice(&block[..to - from]);
            "a block written to another place"
        }
        _ => {
            bytes[from] ^= 1 << rng.random_range(0..8);
            "one bit turned"
        }
    };
    let what = format!("{what}: {} from {from} to {to}", name.display());
    (files, what)
}

#[test]
fn a_power_cut_between_two_flushes_leaves_one_of_them() {
    let (cuts, seed) = (counts(50, 3000), 12);
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let at: BTreeSet<u64> = (0..counts(10, 100)).map(|_| rng.random_range(1..=BATCHES)).collect();
    let windows = windows(&folder.path().join("index"), &at, &mut rng);
    let dir = folder.path().join("cut");
    let (mut old, mut new, mut noticed, mut bad) = (0, 0, BTreeMap::new(), Vec::new());
    for number in 0..cuts {
        let window = &windows[number % windows.len()];
        write_all(&dir, &cut(window, &mut rng));
        match look(&dir) {
            Found::Batch(batch) if batch == window.flushed => old += 1,
            Found::Batch(batch) if batch == window.flushed + 1 => new += 1,
            Found::Noticed(why) => *noticed.entry(why).or_insert(0u32) += 1,
            other => bad.push(format!("cut {number} after flush {}: {other:?}", window.flushed)),
        }
    }
    println!(
        "5: {cuts} power cuts (seed {seed}): {old} × the flush before, {new} × the flush itself, noticed {noticed:?}"
    );
    assert!(
        bad.is_empty(),
        "seed {seed}: {} of {cuts}: {:#?}",
        bad.len(),
        &bad[..bad.len().min(20)]
    );
    assert!(
        noticed.is_empty(),
        "an acknowledged flush was lost, and that was noticed"
    );
}

#[test]
fn damage_is_noticed_or_does_no_harm() {
    let (rounds, seed) = (counts(50, 3000), 13);
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let at: BTreeSet<u64> = (0..counts(5, 50)).map(|_| rng.random_range(1..=BATCHES)).collect();
    let windows = windows(&folder.path().join("index"), &at, &mut rng);
    let dir = folder.path().join("damaged");
    let (mut harmless, mut older, mut noticed, mut bad) = (0, 0, 0, Vec::new());
    for number in 0..rounds {
        let window = &windows[number % windows.len()];
        let (files, what) = damage(&window.after, &mut rng);
        write_all(&dir, &files);
        match look(&dir) {
            Found::Batch(batch) if batch == window.flushed + 1 => harmless += 1,
            Found::Batch(batch) if batch <= window.flushed => older += 1,
            Found::Noticed(_) => noticed += 1,
            other => bad.push(format!(
                "round {number}, {what}, after flush {}: {other:?}",
                window.flushed + 1
            )),
        }
    }
    println!(
        "5: {rounds} × damage (seed {seed}): {harmless} × no harm, {older} × an earlier flush, {noticed} × noticed, {} × wrong",
        bad.len()
    );
    assert!(
        bad.is_empty(),
        "seed {seed}: {} of {rounds}: {:#?}",
        bad.len(),
        &bad[..bad.len().min(20)]
    );
}
