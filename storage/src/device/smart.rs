//! SMART: what `smartctl --json` prints (smartctl(8)) for ATA, NVMe and SCSI disks.

use serde::Serialize;
use serde_json::Value;

use super::{Finding, Health, shown};

/// Exit status asked of smartctl when the disk sleeps: no other cause has these two bits.
const ASLEEP: u64 = 3;
/// Bits of its exit status: the command line, opening or identifying the device.
const NOT_ASKED: u64 = 0b11;
/// The disk's own verdict is that it fails.
const DISK_FAILING: u64 = 1 << 3;
/// A share of its rated life at which a disk is called worn, percent.
const WORN: u64 = 90;
/// Above this disks that rotate are warmer than their makers allow, °C.
const HOT: i64 = 60;

/// `device`: its node. `spins`: it is not to be woken for this. (Without the option some solid
/// state disks are taken for sleeping ones for ever.)
pub(super) fn arguments(device: &str, spins: bool) -> Vec<&str> {
    let asked = ["--json", "--info", "--health", "--attributes"];
    let gently = spins.then_some("--nocheck=standby,3");
    asked.into_iter().chain(gently).chain([device]).collect()
}

/// One whole disk. `None`: it does not say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Smart {
    /// Its node, `/dev/sda`.
    pub device: String,
    pub state: Health,
    pub reasons: Vec<String>,
    /// It sleeps and was not woken; everything else is of an earlier look, if there was one.
    pub asleep: bool,
    pub model: Option<String>,
    pub serial: Option<String>,
    /// The disk's own verdict.
    pub passed: Option<bool>,
    pub temperature_celsius: Option<i64>,
    pub power_on_hours: Option<u64>,
    pub reallocated_sectors: Option<u64>,
    pub pending_sectors: Option<u64>,
    pub uncorrectable_sectors: Option<u64>,
    /// NVMe: bits of the critical warning.
    pub critical_warning: Option<u64>,
    /// NVMe: of its rated life.
    pub percentage_used: Option<u64>,
    /// NVMe: unrecovered errors since it was made.
    pub media_errors: Option<u64>,
}

impl Smart {
    pub fn unknown(device: &str, why: impl Into<String>) -> Self {
        Self {
            device: device.to_owned(),
            state: Health::Unknown,
            reasons: vec![why.into()],
            asleep: false,
            model: None,
            serial: None,
            passed: None,
            temperature_celsius: None,
            power_on_hours: None,
            reallocated_sectors: None,
            pending_sectors: None,
            uncorrectable_sectors: None,
            critical_warning: None,
            percentage_used: None,
            media_errors: None,
        }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let name = match (&self.model, &self.serial) {
            (Some(model), Some(serial)) => format!("{} ({model}, serial {serial})", self.device),
            (Some(model), None) => format!("{} ({model})", self.device),
            _ => self.device.clone(),
        };
        let all = self.reasons.iter();
        all.map(|why| Finding::new(self.state, format!("{name}: {why}")))
            .collect()
    }
}

/// What smartctl printed about `device`.
pub fn parse(device: &str, output: &[u8]) -> Smart {
    // Something may stand before it on standard error.
    let start = output.iter().position(|byte| *byte == b'{').unwrap_or(output.len());
    let output = output.get(start..).unwrap_or_default();
    let Some(Ok(json)) = serde_json::Deserializer::from_slice(output).into_iter::<Value>().next() else {
        return Smart::unknown(device, "smartctl printed no JSON: version 7.0 or later is needed");
    };
    let status = number(&json, "/smartctl/exit_status").unwrap_or(0);
    let mut smart = Smart::unknown(device, "");
    smart.reasons.clear();
    facts(&json, &mut smart);
    if status & DISK_FAILING != 0 {
        smart.passed = Some(false);
    }
    smart.asleep = status == ASLEEP && smart.passed.is_none();
    if smart.asleep {
        smart.reasons.push("it sleeps, and was not woken to be asked".into());
    } else if smart.passed.is_none() {
        smart.reasons.push(why_unknown(&json, status, device));
    } else {
        let mut found = verdict(&json, &smart);
        found.sort_by_key(|finding| std::cmp::Reverse(finding.state));
        smart.state = found.first().map_or(Health::Good, |finding| finding.state);
        smart.reasons = found.into_iter().map(|finding| finding.text).collect();
    }
    smart
}

fn facts(json: &Value, smart: &mut Smart) {
    let text = |path: &str| json.pointer(path).and_then(Value::as_str).map(shown);
    smart.model = text("/model_name").or_else(|| text("/scsi_model_name"));
    smart.serial = text("/serial_number");
    smart.passed = json.pointer("/smart_status/passed").and_then(Value::as_bool);
    smart.temperature_celsius = json.pointer("/temperature/current").and_then(Value::as_i64);
    smart.power_on_hours = number(json, "/power_on_time/hours");
    // Makers give these numbers to other things as well: the name says whether it is this one.
    smart.reallocated_sectors = attribute(json, 5, "Reallocated");
    smart.pending_sectors = attribute(json, 197, "Pending");
    smart.uncorrectable_sectors = attribute(json, 198, "Uncorrectable");
    let nvme = |name: &str| number(json, &format!("/nvme_smart_health_information_log/{name}"));
    smart.critical_warning = nvme("critical_warning");
    smart.percentage_used = nvme("percentage_used");
    smart.media_errors = nvme("media_errors");
}

fn number(json: &Value, path: &str) -> Option<u64> {
    json.pointer(path).and_then(Value::as_u64)
}

fn attributes(json: &Value) -> impl Iterator<Item = &Value> {
    let table = json.pointer("/ata_smart_attributes/table").and_then(Value::as_array);
    table.into_iter().flatten()
}

/// Raw values may be several packed into one; the text begins with the one that counts.
fn attribute(json: &Value, id: u64, name: &str) -> Option<u64> {
    let is_it = |row: &&Value| {
        let named = row
            .get("name")
            .and_then(Value::as_str)
            .is_some_and(|seen| seen.contains(name));
        number(row, "/id") == Some(id) && named
    };
    let row = attributes(json).find(is_it)?;
    let text = row.pointer("/raw/string").and_then(Value::as_str).unwrap_or_default();
    let digits = text.split(|c: char| !c.is_ascii_digit()).next();
    digits
        .and_then(|digits| digits.parse().ok())
        .or_else(|| number(row, "/raw/value"))
}

fn why_unknown(json: &Value, status: u64, device: &str) -> String {
    let messages = json.pointer("/smartctl/messages").and_then(Value::as_array);
    let texts = messages
        .into_iter()
        .flatten()
        .filter_map(|m| m.get("string").and_then(Value::as_str));
    let said = shown(&texts.collect::<Vec<_>>().join("; "));
    let is = |path: &str, value: bool| json.pointer(path).and_then(Value::as_bool) == Some(value);
    if said.contains("Permission denied") || said.contains("Operation not permitted") {
        format!(
            "vigie may not ask it for SMART ({said}): docs/operate.md, \"What the disks say of themselves\", says how to allow it"
        )
    } else if said.contains("Unable to detect device type") || is("/smart_support/available", false) {
        "it has no SMART, or smartctl does not know how to ask it".into()
    } else if is("/smart_support/enabled", false) {
        format!("SMART is switched off: smartctl --smart=on {device}")
    } else if said.is_empty() {
        let what = if status & NOT_ASKED == 0 {
            "gave no verdict"
        } else {
            "could not open it"
        };
        format!("smartctl {what} (exit status {status})")
    } else {
        format!("smartctl: {said}")
    }
}

fn verdict(json: &Value, smart: &Smart) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut tell = |state, text: String| all.push(Finding::new(state, text));
    let some = |count: Option<u64>| count.filter(|count| *count > 0);
    if smart.passed == Some(false) {
        tell(
            Health::Failing,
            "its own SMART verdict is that it fails: replace it now".into(),
        );
    }
    for row in attributes(json) {
        let name = shown(row.get("name").and_then(Value::as_str).unwrap_or("unnamed"));
        let before_failure = row.pointer("/flags/prefailure").and_then(Value::as_bool) == Some(true);
        match (row.get("when_failed").and_then(Value::as_str), before_failure) {
            (Some("now"), true) => tell(
                Health::Failing,
                format!("{name} is below its threshold: replace it now"),
            ),
            (Some("now"), false) => tell(Health::Warning, format!("{name} is below its threshold: it is worn")),
            (Some("past"), _) => tell(Health::Warning, format!("{name} was below its threshold in the past")),
            _ => {}
        }
    }
    if let Some(count) = some(smart.pending_sectors) {
        tell(
            Health::Failing,
            format!("{count} sectors cannot be read now: footage on them is lost; replace it"),
        );
    }
    if let Some(count) = some(smart.uncorrectable_sectors) {
        tell(
            Health::Failing,
            format!("{count} sectors could not be corrected: footage on them is lost; replace it"),
        );
    }
    if let Some(count) = some(smart.reallocated_sectors) {
        tell(
            Health::Warning,
            format!("{count} bad sectors were replaced by spare ones: watch whether they grow"),
        );
    }
    // Its unit differs between versions of smartctl.
    if some(number(json, "/scsi_grown_defect_list")).is_some() {
        tell(Health::Warning, "it has grown defects: watch whether they grow".into());
    }
    let trip = json
        .pointer("/temperature/drive_trip")
        .and_then(Value::as_i64)
        .filter(|trip| *trip > 0);
    let limit = trip.or_else(|| number(json, "/rotation_rate").filter(|rate| *rate > 0).map(|_| HOT));
    if let (Some(now), Some(limit)) = (smart.temperature_celsius, limit)
        && now >= limit
    {
        tell(Health::Warning, format!("{now} °C, its limit is {limit} °C: cool it"));
    }
    nvme(smart, &mut tell);
    all
}

/// NVM Express Base Specification, SMART / Health Information log page.
fn nvme(smart: &Smart, tell: &mut impl FnMut(Health, String)) {
    let bits: [(Health, &str); 6] = [
        (Health::Failing, "its spare is used up: replace it now"),
        (Health::Warning, "its temperature is beyond its threshold: cool it"),
        (
            Health::Failing,
            "it is no longer reliable, of too many errors: replace it now",
        ),
        (Health::Failing, "it has become read-only: replace it now"),
        (
            Health::Warning,
            "the backup of its volatile memory failed: a power cut may cost footage",
        ),
        (
            Health::Failing,
            "its persistent memory has become read-only: replace it now",
        ),
    ];
    let warning = smart.critical_warning.unwrap_or(0);
    for (bit, (state, text)) in bits.into_iter().enumerate() {
        if warning & (1 << bit) != 0 {
            tell(state, text.into());
        }
    }
    if let Some(used) = smart.percentage_used.filter(|used| *used >= WORN) {
        tell(
            Health::Warning,
            format!("{used} % of its rated life is used: plan to replace it"),
        );
    }
    if let Some(count) = smart.media_errors.filter(|count| *count > 0) {
        tell(
            Health::Warning,
            format!("{count} errors were not recovered since it was made: watch whether they grow"),
        );
    }
}
