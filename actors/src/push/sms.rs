//! Text messages through a provider's HTTP API.

use reqwest::Method;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;
use vigie_config::{HttpMethod, Sms};
use vigie_storage::outbox::Message;

use super::{Text, call::Request};
use crate::notify::{Failure, How};

/// Four parts of 153 septets, where all is in the alphabet of GSM 03.38, else of 67 UTF-16 units.
const LONGEST_GSM: usize = 4 * 153;
const LONGEST_UCS2: usize = 4 * 67;
/// GSM 03.38, beside ASCII letters and digits. The second takes two septets for each.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
const GSM_TWO: &str = "^{}\\[~]|€";

pub fn request(sms: &Sms, to: &str, message: &Message, text: &Text) -> Result<Request, Failure> {
    let text = cut(&format!("{}\n{}", text.title, text.body));
    let url = filled(&sms.url, to, &text, escaped_for_url);
    let url = url::Url::parse(&url);
    let url = url.map_err(|error| Failure::new(How::Slow, format!("the address is none with its number: {error}")))?;
    let mut headers = vec![("Idempotency-Key".to_owned(), message.id.to_string())];
    let body = sms.body.as_deref().map(|body| match is_json(body) {
        true => ("application/json", filled(body, to, &text, escaped_for_json)),
        false => (
            "application/x-www-form-urlencoded",
            filled(body, to, &text, escaped_for_form),
        ),
    });
    let own_type = sms
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let Some((kind, _)) = body.as_ref().filter(|_| !own_type) {
        headers.push(("Content-Type".to_owned(), (*kind).to_owned()));
    }
    headers.extend(
        sms.headers
            .iter()
            .map(|(name, value)| (name.clone(), value.reveal().to_owned())),
    );
    Ok(Request {
        method: match sms.method {
            HttpMethod::Get => Method::GET,
            HttpMethod::Post => Method::POST,
            HttpMethod::Put => Method::PUT,
        },
        url,
        headers,
        body: body.map(|(_, body)| body.into_bytes()),
    })
}

/// One character outside the alphabet would make all of it cost twice as much.
fn cut(text: &str) -> String {
    let plain = text.replace(['—', '–'], "-").replace('’', "'").replace('×', "x");
    let gsm = |c: char| match c {
        _ if c.is_ascii_alphanumeric() || GSM.contains(c) => Some(1),
        _ if GSM_TWO.contains(c) => Some(2),
        _ => None,
    };
    let (longest, all_gsm) = match plain.chars().all(|c| gsm(c).is_some()) {
        true => (LONGEST_GSM, true),
        false => (LONGEST_UCS2, false),
    };
    let mut left = longest;
    let fits = |c: &char| {
        let size = if all_gsm { gsm(*c).unwrap_or(1) } else { c.len_utf16() };
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    plain.chars().take_while(fits).collect()
}

fn is_json(template: &str) -> bool {
    serde_json::from_str::<Value>(template).is_ok()
}

/// In one pass: what stands in a text is not filled again.
fn filled(template: &str, to: &str, text: &str, escaped: fn(&str) -> String) -> String {
    let mut out = String::with_capacity(template.len() + text.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = [("{to}", to), ("{text}", text)].into_iter().find_map(|(name, value)| {
            let after = from.strip_prefix(name)?;
            Some((after, escaped(value)))
        });
        match after {
            Some((after, value)) => {
                out.push_str(&value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = from.strip_prefix('{').unwrap_or_default();
            }
        }
    }
    out + rest
}

/// Inside the quotes of a JSON text.
fn escaped_for_json(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

fn escaped_for_form(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// In a path a plus is a plus.
fn escaped_for_url(text: &str) -> String {
    escaped_for_form(text).replace('+', "%20")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::notify::words::tests::message;

    fn body_of(template: &str) -> (String, String) {
        let sms = Sms {
            method: HttpMethod::Post,
            url: "https://sms.example.org/send?from=vigie&to={to}".into(),
            body: Some(template.into()),
            headers: vec![("X-Key".into(), vigie_config::Secret::new("abc"))],
            to: vec!["+33612345678".into()],
        };
        let text = Text {
            title: "Lobby: \"Door\" {to} & more".into(),
            body: "a\\b".into(),
            alarm: true,
        };
        let request = request(&sms, "+33612345678", &message(1, 1), &text).unwrap();
        assert_eq!(request.url.query(), Some("from=vigie&to=%2B33612345678"));
        let header = |name: &str| request.headers.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!(header("X-Key"), "abc");
        (
            header("Content-Type"),
            String::from_utf8(request.body.unwrap()).unwrap(),
        )
    }

    #[test]
    fn a_text_has_four_parts_at_most() {
        assert_eq!(cut("Lobby — Entrée, 2 × €"), "Lobby - Entrée, 2 x €");
        assert_eq!(cut(&"é".repeat(1000)).chars().count(), 612);
        assert_eq!(cut(&"€".repeat(1000)).chars().count(), 306);
        assert_eq!(cut(&"ж".repeat(1000)).chars().count(), 268);
        assert_eq!(cut(&"🔔".repeat(1000)).chars().count(), 134);
    }

    #[test]
    fn texts_are_encoded_for_where_they_stand() {
        let (kind, body) = body_of("{\"to\": \"{to}\", \"nested\": {\"message\": \"{text}\"}}");
        assert_eq!(kind, "application/json");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["to"], "+33612345678");
        assert_eq!(body["nested"]["message"], "Lobby: \"Door\" {to} & more\na\\b");
        let (kind, body) = body_of("To={to}&Body={text}");
        assert_eq!(kind, "application/x-www-form-urlencoded");
        let pairs: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(pairs[0].1, "+33612345678");
        assert_eq!(pairs[1].1, "Lobby: \"Door\" {to} & more\na\\b");
    }
}
