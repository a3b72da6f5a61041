//! `kill -9` at random moments: what was acknowledged is there, and nothing is there by half.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

/// Names the folder to the process that is killed.
const FOLDER: &str = "VIGIE_TEST_INDEX_FOLDER";

/// The process that is killed: says the number of each batch once it was flushed.
#[test]
#[ignore = "started by the test below"]
fn writer() {
    let dir = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let index = open(&dir).unwrap();
    for batch in newest(&index).unwrap() + 1.. {
        put(&index, batch);
        index.flush().unwrap();
        writeln!(std::io::stderr(), "{batch}").unwrap();
    }
}

fn start(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["index::crash::kill::writer", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let (kills, seed) = (counts(20, 2000), 11);
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("index");
    let (mut acknowledged, mut early, mut ahead) = (0, 0, 0);
    for kill in 0..kills {
        let mut child = start(&dir);
        // Now and then before the first flush: while it opens.
        let after_first = rng.random_range(0..8) != 0;
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        if after_first {
            acknowledged = said.next().unwrap().unwrap().parse().unwrap();
        } else {
            early += 1;
        }
        std::thread::sleep(Duration::from_micros(rng.random_range(0..60_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in said {
            // A line that was cut off was not said.
            let line = line.unwrap();
            acknowledged = line
                .parse()
                .ok()
                .filter(|batch| *batch == acknowledged + 1)
                .unwrap_or(acknowledged);
        }
        let found = look(&dir);
        let Found::Batch(batch) = found else {
            panic!("seed {seed}, kill {kill}, batch {acknowledged} acknowledged: {found:?}");
        };
        assert!(
            (acknowledged..=acknowledged + 1).contains(&batch),
            "seed {seed}, kill {kill}: batch {acknowledged} was acknowledged, the index is that of {batch}"
        );
        ahead += u64::from(batch > acknowledged);
        acknowledged = batch;
    }
    println!(
        "5: {kills} × kill -9 over {acknowledged} flushes ({early} while opening): each acknowledged flush whole, none half; {ahead} times one that was not yet acknowledged"
    );
}
