//! Linux software RAID: `/proc/mdstat` and `/sys/block/md*/md` (md(4)).

use serde::Serialize;

use super::{Finding, Health, shown};

/// How an array stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrayState {
    Healthy,
    /// A member is missing; what it held is being written to another one.
    Rebuilding,
    /// A member is missing.
    Degraded,
    /// Too many are: it holds no data any more, or was not started.
    Failed,
}

/// What the kernel does with an array by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Action {
    /// `recovery`, `resync`, `reshape`, `check`.
    pub name: String,
    /// `None`: it waits.
    pub percent: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Array {
    pub name: String,
    pub level: Option<String>,
    pub state: ArrayState,
    /// Devices that it uses.
    pub members: Vec<String>,
    pub faulty: Vec<String>,
    pub spares: Vec<String>,
    /// Members that it is made for, and those that work; `None`: a level without redundancy.
    pub wanted: Option<u64>,
    pub working: Option<u64>,
    pub action: Option<Action>,
}

/// Files of `/sys/block/<array>/md`, those that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SysFiles {
    pub array_state: Option<String>,
    pub degraded: Option<String>,
    pub sync_action: Option<String>,
}

/// The array `name`; `None`: the kernel knows none of it.
pub fn parse(name: &str, mdstat: &[u8], sys: &SysFiles) -> Option<Array> {
    let text = String::from_utf8_lossy(mdstat);
    let mut lines = text.lines().skip_while(|line| line.split(" : ").next() != Some(name));
    let (_, head) = lines.next()?.split_once(" : ")?;
    let mut array = of_head(name, head);
    // Of the others each begins at the margin.
    for line in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        let counts = line.split_whitespace().filter_map(counts).next();
        if let Some((wanted, working)) = counts {
            (array.wanted, array.working) = (Some(wanted), Some(working));
        }
        array.action = array.action.take().or_else(|| action(line));
    }
    let is = |file: &Option<String>, values: &[&str]| file.as_deref().is_some_and(|v| values.contains(&v.trim()));
    let missing = sys
        .degraded
        .as_deref()
        .and_then(|count| count.trim().parse::<u64>().ok());
    if let (Some(wanted), Some(missing)) = (array.wanted, missing) {
        array.working = Some(wanted.saturating_sub(missing));
    }
    if is(&sys.sync_action, &["recover"]) {
        let percent = array.action.and_then(|action| action.percent);
        array.action = Some(Action {
            name: "recovery".into(),
            percent,
        });
    }
    let dead = is(&sys.array_state, &["broken", "inactive", "clear"]) || head.split(' ').next() != Some("active");
    array.state = if dead { ArrayState::Failed } else { array.judged() };
    Some(array)
}

/// `active (auto-read-only) raid1 sdb1[1](F) sda1[0]`.
fn of_head(name: &str, head: &str) -> Array {
    let mut array = Array {
        name: shown(name),
        level: None,
        state: ArrayState::Failed,
        members: Vec::new(),
        faulty: Vec::new(),
        spares: Vec::new(),
        wanted: None,
        working: None,
        action: None,
    };
    for word in head.split_whitespace() {
        match word.split_once('[') {
            None if word.starts_with('(') || word == "active" || word == "inactive" => {}
            None => array.level = Some(shown(word)),
            Some((device, flags)) => {
                let device = shown(device);
                let list = if flags.contains("(F)") {
                    &mut array.faulty
                } else if flags.contains("(S)") {
                    &mut array.spares
                } else {
                    &mut array.members
                };
                list.push(device);
            }
        }
    }
    array
}

/// `[2/1]`: made for two, one works.
fn counts(word: &str) -> Option<(u64, u64)> {
    let (wanted, working) = word.strip_prefix('[')?.strip_suffix(']')?.split_once('/')?;
    Some((wanted.parse().ok()?, working.parse().ok()?))
}

/// `[=>…]  recovery =  8.5% (…)` or, while another array of the same disks goes first and
/// whatever is to be done, `resync=DELAYED`.
fn action(line: &str) -> Option<Action> {
    if line.trim() == "resync=DELAYED" {
        return Some(Action {
            name: "resync".into(),
            percent: None,
        });
    }
    let (before, after) = line.split_once(" = ")?;
    let name = before.split_whitespace().last()?;
    ["recovery", "resync", "reshape", "check", "repair"]
        .contains(&name)
        .then(|| Action {
            name: name.to_owned(),
            percent: after
                .trim()
                .split('%')
                .next()
                .and_then(|text| text.parse().ok())
                .filter(|p| (0.0..=100.0).contains(p)),
        })
}

impl Array {
    /// How many members may be missing; `None`: it depends on which.
    fn may_miss(&self) -> Option<u64> {
        match self.level.as_deref()? {
            "raid1" => Some(self.wanted?.saturating_sub(1)),
            "raid4" | "raid5" => Some(1),
            "raid6" => Some(2),
            _ => None,
        }
    }

    fn judged(&self) -> ArrayState {
        let missing = match (self.wanted, self.working) {
            (Some(wanted), Some(working)) => wanted.saturating_sub(working),
            _ if self.faulty.is_empty() => 0,
            _ => return ArrayState::Failed,
        };
        let rebuild = |action: &Action| action.name == "recovery" || action.percent.is_none();
        let rebuilds = self.action.as_ref().is_some_and(rebuild);
        match missing {
            0 => ArrayState::Healthy,
            _ if self.working == Some(0) || self.may_miss().is_some_and(|most| missing > most) => ArrayState::Failed,
            _ if rebuilds => ArrayState::Rebuilding,
            _ => ArrayState::Degraded,
        }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let name = &self.name;
        let failed = match self.faulty.as_slice() {
            [] => String::new(),
            some => format!(", failed: {}", some.join(", ")),
        };
        let of = match (self.working, self.wanted) {
            (Some(working), Some(wanted)) => format!("{working} of {wanted} members work{failed}"),
            _ => format!("members: {}{failed}", self.members.join(", ")),
        };
        let one = |state, text| vec![Finding::new(state, text)];
        match self.state {
            ArrayState::Failed => one(
                Health::Failing,
                format!("{name} is not usable ({of}): look at mdadm --detail /dev/{name}"),
            ),
            ArrayState::Degraded => one(
                Health::Failing,
                format!("{name} is degraded ({of}): replace the missing member, mdadm --manage /dev/{name} --add …"),
            ),
            ArrayState::Rebuilding => {
                let percent = self.action.as_ref().and_then(|action| action.percent);
                let done = percent.map_or("waits".into(), |percent| format!("{percent:.1} % done"));
                one(Health::Warning, format!("{name} is being rebuilt, {done} ({of})"))
            }
            ArrayState::Healthy if !failed.is_empty() => one(
                Health::Warning,
                format!("{name}: a spare took the place of a failed member ({of}): replace it"),
            ),
            ArrayState::Healthy => Vec::new(),
        }
    }
}
