//! A real broker: what it and the recorder keep for each other while one of them is away.

use serde_json::{Value, json};

use crate::{
    house::{BACK, Broker, House, PATIENCE, shown, wait_for},
    mqtt::{connection, door, sensors, setup, wait_connected, wait_input},
    recording::cameras,
};

#[test]
fn what_the_broker_was_not_told_comes_after_kill_9() {
    let (cameras, mut broker) = (cameras(1), Broker::start());
    let listener = broker.listen();
    let mut house = House::start(&setup(&cameras, &broker.table()));
    wait_connected(&house);
    let external = |house: &House| {
        let body = json!({ "kind": "external", "text": "told once at least" });
        let answer = house.post_json_as(crate::house::USER, "/api/v1/events", &body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let told = |id: &str| {
        let all = listener.on("vigie/events");
        all.iter().filter(|event| event.contains(id)).count()
    };
    let before = external(&house);
    door(&broker, true);
    wait_input(&house, true);
    let opened = sensors(&house)[0]["id"].as_str().unwrap().to_owned();
    wait_for("what happened before", PATIENCE, || {
        (told(&before) == 1 && told(&opened) == 1).then_some(())
    });
    wait_for("nothing to wait any more", PATIENCE, || {
        (connection(&house)["waiting"] == 0).then_some(())
    });
    broker.stop();
    wait_for("the loss", PATIENCE, || {
        (connection(&house)["connection"]["connected"] == false).then_some(())
    });
    let mut ids: Vec<String> = (0..30).map(|_| external(&house)).collect();
    house.kill();
    house.run();
    ids.extend((0..5).map(|_| external(&house)));
    // A second end before the broker is back.
    house.kill();
    house.run();
    broker.run();
    wait_connected(&house);
    wait_for("every event", BACK, || ids.iter().all(|id| told(id) > 0).then_some(()));
    wait_for("nothing to wait any more", PATIENCE, || {
        (connection(&house)["waiting"] == 0).then_some(())
    });
    door(&broker, false);
    wait_for("the end of what began long before", PATIENCE, || {
        let all = listener.on("vigie/events");
        let ended = |event: &Value| event["id"] == opened.as_str() && event["end"].is_string();
        let mut all = all.iter().map(|text| serde_json::from_str(text).unwrap());
        all.any(|event: Value| ended(&event)).then_some(())
    });
    assert_eq!(connection(&house)["dropped"], 0);
    // An end in order leaves nothing to tell again.
    let first_told: usize = ids.iter().map(|id| told(id)).sum();
    let all = || listener.on("vigie/events").len();
    house.terminate();
    let whole = all();
    house.run();
    wait_connected(&house);
    let later = external(&house);
    wait_for("what happens later", PATIENCE, || (told(&later) > 0).then_some(()));
    assert_eq!(
        ids.iter().map(|id| told(id)).sum::<usize>(),
        first_told,
        "{whole} before, {} now",
        all()
    );
    let again = ids.iter().filter(|id| told(id) > 1).count();
    let figure = format!(
        "{} events while the broker was away, twice kill -9: all told under their ids; {again} came twice",
        ids.len()
    );
    shown(3, &figure, true);
    house.terminate();
}

#[test]
fn a_command_that_the_broker_kept_is_not_carried_out_late() {
    let (cameras, broker) = (cameras(1), Broker::start());
    let listener = broker.listen();
    let mut house = House::start(&setup(&cameras, &broker.table()));
    wait_connected(&house);
    let switch = |state: &str| broker.publish("vigie/output/siren/set", state);
    // Its subscription is answered.
    wait_for("the siren", PATIENCE, || {
        switch("ON");
        (listener.on("siren/set").last()? == "ON").then_some(())
    });
    switch("OFF");
    listener.wait_last("siren/set", "OFF");
    house.terminate();
    let before = listener.on("siren/set").len();
    let commands = || {
        let log = broker.log();
        let told = log.lines().filter(|line| line.contains("Sending PUBLISH to vigie"));
        told.filter(|line| line.contains("'vigie/output/siren/set'")).count()
    };
    let commands_before = commands();
    switch("ON");
    house.run();
    wait_connected(&house);
    // What comes after it is heard.
    let camera = "vigie/camera/cam0/record";
    wait_for("a command of now", PATIENCE, || {
        broker.publish(&format!("{camera}/set"), "ON");
        (listener.on(camera).last()? == "ON").then_some(())
    });
    let words = listener.on("siren/set").split_off(before);
    assert!(words.iter().all(|word| word == "OFF"), "{words:?}");
    assert_eq!(commands(), commands_before + 1, "the broker had kept it");
    house.terminate();
}
