//! `kill -9` at random moments: what was acknowledged is there, and nothing that was not written.
//! With `VIGIE_SHOWN=1` two thousand times.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

/// Names the folder to the process that is killed.
const FOLDER: &str = "VIGIE_TEST_EVENTS_FOLDER";

/// What the log must hold is a function of the number: each batch begins an event, ends the one
/// before and is written an hour later.
fn batch(number: u64) -> (Utc, Vec<Entry>) {
    let hour = |number: u64| time("00:00:00").plus_micros(number as i64 * 3_600_000_000);
    let mut entries = vec![Entry::Begun(motion(hour(number), number))];
    if let Some(before) = number.checked_sub(1) {
        entries.push(ended(id(hour(before), before), hour(number)));
    }
    (hour(number), entries)
}

/// How many batches there are, in order and whole, or one more by half.
fn count(log: &EventLog) -> u64 {
    let since = log.since(Position(0)).unwrap();
    let mut entries = since.into_iter().map(|(_, entry)| entry);
    for number in 0.. {
        for entry in batch(number).1 {
            match entries.next() {
                Some(found) => assert_eq!(found, entry),
                None => return number,
            }
        }
    }
    unreachable!("numbers end with the entries")
}

/// The process that is killed: says the number of each batch once it was appended.
#[test]
#[ignore = "started by the test below"]
fn writer() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let (log, _) = EventLog::open(&folder, EventLogLimits::default());
    for number in count(&log).. {
        let (now, entries) = batch(number);
        log.append_at(now, &entries).unwrap();
        writeln!(std::io::stderr(), "{number}").unwrap();
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["events::tests::kill::writer", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let (kills, seed) = (if shown() { 2000 } else { 20 }, 14);
    let mut rng = StdRng::seed_from_u64(seed);
    let house = House::new();
    let (mut acknowledged, mut total, mut torn) = (0, 0, 0);
    for kill in 0..kills {
        // A log is never so long that reading it takes most of the run.
        if acknowledged > 500 {
            std::fs::remove_dir_all(house.folder()).unwrap();
            total += std::mem::take(&mut acknowledged);
        }
        let mut child = start(&house.folder());
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        // Now and then before the first append: while it opens.
        if rng.random_range(0..8) != 0 {
            acknowledged = said.next().unwrap().unwrap().parse::<u64>().unwrap() + 1;
        }
        std::thread::sleep(Duration::from_micros(rng.random_range(0..20_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in said {
            // A line that was cut off was not said.
            let next = line
                .unwrap()
                .parse::<u64>()
                .ok()
                .filter(|number| *number == acknowledged);
            acknowledged = next.map_or(acknowledged, |number| number + 1);
        }
        let (log, report) = house.open_with_report(time("00:00:00"));
        torn += report.damage.len();
        let found = count(&log);
        assert!(
            (acknowledged..=acknowledged + 1).contains(&found),
            "seed {seed}, kill {kill}: {acknowledged} batches were acknowledged, {found} are there"
        );
        // The last one, and that of a batch of which only the first line was written.
        let begun = |number: u64| batch(number).0;
        let open: Vec<Utc> = log.open_events().unwrap().iter().map(|event| event.start).collect();
        let last: Vec<Utc> = found.checked_sub(1).map(begun).into_iter().collect();
        let half = [last.clone(), vec![begun(found)]].concat();
        assert!(
            open == last || open == half,
            "seed {seed}, kill {kill}: {open:?} are open"
        );
        acknowledged = found;
    }
    total += acknowledged;
    println!("events: {kills} × kill -9 (seed {seed}) over {total} batches: each acknowledged one whole; {torn} torn");
}
