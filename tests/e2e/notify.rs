//! From an event to a mail and a push: over refusals, outages and `kill -9`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::{Duration, Instant},
};

use base64::Engine;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use ring::hmac;
use serde_json::{Value, json};

use crate::{
    house::{Asked, Cam, Endpoint, House, MailServer, PATIENCE, Setup, USER, certificate, pick, shown, wait_for},
    recording::{cameras, near_end, settle},
};

const SECRET: &str = "0123456789abcdef";

/// A house without cameras, and a rule that tells of what is told to it.
pub fn house_with(tables: &str, actions: &str) -> Setup {
    let mut setup = Setup::new([]);
    write!(
        setup.more,
        "{tables}\n[[rule]]\nid = \"all\"\non = [\"external\"]\n{actions}\n"
    )
    .unwrap();
    setup
}

fn mail_tables(server: &MailServer, keys: &str) -> String {
    format!(
        "\n[email]\nserver = \"127.0.0.1:{}\"\nfrom = \"vigie@example.org\"\n{keys}\n\
         [[recipient]]\nid = \"owner\"\naddress = \"ann@example.org\"\n",
        server.port
    )
}

/// Answers the event's id once it is acknowledged.
pub fn tell(house: &House, text: &str) -> String {
    let event = json!({ "kind": "external", "text": text });
    let answer = house.post_json_as(USER, "/api/v1/events", &event);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The action of an event once it is in this state.
pub fn wait_action(house: &House, event: &str, what: &str, state: &str) -> Value {
    wait_for(&format!("{what} of {event} to be {state}"), PATIENCE, || {
        let page = house.event_page("kind=external&limit=1000");
        let event = page["events"]
            .as_array()?
            .iter()
            .find(|one| one["id"] == event)?
            .clone();
        let action = event["actions"]
            .as_array()?
            .iter()
            .find(|action| action["what"] == what)?
            .clone();
        (action["state"] == state).then_some(action)
    })
}

/// `told 7` and so on, wherever they stand.
pub fn told_in(text: &str) -> BTreeSet<u64> {
    let numbers = text.split("told ").skip(1);
    let number = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    numbers.filter_map(|rest| number(rest).parse().ok()).collect()
}

/// Every number arrived, under one key; the same key always tells the same. Answers how many keys and
/// how many arrivals there were.
fn balance(arrived: &[(String, BTreeSet<u64>)], told: u64) -> Result<(usize, usize), String> {
    let mut by_key: BTreeMap<&str, &BTreeSet<u64>> = BTreeMap::new();
    for (key, numbers) in arrived {
        if by_key.insert(key, numbers).is_some_and(|before| before != numbers) {
            return Err(format!("{key} told different things"));
        }
    }
    let mut seen = BTreeSet::new();
    for (key, numbers) in &by_key {
        for number in *numbers {
            if !seen.insert(*number) {
                return Err(format!("{number} is told under two keys, one is {key}"));
            }
        }
    }
    let missing: Vec<u64> = (0..told).filter(|number| !seen.contains(number)).collect();
    match missing.is_empty() {
        true => Ok((by_key.len(), arrived.len())),
        false => Err(format!("not told: {missing:?}")),
    }
}

#[test]
fn what_was_acknowledged_is_told_over_kill_9() {
    let rounds = pick(5, 200);
    let (mails, hook) = (MailServer::start(&[]), Endpoint::start());
    let tables = format!(
        "{}\n[[push]]\nid = \"hook\"\nkind = \"webhook\"\nurl = \"{}/hook\"\nsecret = \"{SECRET}\"\n",
        mail_tables(&mails, "security = \"none\"\nmerge = \"1s\""),
        hook.url
    );
    let mut house = House::start(&house_with(&tables, "email = [\"owner\"]\npush = [\"hook\"]"));
    let mut rng = StdRng::seed_from_u64(13);
    let mut told = 0u64;
    for _ in 0..rounds {
        for _ in 0..rng.random_range(1..5) {
            tell(&house, &format!("told {told}."));
            told += 1;
            std::thread::sleep(Duration::from_millis(rng.random_range(0..30)));
        }
        // Somewhere between the event, the outbox, the delivery and its outcome.
        std::thread::sleep(Duration::from_millis(rng.random_range(0..1800)));
        house.kill();
        house.run();
    }
    let by_mail = || -> Vec<(String, BTreeSet<u64>)> {
        let all = mails.mails().into_iter();
        all.map(|mail| (mail.header("Message-ID").to_owned(), told_in(&mail.plain())))
            .collect()
    };
    let by_hook = || -> Vec<(String, BTreeSet<u64>)> {
        let key = |asked: &Asked| asked.headers["idempotency-key"].clone();
        hook.asked()
            .iter()
            .map(|asked| (key(asked), told_in(&asked.text())))
            .collect()
    };
    let all = |arrived: Vec<(String, BTreeSet<u64>)>| {
        let seen: BTreeSet<u64> = arrived.into_iter().flat_map(|(_, numbers)| numbers).collect();
        (seen.len() as u64 == told).then_some(())
    };
    // What is missing is said below.
    let patient = Instant::now();
    while (all(by_mail()).is_none() || all(by_hook()).is_none()) && patient.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(200));
    }
    let (mailed, pushed) = (balance(&by_mail(), told), balance(&by_hook(), told));
    // Every action says so.
    wait_for("all outcomes", PATIENCE, || {
        let page = house.event_page("kind=external&limit=1000");
        let mut actions = page["events"]
            .as_array()?
            .iter()
            .flat_map(|event| event["actions"].as_array().unwrap());
        actions.all(|action| action["state"] == "done").then_some(())
    });
    house.terminate();
    let holds = mailed.is_ok() && pushed.is_ok();
    let figure = format!(
        "{rounds} × kill -9, {told} acknowledged events; (messages, arrivals): mails {mailed:?}, webhook {pushed:?}"
    );
    shown(3, &figure, holds);
}

#[test]
fn mails_go_over_starttls_with_a_password_and_a_test_says_what_failed() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, certificate, key] = certificate(folder.path());
    let mut mails = MailServer::start(&["--starttls", &certificate, &key, "--user", "vigie", "right"]);
    let with = |password: &str, more: &str| {
        let keys = format!("username = \"vigie\"\npassword = \"{password}\"\nmerge = \"0s\"\n{more}");
        house_with(&mail_tables(&mails, &keys), "email = [\"*\"]")
    };
    let trust = format!("tls_ca = \"{authority}\"");
    let house = &mut House::start(&with("right", &trust));
    let test = |house: &House| {
        let answer = house.post("/api/v1/recipients/owner/test");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let taken = test(house);
    assert_eq!(taken["ok"], true, "{taken}");
    assert!(taken["answer"].as_str().unwrap().contains("2.0.0 taken"), "{taken}");
    assert!(mails.mails()[0].header("Subject").ends_with("test"));
    let says = |setup: &Setup, parts: &[&str]| {
        house.reconfigure(setup);
        wait_for(&format!("the test to say {parts:?}"), PATIENCE, || {
            let seen = test(house);
            let error = seen["error"].as_str()?.to_owned();
            parts.iter().all(|part| error.contains(part)).then_some(())
        });
    };
    says(
        &with("wrong", &trust),
        &["signing in as vigie", "535", "check username and password"],
    );
    says(&with("right", ""), &["STARTTLS", "certificate", "check tls_ca"]);
    says(&with("right", "security = \"none\""), &["530"]);
    says(&with("right", "security = \"tls\""), &["connecting to 127.0.0.1"]);
    // A wrong password is not hammered, and a right one sends what waited at once.
    says(&with("wrong", &trust), &["535"]);
    let event = tell(house, "it waits");
    wait_for("the refusal", PATIENCE, || {
        let status = house.get("/api/v1/recipients").json()[0].clone();
        (status["queued"] == 1 && status["error"].as_str()?.contains("535")).then_some(())
    });
    assert_eq!(house.get("/api/v1/recipients").json()[0]["failed_attempts"], 1);
    house.reconfigure(&with("right", &trust));
    wait_action(house, &event, "email", "done");
    let mail = mails.mails().pop().unwrap();
    assert!(
        mail.plain().contains("it waits") && mail.to == "ann@example.org",
        "{mail:?}"
    );
    assert!(mail.text.contains("text/html"));

    mails.answers("{\"rcpt\": \"550 5.1.1 no such user\"}");
    let refused = tell(house, "nobody is there");
    let action = wait_action(house, &refused, "email", "failed");
    let detail = action["detail"].as_str().unwrap();
    assert!(
        detail.contains("recipient ann@example.org: 550 5.1.1 no such user"),
        "{detail}"
    );
    mails.answers("{}");

    // An outage is an outage: it arrives when the server is back.
    mails.stop();
    let late = tell(house, "late news");
    wait_for("a failed attempt", PATIENCE, || {
        let status = house.get("/api/v1/recipients").json()[0].clone();
        status["error"]
            .as_str()?
            .contains("connecting to 127.0.0.1")
            .then_some(())
    });
    mails.resume();
    wait_action(house, &late, "email", "done");
    assert!(mails.mails().pop().unwrap().plain().contains("late news"));
    house.terminate();
}

/// How many events each mail is about.
fn told_of(mails: &MailServer) -> Vec<u64> {
    let subjects = mails.mails().into_iter();
    subjects.map(|mail| counted(&decoded(mail.header("Subject")))).collect()
}

/// Waits until all mails together are about so many events, as long as the patience lasts: what they
/// are about then.
fn wait_counted(mails: &MailServer, count: u64, patience: Duration) -> u64 {
    let begin = Instant::now();
    loop {
        let seen = told_of(mails).iter().sum();
        if seen >= count || begin.elapsed() > patience {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// MiB that a storm may cost.
const STORM_MEMORY: u64 = 64;

#[test]
fn a_storm_is_a_handful_of_mails() {
    let count = pick(1000, 10_000);
    let (cameras, mails) = (cameras(1), MailServer::start(&[]));
    // What moves there is told by a program; what Vigie saw besides would make one event of many.
    let cams = cameras
        .names()
        .map(|name| Cam::of(&cameras, name).motion("enabled = false"));
    let mut setup = Setup::new(cams);
    let tables = mail_tables(&mails, "security = \"none\"\nmerge = \"3s\"");
    write!(
        setup.more,
        "{tables}\n[[rule]]\nid = \"all\"\non = [\"motion\"]\nemail = [\"owner\"]\n"
    )
    .unwrap();
    let mut house = House::start(&setup);
    house.wait_recording("cam0", "main");
    let (before, _) = house.memory();
    let begin = Instant::now();
    for number in 0..count {
        for over in [false, true] {
            let event = json!({ "kind": "motion", "camera": "cam0", "text": format!("told {number}."), "over": over });
            house.tell(&event);
        }
    }
    let took = begin.elapsed();
    let seen = wait_counted(&mails, count, pick(4, 12) * PATIENCE);
    let sent = mails.mails().len();
    let (after, most) = house.memory();
    settle(&house, &cameras);
    let log = cameras.log("cam0", "main").unwrap();
    let gaps = house.recordings("cam0", "main").gaps_before(near_end(&log));
    let balance = house.footage("cam0", "main").balance(&log, &[], 0);
    house.terminate();
    let recorded = balance.holds() && gaps.is_empty();
    if !recorded {
        eprintln!("{balance:?} {gaps:?}");
    }
    let figure = format!(
        "a storm of {count} motion events in {took:.0?}: {sent} mails that count {seen}; memory {before} MiB before, \
         {most} at most, {after} after; recording lost nothing: {recorded}"
    );
    let holds = seen == count && sent <= 12 && recorded && most.saturating_sub(before) <= STORM_MEMORY;
    shown(4, &figure, holds);
}

#[test]
fn an_outage_is_two_mails() {
    let (away, pause) = (Duration::from_secs(pick(12, 300)), Duration::from_secs(pick(1, 2)));
    let mut mails = MailServer::start(&[]);
    let tables = mail_tables(&mails, "security = \"none\"\nmerge = \"1s\"");
    let mut house = House::start(&house_with(&tables, "email = [\"owner\"]"));
    mails.stop();
    let begin = Instant::now();
    let mut events = Vec::new();
    while begin.elapsed() < away {
        events.push(tell(&house, &format!("told {}.", events.len())));
        std::thread::sleep(pause);
    }
    let attempts = house.get("/api/v1/recipients").json()[0]["failed_attempts"].clone();
    mails.resume();
    let back = Instant::now();
    // The pause between attempts is as long as all before together, and a fifth.
    let seen = wait_counted(&mails, events.len() as u64, 3 * away + PATIENCE);
    let late = back.elapsed();
    let sent = told_of(&mails);
    for event in &events {
        let states = ["done", "merged"];
        wait_for("the outcome", PATIENCE, || {
            let page = house.event_page("kind=external&limit=1000");
            let all = page["events"].as_array()?;
            let found = all.iter().find(|one| one["id"] == *event)?;
            states.contains(&found["actions"][0]["state"].as_str()?).then_some(())
        });
    }
    house.terminate();
    let figure = format!(
        "a mail server that is away for {away:.0?}: {} events, {attempts} attempts that failed; then {} mails that count \
         {sent:?}, the last {late:.0?} after it was back",
        events.len(),
        sent.len(),
    );
    shown(4, &figure, seen == events.len() as u64 && sent.len() == 2);
}

/// What a mail's subject says of how many events it is about.
pub fn counted(subject: &str) -> u64 {
    match subject.split(": ").nth(1).and_then(|rest| rest.split_once(" events")) {
        Some((count, _)) => count.parse().unwrap(),
        None => 1,
    }
}

/// RFC 2047 as far as numbers need it.
pub fn decoded(subject: &str) -> String {
    let words = subject.split(' ').map(|word| {
        let inside = word.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?="));
        match inside.and_then(|text| base64::prelude::BASE64_STANDARD.decode(text).ok()) {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => format!("{word} "),
        }
    });
    words.collect()
}

#[test]
fn a_webhook_is_signed_and_tried_again_with_the_same_key() {
    let (hook, topic, sms) = (Endpoint::start(), Endpoint::start(), Endpoint::start());
    let tables = format!(
        "[[push]]\nid = \"hook\"\nkind = \"webhook\"\nurl = \"{}/hook\"\nsecret = \"{SECRET}\"\n\
         [[push]]\nid = \"phone\"\nkind = \"ntfy\"\nurl = \"{}/alarms\"\ntoken = \"tk_abc\"\nmerge = \"0s\"\n\
         [[push]]\nid = \"sms\"\nkind = \"sms\"\nurl = \"{}/send\"\nto = [\"+33612345678\", \"+33687654321\"]\n\
         body = \"To={{to}}&Body={{text}}\"\nheaders = {{ X-Key = \"abc\" }}\nmerge = \"0s\"\n",
        hook.url, topic.url, sms.url
    );
    let mut house = House::start(&house_with(&tables, "push = [\"*\"]"));
    let tries = std::sync::atomic::AtomicUsize::new(0);
    hook.answer(move |_| match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => "500 Broken",
        1 => "429 Too Many Requests\r\nretry-after: 1",
        _ => "204 No Content",
    });
    topic.answer(|_| "413 Payload Too Large");
    let event = tell(&house, "told 1.");
    wait_for("the third attempt", PATIENCE, || {
        (hook.asked().len() == 3).then_some(())
    });
    let asked = hook.asked();
    let keys: BTreeSet<&str> = asked
        .iter()
        .map(|one| one.headers["idempotency-key"].as_str())
        .collect();
    assert_eq!(keys.len(), 1, "{asked:?}");
    assert!(asked.iter().all(|one| one.body == asked[0].body));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    for one in &asked {
        let signed = format!("{}.{}", one.headers["x-vigie-timestamp"], one.text());
        let seen = one.headers["x-vigie-signature"].strip_prefix("v1=").unwrap();
        let bytes: Vec<u8> = (0..seen.len() / 2)
            .map(|n| u8::from_str_radix(&seen[2 * n..2 * n + 2], 16).unwrap())
            .collect();
        hmac::verify(&key, signed.as_bytes(), &bytes).unwrap();
    }
    let body: Value = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!((&body["events"][0]["id"], &body["count"]), (&json!(event), &json!(1)));

    // One number, one text message; one target that refuses harms no other.
    wait_for("both numbers", PATIENCE, || (sms.asked().len() == 2).then_some(()));
    let numbers: BTreeSet<String> = sms
        .asked()
        .iter()
        .map(|one| one.text().split('&').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        numbers,
        BTreeSet::from(["To=%2B33612345678".to_owned(), "To=%2B33687654321".to_owned()])
    );
    assert_eq!(sms.asked()[0].headers["x-key"], "abc");
    let page = wait_for("all outcomes", PATIENCE, || {
        let page = house.event_page("kind=external");
        let actions = page["events"][0]["actions"].as_array()?.clone();
        actions
            .iter()
            .all(|action| action["state"] != "planned")
            .then_some(actions)
    });
    let states: BTreeMap<&str, &str> = page
        .iter()
        .map(|a| (a["target"].as_str().unwrap(), a["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        BTreeMap::from([("hook", "done"), ("phone", "failed"), ("sms", "done")]),
        "{page:?}"
    );
    let refused = &topic.asked()[0];
    assert_eq!(refused.headers["authorization"], "Bearer tk_abc");
    assert_eq!(refused.headers["x-sequence-id"], refused.headers["idempotency-key"]);
    let status = house.get("/api/v1/push").json();
    let phone = status
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == "phone")
        .unwrap();
    assert!(phone["error"].as_str().unwrap().contains("answered 413"), "{phone}");
    topic.answer(|_| "401 Unauthorized");
    let test = house.post("/api/v1/push/phone/test").json();
    assert!(test["error"].as_str().unwrap().contains("answered 401"), "{test}");
    assert_eq!(house.post("/api/v1/push/nothing/test").status, 404);
    let metrics = house.get("/metrics").text();
    assert!(
        metrics.contains("vigie_messages_sent_total{way=\"push\"} 3"),
        "{metrics}"
    );
    house.add_user("guard", "ordinary");
    for path in ["/api/v1/push", "/api/v1/recipients"] {
        assert_eq!(house.get_as("guard", path).status, 403, "{path}");
    }
    assert_eq!(
        house.post_json_as("guard", "/api/v1/push/hook/test", &json!({})).status,
        403
    );
    house.terminate();
}
