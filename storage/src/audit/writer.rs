//! The one thread that adds to the audit log.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::Receiver,
    },
    time::Duration,
};

use vigie_config::Utc;

use super::{Entry, KEPT_DAYS, Kind, MOST_BYTES, MOST_BYTES_A_DAY, files};
use crate::line;

/// Entries written with one sync.
const BATCH: usize = 256;

pub(super) struct Writer {
    folder: PathBuf,
    lost: Arc<AtomicU64>,
    open: Option<Day>,
    failing: bool,
}

struct Day {
    day: String,
    file: File,
    bytes: u64,
}

impl Writer {
    pub fn new(folder: PathBuf, lost: Arc<AtomicU64>) -> Writer {
        Writer {
            folder,
            lost,
            open: None,
            failing: false,
        }
    }

    pub fn run(mut self, entries: &Receiver<Entry>) {
        while let Ok(first) = entries.recv() {
            let mut batch = vec![first];
            batch.extend(entries.try_iter().take(BATCH - 1));
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                batch.push(Entry::new(
                    Kind::Audit,
                    format!("{lost} entries could not be written down"),
                ));
            }
            let told = batch.iter().filter(|entry| entry.kind != Kind::Audit).count() as u64;
            match self.write(&batch) {
                Ok(()) => self.failing = false,
                Err(error) => {
                    self.open = None;
                    self.lost.fetch_add(told + lost, Ordering::Relaxed);
                    if !self.failing {
                        tracing::error!(%error, folder = %self.folder.display(), "the audit log cannot be written");
                    }
                    self.failing = true;
                    // A full disk is not asked again for each entry; what comes meanwhile is counted.
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        }
    }

    fn write(&mut self, batch: &[Entry]) -> io::Result<()> {
        let mut lines: Vec<(String, Vec<u8>)> = Vec::new();
        for entry in batch {
            let day = files::day_of(entry.at);
            let text = line::encode(entry)?;
            match lines.last_mut() {
                Some((last, lines)) if *last == day => lines.extend(text),
                _ => lines.push((day, text)),
            }
        }
        for (day, text) in lines {
            let open = self.day(&day)?;
            if open.bytes + text.len() as u64 > MOST_BYTES_A_DAY {
                return Err(io::Error::new(
                    io::ErrorKind::QuotaExceeded,
                    "too many entries in one day",
                ));
            }
            open.file.write_all(&text)?;
            open.bytes += text.len() as u64;
            open.file.sync_data()?;
        }
        Ok(())
    }

    fn day(&mut self, day: &str) -> io::Result<&mut Day> {
        if self.open.as_ref().is_none_or(|open| open.day != day) {
            self.open = None;
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            self.prune()?;
            let path = files::path_of(&self.folder, day);
            let mut file = OpenOptions::new()
                .read(true)
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)?;
            let mut bytes = file.metadata()?.len();
            if bytes > 0 {
                // What a cut left of a last line ends here, and costs that line alone.
                let mut last = [0u8];
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    file.write_all(b"\n")?;
                    bytes += 1;
                }
            }
            File::open(&self.folder)?.sync_all()?;
            self.open = Some(Day {
                day: day.to_owned(),
                file,
                bytes,
            });
        }
        self.open.as_mut().ok_or_else(|| io::Error::other("no file of the day"))
    }

    fn prune(&self) -> io::Result<()> {
        let oldest = Utc::now().plus_micros(-KEPT_DAYS * 86_400_000_000);
        let days = files::days(&self.folder)?;
        for day in files::surplus(&days, &files::day_of(oldest), MOST_BYTES) {
            fs::remove_file(files::path_of(&self.folder, &day))?;
        }
        Ok(())
    }
}
