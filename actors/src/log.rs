//! The newest lines of the log, in memory, for people who look into a running recorder.
//!
//! Belongs here: keeping, searching and bounding them. Does not belong here: where lines come from
//! (`src/telemetry`), files and the journal.
//!
//! Whoever logs never waits: a line goes into a lock-free queue, and whoever finds the store free takes
//! the queue into it. What the queue cannot hold while somebody reads is lost, oldest first, and counted.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crossbeam_queue::ArrayQueue;
use serde::Serialize;
use vigie_config::Utc;

const MOST_LINES: usize = 20_000;
const MOST_BYTES: usize = 16 << 20;
const WAITING: usize = 2048;
/// Of one line: what is longer is cut.
const LONGEST_TEXT: usize = 2000;
const LONGEST_FIELD: usize = 500;
const MOST_FIELDS: usize = 20;
/// What a line takes beside its texts, about.
const LINE_BYTES: usize = 160;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub const ALL: [Level; 5] = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error];

    pub fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// A text that is no level.
#[derive(Debug, thiserror::Error)]
#[error("seen {0:?}, expected trace, debug, info, warn or error")]
pub struct NoLevel(String);

impl std::str::FromStr for Level {
    type Err = NoLevel;
    fn from_str(text: &str) -> Result<Self, NoLevel> {
        let found = Level::ALL.into_iter().find(|level| level.as_str() == text);
        found.ok_or_else(|| NoLevel(text.chars().take(40).collect()))
    }
}

/// One line as it is told.
#[derive(Debug, Clone)]
pub struct Told {
    pub at: Utc,
    pub level: Level,
    /// The module.
    pub target: String,
    pub text: String,
    pub fields: BTreeMap<String, String>,
}

/// One line as it is kept.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Counts the lines of this process.
    pub id: u64,
    pub at: Utc,
    pub level: Level,
    pub target: String,
    pub text: String,
    pub fields: BTreeMap<String, String>,
}

impl Line {
    fn bytes(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len() + 64);
        LINE_BYTES + self.target.len() + self.text.len() + fields.sum::<usize>()
    }
}

/// As in a text file: time, level, module, words, fields.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:<5} {}: {}",
            self.at,
            self.level.as_str(),
            self.target,
            self.text
        )?;
        self.fields
            .iter()
            .try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// This and graver ones.
    pub level: Option<Level>,
    /// Part of words, module or a field, in capitals or not.
    pub text: Option<String>,
    pub from: Option<Utc>,
    pub to: Option<Utc>,
    /// Lines before this one.
    pub before: Option<u64>,
}

impl Wanted {
    /// `text` in small letters.
    fn fits(&self, line: &Line, text: Option<&str>) -> bool {
        let has = |text: &str| {
            let inside = |whole: &str| whole.to_lowercase().contains(text);
            let fields = &line.fields;
            inside(&line.text)
                || inside(&line.target)
                || fields.iter().any(|(name, value)| inside(&format!("{name}={value}")))
        };
        self.level.is_none_or(|level| line.level >= level)
            && self.before.is_none_or(|before| line.id < before)
            && self.from.is_none_or(|from| line.at >= from)
            && self.to.is_none_or(|to| line.at < to)
            && text.is_none_or(has)
    }
}

pub struct Log {
    waiting: ArrayQueue<Told>,
    kept: Mutex<Kept>,
    lost: AtomicU64,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Arc<Line>>,
    bytes: usize,
    next: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            waiting: ArrayQueue::new(WAITING),
            kept: Mutex::default(),
            lost: AtomicU64::new(0),
        }
    }
}

impl Log {
    /// Never waits.
    pub fn tell(&self, mut line: Told) {
        cut(&mut line.text, LONGEST_TEXT);
        while line.fields.len() > MOST_FIELDS {
            line.fields.pop_last();
        }
        line.fields.values_mut().for_each(|value| cut(value, LONGEST_FIELD));
        if self.waiting.force_push(line).is_some() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        if let Ok(mut kept) = self.kept.try_lock() {
            self.take_in(&mut kept);
        }
    }

    /// Lines that were not kept, because too many came at once.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Newest first, at most `limit`; and whether there are more.
    pub fn find(&self, wanted: &Wanted, limit: usize) -> (Vec<Arc<Line>>, bool) {
        // Searched without the lock: it takes as long as it takes.
        let lines: Vec<Arc<Line>> = self.all();
        let text = wanted.text.as_ref().map(|text| text.to_lowercase());
        let mut fitting = lines
            .into_iter()
            .rev()
            .filter(|line| wanted.fits(line, text.as_deref()));
        let found: Vec<Arc<Line>> = fitting.by_ref().take(limit).collect();
        let more = fitting.next().is_some();
        (found, more)
    }

    fn all(&self) -> Vec<Arc<Line>> {
        let mut kept = self.lock();
        self.take_in(&mut kept);
        kept.lines.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, kept: &mut Kept) {
        // No more than were there: others may add as fast as they are taken.
        for _ in 0..self.waiting.len() {
            let Some(told) = self.waiting.pop() else { return };
            let line = Line {
                id: kept.next,
                at: told.at,
                level: told.level,
                target: told.target,
                text: told.text,
                fields: told.fields,
            };
            kept.next += 1;
            kept.bytes += line.bytes();
            kept.lines.push_back(Arc::new(line));
            while kept.lines.len() > MOST_LINES || kept.bytes > MOST_BYTES {
                let Some(gone) = kept.lines.pop_front() else { return };
                kept.bytes -= gone.bytes();
            }
        }
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(n: i64, level: Level, text: &str) -> Told {
        Told {
            at: Utc::from_micros(n),
            level,
            target: "vigie_actors::camera".into(),
            text: text.into(),
            fields: BTreeMap::from([("camera".into(), "gate".into())]),
        }
    }

    #[test]
    fn lines_are_found_newest_first_page_by_page() {
        let log = Log::default();
        for n in 0..50 {
            let level = if n % 10 == 0 { Level::Warn } else { Level::Info };
            log.tell(told(n, level, &format!("Line {n}")));
        }
        let (first, more) = log.find(&Wanted::default(), 20);
        assert_eq!((first.len(), first[0].text.as_str(), more), (20, "Line 49", true));
        let before = Some(first[19].id);
        let (second, _) = log.find(
            &Wanted {
                before,
                ..Wanted::default()
            },
            20,
        );
        assert_eq!(second[0].text, "Line 29");
        let grave = Wanted {
            level: Some(Level::Warn),
            ..Wanted::default()
        };
        assert_eq!(log.find(&grave, 20).0.len(), 5);
        let text = |text: &str| Wanted {
            text: Some(text.into()),
            ..Wanted::default()
        };
        assert_eq!(log.find(&text("lINE 4"), 20).0.len(), 11);
        assert_eq!(log.find(&text("camera=gate"), 100).0.len(), 50);
        assert_eq!(log.find(&text("yard"), 20).0.len(), 0);
        let part = Wanted {
            from: Some(Utc::from_micros(10)),
            to: Some(Utc::from_micros(13)),
            ..Wanted::default()
        };
        assert_eq!(log.find(&part, 20).0.len(), 3);
        let shown = log.find(&text("Line 7"), 1).0[0].to_string();
        assert!(
            shown.ends_with("info  vigie_actors::camera: Line 7 camera=gate"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_kept_is_bounded_in_lines_and_bytes() {
        let log = Log::default();
        for n in 0..MOST_LINES as i64 + 100 {
            log.tell(told(n, Level::Info, "short"));
        }
        assert_eq!(log.all().len(), MOST_LINES);
        assert_eq!(log.all()[0].id, 100);
        for n in 0..MOST_LINES as i64 {
            log.tell(told(n, Level::Info, &"é".repeat(3000)));
        }
        let (lines, bytes) = (log.all(), log.lock().bytes);
        assert!(bytes <= MOST_BYTES && lines.len() < 8000, "{bytes} {}", lines.len());
        assert!(lines[0].text.len() <= LONGEST_TEXT + 3);
    }

    #[test]
    fn who_logs_does_not_wait_for_who_reads() {
        let log = Log::default();
        let reading = log.lock();
        for n in 0..WAITING as i64 + 7 {
            log.tell(told(n, Level::Info, "while somebody reads"));
        }
        drop(reading);
        assert_eq!((log.all().len(), log.lost()), (WAITING, 7));
    }
}
