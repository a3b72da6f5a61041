//! Schedules, kinds of recording, inputs, outputs and rules.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use crate::{Bias, Causes, Config, Contact, EventKind, InputKind, Level, OutputKind, Source, When};

const HOUSE: &str = r#"
[[disk]]
id = "d1"
path = "/srv/d1"
[[schedule]]
id = "nights"
daily = ["20:00-06:00"]
weekend = ["00:00-24:00"]
wed = []
[[camera]]
id = "gate"
main.url = "rtsp://192.0.2.1/1"
sub.url = "rtsp://192.0.2.1/2"
[[camera]]
id = "door"
main.url = "rtsp://192.0.2.2/1"
[[input]]
id = "bell"
kind = "http"
token = "${BELL_TOKEN}"
[[output]]
id = "lamp"
kind = "http"
on = "http://user:secret@192.0.2.9/on"
"#;

fn parse(keys: &str) -> Result<Config, Vec<String>> {
    let lookup = |name: &str| (name == "BELL_TOKEN").then(|| "0123456789abcdef".to_owned());
    match Config::parse(&format!("{HOUSE}{keys}"), &lookup) {
        Ok((config, _)) => Ok(config),
        Err(problems) => Err(problems.to_string().lines().map(str::to_owned).collect()),
    }
}

/// The house with other keys of the first camera's recording.
fn record(keys: &str) -> crate::Record {
    let camera = "sub.url = \"rtsp://192.0.2.1/2\"\n";
    let text = HOUSE.replace(camera, &format!("{camera}{keys}\n"));
    let lookup = |_: &str| Some("0123456789abcdef".to_owned());
    Config::parse(&text, &lookup).unwrap().0.cameras.remove(0).record
}

fn on(record: &crate::Record) -> (bool, Causes) {
    let events = record.event_kinds().into_iter().filter(|(_, when)| when.is_ever());
    let events = events.fold(Causes::NONE, |all, (cause, _)| all.union(cause));
    (record.continuous.is_ever(), events)
}

#[test]
fn the_more_exact_key_of_a_day_counts() {
    let config = parse("").unwrap();
    let [nights] = &config.schedules[..] else { panic!() };
    let night = [(0, 360), (1200, 1440)];
    assert_eq!(nights.week.day(1), night);
    // Tuesday's night goes on into Wednesday, which has none of its own.
    assert_eq!(nights.week.day(2), [(0, 360)]);
    assert_eq!(nights.week.day(3), [(1200, 1440)]);
    assert_eq!(nights.week.day(5), [(0, 1440)]);
}

#[test]
fn modes_are_what_holds_for_kinds_without_a_key() {
    let all = Causes::MOTION.union(Causes::SENSOR).union(Causes::ANALYTICS);
    assert_eq!(on(&record("")), (true, Causes::NONE));
    assert_eq!(on(&record("record.mode = \"off\"")), (false, Causes::NONE));
    assert_eq!(on(&record("record.mode = \"events\"")), (false, all));
    let mixed = record("record.mode = \"always\"\nrecord.motion = \"nights\"");
    assert_eq!(on(&mixed), (true, Causes::MOTION));
    assert!(matches!(&mixed.motion, When::During(schedule) if schedule.id.as_str() == "nights"));
    let restricted = record("record.mode = \"events\"\nrecord.motion = \"off\"\nrecord.continuous = \"24x5\"");
    assert_eq!(on(&restricted), (true, Causes::SENSOR.union(Causes::ANALYTICS)));
    let manual = record("record.mode = \"schedule\"\nrecord.sensor = \"24x2\"");
    assert_eq!(on(&manual), (false, Causes::SENSOR));
}

#[test]
fn events_may_be_recorded_from_another_stream() {
    use crate::StreamName::{Main, Sub};
    let split =
        record("record.continuous_streams = [\"sub\"]\nrecord.event_streams = [\"main\"]\nrecord.sensor = \"always\"");
    assert_eq!(
        (&split.continuous_streams[..], &split.event_streams[..]),
        (&[Sub][..], &[Main][..])
    );
    assert!(split.has(Main) && split.has(Sub));
    let off = record("record.continuous_streams = [\"sub\"]\nrecord.event_streams = [\"main\"]");
    assert!(!off.has(Main) && off.has(Sub));
}

#[test]
fn an_input_and_an_output() {
    let config = parse("").unwrap();
    let (bell, lamp) = (&config.inputs[0], &config.outputs[0]);
    assert_eq!(
        (bell.name.as_str(), bell.enabled, bell.normally),
        ("bell", true, Contact::Open)
    );
    let InputKind::Http { token, hold } = &bell.kind else {
        panic!()
    };
    assert_eq!((token.reveal(), *hold), ("0123456789abcdef", Duration::from_secs(10)));
    let OutputKind::Http { on, off } = &lamp.kind else {
        panic!()
    };
    assert_eq!((off, &lamp.schedule), (&None, &When::Always));
    assert!(!format!("{on:?}").contains("secret"), "{on:?}");
}

#[test]
fn inputs_and_outputs_over_a_broker_and_on_lines() {
    let config = parse(
        "[mqtt]
        broker = \"mqtts://[2001:db8::1]\"
        username = \"vigie\"
        password = \"${BELL_TOKEN}\"
        [[input]]
        id = \"door\"
        kind = \"mqtt\"
        topic = \"zigbee2mqtt/back door\"
        field = \"contact\"
        active = \"false\"
        inactive = \"true\"
        [[input]]
        id = \"window\"
        kind = \"gpio\"
        chip = \"/dev/gpiochip0\"
        line = 17
        bias = \"pull_up\"
        [[output]]
        id = \"siren\"
        kind = \"gpio\"
        chip = \"/dev/gpiochip0\"
        line = \"RELAY1\"
        on = \"low\"",
    )
    .unwrap();
    let mqtt = config.mqtt.unwrap();
    assert_eq!(mqtt.broker.to_string(), "mqtts://[2001:db8::1]:8883");
    assert_eq!(
        (mqtt.prefix.as_str(), mqtt.discovery.as_deref()),
        ("vigie", Some("homeassistant"))
    );
    let [_, door, window] = &config.inputs[..] else {
        panic!()
    };
    assert!(matches!(&door.kind, InputKind::Mqtt { field: Some(field), hold: None, .. } if field == "contact"));
    let InputKind::Gpio { line, bias, closed } = &window.kind else {
        panic!()
    };
    assert_eq!(
        (line.to_string().as_str(), *bias, *closed),
        ("line 17 of /dev/gpiochip0", Bias::PullUp, Level::Low)
    );
    let OutputKind::Gpio { line, on } = &config.outputs[1].kind else {
        panic!()
    };
    assert_eq!(
        (line.to_string().as_str(), *on),
        ("line \"RELAY1\" of /dev/gpiochip0", Level::Low)
    );
}

#[test]
fn a_rule_names_what_is_there() {
    let rule = "
        [[rule]]
        id = \"ring\"
        on = [\"sensor\", \"motion\"]
        from = [\"bell\", \"camera:gate\"]
        schedule = \"nights\"
        min_interval = \"30s\"
        record = [\"*\"]
        snapshot = [\"gate\"]
        outputs = [\"lamp\"]
        popup_message = true";
    let config = parse(rule).unwrap();
    let [rule] = &config.rules[..] else { panic!() };
    let ids: Vec<&str> = rule.actions.record.iter().map(crate::CameraId::as_str).collect();
    assert_eq!(ids, ["gate", "door"]);
    assert_eq!(rule.actions.snapshot, [crate::CameraId::new("gate").unwrap()]);
    let source = |text: &str| text.parse::<Source>().unwrap();
    for (kind, from, wanted) in [
        (EventKind::Sensor, "input:bell", true),
        (EventKind::Sensor, "input:other", false),
        (EventKind::Motion, "camera:gate", true),
        (EventKind::Motion, "stream:gate/sub", true),
        (EventKind::Motion, "stream:door/main", false),
        (EventKind::StreamOffline, "stream:gate/main", false),
    ] {
        assert_eq!(rule.is_about(kind, &source(from)), wanted, "{kind} {from}");
    }
}

#[test]
fn a_rule_may_name_every_kind_and_the_recorder_itself() {
    let names: Vec<String> = EventKind::ALL
        .iter()
        .map(|kind| format!("{:?}", kind.as_str()))
        .collect();
    let rule = format!(
        "[[rule]]\nid = \"all\"\non = [{}]\nfrom = [\"house\"]\npopup_message = true",
        names.join(", ")
    );
    let config = parse(&rule).unwrap();
    assert_eq!(config.rules[0].on, EventKind::ALL);
    assert_eq!(config.rules[0].from, [Source::House]);
}

#[test]
fn each_mistake_has_its_text() {
    let cases = [
        (
            "[[schedule]]\nid = \"24x7\"",
            "\"24x7\" is there already and cannot be changed",
        ),
        (
            "[[schedule]]\nid = \"days\"\nmon = [\"8-12\"]",
            "mon[0]: \"8-12\" is no time of day, expected for example",
        ),
        (
            "[[schedule]]\nid = \"days\"\nmon = [\"24:00-08:00\"]",
            "is no time of day",
        ),
        ("[[schedule]]\nid = \"days\"\nmonday = []", "unknown key \"monday\""),
        (
            "[[input]]\nid = \"door\"\nkind = \"htpt\"",
            "kind: seen \"htpt\", expected \"http\", \"mqtt\" or \"gpio\"",
        ),
        (
            "[[input]]\nid = \"door\"\nkind = \"http\"",
            "token: missing, expected a secret of 16 characters",
        ),
        (
            "[[input]]\nid = \"door\"\nkind = \"http\"\ntoken = \"short\"",
            "token: too short",
        ),
        (
            "[[input]]\nid = \"bell\"\nkind = \"http\"\ntoken = \"0123456789abcdef\"",
            "input \"bell\" is already defined",
        ),
        (
            "[[output]]\nid = \"siren\"\nkind = \"http\"",
            "on: missing, expected the address to call",
        ),
        (
            "[[output]]\nid = \"siren\"\nkind = \"http\"\non = \"192.0.2.9/on\"",
            "is no address to call",
        ),
        (
            "[[input]]\nid = \"door\"\nkind = \"mqtt\"\ntopic = \"door\"",
            "kind: \"mqtt\" needs a broker: the table [mqtt] is missing",
        ),
        (
            "[[output]]\nid = \"siren\"\nkind = \"mqtt\"\ntopic = \"siren/set\"",
            "kind: \"mqtt\" needs a broker: the table [mqtt] is missing",
        ),
        (
            "[mqtt]\nbroker = \"tcp://192.0.2.30\"",
            "mqtt.broker: \"tcp://192.0.2.30\" is no broker, expected an address such as \"mqtt://",
        ),
        (
            "[mqtt]\nbroker = \"mqtt://ann:hunter2@192.0.2.30\"",
            "mqtt.broker: credentials belong into username and password",
        ),
        (
            "[mqtt]\nbroker = \"mqtt://192.0.2.30\"\npassword = \"x\"",
            "mqtt.password: a password without a name",
        ),
        (
            "[mqtt]\nbroker = \"mqtt://192.0.2.30\"\ntls_ca = \"/etc/ca.pem\"",
            "mqtt.tls_ca: without mqtts:// nothing is encrypted",
        ),
        (
            "[mqtt]\nbroker = \"mqtt://192.0.2.30\"\nprefix = \"vigie/#\"",
            "mqtt.prefix: \"vigie/#\" is no topic",
        ),
        (
            "[mqtt]\nbroker = \"mqtt://192.0.2.30\"\n[[input]]\nid = \"door\"\nkind = \"mqtt\"\ntopic = \"a\"\nnormally = \"open\"",
            "normally: of an input over MQTT the payloads",
        ),
        (
            "[mqtt]\nbroker = \"mqtt://192.0.2.30\"\n[[input]]\nid = \"door\"\nkind = \"mqtt\"\ntopic = \"a\"\ninactive = \"ON\"",
            "inactive: the same payload as active",
        ),
        (
            "[mqtt]\nbroker = \"mqtt://192.0.2.30\"\n[[output]]\nid = \"siren\"\nkind = \"mqtt\"\ntopic = \"a\"\noff = \"ON\"",
            "off: the same payload as on",
        ),
        (
            "[[input]]\nid = \"door\"\nkind = \"gpio\"\nchip = \"/dev/gpiochip0\"",
            "line: missing, expected a line: its number",
        ),
        (
            "[[input]]\nid = \"door\"\nkind = \"gpio\"\nchip = \"/dev/gpiochip0\"\nline = -1",
            "line: seen \"-1\", expected a line: its number",
        ),
        (
            "[[output]]\nid = \"siren\"\nkind = \"gpio\"\nchip = \"gpiochip0\"\nline = 4",
            "chip: \"gpiochip0\" is not usable, expected an absolute path",
        ),
        (
            "[[output]]\nid = \"siren\"\nkind = \"gpio\"\nchip = \"/dev/gpiochip0\"\nline = 4\non = \"1\"",
            "on: seen \"1\", expected one of \"low\", \"high\"",
        ),
        (
            "[[rule]]\nid = \"r\"",
            "on: missing, expected a list of kinds of events",
        ),
        (
            "[[rule]]\nid = \"r\"\non = [\"moton\"]",
            "on[0]: no kind of event \"moton\", did you mean \"motion\"?",
        ),
        (
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\nfrom = [\"bel\"]",
            "from[0]: no camera, input, output or disk \"bel\", did you mean \"bell\"?",
        ),
        (
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\nrecord = [\"gat\"]",
            "record[0]: no camera \"gat\", did you mean \"gate\"?",
        ),
        (
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\nsnapshot = [\"dor\"]",
            "snapshot[0]: no camera \"dor\", did you mean \"door\"?",
        ),
        (
            "[snapshots]\nmax_size = \"99 MiB\"",
            "snapshots.max_size: expected at least 100 MiB",
        ),
        (
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\nbuzzer = true",
            "buzzer: there is no buzzer",
        ),
        ("[snapshots]\nmax_age = \"1m\"", "is out of bounds, expected 1h to"),
        (
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\noutputs = [\"gate\"]",
            "outputs[0]: no output \"gate\"",
        ),
        (
            "[[rule]]\nid = \"r\"\non = [\"sensor\"]\nschedule = \"night\"",
            "schedule: no schedule \"night\", did you mean \"nights\"?",
        ),
        (
            "[[input]]\nid = \"gate\"\nkind = \"http\"\ntoken = \"0123456789abcdef\"\n[[rule]]\nid = \"r\"\non = [\"sensor\"]\nfrom = [\"gate\"]",
            "\"gate\" may be camera:gate or input:gate: write which",
        ),
    ];
    for (keys, expected) in cases {
        let problems = parse(keys).unwrap_err();
        assert!(
            problems.len() == 1 && problems[0].contains(expected),
            "{keys}\n{problems:#?}"
        );
    }
}

#[test]
fn a_rule_does_no_more_than_an_event_can_say() {
    let more = |count: usize| {
        let cameras = (0..count).map(|n| format!("[[camera]]\nid = \"c{n}\"\nmain.url = \"rtsp://192.0.2.3/{n}\"\n"));
        let cameras: String = cameras.collect();
        format!("{cameras}[[rule]]\nid = \"r\"\non = [\"sensor\"]\nrecord = [\"*\"]\npopup_video = [\"*\"]")
    };
    // Two cameras are there already.
    assert!(parse(&more(298)).is_ok());
    let problems = parse(&more(299)).unwrap_err();
    assert!(
        problems.len() == 1 && problems[0].contains("602 actions, expected at most 600"),
        "{problems:#?}"
    );
}

#[test]
fn a_secret_is_never_shown() {
    let config = parse("").unwrap();
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("0123456789abcdef") && !shown.contains("secret@"),
        "{shown}"
    );
}

/// What a rule names stands in the text: that it could not be read is one fault, and told once.
#[test]
fn what_cannot_be_read_is_no_second_fault_of_the_rules_that_name_it() {
    let text = "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n\
                [[camera]]\nid = \"gate\"\nmain.url = \"rtsp://192.0.2.1/${NOPE}\"\n\
                [[input]]\nid = \"door\"\nkind = \"http\"\ntoken = \"${NOPE}\"\n\
                [[rule]]\nid = \"r\"\non = [\"sensor\"]\nfrom = [\"input:door\", \"door\", \"camera:gate\", \"disk:door\"]\nrecord = [\"gate\", \"yard\"]\n";
    let problems = Config::parse(text, &|_| None).unwrap_err().to_string();
    let lines: Vec<&str> = problems.lines().collect();
    assert_eq!(lines.len(), 4, "{problems}");
    assert!(
        lines[..2]
            .iter()
            .all(|line| line.contains("variable ${NOPE} is neither")),
        "{problems}"
    );
    assert!(
        lines[2].contains("no camera, input, output or disk \"disk:door\""),
        "{problems}"
    );
    assert!(lines[3].contains("no camera \"yard\""), "{problems}");
}
