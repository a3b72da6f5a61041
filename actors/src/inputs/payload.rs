//! What a published payload says of an input. Pure.

use serde_json::Value;
use vigie_config::InputKind;

use super::Report;

/// Of a payload that is shown.
const SHOWN: usize = 80;

/// Says what was seen and expected where it says nothing of the input.
pub(crate) fn read(kind: &InputKind, payload: &[u8]) -> Result<Report, String> {
    let InputKind::Mqtt {
        field,
        active,
        inactive,
        hold,
        ..
    } = kind
    else {
        return Err("this input does not listen to a broker".into());
    };
    let text = String::from_utf8_lossy(payload);
    let said = match field {
        None => text.trim().to_owned(),
        Some(field) => of_field(&text, field)?,
    };
    match said {
        said if said == *active => Ok(if hold.is_some() { Report::Pulse } else { Report::Active }),
        said if said == *inactive => Ok(Report::Inactive),
        said => Err(format!("seen {:?}, expected {active:?} or {inactive:?}", shown(&said))),
    }
}

/// Texts without their quotes, anything else as JSON writes it.
fn of_field(text: &str, field: &str) -> Result<String, String> {
    let object = serde_json::from_str::<Value>(text).ok();
    let object = object.as_ref().and_then(Value::as_object);
    let object = object.ok_or_else(|| format!("seen {:?}, expected a JSON object with {field:?}", shown(text)))?;
    match object.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => {
            let keys: Vec<&str> = object.keys().map(String::as_str).collect();
            Err(format!("no key {field:?}, only {}", shown(&keys.join(", "))))
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kind(field: Option<&str>, active: &str, hold: Option<Duration>) -> InputKind {
        InputKind::Mqtt {
            topic: "door".into(),
            field: field.map(str::to_owned),
            active: active.into(),
            inactive: "OFF".into(),
            hold,
        }
    }

    #[test]
    fn payloads_of_many_devices() {
        let plain = kind(None, "ON", None);
        assert_eq!(read(&plain, b"ON"), Ok(Report::Active));
        assert_eq!(read(&plain, b" OFF\n"), Ok(Report::Inactive));
        assert_eq!(
            read(&plain, b"on"),
            Err("seen \"on\", expected \"ON\" or \"OFF\"".into())
        );
        let contact = kind(Some("contact"), "false", None);
        assert_eq!(read(&contact, br#"{"battery":97,"contact":false}"#), Ok(Report::Active));
        assert_eq!(read(&contact, br#"{"contact":"OFF"}"#), Ok(Report::Inactive));
        assert_eq!(
            read(&contact, br#"{"battery":97}"#),
            Err("no key \"contact\", only battery".into())
        );
        assert!(read(&contact, b"\xff{").unwrap_err().contains("expected a JSON object"));
        let button = kind(Some("action"), "single", Some(Duration::from_secs(5)));
        assert_eq!(read(&button, br#"{"action":"single"}"#), Ok(Report::Pulse));
    }
}
