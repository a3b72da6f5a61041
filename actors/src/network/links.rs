//! The network links of this machine, as the kernel shows them below `/sys/class/net`, and when
//! their failing is an event.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use vigie_config::Utc;

/// Shorter is no outage: a link that agrees on its speed anew is down for two or three seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// `ARPHRD_ETHER` (Wi-Fi too), `ARPHRD_INFINIBAND`, `ARPHRD_RAWIP` and `ARPHRD_NONE` (modems) of
/// `linux/if_arp.h`. What else has hardware, a CAN bus or a radio that only listens, carries no IP.
const KINDS: [&str; 4] = ["1", "32", "519", "65534"];

/// A link with hardware of its own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Link {
    pub name: String,
    pub up: bool,
}

/// All links that have hardware, by name. Bridges, tunnels and the ends of containers have none:
/// they are up whatever the cable does.
pub fn read(class: &Path) -> io::Result<Vec<Link>> {
    let mut links = Vec::new();
    for entry in fs::read_dir(class)? {
        let entry = entry?;
        let folder = entry.path();
        // A link may go while it is looked at; a missing file reads as one that is not up.
        let read = |file: &str| {
            fs::read_to_string(folder.join(file))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        if !folder.join("device").exists() || !KINDS.contains(&read("type").as_str()) {
            continue;
        }
        let up = match read("operstate").as_str() {
            "up" => true,
            // Drivers that do not say; `carrier` cannot be read while the link is switched off.
            "unknown" => read("carrier") == "1",
            _ => false,
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        links.push(Link { name, up });
    }
    links.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(links)
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Down {
        since: Utc,
        text: String,
    },
    /// `told_here`: by this process; else an earlier one may have done so.
    Over {
        told_here: bool,
    },
}

/// Whether the network is down. Pure.
///
/// It can go down only after it was up: a recorder without a network (cameras on USB, a container)
/// has none that could fail. An outage that an earlier process told may go on still: the first link
/// that is up ends it.
#[derive(Debug)]
pub struct Outage {
    was_up: bool,
    down: Option<(Instant, Utc)>,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Whatever an earlier process did.
    Unknown,
    Down,
    Nothing,
}

impl Outage {
    pub fn new() -> Self {
        Self {
            was_up: false,
            down: None,
            told: Told::Unknown,
        }
    }

    pub fn look(&mut self, links: &[Link], now: Instant, at: Utc) -> Option<Change> {
        if links.iter().any(|link| link.up) {
            (self.was_up, self.down) = (true, None);
            return self.over();
        }
        if self.told == Told::Unknown && links.is_empty() {
            // This machine has no network now.
            return self.over();
        }
        if !self.was_up || self.told == Told::Down {
            return None;
        }
        let (began, since) = *self.down.get_or_insert((now, at));
        if now.duration_since(began) < PATIENCE {
            return None;
        }
        self.told = Told::Down;
        Some(Change::Down {
            since,
            text: text(links),
        })
    }

    fn over(&mut self) -> Option<Change> {
        let told = std::mem::replace(&mut self.told, Told::Nothing);
        (told != Told::Nothing).then_some(Change::Over {
            told_here: told == Told::Down,
        })
    }

    /// As far as it is told, or may have been.
    pub fn is_down(&self) -> bool {
        self.told != Told::Nothing
    }
}

fn text(links: &[Link]) -> String {
    let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    match names[..] {
        [] => "this machine has no network link any more: is its adapter unplugged?".into(),
        [name] => format!("the network link {name} is down: look at its cable and the switch"),
        _ => format!(
            "all network links are down ({}): look at cables and switch",
            names.join(", ")
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A link below `/sys/class/net`: name, type, operstate, carrier, with hardware.
    fn put(class: &Path, name: &str, kind: &str, state: &str, carrier: &str, hardware: bool) {
        let folder = class.join(name);
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in [("type", kind), ("operstate", state), ("carrier", carrier)] {
            fs::write(folder.join(file), format!("{text}\n")).unwrap();
        }
        if hardware && !folder.join("device").exists() {
            symlink(class, folder.join("device")).unwrap();
        }
    }

    fn link(name: &str, up: bool) -> Link {
        let name = name.to_owned();
        Link { name, up }
    }

    #[test]
    fn only_links_with_hardware_count() {
        let sys = tempfile::tempdir().unwrap();
        let class = sys.path();
        put(class, "lo", "772", "unknown", "1", false);
        put(class, "docker0", "1", "up", "1", false);
        put(class, "tun0", "65534", "unknown", "1", false);
        put(class, "can0", "280", "up", "1", true);
        assert_eq!(read(class).unwrap(), []);
        put(class, "wlan0", "1", "dormant", "0", true);
        put(class, "eth1", "1", "down", "0", true);
        put(class, "eth0", "1", "up", "1", true);
        put(class, "usb0", "1", "unknown", "1", true);
        let expected = [
            link("eth0", true),
            link("eth1", false),
            link("usb0", true),
            link("wlan0", false),
        ];
        assert_eq!(read(class).unwrap(), expected);
        // Switched off: `carrier` cannot be read.
        put(class, "usb0", "1", "unknown", "", true);
        assert_eq!(read(class).unwrap()[2], link("usb0", false));
        // Not a link: `bonding_masters` is a file.
        fs::write(class.join("bonding_masters"), "").unwrap();
        assert_eq!(read(class).unwrap().len(), 4);
        assert!(read(&class.join("missing")).is_err());
    }

    const EARLIER: Option<Change> = Some(Change::Over { told_here: false });
    const ENDED: Option<Change> = Some(Change::Over { told_here: true });

    struct Watch {
        outage: Outage,
        begin: Instant,
    }

    impl Watch {
        fn new() -> Self {
            Self {
                outage: Outage::new(),
                begin: Instant::now(),
            }
        }

        fn look(&mut self, second: u64, links: &[Link]) -> Option<Change> {
            let at = Utc::from_micros(second as i64 * 1_000_000);
            self.outage.look(links, self.begin + Duration::from_secs(second), at)
        }
    }

    #[test]
    fn down_when_the_last_link_is_and_over_when_one_is_back() {
        let mut watch = Watch::new();
        let (up, one, none) = (
            [link("eth0", true), link("eth1", true)],
            [link("eth0", false), link("eth1", true)],
            [link("eth0", false), link("eth1", false)],
        );
        assert_eq!(watch.look(0, &up), EARLIER, "of an earlier process");
        assert_eq!(watch.look(10, &one), None);
        assert_eq!(watch.look(30, &one), None);
        assert_eq!(watch.look(40, &none), None, "not before it lasts");
        assert_eq!(watch.look(43, &one), None);
        assert_eq!(watch.look(44, &none), None, "the short one does not count");
        assert_eq!(watch.look(48, &none), None);
        let Some(Change::Down { since, text }) = watch.look(49, &none) else {
            panic!("not down")
        };
        assert_eq!(since, Utc::from_micros(44_000_000), "it began when it was seen first");
        assert_eq!(
            text,
            "all network links are down (eth0, eth1): look at cables and switch"
        );
        assert_eq!(watch.look(1000, &none), None, "once");
        assert_eq!(watch.look(1001, &one), ENDED);
        assert_eq!(watch.look(1002, &one), None);
    }

    #[test]
    fn a_link_may_be_plugged_in_and_out() {
        let mut watch = Watch::new();
        assert_eq!(watch.look(0, &[]), EARLIER, "of an earlier process");
        assert_eq!(watch.look(1, &[link("usb0", true)]), None);
        assert_eq!(watch.look(2, &[]), None);
        let gone = watch.look(7, &[]);
        assert!(matches!(gone, Some(Change::Down { ref text, .. }) if text.contains("unplugged")));
        assert_eq!(watch.look(8, &[]), None, "no link is still an outage");
        assert_eq!(watch.look(9, &[link("usb1", true)]), ENDED);
    }

    #[test]
    fn a_machine_that_never_had_a_network_does_not_alarm() {
        let mut container = Watch::new();
        let mut unplugged = Watch::new();
        assert_eq!(container.look(0, &[]), EARLIER, "of an earlier process");
        for second in 1..1000 {
            assert_eq!(container.look(second, &[]), None);
            assert_eq!(unplugged.look(second, &[link("eth0", false)]), None);
        }
    }

    #[test]
    fn an_outage_of_an_earlier_process_goes_on_while_there_is_a_link_that_may_come_back() {
        let mut cut = Watch::new();
        assert_eq!(cut.look(0, &[link("eth0", false)]), None);
        assert!(cut.outage.is_down());
        assert_eq!(cut.look(60, &[link("eth0", true)]), EARLIER);
        assert!(!cut.outage.is_down());
    }
}
