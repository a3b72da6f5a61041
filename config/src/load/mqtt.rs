//! The table `[mqtt]`, and topics and payloads wherever they stand.

use super::{
    absolute_path,
    section::{Found, Section, Text},
};
use crate::{Broker, Credentials, Mqtt, Secret, redact_url};

/// MQTT allows 65535 bytes.
const LONGEST_TOPIC: usize = 512;
const LONGEST_PAYLOAD: usize = 4096;
const LONGEST_CLIENT_ID: usize = 128;

pub fn read(section: Option<Section<'_>>) -> Option<Mqtt> {
    let section = section?;
    let broker = broker(&section);
    let credentials = credentials(&section);
    let tls_ca = section.text("tls_ca", "the path of a PEM file");
    if let (Some(text), Some(Broker { encrypted: false, .. })) = (&tls_ca, &broker) {
        text.problem(
            section.walk,
            "without mqtts:// nothing is encrypted, so it trusts nobody",
        );
    }
    let tls_ca = tls_ca.and_then(|text| absolute_path(section.walk, &text));
    let client_id = client_id(&section);
    let prefix = topic(&section, "prefix", "the beginning of topics, such as \"vigie\"");
    let discovery = discovery(&section);
    section.finish(|_| None);
    Some(Mqtt {
        broker: broker?,
        credentials,
        tls_ca,
        client_id,
        prefix: prefix.unwrap_or_else(|| "vigie".into()),
        discovery,
    })
}

fn broker(section: &Section<'_>) -> Option<Broker> {
    const EXPECTED: &str = "an address such as \"mqtt://192.0.2.30:1883\" or \"mqtts://broker.example:8883\"";
    section.require("broker", EXPECTED);
    let text = section.text("broker", EXPECTED)?;
    let read = url::Url::parse(&text.value.value).ok();
    let fits = |url: &url::Url| {
        matches!(url.scheme(), "mqtt" | "mqtts")
            && url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let Some(url) = read.filter(fits) else {
        let shown = redact_url(&text.value.shown);
        text.problem(section.walk, format!("{shown:?} is no broker, expected {EXPECTED}"));
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        section.walk.secret(&text);
        text.problem(section.walk, "credentials belong into username and password");
        return None;
    }
    let encrypted = url.scheme() == "mqtts";
    let host = url.host_str().unwrap_or_default();
    Some(Broker {
        encrypted,
        host: host.trim_matches(['[', ']']).to_owned(),
        port: url.port().unwrap_or(if encrypted { 8883 } else { 1883 }),
    })
}

fn credentials(section: &Section<'_>) -> Option<Credentials> {
    let username = section.text("username", "a name");
    let password = section.text("password", "a password");
    if let Some(password) = &password {
        section.walk.secret(password);
    }
    match (username, password) {
        (Some(username), password) => Some(Credentials {
            username: username.value.value,
            password: Secret::new(password.map(|text| text.value.value).unwrap_or_default()),
        }),
        (None, Some(password)) if !section.has("username") => {
            password.problem(section.walk, "a password without a name: username is missing");
            None
        }
        (None, _) => None,
    }
}

fn client_id(section: &Section<'_>) -> Option<String> {
    let text = section.text("client_id", "a name that no other client of the broker has")?;
    let id = &text.value.value;
    if !(1..=LONGEST_CLIENT_ID).contains(&id.len()) || id.chars().any(char::is_control) {
        text.problem(section.walk, "expected 1 to 128 characters on one line");
        return None;
    }
    Some(text.value.value)
}

/// The default is Home Assistant's own.
fn discovery(section: &Section<'_>) -> Option<String> {
    const KEY: &str = "discovery";
    const EXPECTED: &str = "Home Assistant's discovery prefix such as \"homeassistant\", or \"\" for none";
    if !section.has(KEY) {
        return Some("homeassistant".into());
    }
    let text = section.text(KEY, EXPECTED)?;
    if text.value.value.is_empty() {
        return None;
    }
    checked_topic(section, &text, EXPECTED)
}

/// A topic to publish on or to subscribe to: without wildcards.
pub fn topic(section: &Section<'_>, key: &'static str, expected: &str) -> Option<String> {
    let text = section.text(key, expected)?;
    checked_topic(section, &text, expected)
}

fn checked_topic(section: &Section<'_>, text: &Found<Text>, expected: &str) -> Option<String> {
    let topic = &text.value.value;
    let fits = (1..=LONGEST_TOPIC).contains(&topic.len())
        && !topic.starts_with(['$', '/'])
        && !topic.ends_with('/')
        && !topic.contains(['+', '#'])
        && !topic.chars().any(char::is_control);
    if !fits {
        text.problem(
            section.walk,
            format!(
                "{:?} is no topic (without + and #, without $ or / at its ends), expected {expected}",
                text.value.shown
            ),
        );
    }
    fits.then(|| topic.clone())
}

/// What is published, or what is waited for.
pub fn payload(section: &Section<'_>, key: &'static str, standard: &str) -> Option<String> {
    let Some(text) = section.text(key, &format!("a payload such as {standard:?}")) else {
        return (!section.has(key)).then(|| standard.to_owned());
    };
    if text.value.value.len() > LONGEST_PAYLOAD {
        text.problem(section.walk, format!("longer than {LONGEST_PAYLOAD} bytes"));
        return None;
    }
    Some(text.value.value)
}

/// What speaks over the broker needs one.
pub fn require_broker(section: &Section<'_>, has_broker: bool) {
    if !has_broker {
        section.problem("kind", "\"mqtt\" needs a broker: the table [mqtt] is missing");
    }
}
