//! Any actor may panic in the middle of a storm of events (cargo feature `fault-hooks`): what was
//! acknowledged is in the log once, what it led to is done or says why not, and what was promised
//! arrives.

mod scene;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    house::{Asked, PATIENCE, USER, pick, shown, wait_for},
    notify::{counted, decoded, told_in},
    panics::find,
    recording::settle,
};
use scene::{Answered, NEIGHBOUR, PARKS_WITHIN, Scene, actions_of, panics, press, storm};
use told::{by_key, delivered, is_explained, of_endpoint};

#[test]
fn a_storm_loses_nothing_whatever_panics() {
    let each = pick(1, 100);
    let record = "mode = \"always\"\nsensor = \"always\"\nmotion = \"always\"\npre_alarm = \"2s\"\npost_alarm = \"1s\"";
    let mut scene = Scene::start(record);
    let house = &scene.house;
    for name in scene.cameras.names() {
        house.wait_recording(name, "main");
        house.wait_recording(name, "sub");
    }
    let over = AtomicBool::new(false);
    let begin = Instant::now();
    let (kinds, answered) = std::thread::scope(|scope| {
        let storm = scope.spawn(|| storm(house, &over, pick(40, 400)));
        // Whatever becomes of the one, the other ends.
        let kinds = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panics(house, each)));
        over.store(true, Ordering::SeqCst);
        let answered = storm.join().unwrap();
        (kinds.unwrap(), answered)
    });
    let seconds = begin.elapsed().as_secs();
    let mut wrong: Vec<String> = Vec::new();

    for name in scene.cameras.names() {
        house.wait_recording(name, "main");
        house.wait_recording(name, "sub");
    }
    // Motion ends with its pictures.
    for name in scene.cameras.names() {
        scene.cameras.lie(name, |lies| lies.silent_after_play = true);
    }
    wait_for("the end of what moves", PATIENCE, || {
        let events = scene.events()?;
        events.iter().all(|event| event["end"].is_string()).then_some(())
    });
    let events = scene.settled();
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    if ids.len() != events.len() {
        wrong.push("an event is in the log twice".into());
    }
    let mut by_number: BTreeMap<u64, usize> = BTreeMap::new();
    for number in events.iter().flat_map(|event| told_in(event["text"].as_str().unwrap())) {
        *by_number.entry(number).or_default() += 1;
    }
    let twice = by_number.values().filter(|count| **count > 1).count();
    let lost = answered
        .told
        .keys()
        .filter(|number| !by_number.contains_key(number))
        .count();
    let acknowledged: BTreeSet<&str> = answered
        .told
        .values()
        .chain(&answered.pressed)
        .map(String::as_str)
        .collect();
    let missing = acknowledged.iter().filter(|id| !ids.contains(**id)).count();
    if twice + lost + missing > 0 {
        wrong.push(format!(
            "of the acknowledged {lost} are lost and {missing} ids are not in the log; {twice} are there twice"
        ));
    }
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for action in events.iter().flat_map(actions_of) {
        let (what, state) = (action["what"].as_str().unwrap(), action["state"].as_str().unwrap());
        *outcomes.entry(format!("{what} {state}")).or_default() += 1;
        let messages = matches!(what, "email" | "push") && state == "merged";
        if state != "done" && !messages && !(state == "failed" && is_explained(action)) {
            wrong.push(format!("{action}"));
        }
    }
    for event in events.iter().filter(|event| actions_of(event).next().is_none()) {
        wrong.push(format!("its rules did not act: {event}"));
    }
    // Pictures: each that is done is there, once.
    let mut pictures: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut before = String::new();
    loop {
        let page = house.get(&format!("/api/v1/snapshots?limit=1000{before}")).json();
        for picture in page["snapshots"].as_array().unwrap() {
            let text = |key: &str| picture[key].as_str().unwrap().to_owned();
            *pictures.entry((text("event"), text("camera"))).or_default() += 1;
        }
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    for event in &events {
        for action in actions_of(event).filter(|action| action["what"] == "snapshot" && action["state"] == "done") {
            let key = (
                event["id"].as_str().unwrap().to_owned(),
                action["target"].as_str().unwrap().to_owned(),
            );
            let there = pictures.get(&key).copied().unwrap_or(0);
            if there != 1 {
                wrong.push(format!("{key:?}: {there} pictures"));
            }
        }
    }
    // Messages.
    let subject = |mail: &crate::house::Mail| counted(&decoded(mail.header("Subject")));
    let mails = scene.mails.mails();
    let mails = mails.iter().map(|mail| {
        let key = mail.header("Message-ID").to_owned();
        (key, told_in(&mail.plain()), subject(mail))
    });
    let mailed = delivered(&events, "email", "owner", mails.collect());
    let count = |asked: &Asked| {
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        body["count"].as_u64().unwrap()
    };
    let hooked = delivered(&events, "push", "hook", of_endpoint(&scene.hook.asked(), count));
    let phoned = {
        // ntfy says no count that can be read: what is told under each key is compared.
        let arrived = of_endpoint(&scene.phone.asked(), |_| 0);
        by_key(arrived).map(|keys| keys.len())
    };
    for failed in [mailed.as_ref().err(), hooked.as_ref().err(), phoned.as_ref().err()] {
        wrong.extend(failed.cloned());
    }
    // The broker, too, was told of each.
    wait_for("the broker to hear it all", PATIENCE, || {
        let told = scene.at_broker();
        acknowledged.iter().all(|id| told.contains_key(*id)).then_some(())
    });
    scene.listener.wait_last("vigie/input/door", "OFF");
    wait_for("the outputs to be off", PATIENCE, || {
        let asked = scene.relay.asked();
        let last = |paths: [&str; 2]| {
            let mut of = asked.iter().rev().map(|asked| asked.path.as_str());
            of.find(|path| paths.contains(path)).map(str::to_owned)
        };
        let off = last(["/on", "/off"])? == "/off" && last(["/lit", "/dark"])? == "/dark";
        off.then_some(())
    });
    // Footage: of the neighbour all, of the other what no panic took for a moment.
    settle(house, &scene.cameras);
    for log in scene.cameras.logs() {
        let gaps = house.recordings(&log.camera, &log.stream).gaps;
        let balance = house.footage(&log.camera, &log.stream).balance(&log, &gaps, 250_000);
        let holes = balance.missing.chunk_by(|a, b| a + 1 == *b);
        let short = holes
            .map(|hole| hole.len() as u64 * log.interval_us)
            .all(|us| us <= 1_000_000);
        let whole = match log.camera == NEIGHBOUR {
            true => balance.missing.is_empty() && balance.in_gaps == 0,
            false => short,
        };
        if !(whole && balance.doubled.is_empty() && balance.unknown.is_empty()) {
            wrong.push(format!("{}/{}: {balance:?} {gaps:?}", log.camera, log.stream));
        }
    }
    scene.house.terminate();
    let broker = scene.at_broker().len();
    scene.broker.stop();
    wrong.iter().take(40).for_each(|text| eprintln!("{text}"));
    let figure = format!(
        "{} panics in {seconds} s ({kinds:?}): {} of {} events of the API and {} of an input acknowledged, {} in the log with \
         motion, each once; actions {outcomes:?}; (messages, arrivals): mails {mailed:?}, webhook {hooked:?}, ntfy {phoned:?} \
         messages; {broker} events told to the broker; {} faults",
        kinds.values().sum::<usize>(),
        answered.told.len(),
        answered.asked,
        answered.pressed.len(),
        events.len(),
        wrong.len(),
    );
    shown(8, &figure, wrong.is_empty());
}

/// The registry panics after it wrote an event down and before it acted on it, or before it could
/// say so.
#[test]
fn what_is_written_is_acted_on_by_the_next_registry() {
    let rounds = pick(1, 5);
    let record = "mode = \"events\"\nmotion = \"off\"\nanalytics = \"off\"\npre_alarm = \"1s\"\npost_alarm = \"1s\"";
    let mut scene = Scene::start(record);
    let house = &scene.house;
    let panic_at = |place: &str| {
        let generation = find(&house.tree(), "registry").unwrap()["generation"].as_u64().unwrap();
        let answer = house.post(&format!("/api/v1/test/panic?actor=registry&at={place}"));
        assert_eq!(answer.status, 202, "{}", answer.text());
        generation
    };
    let panicked = |generation: u64| {
        wait_for("the next registry", PATIENCE, || {
            let tree = house.tree();
            (find(&tree, "registry")?["generation"].as_u64()? > generation).then_some(())
        });
    };
    let mut asked = Answered::default();
    let mut panics = 0;
    for round in 0..rounds {
        // A registry that ends more often is parked.
        std::thread::sleep(if round == 0 { Duration::ZERO } else { PARKS_WITHIN });
        for (place, at_end) in [("written", true), ("acted", false)] {
            // Pictures of one camera are a second apart.
            std::thread::sleep(Duration::from_secs(2));
            let lit = |path: &str| scene.relay.asked().iter().filter(|asked| asked.path == path).count();
            let (on, off) = (lit("/lit"), lit("/dark"));
            let generation = panic_at(place);
            let event = json!({ "kind": "external", "text": format!("told {}.", asked.asked) });
            let answer = house.post_json_as(USER, "/api/v1/events", &event);
            assert_eq!(answer.status, 201, "{}", answer.text());
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            asked.told.insert(asked.asked, id);
            asked.asked += 1;
            panicked(generation);
            // What goes on: begun, and over.
            std::thread::sleep(Duration::from_millis(1100));
            let generation = panic_at(place);
            assert!(press(house, "active", &mut asked), "{place}");
            panicked(generation);
            wait_for("the lamp to be lit", PATIENCE, || (lit("/lit") == on + 1).then_some(()));
            wait_for("the clip", PATIENCE, || {
                (house.camera("gate")["recording"] == json!(["sensor"])).then_some(())
            });
            let generation = at_end.then(|| panic_at(place));
            assert!(press(house, "inactive", &mut asked), "{place}");
            generation.into_iter().for_each(panicked);
            wait_for("the lamp to be dark", PATIENCE, || {
                (lit("/dark") == off + 1).then_some(())
            });
            wait_for("the end of the clip", PATIENCE, || {
                house.camera("gate")["recording"].as_array()?.is_empty().then_some(())
            });
            panics += 2 + usize::from(at_end);
        }
    }
    let events = scene.settled();
    // What moves is seen besides.
    let asked_for = || events.iter().filter(|event| event["kind"] != "motion");
    let ids: BTreeSet<&str> = asked_for().map(|event| event["id"].as_str().unwrap()).collect();
    let expected: BTreeSet<&str> = asked.told.values().chain(&asked.pressed).map(String::as_str).collect();
    assert_eq!((ids.len(), &ids), (asked_for().count(), &expected));
    for action in asked_for().flat_map(actions_of) {
        // Without a sound card nothing sounds; what moves may have taken the picture of that second.
        let may_fail = action["what"] == "buzzer" || action["what"] == "snapshot";
        let fits = action["state"] == "done" || may_fail && is_explained(action);
        assert!(fits, "{action}");
    }
    let mails = scene.mails.mails();
    let mails = mails.iter().map(|mail| {
        let key = mail.header("Message-ID").to_owned();
        (key, told_in(&mail.plain()), counted(&decoded(mail.header("Subject"))))
    });
    let mailed = delivered(&events, "email", "owner", mails.collect());
    // Each event is told when it begins, and what goes on when it ends.
    wait_for("the broker to hear it all", PATIENCE, || {
        let told = scene.at_broker();
        let times = |id: &String| told.get(id).copied().unwrap_or(0);
        let moments = asked.told.values().all(|id| times(id) == 1);
        (moments && asked.pressed.iter().all(|id| times(id) == 2)).then_some(())
    });
    scene.house.terminate();
    let figure = format!(
        "{} × the registry panicked between writing an event and acting on it, or before it could say so: each of {} events \
         once in the log, all actions done, mails {mailed:?} (messages, arrivals)",
        panics,
        events.len()
    );
    shown(8, &figure, mailed.is_ok());
}
