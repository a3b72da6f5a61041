//! The table `[server.access]`.

use std::time::Duration;

use super::section::{Found, Section, Text};
use crate::{Access, Whence};

/// Asked of every request.
const MOST: usize = 1000;
const IDLE_LEAST: Duration = Duration::from_secs(10);
const IDLE_MOST: Duration = Duration::from_secs(24 * 3600);

pub fn read(server: &Section<'_>) -> Access {
    let Some(section) = server.section("access") else {
        return Access::default();
    };
    let access = Access {
        allow: list(&section, "allow"),
        block: list(&section, "block"),
        idle_sign_out: section.duration("idle_sign_out", IDLE_LEAST..=IDLE_MOST),
    };
    section.finish(|_| None);
    access
}

fn list(section: &Section<'_>, key: &'static str) -> Vec<Whence> {
    let texts = section.texts(
        key,
        "a list of addresses, ranges and MAC addresses such as [\"192.0.2.7\", \"10.0.0.0/8\"]",
    );
    let texts = texts.unwrap_or_default();
    if texts.len() > MOST {
        section.problem(key, format!("seen {} entries, expected at most {MOST}", texts.len()));
    }
    let read = |text: Found<Text>| match text.value.value.parse() {
        Ok(whence) => Some(whence),
        Err(error) => {
            text.problem(section.walk, format!("{:?}: {error}", text.value.shown));
            None
        }
    };
    texts.into_iter().filter_map(read).collect()
}
