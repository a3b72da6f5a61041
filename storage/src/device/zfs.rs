//! ZFS: the text of `zpool status` (zpool-status(8) of OpenZFS 2.1, which has no other form).

use serde::Serialize;

use super::{Finding, Health, shown};

/// Rows of the table of devices that are looked at, at most.
const MOST: usize = 1024;

/// Real paths of the devices, so that their disks can be found.
pub(super) fn arguments(pool: &str) -> [&str; 4] {
    ["status", "-P", "-L", pool]
}

/// The pool of a dataset; `None`: no name of one.
pub(super) fn pool_of(dataset: &str) -> Option<&str> {
    let pool = dataset.split(['/', '@']).next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.: ".contains(c);
    (pool.starts_with(|c: char| c.is_ascii_alphabetic()) && pool.chars().all(fits)).then_some(pool)
}

/// A scrub or a resilver that goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scan {
    pub resilver: bool,
    pub percent: Option<f64>,
}

/// A row of the table that is not the pool itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vdev {
    pub name: String,
    pub state: String,
    /// Errors of reading, writing and checksums since they were last cleared.
    pub errors: [u64; 3],
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pool {
    pub name: String,
    /// `ONLINE`, `DEGRADED`, `FAULTED`, `SUSPENDED`, `UNAVAIL`, …
    pub state: String,
    /// What ZFS says is wrong, and what it says to do.
    pub status: Option<String>,
    pub action: Option<String>,
    pub scan: Option<Scan>,
    /// Its line of data errors.
    pub errors: String,
    pub devices: Vec<Vdev>,
}

/// What of `zpool status` is about `name`; otherwise what it printed instead.
pub fn parse(name: &str, output: &[u8]) -> Result<Pool, String> {
    let text = String::from_utf8_lossy(output);
    let sections = sections(&text);
    let field = |key: &str| {
        let found = sections.iter().find(|(k, _)| *k == key);
        found
            .map(|(_, lines)| shown(&lines.join(" ")))
            .filter(|text| !text.is_empty())
    };
    let state = field("state").filter(|_| field("pool").as_deref() == Some(name));
    let Some(state) = state else {
        return Err(shown(&text));
    };
    let table = sections
        .iter()
        .find(|(key, _)| *key == "config")
        .map_or(&[][..], |(_, lines)| lines);
    Ok(Pool {
        name: shown(name),
        state,
        status: field("status"),
        action: field("action"),
        scan: sections
            .iter()
            .find(|(key, _)| *key == "scan")
            .and_then(|(_, lines)| scan(&lines.join(" "))),
        errors: field("errors").unwrap_or_default(),
        devices: table
            .iter()
            .filter_map(|line| row(line))
            .filter(|row| row.name != name)
            .take(MOST)
            .collect(),
    })
}

/// `  pool: tank` and the lines below it that belong to it.
fn sections(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        let head = line.split_once(':').filter(|(key, _)| {
            let key = key.trim_start_matches(' ');
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase()) && !line.starts_with('\t')
        });
        match (head, all.last_mut()) {
            (Some((key, rest)), _) => all.push((key.trim(), vec![rest])),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    all
}

fn scan(text: &str) -> Option<Scan> {
    let resilver = text.contains("resilver in progress");
    if !resilver && !text.contains("scrub in progress") {
        return None;
    }
    let percent = text
        .split_once("% done")
        .and_then(|(before, _)| before.split_whitespace().last()?.parse().ok());
    Some(Scan {
        resilver,
        percent: percent.filter(|p| (0.0..=100.0).contains(p)),
    })
}

/// `mirror-0  ONLINE  0  0  0  note`; spares have no counts.
fn row(line: &str) -> Option<Vdev> {
    let mut words = line.split_whitespace();
    let (name, state) = (words.next()?, words.next()?);
    if name == "NAME" || !state.chars().all(|c| c.is_ascii_uppercase()) {
        return None;
    }
    let counts = words.clone().take(3).filter_map(count).collect::<Vec<u64>>();
    let errors: Option<[u64; 3]> = counts.try_into().ok();
    let note = words
        .skip(if errors.is_some() { 3 } else { 0 })
        .collect::<Vec<_>>()
        .join(" ");
    Some(Vdev {
        name: shown(name),
        state: shown(state),
        errors: errors.unwrap_or_default(),
        note: shown(&note),
    })
}

/// `12`, `1.68K`.
fn count(word: &str) -> Option<u64> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let factor = match word.get(digits.len()..)? {
        "" => 1.0,
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" | "P" | "E" => 1e12,
        _ => return None,
    };
    let value: f64 = digits
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite() && *value >= 0.0)?;
    Some((value * factor) as u64)
}

impl Pool {
    /// Device nodes of its members that are there.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.devices
            .iter()
            .map(|device| device.name.as_str())
            .filter(|name| name.starts_with("/dev/"))
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        let name = &self.name;
        let bad: Vec<String> = self.devices.iter().filter(|d| !d.is_well()).map(Vdev::told).collect();
        let bad = if bad.is_empty() {
            String::new()
        } else {
            format!(" ({})", bad.join(", "))
        };
        let advice = match (&self.action, &self.status) {
            (Some(text), _) | (None, Some(text)) => text.clone(),
            (None, None) => format!("look at zpool status {name}"),
        };
        let resilver = self.scan.as_ref().filter(|scan| scan.resilver);
        match (self.state.as_str(), resilver) {
            ("ONLINE" | "DEGRADED", Some(scan)) => {
                let done = scan
                    .percent
                    .map_or(String::new(), |percent| format!(", {percent:.1} % done"));
                all.push(Finding::new(
                    Health::Warning,
                    format!("ZFS pool {name} is being resilvered{done}{bad}"),
                ));
            }
            ("ONLINE", None) if bad.is_empty() => {}
            (state, _) => {
                let text = format!("ZFS pool {name} is {state}{bad}: {advice}");
                all.push(Finding::new(Health::Failing, text));
            }
        }
        if !self.errors.is_empty() && self.errors != "No known data errors" {
            let text = format!(
                "ZFS pool {name}: {}: some of its data is lost; zpool status -v {name} names the files",
                self.errors
            );
            all.push(Finding::new(Health::Failing, text));
        }
        let counted = self
            .devices
            .iter()
            .filter(|device| device.is_well() && device.errors != [0; 3]);
        let counted: Vec<String> = counted.map(Vdev::told).collect();
        if !counted.is_empty() {
            let text = format!(
                "ZFS pool {name} had errors that it could mend ({}): {advice}",
                counted.join(", ")
            );
            all.push(Finding::new(Health::Warning, text));
        }
        all
    }
}

impl Vdev {
    fn is_well(&self) -> bool {
        ["ONLINE", "AVAIL", "INUSE"].contains(&self.state.as_str())
    }

    fn told(&self) -> String {
        let [read, write, checksum] = self.errors;
        let errors = match self.errors {
            [0, 0, 0] => String::new(),
            _ => format!(", errors: {read} read, {write} write, {checksum} checksum"),
        };
        let note = if self.note.is_empty() {
            String::new()
        } else {
            format!(", {}", self.note)
        };
        format!("{} {}{note}{errors}", self.name, self.state)
    }
}
