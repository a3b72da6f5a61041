//! Who failed to sign in how often, in bounded memory. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// From one report about a guest to the next.
pub const EVERY: Duration = Duration::from_secs(60);
/// Guests told apart at once; all further ones are counted as one.
const MOST_GUESTS: usize = 32;
/// Names told in a report.
const MOST_NAMES: usize = 5;
const LONGEST_NAME: usize = 32;

/// Where tries come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guest {
    Address(IpAddr),
    /// A /64 of the Internet: whoever has one has all of its addresses.
    Network(Ipv6Addr),
    /// Unknown, or too many at once.
    Further,
}

impl Guest {
    pub fn of(address: Option<IpAddr>) -> Guest {
        match address.map(|address| address.to_canonical()) {
            None => Guest::Further,
            Some(IpAddr::V6(v6)) if v6.segments()[0] >> 13 == 1 => {
                Guest::Network(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64))
            }
            Some(address) => Guest::Address(address),
        }
    }
}

impl fmt::Display for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Guest::Address(address) => address.fmt(f),
            Guest::Network(network) => write!(f, "{network}/64"),
            Guest::Further => f.write_str("further addresses"),
        }
    }
}

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With<'a> {
    /// A password for this name.
    Name(&'a str),
    Token,
}

/// What is told of a guest: everything since the last report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub guest: Guest,
    pub count: u64,
    pub names: Vec<String>,
    /// There were more names.
    pub more: bool,
    pub tokens: bool,
    /// Since when it was counted; `None`: the first one.
    pub within: Option<Duration>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => f.write_str("1 failed sign-in")?,
            count => write!(f, "{count} failed sign-ins")?,
        }
        let quoted = self.names.iter().map(|name| format!("\"{name}\""));
        let mut names: Vec<String> = quoted.collect();
        if self.more {
            names.push("others".into());
        }
        if !names.is_empty() {
            write!(f, " as {}", names.join(", "))?;
        }
        if self.tokens {
            let and = if names.is_empty() { "" } else { " and" };
            write!(f, "{and} with an unknown token")?;
        }
        write!(f, " from {}", self.guest)?;
        match self.within {
            Some(time) => write!(f, " within {} s", time.as_secs().max(1)),
            None => Ok(()),
        }
    }
}

/// Since the last report about a guest.
#[derive(Debug)]
struct Counted {
    since: Instant,
    count: u64,
    names: BTreeSet<String>,
    more: bool,
    tokens: bool,
}

impl Counted {
    fn new(since: Instant) -> Self {
        Self {
            since,
            count: 0,
            names: BTreeSet::new(),
            more: false,
            tokens: false,
        }
    }

    fn add(&mut self, with: With<'_>) {
        self.count += 1;
        match with {
            With::Token => self.tokens = true,
            With::Name(name) => {
                let name = harmless(name);
                if self.names.len() < MOST_NAMES {
                    self.names.insert(name);
                } else {
                    self.more |= !self.names.contains(&name);
                }
            }
        }
    }

    fn report(self, guest: Guest, within: Option<Duration>) -> Report {
        Report {
            guest,
            count: self.count,
            names: self.names.into_iter().collect(),
            more: self.more,
            tokens: self.tokens,
            within,
        }
    }
}

/// Safe to show anywhere: letters, digits and a few signs, and not many of them.
fn harmless(name: &str) -> String {
    let mut chars = name.chars();
    let kept = chars.by_ref().take(LONGEST_NAME);
    let mut kept: String = kept
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '.' | '_' | '@' | '+' | '-' => c,
            // No sign that is drawn from right to left, joins others or is drawn as nothing.
            '\u{c0}'..='\u{24f}' => c,
            _ => '?',
        })
        .collect();
    if chars.next().is_some() {
        kept.push('…');
    }
    kept
}

#[derive(Debug, Default)]
pub struct Tally(BTreeMap<Guest, Counted>);

impl Tally {
    /// A sign-in failed. What is to be told at once: the first of a guest.
    pub fn failed(&mut self, guest: Guest, with: With<'_>, now: Instant) -> Option<Report> {
        let room = self.0.len() < MOST_GUESTS || self.0.contains_key(&guest);
        let guest = if room { guest } else { Guest::Further };
        if let Some(counted) = self.0.get_mut(&guest) {
            counted.add(with);
            return None;
        }
        let mut first = Counted::new(now);
        first.add(with);
        self.0.insert(guest, Counted::new(now));
        Some(first.report(guest, None))
    }

    /// What is to be told by now. A guest of whom nothing came is forgotten.
    pub fn due(&mut self, now: Instant) -> Vec<Report> {
        self.take(now, EVERY)
    }

    /// What was not told yet.
    pub fn rest(&mut self, now: Instant) -> Vec<Report> {
        self.take(now, Duration::ZERO)
    }

    fn take(&mut self, now: Instant, age: Duration) -> Vec<Report> {
        let old = |counted: &Counted| now.duration_since(counted.since) >= age;
        let due: Vec<Guest> = self
            .0
            .iter()
            .filter(|(_, counted)| old(counted))
            .map(|(guest, _)| *guest)
            .collect();
        let mut reports = Vec::new();
        for guest in due {
            let Some(counted) = self.0.remove(&guest).filter(|counted| counted.count > 0) else {
                continue;
            };
            self.0.insert(guest, Counted::new(now));
            let within = now.duration_since(counted.since);
            reports.push(counted.report(guest, Some(within)));
        }
        reports
    }

    /// Guests that are watched now.
    pub fn guests(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guest(text: &str) -> Guest {
        Guest::of(Some(text.parse().unwrap()))
    }

    fn shown(reports: &[Report]) -> Vec<String> {
        reports.iter().map(Report::to_string).collect()
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_once_a_minute() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let (mut tally, thief) = (Tally::default(), guest("192.0.2.7"));
        let first = tally.failed(thief, With::Name("admin"), at(0)).unwrap();
        assert_eq!(first.to_string(), "1 failed sign-in as \"admin\" from 192.0.2.7");
        for second in 1..13 {
            let name = if second % 2 == 0 { "root" } else { "admin" };
            assert_eq!(tally.failed(thief, With::Name(name), at(second)), None);
        }
        assert!(tally.due(at(59)).is_empty());
        assert_eq!(
            shown(&tally.due(at(60))),
            ["12 failed sign-ins as \"admin\", \"root\" from 192.0.2.7 within 60 s"]
        );
        assert_eq!(tally.failed(thief, With::Token, at(61)), None);
        assert!(tally.due(at(119)).is_empty());
        assert_eq!(
            shown(&tally.due(at(120))),
            ["1 failed sign-in with an unknown token from 192.0.2.7 within 60 s"]
        );
        assert!(tally.due(at(180)).is_empty(), "a quiet minute is not told");
        assert_eq!(tally.guests(), 0, "and forgotten");
        assert!(
            tally.failed(thief, With::Token, at(181)).is_some(),
            "so it is a first again"
        );
    }

    #[test]
    fn what_was_counted_is_told_at_the_end() {
        let (mut tally, begin) = (Tally::default(), Instant::now());
        let thief = guest("192.0.2.7");
        tally.failed(thief, With::Name("admin"), begin);
        tally.failed(thief, With::Name("admin"), begin);
        tally.failed(thief, With::Token, begin);
        assert_eq!(
            shown(&tally.rest(begin + Duration::from_secs(5))),
            ["2 failed sign-ins as \"admin\" and with an unknown token from 192.0.2.7 within 5 s"]
        );
    }

    #[test]
    fn guests_are_addresses_and_of_the_internet_networks() {
        assert_eq!(guest("::ffff:192.0.2.7"), guest("192.0.2.7"));
        assert_eq!(guest("2001:db8::1"), guest("2001:db8::2:2"));
        assert_eq!(guest("2001:db8::1").to_string(), "2001:db8::/64");
        assert_ne!(guest("fe80::1"), guest("fe80::2"));
        assert_eq!(guest("::1").to_string(), "::1");
    }

    #[test]
    fn names_are_harmless() {
        assert_eq!(harmless("müller@site.example"), "müller@site.example");
        assert_eq!(harmless("<b>\"\n\u{1b}[31m\u{202e}"), "?b?????31m?");
        assert_eq!(harmless(&"a".repeat(33)), "a".repeat(32) + "…");
    }

    proptest! {
        /// Whatever is tried from wherever: every failure is told once, in few short reports.
        #[test]
        fn every_failure_is_told_once_within_bounds(
            tries in proptest::collection::vec((0u32..2000, ".{0,80}", 0u64..3), 1..400),
        ) {
            let mut now = Instant::now();
            let (mut tally, mut reports) = (Tally::default(), Vec::new());
            for (host, name, seconds) in &tries {
                now += Duration::from_secs(*seconds);
                reports.extend(tally.due(now));
                let guest = Guest::of(Some(IpAddr::V4((0xc000_0200 + host).into())));
                reports.extend(tally.failed(guest, With::Name(name), now));
                prop_assert!(tally.guests() <= MOST_GUESTS + 1);
            }
            reports.extend(tally.rest(now));
            let told: u64 = reports.iter().map(|report| report.count).sum();
            prop_assert_eq!(told, tries.len() as u64);
            for report in reports {
                let text = report.to_string();
                prop_assert!(text.chars().count() < 300, "{}", text);
                prop_assert!(!text.contains(['<', '>', '&', '\'', '\n', '\u{7f}']), "{}", text);
            }
        }
    }
}
