//! From a contact to everybody who is told: one rule with every kind of action, an input over HTTP and
//! one over MQTT, and at the other end servers that are not ours.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use vigie_fake_camera::FakeCameras;

use crate::{
    alarms::{clips_of, settle_clips},
    house::{
        Asked, Broker, Browser, Cam, Endpoint, House, MailServer, PATIENCE, Setup, Speaker, USER, now_us, pick, shown,
        wait_for,
    },
    notify::{house_with, tell, wait_action},
    snapshots::{apart, jpeg, micros, number, numbered, pictures, recorded_number},
};

const TOKEN: &str = "0123456789abcdef";
const PRE_US: i64 = 5_000_000;
/// Of the numbered pictures: a RAP every second.
const GOP_US: i64 = 1_000_000;
/// A push service on this machine is for builds for tests only.
const WEB_PUSH: bool = cfg!(feature = "fault-hooks");

/// What is timed, in the order of the table.
const STAGES: [&str; 9] = [
    "answer",
    "event",
    "output",
    "recording",
    "sound",
    "ntfy",
    "Web Push",
    "snapshot",
    "mail",
];

/// Everybody who is told.
struct Ends {
    broker: Broker,
    mails: MailServer,
    relay: Endpoint,
    topic: Endpoint,
    service: Endpoint,
    speaker: Speaker,
}

impl Ends {
    fn start() -> Ends {
        Ends {
            broker: Broker::start(),
            mails: MailServer::start(&[]),
            relay: Endpoint::start(),
            topic: Endpoint::start(),
            service: Endpoint::start(),
            speaker: Speaker::start(),
        }
    }

    fn setup(&self, cameras: &FakeCameras) -> Setup {
        // Numbers that change are motion.
        let keys = "mode = \"events\"\nmotion = \"off\"\nanalytics = \"off\"\npre_alarm = \"5s\"\npost_alarm = \"1s\"";
        let cam = Cam::of(cameras, "cam0").record(keys);
        let mut setup = Setup::new([cam]);
        write!(
            setup.more,
            "{mqtt}
[[input]]
id = \"bell\"
name = \"Bell\"
kind = \"http\"
token = \"{TOKEN}\"
hold = \"1s\"
[[input]]
id = \"door\"
name = \"Door\"
kind = \"mqtt\"
topic = \"house/door\"
active = \"pressed\"
hold = \"1s\"
[[output]]
id = \"siren\"
kind = \"http\"
on = \"{relay}/on\"
off = \"{relay}/off\"
hold = \"1s\"
[buzzer]
kind = \"sound\"
device = \"{speaker}\"
duration = \"5s\"
[email]
server = \"127.0.0.1:{mail}\"
from = \"vigie@example.org\"
security = \"none\"
merge = \"1s\"
[[recipient]]
id = \"owner\"
address = \"ann@example.org\"
[[push]]
id = \"phone\"
kind = \"ntfy\"
url = \"{topic}/alarms\"
merge = \"1s\"
",
            mqtt = self.broker.table(),
            relay = self.relay.url,
            speaker = self.speaker.device(),
            mail = self.mails.port,
            topic = self.topic.url,
        )
        .unwrap();
        if WEB_PUSH {
            setup.more += "[[push]]\nid = \"browsers\"\nkind = \"web_push\"\ncontact = \"mailto:ann@example.org\"\nmerge = \"1s\"\n";
        }
        setup.more += "[[rule]]\nid = \"chain\"\non = [\"sensor\"]\nrecord = [\"cam0\"]\nsnapshot = [\"cam0\"]\n\
                       outputs = [\"siren\"]\nbuzzer = true\nemail = [\"owner\"]\npush = [\"*\"]\n";
        setup
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contact {
    Bell,
    Door,
}

impl Contact {
    fn id(self) -> &'static str {
        match self {
            Contact::Bell => "bell",
            Contact::Door => "door",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Contact::Bell => "Bell",
            Contact::Door => "Door",
        }
    }
}

/// One contact, and what came of it.
struct Round {
    contact: Contact,
    event: String,
    /// Of the event, Unix time in microseconds.
    at: i64,
    /// Microseconds from the contact to each stage.
    delays: BTreeMap<&'static str, i64>,
    /// The picture in the mail.
    picture: Vec<u8>,
}

/// The first request since a moment.
fn first_since(endpoint: &Endpoint, since: i64, path: &str) -> Asked {
    let all = endpoint.asked();
    let found = all.iter().find(|asked| asked.at_us >= since && asked.path == path);
    found
        .unwrap_or_else(|| panic!("nobody asked for {path}: {all:?}"))
        .clone()
}

fn subscribe(house: &House, ends: &Ends) -> (Browser, String) {
    let browser = Browser::new();
    let wanted = browser.subscription(&format!("{}/browser", ends.service.url));
    let answer = house.post_json_as(USER, "/api/v1/push/subscriptions", &wanted);
    assert_eq!(answer.status, 201, "{}", answer.text());
    (browser, answer.json()["id"].as_str().unwrap().to_owned())
}

fn round(house: &House, ends: &Ends, contact: Contact) -> Round {
    // A browser's key opens one message.
    let browser = WEB_PUSH.then(|| subscribe(house, ends));
    let mut delays = BTreeMap::new();
    let begin = now_us() as i64;
    match contact {
        Contact::Bell => {
            let answer = house.post_with_token("/api/v1/inputs/bell", TOKEN, "{\"state\":\"pulse\"}");
            assert_eq!(answer.status, 200, "{}", answer.text());
            delays.insert("answer", now_us() as i64 - begin);
        }
        Contact::Door => ends.broker.publish("house/door", "pressed"),
    }
    let query = format!("kind=sensor&source=input:{}&limit=1", contact.id());
    let event = wait_for("every action's outcome", PATIENCE, || {
        let event = house.event_page(&query)["events"][0].clone();
        let new = micros(event.get("start")?) >= begin;
        let actions = event["actions"].as_array()?;
        let settled = actions.iter().all(|action| action["state"] != "planned");
        (new && settled).then_some(event)
    });
    let actions = event["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 6 + usize::from(WEB_PUSH), "{event}");
    assert!(actions.iter().all(|action| action["state"] == "done"), "{event}");
    let told_at = |what: &str| {
        let action = actions.iter().find(|action| action["what"] == what);
        micros(&action.unwrap_or_else(|| panic!("no {what} in {event}"))["at"])
    };
    let id = event["id"].as_str().unwrap().to_owned();
    let at = micros(&event["start"]);
    delays.insert("event", at - begin);
    delays.insert("recording", told_at("record") - begin);
    delays.insert("snapshot", told_at("snapshot") - begin);
    delays.insert("output", first_since(&ends.relay, begin, "/on").at_us - begin);
    // Its action is done when the sound is started, which is not yet when it is heard.
    let heard = wait_for("the sound", PATIENCE, || {
        ends.speaker.heard().into_iter().find(|heard| *heard >= begin)
    });
    delays.insert("sound", heard - begin);

    let push = first_since(&ends.topic, begin, "/alarms");
    assert!(push.text().contains(contact.name()), "{}", push.text());
    delays.insert("ntfy", push.at_us - begin);
    if let Some((browser, subscription)) = browser {
        let push = first_since(&ends.service, begin, "/browser");
        let payload = browser.open(&push.body);
        assert!(payload["body"].as_str().unwrap().contains(contact.name()), "{payload}");
        assert_eq!(payload["id"].as_str().unwrap(), push.headers["topic"]);
        delays.insert("Web Push", push.at_us - begin);
        let path = format!("/api/v1/push/subscriptions/{subscription}");
        assert_eq!(house.delete_as(USER, &path).status, 204);
    }

    let mail = ends.mails.mails().pop().unwrap();
    assert!(mail.at_us >= begin && mail.plain().contains(contact.name()), "{mail:?}");
    delays.insert("mail", mail.at_us - begin);
    let [picture] = &mail.pictures()[..] else {
        panic!("one picture in {mail:?}")
    };
    assert!(
        *picture == jpeg(house, &pictures(house, &id)["cam0"]),
        "the picture in the mail is the stored one"
    );
    Round {
        contact,
        event: id,
        at,
        delays,
        picture: picture.clone(),
    }
}

/// Milliseconds, least / median / most, of every stage.
fn table(rounds: &[&Round]) -> String {
    let stages = STAGES.iter().filter_map(|stage| {
        let mut all: Vec<i64> = rounds
            .iter()
            .filter_map(|round| round.delays.get(stage))
            .copied()
            .collect();
        all.sort_unstable();
        let ms = |us: i64| us as f64 / 1e3;
        let (least, most) = (*all.first()?, *all.last()?);
        let median = (all[(all.len() - 1) / 2] + all[all.len() / 2]) / 2;
        Some(format!("{stage} {:.0}/{:.0}/{:.0}", ms(least), ms(median), ms(most)))
    });
    stages.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_contact_does_all_that_its_rule_says() {
    let count = pick(2, 20);
    let (cameras, ends) = (numbered(1), Ends::start());
    let mut house = House::start(&ends.setup(&cameras));
    house.wait_state("cam0", "main", "live", PATIENCE);
    wait_for("the broker", PATIENCE, || {
        let inputs = house.get("/api/v1/inputs").json();
        inputs
            .as_array()?
            .iter()
            .all(|input| input["error"].is_null())
            .then_some(())
    });
    let mut rng = StdRng::seed_from_u64(17);
    let mut rounds = Vec::new();
    for _ in 0..count {
        for contact in [Contact::Bell, Contact::Door] {
            // So that each clip stands alone, with all of its pre-alarm time.
            wait_for("the end of the clip", PATIENCE, || {
                house.camera("cam0")["recording"].as_array()?.is_empty().then_some(())
            });
            ends.speaker.wait_end();
            std::thread::sleep(Duration::from_millis(rng.random_range(8_000..9_000)));
            rounds.push(round(&house, &ends, contact));
        }
    }
    settle_clips(&house, &cameras);
    let footage = house.footage("cam0", "main");
    let log = cameras.log("cam0", "main").unwrap();
    let numbers: Vec<u64> = footage.units.iter().map(|unit| unit.identity.number).collect();
    let clips = clips_of(&numbers);
    let mut holds = clips.len() == rounds.len() && ends.mails.mails().len() == rounds.len();
    let (mut least, mut most, mut worst) = (i64::MAX, 0, 0);
    for Round { event, at, picture, .. } in &rounds {
        let held = footage.units.iter().find(|unit| unit.utc_us >= *at);
        let clip = held.and_then(|held| clips.iter().find(|clip| clip.contains(&held.identity.number)));
        let first = clip.and_then(|clip| footage.units.iter().find(|unit| unit.identity.number == *clip.start()));
        let Some(first) = first else {
            eprintln!("{event}: no clip");
            holds = false;
            continue;
        };
        let before = at - first.utc_us;
        (least, most) = (least.min(before), most.max(before));
        let distance = apart(number(picture), recorded_number(&footage.units, &log, *at).unwrap());
        worst = worst.max(distance);
        if !(first.sync && (PRE_US..=PRE_US + GOP_US + 100_000).contains(&before) && distance <= 1) {
            eprintln!("{event}: its clip begins {before} µs before it, its picture is {distance} pictures away");
            holds = false;
        }
    }
    house.terminate();
    for (contact, way) in [(Contact::Bell, "HTTP"), (Contact::Door, "MQTT")] {
        let of_way: Vec<&Round> = rounds.iter().filter(|round| round.contact == contact).collect();
        let figure = format!(
            "{count} contacts over {way}, ms until (min/median/max): {}",
            table(&of_way)
        );
        shown(1, &figure, true);
    }
    let build = if WEB_PUSH {
        "with Web Push (build for tests)"
    } else {
        "without Web Push"
    };
    let figure = format!(
        "{} contacts {build}: every action done; {} clips begin {:.2} to {:.2} s before their event with a RAP; mails \
         with the stored picture, at most {worst} pictures from what footage shows at that moment",
        rounds.len(),
        clips.len(),
        least as f64 / 1e6,
        most as f64 / 1e6,
    );
    shown(1, &figure, holds);
}

fn with_buzzer(device: &str) -> Setup {
    let table = format!("[buzzer]\nkind = \"sound\"\nduration = \"1s\"\ndevice = \"{device}\"\n");
    house_with(&table, "buzzer = true")
}

#[test]
fn a_buzzer_without_its_device_fails_and_says_why() {
    let speaker = Speaker::start();
    let mut house = House::start(&with_buzzer("nosuch"));
    let says_why = |text: &Value| {
        let text = text.as_str().unwrap_or_default();
        assert!(
            text.contains("'nosuch'") && text.contains("No such file or directory"),
            "{text}"
        );
    };
    let event = tell(&house, "unheard");
    says_why(&wait_action(&house, &event, "buzzer", "failed")["detail"]);
    says_why(&house.get("/api/v1/buzzer").json()["error"]);
    says_why(&house.post("/api/v1/buzzer/test").json()["error"]);
    house.reconfigure(&with_buzzer(&speaker.device()));
    wait_for("a test that is heard", PATIENCE, || {
        (house.post("/api/v1/buzzer/test").json()["ok"] == true).then_some(())
    });
    speaker.wait_end();
    let before = speaker.heard().len();
    assert!(before > 0);
    let event = tell(&house, "heard");
    wait_action(&house, &event, "buzzer", "done");
    wait_for("the sound", PATIENCE, || (speaker.heard().len() > before).then_some(()));
    wait_for("silence", PATIENCE, || {
        let buzzer = house.get("/api/v1/buzzer").json();
        (buzzer["sounding"] == json!(false) && buzzer["error"].is_null()).then_some(())
    });
    house.terminate();
}
