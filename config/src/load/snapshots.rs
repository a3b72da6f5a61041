//! The table `[snapshots]`.

use std::time::Duration;

use super::section::Section;
use crate::{Snapshots, format_size};

const DAY: Duration = Duration::from_secs(86_400);
const MAX_AGE: Duration = Duration::from_secs(90 * 86_400);
const MAX_SIZE: u64 = 10 << 30;
/// Below this the picture of an event may be gone before it is sent.
const LEAST_MAX_SIZE: u64 = 100 << 20;

pub fn read(section: Option<Section<'_>>) -> Snapshots {
    let mut found = Snapshots {
        max_age: Some(MAX_AGE),
        max_size_bytes: Some(MAX_SIZE),
    };
    let Some(section) = section else { return found };
    if let Some(age) = section.duration("max_age", Duration::from_secs(3600)..=3650 * DAY) {
        found.max_age = Some(age);
    }
    if let Some(bytes) = section.size("max_size") {
        if bytes < LEAST_MAX_SIZE {
            section.problem("max_size", format!("expected at least {}", format_size(LEAST_MAX_SIZE)));
        }
        found.max_size_bytes = Some(bytes);
    }
    section.finish(|_| None);
    found
}
