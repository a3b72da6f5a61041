//! What arrived, counted: which events mails and pushes told of, and whether what did not happen is
//! explained.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::scene::actions_of;
use crate::{house::Asked, notify::told_in};

/// What arrived somewhere: for each key what it told, by number, and how many events it counted.
pub fn by_key(arrived: Vec<(String, BTreeSet<u64>, u64)>) -> Result<BTreeMap<String, (BTreeSet<u64>, u64)>, String> {
    let mut keys = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (key, numbers, count) in arrived {
        match keys.get(&key) {
            Some((before, _)) if *before != numbers => return Err(format!("{key} told different things")),
            Some(_) => continue,
            None => {}
        }
        for number in &numbers {
            if !seen.insert(*number) {
                return Err(format!("{number} is told under two keys, one is {key}"));
            }
        }
        keys.insert(key, (numbers, count));
    }
    Ok(keys)
}

/// Each event whose action is done was told of, and each that is done or merged was counted. How many
/// messages there were, and how many arrivals.
pub fn delivered(
    events: &[Value],
    what: &str,
    target: &str,
    arrived: Vec<(String, BTreeSet<u64>, u64)>,
) -> Result<(usize, usize), String> {
    let arrivals = arrived.len();
    let keys = by_key(arrived)?;
    let told: BTreeSet<u64> = keys.values().flat_map(|(numbers, _)| numbers).copied().collect();
    let counted: u64 = keys.values().map(|(_, count)| count).sum();
    let mut wanted = 0;
    for event in events {
        let action = actions_of(event).find(|action| action["what"] == what && action["target"] == target);
        let action = action.ok_or_else(|| format!("nobody wanted {what} {target} of {event}"))?;
        wanted += 1;
        let number = told_in(event["text"].as_str().unwrap()).first().copied();
        let there = number.is_none_or(|number| told.contains(&number));
        match action["state"].as_str().unwrap() {
            "done" if there => {}
            "merged" => {}
            _ => return Err(format!("{action} of {event}")),
        }
    }
    match counted == wanted {
        true => Ok((keys.len(), arrivals)),
        false => Err(format!(
            "{wanted} events were to be told, {counted} were counted in {} messages",
            keys.len()
        )),
    }
}

pub fn of_endpoint(asked: &[Asked], count: impl Fn(&Asked) -> u64) -> Vec<(String, BTreeSet<u64>, u64)> {
    let key = |asked: &Asked| asked.headers["idempotency-key"].clone();
    asked
        .iter()
        .map(|asked| (key(asked), told_in(&asked.text()), count(asked)))
        .collect()
}

/// Why something may be left undone although nothing is broken but what panicked.
pub fn is_explained(action: &Value) -> bool {
    let detail = action["detail"].as_str().unwrap_or_default();
    match action["what"].as_str().unwrap() {
        // So many events, and a camera whose source panicked.
        "snapshot" => ["one for each 1 s at most", "too many at once", "no picture of"]
            .iter()
            .any(|why| detail.contains(why)),
        // There may be no sound card.
        "buzzer" => !detail.is_empty(),
        _ => false,
    }
}
