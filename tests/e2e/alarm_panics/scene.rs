//! A recorder with all that an event may lead to, the storms that it meets, and the actors that panic.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe};

use crate::{
    house::{Broker, Cam, Endpoint, House, Listener, MailServer, PATIENCE, Setup, USER, wait_for},
    panics::{actors, find},
};

const TOKEN: &str = "0123456789abcdef";
/// Actors of this camera are left alone: it is the neighbour.
pub const NEIGHBOUR: &str = "yard";
/// An actor that ends no more often than this is never parked.
const BREATH: Duration = Duration::from_secs(13);
/// Six ends within this park an actor.
pub const PARKS_WITHIN: Duration = Duration::from_secs(61);

/// Everything that an event may lead to.
pub struct Scene {
    pub cameras: FakeCameras,
    pub mails: MailServer,
    pub hook: Endpoint,
    pub phone: Endpoint,
    pub relay: Endpoint,
    pub broker: Broker,
    pub listener: Listener,
    pub house: House,
}

impl Scene {
    pub fn start(record: &'static str) -> Scene {
        let (main, sub) = (Recipe::small().clip().unwrap(), Recipe::passing().clip().unwrap());
        let spec = |name: &str| {
            let spec = CameraSpec::new(name).stream("main", main.clone());
            spec.stream("sub", sub.clone())
        };
        let cameras = FakeCameras::start(vec![spec("gate"), spec(NEIGHBOUR)]).unwrap();
        let (mails, broker) = (MailServer::start(&[]), Broker::start());
        let listener = broker.listen();
        let [hook, phone, relay] = std::array::from_fn(|_| Endpoint::start());
        let cams = cameras.names().map(|name| {
            let cam = Cam::of(&cameras, name).sub(cameras.url(name, "sub"));
            cam.record(record).motion("hold = \"1s\"")
        });
        let mut setup = Setup::new(cams);
        write!(
            setup.more,
            "{broker}\n[buzzer]\nkind = \"sound\"\n\
             [[input]]\nid = \"door\"\nkind = \"http\"\ntoken = \"{TOKEN}\"\n\
             [[output]]\nid = \"siren\"\nkind = \"http\"\non = \"{relay}/on\"\noff = \"{relay}/off\"\nhold = \"5s\"\n\
             [[output]]\nid = \"lamp\"\nkind = \"http\"\non = \"{relay}/lit\"\noff = \"{relay}/dark\"\nhold = \"0s\"\n\
             [email]\nserver = \"127.0.0.1:{mail}\"\nfrom = \"vigie@example.org\"\nsecurity = \"none\"\nmerge = \"0s\"\n\
             [[recipient]]\nid = \"owner\"\naddress = \"ann@example.org\"\n\
             [[push]]\nid = \"hook\"\nkind = \"webhook\"\nurl = \"{hook}/hook\"\nsecret = \"{TOKEN}\"\nmerge = \"0s\"\n\
             [[push]]\nid = \"phone\"\nkind = \"ntfy\"\nurl = \"{phone}/alarms\"\nmerge = \"0s\"\n\
             [[rule]]\nid = \"all\"\non = [\"sensor\", \"external\", \"motion\"]\nrecord = [\"*\"]\nsnapshot = [\"*\"]\n\
             outputs = [\"siren\"]\nbuzzer = true\npopup_message = true\nemail = [\"*\"]\npush = [\"*\"]\n\
             [[rule]]\nid = \"lit\"\non = [\"sensor\"]\noutputs = [\"lamp\"]\n",
            broker = broker.table(),
            relay = relay.url,
            mail = mails.port,
            hook = hook.url,
            phone = phone.url,
        )
        .unwrap();
        // To resolve the first backtrace of a build for tests takes seconds, of a thread that actors share.
        setup.variables.push(("RUST_BACKTRACE", "0".into()));
        let house = House::start(&setup);
        for name in cameras.names() {
            house.wait_state(name, "main", "live", PATIENCE);
            house.wait_state(name, "sub", "live", PATIENCE);
        }
        wait_for("the broker's greeting", PATIENCE, || {
            (listener.on("vigie/status").last()? == "online").then_some(())
        });
        Scene {
            cameras,
            mails,
            hook,
            phone,
            relay,
            broker,
            listener,
            house,
        }
    }

    /// All events that rules are about, newest first.
    pub fn events(&self) -> Option<Vec<Value>> {
        let (mut events, mut next) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/events?limit=1000&kind=external,sensor,motion{next}");
            let answer = self.house.get(&path);
            if answer.status != 200 {
                return None;
            }
            let page = answer.json();
            events.extend(page["events"].as_array()?.iter().cloned());
            match page["next"].as_str() {
                Some(before) => next = format!("&before={before}"),
                None => return Some(events),
            }
        }
    }

    /// The same, once every action has an outcome.
    pub fn settled(&self) -> Vec<Value> {
        let mut last = Vec::new();
        let begin = Instant::now();
        while begin.elapsed() < 3 * PATIENCE {
            last = self.events().unwrap_or_default();
            let mut actions = last.iter().flat_map(actions_of);
            if !last.is_empty() && actions.all(|action| action["state"] != "planned") {
                break;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        last
    }

    /// Ids that the broker was told of, and how often each.
    pub fn at_broker(&self) -> BTreeMap<String, usize> {
        let mut ids = BTreeMap::new();
        for payload in self.listener.on("vigie/events") {
            let event: Value = serde_json::from_str(&payload).unwrap();
            *ids.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        ids
    }
}

pub fn actions_of(event: &Value) -> impl Iterator<Item = &Value> {
    event["actions"].as_array().unwrap().iter()
}

/// What of the storm was answered.
#[derive(Default)]
pub struct Answered {
    /// Numbers of events of the API, and their ids.
    pub told: BTreeMap<u64, String>,
    pub asked: u64,
    /// Ids of events of the input.
    pub pressed: BTreeSet<String>,
}

/// Tells events until it is over, at most so far apart; the input ends inactive.
pub fn storm(house: &House, over: &AtomicBool, apart_ms: u64) -> Answered {
    let mut rng = StdRng::seed_from_u64(4);
    let mut answered = Answered::default();
    while !over.load(Ordering::SeqCst) {
        let number = answered.asked;
        answered.asked += 1;
        let event = json!({ "kind": "external", "text": format!("told {number}.") });
        let answer = house.post_json_as(USER, "/api/v1/events", &event);
        match answer.status {
            201 => {
                let id = answer.json()["id"].as_str().unwrap().to_owned();
                answered.told.insert(number, id);
            }
            // The web server is away, or the registry; nothing is promised.
            0 | 503 => {}
            other => panic!("{other} {}", answer.text()),
        }
        if number % 4 == 0 {
            let state = if number % 8 == 0 { "active" } else { "inactive" };
            press(house, state, &mut answered);
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(0..apart_ms)));
    }
    wait_for("the door to be shut", PATIENCE, || {
        press(house, "inactive", &mut answered).then_some(())
    });
    answered
}

pub fn press(house: &House, state: &str, answered: &mut Answered) -> bool {
    let answer = house.post_with_token("/api/v1/inputs/door", TOKEN, &json!({ "state": state }).to_string());
    match answer.status {
        200 => {
            answered
                .pressed
                .extend(answer.json()["event"].as_str().map(str::to_owned));
            true
        }
        0 | 503 => false,
        other => panic!("{other} {}", answer.text()),
    }
}

/// Panics every actor so often, at random, none of them too often in a row. How often each kind.
pub fn panics(house: &House, each: usize) -> BTreeMap<String, usize> {
    let mut rng = StdRng::seed_from_u64(8);
    let mut counts: BTreeMap<String, (usize, Instant)> = BTreeMap::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut barred = BTreeSet::new();
    loop {
        let mut all = Vec::new();
        let answer = house.get("/api/v1/system/tree");
        if answer.status != 200 {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        }
        let tree = answer.json();
        actors(&tree, "", &mut all);
        all.retain(|(path, ..)| {
            let count = counts.get(path);
            let due = count.is_none_or(|(count, last)| *count < each && last.elapsed() >= BREATH);
            due && !path.contains(NEIGHBOUR) && !barred.contains(path)
        });
        if all.is_empty() {
            let done = counts.values().all(|(count, _)| *count >= each);
            if done {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
            continue;
        }
        let (path, kind, _) = all[rng.random_range(0..all.len())].clone();
        match house.post(&format!("/api/v1/test/panic?actor={path}")).status {
            status if status == 202 || (status == 0 && path == "web") => {
                let (count, last) = counts.entry(path).or_insert((0, Instant::now()));
                (*count, *last) = (*count + 1, Instant::now());
                *kinds.entry(kind).or_default() += 1;
            }
            // The web server is away.
            0 => continue,
            // Supervisors do nothing that can fail; others are being started, and met again.
            404 => {
                if find(&tree, &path).is_some_and(|node| node["state"] == "running") {
                    barred.insert(path);
                }
                continue;
            }
            other => panic!("{path}: {other}"),
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(0..800)));
    }
    kinds
}
