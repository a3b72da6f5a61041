//! Mails and pushes.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use crate::{Config, PushKind, Security, When, diff};

const HOUSE: &str = r#"
[[disk]]
id = "d1"
path = "/srv/d1"
[email]
server = "smtp.example.org"
username = "vigie"
password = "${PASSWORD}"
from = "vigie@example.org"
[[recipient]]
id = "owner"
address = "ann@example.org"
[[recipient]]
id = "guard"
address = "guard@example.org"
schedule = "24x5"
pictures = false
[[push]]
id = "phone"
kind = "ntfy"
url = "https://ntfy.example.org/alarms"
username = "vigie"
password = "${PASSWORD}"
[[push]]
id = "home"
kind = "webhook"
url = "https://home.example.org/hook"
secret = "${PASSWORD}"
[[push]]
id = "sms"
kind = "sms"
url = "https://sms.example.org/send?key=${PASSWORD}"
body = "{text}"
to = ["+33612345678"]
headers = { X-Key = "${PASSWORD}" }
"#;

fn parse(text: &str) -> Result<Config, Vec<String>> {
    let lookup = |name: &str| (name == "PASSWORD").then(|| "0123456789abcdef".to_owned());
    match Config::parse(text, &lookup) {
        Ok((config, _)) => Ok(config),
        Err(problems) => Err(problems.to_string().lines().map(str::to_owned).collect()),
    }
}

#[test]
fn who_is_told_and_how() {
    let rule = "[[rule]]\nid = \"r\"\non = [\"sensor\"]\nemail = [\"*\"]\npush = [\"sms\", \"phone\"]";
    let config = parse(&format!("{HOUSE}{rule}")).unwrap();
    let email = config.email.as_ref().unwrap();
    assert_eq!(
        (email.host.as_str(), email.port, email.security),
        ("smtp.example.org", 587, Security::StartTls)
    );
    assert_eq!(
        (email.merge, email.expire),
        (Duration::from_secs(30), Duration::from_secs(86_400))
    );
    let guard = &config.recipients[1];
    assert!(!guard.pictures && matches!(&guard.schedule, When::During(_)));
    let merges: Vec<u64> = config.pushes.iter().map(|push| push.merge.as_secs()).collect();
    assert_eq!(merges, [10, 0, 60]);
    let actions = &config.rules[0].actions;
    let names = |ids: &[String]| ids.join(" ");
    assert_eq!(
        names(&actions.email.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "owner guard"
    );
    assert_eq!(
        names(&actions.push.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "sms phone"
    );
    let PushKind::Sms(sms) = &config.pushes[2].kind else {
        panic!()
    };
    assert_eq!(
        (sms.headers[0].0.as_str(), sms.headers[0].1.reveal()),
        ("X-Key", "0123456789abcdef")
    );
    let shown = format!("{config:?}");
    assert!(!shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn servers_have_names_and_ports() {
    let server = |text: &str, security: &str| {
        let line = format!("server = \"{text}\"\nsecurity = \"{security}\"");
        let config = parse(&HOUSE.replace("server = \"smtp.example.org\"", &line));
        config.map(|config| config.email.map(|email| (email.host, email.port)).unwrap())
    };
    let of = |host: &str, port: u16| Ok((host.to_owned(), port));
    assert_eq!(server("mail.lan:2525", "starttls"), of("mail.lan", 2525));
    assert_eq!(server("192.0.2.1", "tls"), of("192.0.2.1", 465));
    assert_eq!(server("[2001:db8::1]:26", "none"), of("2001:db8::1", 26));
    assert_eq!(server("2001:db8::1", "none"), of("2001:db8::1", 25));
    for bad in [
        "",
        "smtp.example.org:0",
        "smtp.example.org:smtp",
        "smtp example",
        "smtp://mail.lan",
    ] {
        let problems = server(bad, "tls").unwrap_err();
        assert!(
            problems[0].contains("email.server") && problems[0].contains("is no server"),
            "{problems:?}"
        );
    }
}

#[test]
fn each_mistake_has_its_text() {
    let replaced = [
        (
            "server = \"smtp.example.org\"",
            "",
            "email.server: missing, expected a name and perhaps a port",
        ),
        (
            "from = \"vigie@example.org\"",
            "from = \"Vigie <v@x>\"",
            "email.from: \"Vigie <v@x>\" is no mail address",
        ),
        (
            "address = \"ann@example.org\"",
            "address = \"ann@mail_host.example.org\"",
            "\"ann@mail_host.example.org\" is no mail address",
        ),
        (
            "address = \"ann@example.org\"",
            "address = \"ann\"",
            "\"ann\" is no mail address",
        ),
        (
            "username = \"vigie\"\npassword = \"${PASSWORD}\"\nfrom",
            "username = \"vigie\"\nfrom",
            "password is missing",
        ),
        (
            "id = \"guard\"",
            "id = \"owner\"",
            "recipient \"owner\" is already defined",
        ),
        (
            "kind = \"ntfy\"",
            "kind = \"nfty\"",
            "kind: seen \"nfty\", expected \"ntfy\", \"webhook\"",
        ),
        ("ntfy.example.org/alarms", "ntfy.example.org/", "url: no topic"),
        (
            "secret = \"${PASSWORD}\"",
            "secret = \"short\"",
            "secret: too short, expected a secret of 16",
        ),
        ("secret = \"${PASSWORD}\"", "", "secret: missing"),
        (
            "body = \"{text}\"",
            "body = '{\"to\": {to}, \"message\": \"{text}\"}'",
            "body: begins as JSON and is none",
        ),
        ("body = \"{text}\"", "", "body: the text is nowhere: expected {text}"),
        (
            "to = [\"+33612345678\"]",
            "to = [\"ann\"]",
            "to[0]: \"ann\" is no telephone number",
        ),
        ("to = [\"+33612345678\"]", "to = []", "to: empty"),
        ("X-Key =", "\"X Key\" =", "no header that HTTP allows"),
        (
            "schedule = \"24x5\"",
            "schedule = \"24x6\"",
            "schedule: no schedule \"24x6\"",
        ),
        (
            "pictures = false",
            "picture = false",
            "unknown key \"picture\", did you mean \"pictures\"?",
        ),
    ];
    for (from, to, expected) in replaced {
        assert!(HOUSE.contains(from), "{from}");
        let problems = parse(&HOUSE.replacen(from, to, 1)).unwrap_err();
        assert!(
            problems.len() == 1 && problems[0].contains(expected),
            "{to}\n{problems:#?}"
        );
    }
    let added = [
        (
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\nemail = [\"ownr\"]",
            "no recipient \"ownr\", did you mean \"owner\"?",
        ),
        (
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\npush = [\"owner\"]",
            "no push target \"owner\"",
        ),
        (
            "[[push]]\nid = \"b\"\nkind = \"web_push\"\ncontact = \"ann\"",
            "contact: \"ann\": expected where",
        ),
    ];
    for (more, expected) in added {
        let problems = parse(&format!("{HOUSE}{more}")).unwrap_err();
        assert!(
            problems.len() == 1 && problems[0].contains(expected),
            "{more}\n{problems:#?}"
        );
    }
    let lonely = "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[recipient]]\nid = \"a\"\naddress = \"a@example.org\"";
    assert!(parse(lonely).unwrap_err()[0].contains("the table [email] is missing"));
}

#[test]
fn a_change_is_tried_at_once() {
    let before = parse(HOUSE).unwrap();
    let changed = |from: &str, to: &str| {
        let changes = diff(&before, &parse(&HOUSE.replacen(from, to, 1)).unwrap());
        (changes.email, changes.pushes)
    };
    assert_eq!(changed("ann@", "ben@"), (true, false));
    assert_eq!(changed("smtp.example.org", "mail.example.org"), (true, false));
    assert_eq!(changed("ntfy.example.org", "push.example.org"), (false, true));
    assert_eq!(changed("/srv/d1", "/srv/d2"), (false, false));
}
