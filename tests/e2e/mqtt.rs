//! A real broker: inputs and outputs over it, what Home Assistant finds, and what survives the broker's
//! end and the recorder's.

use std::{fmt::Write as _, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    house::{BACK, Broker, Cam, House, PATIENCE, Setup, pick, shown, wait_for},
    recording::cameras,
};

/// A door and a siren at the broker, and a rule from the one to the other.
pub fn setup(cameras: &vigie_fake_camera::FakeCameras, mqtt: &str) -> Setup {
    let cam = Cam::of(cameras, "cam0").record("mode = \"events\"\nmotion = \"off\"\npost_alarm = \"1s\"");
    let mut setup = Setup::new([cam]);
    write!(
        setup.more,
        "{mqtt}
[[input]]
id = \"door\"
kind = \"mqtt\"
topic = \"zigbee2mqtt/back door\"
field = \"contact\"
active = \"false\"
inactive = \"true\"
[[output]]
id = \"siren\"
kind = \"mqtt\"
topic = \"siren/set\"
hold = \"0s\"
[[rule]]
id = \"break-in\"
on = [\"sensor\"]
record = [\"cam0\"]
outputs = [\"siren\"]
"
    )
    .unwrap();
    setup
}

const DOOR: &str = "zigbee2mqtt/back door";

pub fn door(broker: &Broker, open: bool) {
    broker.publish(DOOR, &json!({ "battery": 90, "contact": !open }).to_string());
}

/// What the actor says of its connection.
pub fn connection(house: &House) -> Value {
    let tree = house.get("/api/v1/system/tree").json();
    let children = tree["children"].as_array().unwrap_or_else(|| panic!("{tree}"));
    let mqtt = children.iter().find(|node| node["name"] == "mqtt").unwrap();
    mqtt["detail"].clone()
}

pub fn wait_connected(house: &House) {
    wait_for("the broker to be connected", BACK, || {
        (connection(house)["connection"]["connected"] == true).then_some(())
    });
}

fn input(house: &House) -> Value {
    house.get("/api/v1/inputs").json()[0].clone()
}

pub fn wait_input(house: &House, active: bool) {
    wait_for(&format!("the input to be active: {active}"), BACK, || {
        (input(house)["active"] == active).then_some(())
    });
}

pub fn sensors(house: &House) -> Vec<Value> {
    let page = house.event_page("kind=sensor&limit=1000");
    page["events"].as_array().unwrap().clone()
}

#[test]
fn a_topic_makes_a_recording_and_switches_a_siren() {
    let (cameras, broker) = (cameras(1), Broker::start());
    let listener = broker.listen();
    let mut house = House::start(&setup(&cameras, &broker.table()));
    house.wait_state("cam0", "main", "live", PATIENCE);
    listener.wait_last("siren/set", "OFF");
    door(&broker, true);
    listener.wait_last("siren/set", "ON");
    house.wait_recording("cam0", "main");
    assert_eq!(house.camera("cam0")["recording"], json!(["sensor"]));
    wait_for("both actions", PATIENCE, || {
        let actions = sensors(&house)[0]["actions"].clone();
        actions
            .as_array()?
            .iter()
            .all(|action| action["state"] == "done")
            .then_some(())
    });
    // What it does not know changes nothing, and is told.
    broker.publish(DOOR, "{\"linkquality\":7}");
    wait_for("the input's error", PATIENCE, || {
        input(&house)["error"]
            .as_str()?
            .contains("no key \"contact\"")
            .then_some(())
    });
    assert_eq!(input(&house)["active"], true);
    door(&broker, false);
    listener.wait_last("siren/set", "OFF");
    wait_for("the end of the recording", PATIENCE, || {
        house.camera("cam0")["recording"].as_array()?.is_empty().then_some(())
    });
    assert_eq!(input(&house)["error"], Value::Null);
    let before = listener.on("siren/set").len();
    let test = house.post("/api/v1/outputs/siren/test").json();
    assert_eq!(test, json!({ "ok": true, "error": null }));
    wait_for("both words of the test", PATIENCE, || {
        (listener.on("siren/set").get(before..before + 2)? == ["ON", "OFF"]).then_some(())
    });
    // Every event is told when it begins and when it ends.
    let told: Vec<Value> = wait_for("the events", PATIENCE, || {
        let all = listener.on("vigie/events");
        let all: Vec<Value> = all.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let sensors: Vec<Value> = all.into_iter().filter(|event| event["kind"] == "sensor").collect();
        (sensors.len() == 2).then_some(sensors)
    });
    assert_eq!(told[0]["id"], told[1]["id"]);
    assert_eq!(
        (&told[0]["end"], &told[0]["source"]),
        (&Value::Null, &json!("input:door"))
    );
    assert!(
        told[1]["end"].is_string() && told[1]["severity"] == "alarm",
        "{}",
        told[1]
    );
    // At the end it is off, and everybody knows that nobody is there.
    door(&broker, true);
    listener.wait_last("siren/set", "ON");
    house.terminate();
    listener.wait_last("siren/set", "OFF");
    listener.wait_last("vigie/status", "offline");
    // What came meanwhile is not lost.
    door(&broker, false);
    house.run();
    wait_input(&house, false);
    assert!(sensors(&house)[0]["end"].is_string());
    house.kill();
    listener.wait_last("vigie/status", "offline");
}

#[test]
fn home_assistant_finds_everything_and_forgets_what_is_gone() {
    let (cameras, broker) = (cameras(1), Broker::start());
    let listener = broker.listen();
    let mut house = House::start(&setup(&cameras, &broker.table()));
    let found = |count: usize| -> Vec<(String, Value)> {
        wait_for(&format!("{count} configurations"), PATIENCE, || {
            let all = broker.retained("homeassistant/#");
            (all.len() == count).then(|| {
                let read = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
                all.into_iter()
                    .map(|heard| (heard.topic, read(&heard.payload)))
                    .collect()
            })
        })
    };
    let all = found(5);
    for (topic, configuration) in &all {
        let parts: Vec<&str> = topic.split('/').collect();
        let ["homeassistant", component, node, _, "config"] = parts[..] else {
            panic!("{topic}")
        };
        assert_eq!(configuration["device"]["identifiers"], json!([node]));
        assert_eq!(configuration["availability_topic"], "vigie/status");
        assert_eq!(
            configuration["command_topic"].is_string(),
            component == "switch",
            "{topic}"
        );
        // Its state is there for whoever comes later.
        let state = broker.retained(configuration["state_topic"].as_str().unwrap());
        assert!(
            matches!(&state[..], [state] if state.payload == "ON" || state.payload == "OFF"),
            "{topic} {state:?}"
        );
    }
    assert_eq!(broker.retained("vigie/status")[0].payload, "online");
    listener.wait_last("vigie/camera/cam0/connectivity", "ON");
    // Switched from there.
    let configuration = |object: &str| {
        let topic = |topic: &str| topic.ends_with(&format!("/{object}/config"));
        all.iter().find(|(name, _)| topic(name)).unwrap().1.clone()
    };
    for (object, effect) in [
        ("output_siren", "siren/set"),
        ("camera_cam0_record", "vigie/camera/cam0/record"),
    ] {
        let entity = configuration(object);
        let (command, state) = (
            entity["command_topic"].as_str().unwrap(),
            entity["state_topic"].as_str().unwrap(),
        );
        broker.publish(command, "ON");
        listener.wait_last(effect, "ON");
        listener.wait_last(state, "ON");
        broker.publish(command, "OFF");
        listener.wait_last(effect, "OFF");
        listener.wait_last(state, "OFF");
    }
    let manual = &house.event_page("kind=manual")["events"][0];
    assert!(
        manual["end"].is_string() && manual["payload"]["by"] == "mqtt",
        "{manual}"
    );
    let motion = json!({ "kind": "motion", "camera": "cam0" });
    assert_eq!(
        house.post_json_as(crate::house::USER, "/api/v1/events", &motion).status,
        201
    );
    listener.wait_last("vigie/camera/cam0/motion", "ON");
    // A command that is retained was meant for another time.
    broker.publish_retained("vigie/output/siren/set", "ON");
    listener.wait_last("siren/set", "ON");
    broker.publish("vigie/output/siren/set", "OFF");
    listener.wait_last("siren/set", "OFF");
    let before = listener.on("siren/set").len();
    house.terminate();
    house.run();
    wait_connected(&house);
    wait_for("the first word", PATIENCE, || {
        listener.on("siren/set").get(before + 1).map(drop)
    });
    // Gone while the recorder runs.
    let whole = setup(&cameras, &broker.table());
    let mut less = whole.clone();
    let (from, to) = (
        less.more.find("[[output]]").unwrap(),
        less.more.find("[[rule]]").unwrap(),
    );
    less.more.replace_range(from..to, "");
    less.more = less.more.replace("outputs = [\"siren\"]\n", "");
    house.reconfigure(&less);
    found(4);
    listener.wait_last("vigie/output/siren", "");
    // Gone while it did not.
    house.terminate();
    less.more = less.more.replace("id = \"door\"", "id = \"door\"\nenabled = false");
    house.reconfigure(&less);
    broker.publish_retained("homeassistant/switch/vigie_other/output_siren/config", "{}");
    house.run();
    let left = found(4);
    assert!(left.iter().all(|(topic, _)| !topic.contains("input_door")), "{left:?}");
    assert!(
        left.iter().any(|(topic, _)| topic.contains("vigie_other")),
        "that of another one stays"
    );
    let words = listener.on("siren/set").split_off(before);
    assert!(words.iter().all(|word| word == "OFF"), "{words:?}");
    house.terminate();
}

#[test]
fn a_broker_that_is_away_costs_nothing_but_time() {
    let (cameras, mut broker) = (cameras(1), Broker::start());
    let listener = broker.listen();
    let mut setup = setup(&cameras, &broker.table());
    setup.more += "[[input]]\nid = \"bell\"\nkind = \"http\"\ntoken = \"0123456789abcdef\"\nhold = \"1s\"\n";
    let mut house = House::start(&setup);
    house.wait_state("cam0", "main", "live", PATIENCE);
    wait_connected(&house);
    broker.stop();
    let input_named = |id: &str| {
        let all = house.get("/api/v1/inputs").json();
        all.as_array()
            .unwrap()
            .iter()
            .find(|input| input["id"] == id)
            .unwrap()
            .clone()
    };
    let address = format!("mqtt://127.0.0.1:{} is not connected: ", broker.port);
    wait_for("the input's error", PATIENCE, || {
        let error = input_named("door")["error"].as_str()?.to_owned();
        (error.starts_with(&address) && error.contains("refused")).then_some(())
    });
    assert_eq!(input_named("bell")["error"], Value::Null);
    let test = house.post("/api/v1/outputs/siren/test").json();
    let text = test["error"].as_str().unwrap_or_default();
    assert!(text.starts_with(&address) && text.contains("refused"), "{test}");
    // All else goes on, and is told later.
    let mut ids = Vec::new();
    for _ in 0..30 {
        let body = json!({ "kind": "external", "text": "while the broker is away" });
        let answer = house.post_json_as(crate::house::USER, "/api/v1/events", &body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        ids.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    let told = house.post_with_token("/api/v1/inputs/bell", "0123456789abcdef", "");
    assert_eq!(told.status, 200);
    house.wait_recording("cam0", "main");
    wait_for("the siren's failure", PATIENCE, || {
        let event = sensors(&house)[0].clone();
        let actions = event["actions"].as_array()?;
        let siren = actions.iter().find(|action| action["what"] == "output")?;
        (siren["state"] == "failed" && siren["detail"].as_str()?.contains("not connected")).then_some(())
    });
    assert!(connection(&house)["waiting"].as_u64().unwrap() >= 30);
    broker.run();
    wait_connected(&house);
    wait_for("every event, in order", BACK, || {
        let all = listener.on("vigie/events");
        let all = all.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
        let external = all.filter(|event| event["kind"] == "external");
        let seen: Vec<String> = external.map(|event| event["id"].as_str().unwrap().to_owned()).collect();
        (seen == ids).then_some(())
    });
    wait_for("nothing to wait any more", PATIENCE, || {
        (connection(&house)["waiting"] == 0).then_some(())
    });
    assert_eq!(connection(&house)["dropped"], 0);
    listener.wait_last("vigie/status", "online");
    assert_eq!(input_named("door")["error"], Value::Null);
    door(&broker, true);
    wait_for("the door", PATIENCE, || {
        (input_named("door")["active"] == true).then_some(())
    });
    listener.wait_last("siren/set", "ON");
    house.terminate();
}

#[test]
fn a_wrong_password_is_told_and_not_tried_often() {
    let (cameras, broker) = (cameras(1), Broker::start());
    let right = broker.table();
    let wrong = right.replace("tell nobody", "tell everybody");
    let mut house = House::start(&setup(&cameras, &wrong));
    house.wait_state("cam0", "main", "live", PATIENCE);
    let said = wait_for("the refusal", PATIENCE, || {
        connection(&house)["connection"]["error"].as_str().map(str::to_owned)
    });
    assert!(
        said.contains("refuses this client: are username and password right?"),
        "{said}"
    );
    let test = house.post("/api/v1/outputs/siren/test").json();
    assert!(test["error"].as_str().unwrap().contains("password"), "{test}");
    // Tried again as if it were away, it would be asked five times.
    std::thread::sleep(Duration::from_secs(5));
    let attempts = broker
        .log()
        .lines()
        .filter(|line| line.contains("not authorised"))
        .count();
    assert_eq!(attempts, 1, "{}", broker.log());
    assert!(!house.log().contains("tell everybody"), "a password in the log");
    house.reconfigure(&setup(&cameras, &right));
    wait_connected(&house);
    door(&broker, true);
    wait_input(&house, true);
    house.terminate();
}

#[test]
fn an_encrypted_broker_is_trusted_by_its_authority_only() {
    let (cameras, broker) = (cameras(1), Broker::start_encrypted());
    let trusting = format!("{}tls_ca = {:?}\n", broker.table(), broker.authority());
    let mut house = House::start(&setup(&cameras, &broker.table()));
    let said = wait_for("the refusal", PATIENCE, || {
        connection(&house)["connection"]["error"].as_str().map(str::to_owned)
    });
    assert!(said.contains("TLS") && said.contains("certificate"), "{said}");
    house.reconfigure(&setup(&cameras, &trusting));
    wait_connected(&house);
    house.terminate();
}

#[test]
fn what_the_broker_gave_away_is_in_the_log_after_kill_9() {
    let rounds = pick(4, 200);
    let (cameras, broker) = (cameras(1), Broker::start());
    let mut house = House::start(&setup(&cameras, &broker.table()));
    wait_connected(&house);
    // Subscribed: what the broker takes from now on it keeps for us.
    door(&broker, true);
    wait_input(&house, true);
    let (mut begun, mut rng) = (1, StdRng::seed_from_u64(11));
    for round in 0..rounds {
        let open = round % 2 == 1;
        door(&broker, open);
        begun += usize::from(open);
        std::thread::sleep(Duration::from_micros(rng.random_range(0..12_000)));
        house.kill();
        house.run();
        wait_input(&house, open);
        let events = wait_for("the event in the log", PATIENCE, || {
            let all = sensors(&house);
            (all.first()?["end"].is_null() == open).then_some(all)
        });
        assert_eq!(events.len(), begun, "round {round}: {events:?}");
    }
    house.terminate();
    let again = broker.log();
    let again = again
        .lines()
        .filter(|line| line.contains("Sending PUBLISH") && line.contains("(d1, q1"))
        .count();
    let figure = format!(
        "{rounds} × kill -9 after the broker had taken a message: {begun} events of {begun} are in the log, each once; \
         {again} messages came twice"
    );
    shown(3, &figure, true);
}

#[cfg(feature = "fault-hooks")]
#[test]
fn an_actor_that_panics_loses_no_event() {
    let rounds = pick(3, 5);
    let (cameras, broker) = (cameras(1), Broker::start());
    let listener = broker.listen();
    let mut house = House::start(&setup(&cameras, &broker.table()));
    wait_connected(&house);
    let mut ids = Vec::new();
    for round in 1..=rounds {
        assert_eq!(house.post("/api/v1/test/panic?actor=mqtt").status, 202);
        let body = json!({ "kind": "external", "text": "while it panics" });
        let answer = house.post_json_as(crate::house::USER, "/api/v1/events", &body);
        ids.push(answer.json()["id"].as_str().unwrap().to_owned());
        wait_for("another connection", BACK, || {
            let connection = connection(&house)["connection"].clone();
            (connection["connected"] == true && connection["connections"].as_u64()? > round).then_some(())
        });
    }
    wait_for("every event", PATIENCE, || {
        let all = listener.on("vigie/events");
        ids.iter()
            .all(|id| all.iter().any(|event| event.contains(id.as_str())))
            .then_some(())
    });
    listener.wait_last("vigie/status", "online");
    house.terminate();
}
