//! The tables `[[push]]`: who is told by short messages.

use std::{collections::BTreeMap, time::Duration};

use super::{
    disk::{not_an_id, unique_id},
    display_name,
    email::{sign_in, times},
    output::method,
    schedule::Schedules,
    section::{Found, Section, Text},
    source_url::redact_url,
};
use crate::{Address, Push, PushId, PushKind, Secret, SignIn, Sms, When};

const EXPIRE: Duration = Duration::from_secs(3600);
/// Shorter ones can be tried out.
const LEAST_SECRET: usize = 16;

pub fn read_all(root: &Section<'_>, schedules: &Schedules) -> Vec<Push> {
    let mut ids = BTreeMap::new();
    let sections = root.sections("push");
    let read = |section| read(section, &mut ids, schedules);
    sections.into_iter().filter_map(read).collect()
}

fn read(section: Section<'_>, ids: &mut BTreeMap<String, usize>, schedules: &Schedules) -> Option<Push> {
    let walk = section.walk;
    let id = unique_id(&section, ids, "push")
        .and_then(|text| PushId::new(&text.value.value).map_err(|_| not_an_id(walk, &text)).ok());
    let name = section.text("name", "a name").and_then(|text| display_name(walk, text));
    let enabled = section.boolean("enabled").unwrap_or(true);
    let schedule = schedules.when(&section, "schedule").map(|found| found.value);
    let kind = kind(&section);
    let merge = Duration::from_secs(match &kind {
        Some(PushKind::Ntfy { .. } | PushKind::WebPush { .. }) => 10,
        Some(PushKind::Sms(_)) => 60,
        Some(PushKind::Webhook { .. }) | None => 0,
    });
    let (merge, expire) = times(&section, merge, EXPIRE);
    section.finish(|_| None);
    let id = id?;
    Some(Push {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        enabled,
        kind: kind?,
        schedule: schedule.unwrap_or(When::Always),
        merge,
        expire,
    })
}

fn kind(section: &Section<'_>) -> Option<PushKind> {
    const EXPECTED: &str = "\"ntfy\", \"webhook\", \"web_push\" or \"sms\"";
    section.kind(EXPECTED, |kind| {
        Some(match kind {
            "ntfy" => ntfy(section),
            "webhook" => webhook(section),
            "web_push" => web_push(section),
            "sms" => sms(section),
            _ => return None,
        })
    })
}

fn ntfy(section: &Section<'_>) -> Option<PushKind> {
    let url = address(
        section,
        "the address of a topic such as \"https://ntfy.example.org/alarms\"",
    );
    let topics = |url: &Address| {
        url.0
            .path_segments()
            .map_or(0, |all| all.filter(|part| !part.is_empty()).count())
    };
    if url.as_ref().is_some_and(|url| topics(url) == 0) {
        section.problem(
            "url",
            "no topic: expected for example \"https://ntfy.example.org/alarms\"",
        );
    }
    let token = section
        .text("token", "a text")
        .inspect(|text| section.walk.secret(text));
    let credentials = sign_in(section);
    if token.is_some() && credentials.is_some() {
        section.problem("token", "both token and username, use one of them");
    }
    let token = token.map(|text| SignIn::Token(Secret::new(text.value.value)));
    Some(PushKind::Ntfy {
        url: url?,
        sign_in: token.or(credentials.map(SignIn::Basic)),
    })
}

fn webhook(section: &Section<'_>) -> Option<PushKind> {
    const SECRET: &str = "a secret of 16 characters or more, for example \"${HOOK_SECRET}\"";
    let url = address(section, "an address such as \"https://home.example.org/hooks/vigie\"");
    section.require("secret", SECRET);
    let secret = section.text("secret", SECRET).inspect(|text| section.walk.secret(text));
    let secret = secret.filter(|text| {
        let long = text.value.value.len() >= LEAST_SECRET;
        if !long {
            text.problem(section.walk, format!("too short, expected {SECRET}"));
        }
        long
    });
    Some(PushKind::Webhook {
        url: url?,
        secret: Secret::new(secret?.value.value),
    })
}

fn web_push(section: &Section<'_>) -> Option<PushKind> {
    const CONTACT: &str = "where a push service finds you, such as \"mailto:ann@example.org\"";
    section.require("contact", CONTACT);
    let text = section.text("contact", CONTACT)?;
    let contact = text.value.value.trim();
    let rest = contact
        .strip_prefix("mailto:")
        .or_else(|| contact.strip_prefix("https://"));
    if !rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic() && c != '"')) {
        text.problem(section.walk, format!("{:?}: expected {CONTACT}", text.value.shown));
        return None;
    }
    Some(PushKind::WebPush {
        contact: contact.to_owned(),
    })
}

fn sms(section: &Section<'_>) -> Option<PushKind> {
    const URL: &str = "the address of the provider, with {to} and {text} where they belong";
    let method = method(section);
    section.require("url", URL);
    let url = section.text("url", URL).filter(|text| {
        let filled = text.value.value.replace("{to}", "1").replace("{text}", "1");
        is_address(section, text, &filled)
    });
    if let Some(text) = url
        .as_ref()
        .filter(|text| redact_url(&text.value.value) != text.value.value)
    {
        section.walk.secret(text);
    }
    let body = section.text("body", "a text").map(|text| {
        if looks_like_json(&text.value.value) && serde_json::from_str::<serde_json::Value>(&text.value.value).is_err() {
            const EXPECTED: &str =
                "begins as JSON and is none: expected for example {\"to\": \"{to}\", \"message\": \"{text}\"}";
            text.problem(section.walk, EXPECTED);
        }
        text.value.value
    });
    let headers = section.pairs("headers");
    let headers = headers.into_iter().map(|(name, text)| {
        section.walk.secret(&text);
        let sound = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !sound || text.value.value.chars().any(|c| c.is_control() || !c.is_ascii()) {
            text.problem(
                section.walk,
                "no header that HTTP allows, expected for example X-Key = \"abc\"",
            );
        }
        (name, Secret::new(text.value.value))
    });
    let headers = headers.collect();
    const TO: &str = "a list of telephone numbers such as [\"+33612345678\"]";
    section.require("to", TO);
    let numbers = section.texts("to", TO)?;
    if numbers.is_empty() {
        section.problem("to", format!("empty, expected {TO}"));
    }
    for text in &numbers {
        let digits = text.value.value.strip_prefix('+').unwrap_or(&text.value.value);
        if !(3..=20).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            let problem = format!(
                "{:?} is no telephone number, expected for example \"+33612345678\"",
                text.value.shown
            );
            text.problem(section.walk, problem);
        }
    }
    let url = url?.value.value;
    if !format!("{url}{}", body.as_deref().unwrap_or_default()).contains("{text}") {
        section.problem("body", "the text is nowhere: expected {text} in url or body");
    }
    Some(PushKind::Sms(Sms {
        method,
        url,
        body,
        headers,
        to: numbers.into_iter().map(|text| text.value.value).collect(),
    }))
}

/// A form may begin with what is filled in.
fn looks_like_json(body: &str) -> bool {
    let body = body.trim_start();
    body.starts_with(['{', '[']) && !body.starts_with("{to}") && !body.starts_with("{text}")
}

fn address(section: &Section<'_>, expected: &str) -> Option<Address> {
    section.require("url", expected);
    let text = section.text("url", expected)?;
    if !is_address(section, &text, &text.value.value) {
        return None;
    }
    let url = url::Url::parse(&text.value.value).ok()?;
    if url.password().is_some() {
        section.walk.secret(&text);
    }
    Some(Address(url))
}

fn is_address(section: &Section<'_>, text: &Found<Text>, filled: &str) -> bool {
    let parsed = url::Url::parse(filled);
    let sound = parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !sound {
        let shown = redact_url(&text.value.shown);
        let problem = format!("{shown:?} is no address to call, expected http://HOST/… or https://HOST/…");
        text.problem(section.walk, problem);
    }
    sound
}
