//! What the device under a disk says of itself: its mount, md, ZFS and SMART, and one verdict.
//!
//! Belongs here: parsers of what the kernel and two programs say (pure, safe for any bytes), the
//! thin reader of them, and what an operator is told.
//! Does not belong here: when to look and whom to tell (`vigie-actors`); what writing and syncing
//! say (`volume`).

mod block;
mod host;
pub mod md;
#[cfg(test)]
mod md_tests;
pub mod mount;
mod program;
pub mod smart;
#[cfg(test)]
mod smart_tests;
#[cfg(test)]
mod tests;
pub mod zfs;
#[cfg(test)]
mod zfs_tests;

pub use host::Host;
pub use program::{Program, RunError};

use serde::Serialize;

use md::Array;
use mount::Mount;
use smart::Smart;
use zfs::Pool;

/// How a device stands; later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Good,
    /// It does not say, or may not be asked.
    Unknown,
    /// Worn or not as it should be; nothing is lost yet.
    Warning,
    /// Someone must act now.
    Failing,
}

/// One reason for a state, in words for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub state: Health,
    pub text: String,
}

impl Finding {
    fn new(state: Health, text: impl Into<String>) -> Self {
        Self {
            state,
            text: text.into(),
        }
    }
}

/// The facts under one disk of the configuration, and what they come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceReport {
    pub state: Health,
    /// Empty when good; the worst come first.
    pub reasons: Vec<String>,
    pub mount: Option<Mount>,
    /// md arrays between the file system and its disks.
    pub arrays: Vec<Array>,
    pub pool: Option<Pool>,
    /// One for each whole disk beneath.
    pub smart: Vec<Smart>,
    /// What keeps some of it from being known.
    #[serde(skip)]
    more: Vec<Finding>,
}

impl DeviceReport {
    pub fn new(
        mount: Option<Mount>,
        arrays: Vec<Array>,
        pool: Option<Pool>,
        smart: Vec<Smart>,
        more: Vec<Finding>,
    ) -> Self {
        let mut findings = more.clone();
        findings.extend(mount.iter().flat_map(Mount::findings));
        findings.extend(arrays.iter().flat_map(Array::findings));
        findings.extend(pool.iter().flat_map(Pool::findings));
        findings.extend(smart.iter().flat_map(Smart::findings));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.state));
        Self {
            state: findings.first().map_or(Health::Good, |finding| finding.state),
            reasons: findings.into_iter().map(|finding| finding.text).collect(),
            mount,
            arrays,
            pool,
            smart,
            more,
        }
    }

    /// Disks that were let sleep keep what they said at an earlier look.
    pub fn with_sleepers_of(mut self, earlier: &DeviceReport) -> Self {
        for disk in self.smart.iter_mut().filter(|disk| disk.asleep) {
            if let Some(known) = earlier.smart.iter().find(|known| known.device == disk.device) {
                *disk = Smart {
                    asleep: true,
                    ..known.clone()
                };
            }
        }
        Self::new(self.mount, self.arrays, self.pool, self.smart, self.more)
    }

    /// Nothing could be learnt.
    pub fn unknown(why: impl Into<String>) -> Self {
        let why = vec![Finding::new(Health::Unknown, why)];
        Self::new(None, Vec::new(), None, Vec::new(), why)
    }
}

/// Text of a device or a program, as it may be shown: short, one line.
fn shown(text: &str) -> String {
    const LONGEST: usize = 160;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
