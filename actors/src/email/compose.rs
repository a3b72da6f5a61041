//! A mail as it goes to the server: text and HTML, with pictures where there are any. Pure.

use std::fmt::Write;

use bytes::Bytes;
use lettre::message::{
    Attachment, Mailbox, Message as Mime, MultiPart, SinglePart,
    header::{ContentType, HeaderName, HeaderValue},
};
use vigie_storage::outbox::Message;

pub struct Mail<'a> {
    pub from: &'a str,
    pub to: &'a str,
    /// Shown as the sender's name.
    pub house: &'a str,
    pub subject: &'a str,
    pub lines: Vec<Line>,
    pub tally: Option<String>,
    /// What the mail should have and has not.
    pub lacks: Option<String>,
}

/// One event.
pub struct Line {
    pub text: String,
    /// What was done about it.
    pub deeds: Vec<String>,
}

impl Mail<'_> {
    /// RFC 5322, its `Message-ID` made of the message's id. An error: an address that no mail can go to.
    pub fn written(&self, message: &Message, pictures: &[Bytes]) -> Result<Vec<u8>, String> {
        let address = |text: &str, name: Option<String>| {
            let parsed: Result<lettre::Address, _> = text.parse();
            let parsed = parsed.map_err(|error| format!("{text:?} is no mail address: {error}"));
            parsed.map(|address| Mailbox::new(name, address))
        };
        let domain = self.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let builder = Mime::builder()
            .message_id(Some(format!("<{}.vigie@{domain}>", message.id)))
            .date(message.opened.timestamp().into())
            .from(address(self.from, Some(self.house.to_owned()))?)
            .to(address(self.to, None)?)
            .subject(self.subject)
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        // Not by chance: the same words and pictures are the same mail.
        let boundary = |part: &str| format!("{part}-{}", message.id);
        let body = MultiPart::alternative()
            .boundary(boundary("alternative"))
            .singlepart(SinglePart::plain(self.text()));
        let html = SinglePart::html(self.html(pictures.len()));
        let body = if pictures.is_empty() {
            body.singlepart(html)
        } else {
            let jpeg = ContentType::parse("image/jpeg").map_err(|error| error.to_string())?;
            let mut related = MultiPart::related().boundary(boundary("related")).singlepart(html);
            for (number, picture) in pictures.iter().enumerate() {
                let name = format!("picture-{}.jpg", number + 1);
                let inline = Attachment::new_inline_with_name(cid(number), name);
                related = related.singlepart(inline.body(picture.to_vec(), jpeg.clone()));
            }
            body.multipart(related)
        };
        let mail = builder
            .multipart(body)
            .map_err(|error| format!("the mail cannot be written: {error}"))?;
        Ok(mail.formatted())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&line.text);
            text.push('\n');
            for deed in &line.deeds {
                text.push_str("          ");
                text.push_str(deed);
                text.push('\n');
            }
        }
        for last in self.tally.iter().chain(&self.lacks) {
            text.push_str(last);
            text.push('\n');
        }
        text
    }

    fn html(&self, pictures: usize) -> String {
        let mut html = String::from("<!DOCTYPE html><html><body style=\"font-family:sans-serif\">\n<ul>\n");
        for line in &self.lines {
            let deeds: Vec<String> = line.deeds.iter().map(|deed| escaped(deed)).collect();
            let deeds = match deeds.is_empty() {
                true => String::new(),
                false => format!("<br><small>{}</small>", deeds.join("<br>")),
            };
            // Writing to a text does not fail.
            let _ = writeln!(html, "<li>{}{deeds}</li>", escaped(&line.text));
        }
        html.push_str("</ul>\n");
        for last in self.tally.iter().chain(&self.lacks) {
            let _ = writeln!(html, "<p>{}</p>", escaped(last));
        }
        for number in 0..pictures {
            let _ = writeln!(
                html,
                "<p><img src=\"cid:{}\" alt=\"\" style=\"max-width:100%\"></p>",
                cid(number)
            );
        }
        html.push_str("</body></html>\n");
        html
    }
}

fn cid(number: usize) -> String {
    format!("picture-{}@vigie", number + 1)
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::notify::words::tests::{message, words};

    fn mail(count: u64, notes: u64, pictures: &[Bytes]) -> String {
        let (words, message) = (words(), message(count, notes));
        let subject = words.subject(&message);
        let line = |note| Line {
            text: words.line(note),
            deeds: vec!["recorded: Front gate".to_owned()],
        };
        let mail = Mail {
            from: "vigie@example.org",
            to: "ann@example.org",
            house: &words.house,
            subject: &subject,
            lines: message.notes.iter().map(line).collect(),
            tally: words.tally(&message),
            lacks: pictures.is_empty().then(|| "Without its 4 pictures".to_owned()),
        };
        String::from_utf8(mail.written(&message, pictures).unwrap()).unwrap()
    }

    #[test]
    fn a_mail_is_plain_and_the_same_again() {
        let text = mail(1, 1, &[]);
        assert_eq!(text, mail(1, 1, &[]), "the same key, the same mail");
        let key = format!("Message-ID: <{}.vigie@example.org>\r\n", message(1, 1).id);
        for part in [
            key.as_str(),
            "Vigie Lobby",
            "<vigie@example.org>\r\n",
            "To: ann@example.org\r\n",
            "Date: Fri, 20 Nov 2026 13:03:07 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "multipart/alternative",
            "&lt;b&gt;bad&lt;/b&gt; news",
            "<p>Without its 4 pictures</p>",
            "\r\nWithout its 4 pictures\r\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn pictures_are_inside() {
        let jpeg: Vec<u8> = [0xff, 0xd8, 0xff, 0xe0]
            .into_iter()
            .chain((0..=255).cycle().take(5000))
            .collect();
        let text = mail(3, 3, &[Bytes::from(jpeg.clone()), Bytes::from_static(b"second")]);
        assert_eq!(text.matches("Content-Type: image/jpeg").count(), 2);
        assert!(
            text.contains("Content-ID: <picture-1@vigie>") && text.contains("multipart/related"),
            "{text}"
        );
        let encoded: String = text
            .split("<picture-1@vigie>")
            .nth(1)
            .and_then(|rest| rest.split("\r\n\r\n").nth(1))
            .unwrap()
            .split_whitespace()
            .collect();
        assert!(encoded.starts_with("/9j/4"), "{encoded}");
        assert!(encoded.len() >= jpeg.len() / 3 * 4);
    }
}
