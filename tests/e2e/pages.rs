//! The pages of recorders in a real browser, first of all those of `vigie demo`.

use crate::{
    demo::Demo,
    house::{Cam, Endpoint, House, MailServer, PASSWORD, PATIENCE, Setup, USER, browser, pick, shown, visit},
    recording::cameras,
};

#[test]
fn the_first_page_of_the_demo_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let (seen, content) = visit("first-page.mjs", &demo.url, &demo.user, &demo.password, &[]);
    let ended = demo.interrupt();
    let steps = seen.lines().count().saturating_sub(1);
    shown(
        11,
        &format!("first page of the demo in Chromium at 1440 and 390 px: {steps} steps"),
        content && ended && steps > 0,
    );
}

/// Every step that the demo offers leads where it says, and can be done.
#[test]
fn the_first_look_at_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let (seen, content) = visit("first_look.mjs", &demo.url, &demo.user, &demo.password, &[]);
    let ended = demo.interrupt();
    let steps = seen.lines().count().saturating_sub(1);
    shown(
        8,
        &format!(
            "first look at the demo in {} at 1440 and 390 px: {steps} steps followed and read back",
            browser()
        ),
        content && ended && steps >= 16,
    );
}

#[test]
fn the_live_wall_of_the_demo_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let (_, content) = visit("wall.mjs", &demo.url, &demo.user, &demo.password, &[]);
    assert!(demo.interrupt() && content);
}

/// Settings change and come back over the API; no page has a fault that axe finds.
#[test]
fn the_console_of_the_demo_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let looks = [("VIGIE_SIZES", pick("1440x900-dark 390x844-light", ALL_SIZES).to_owned())];
    let (settings, saved) = visit("settings.mjs", &demo.url, &demo.user, &demo.password, &[]);
    let (looks, clean) = visit("axe.mjs", &demo.url, &demo.user, &demo.password, &looks);
    let ended = demo.interrupt();
    let steps = settings.lines().count().saturating_sub(1);
    shown(
        1,
        &format!("settings in Chromium at 1440 and 390 px, read back over the API: {steps} steps"),
        saved && ended && steps > 0,
    );
    let looks = looks.lines().next().unwrap_or_default();
    shown(
        5,
        &format!("axe on every page: {looks}, no violation"),
        clean && looks.ends_with("looks"),
    );
}

#[test]
fn the_console_speaks_three_languages_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let more = [("VIGIE_EVERY", pick("4", "1").to_owned())];
    let (seen, content) = visit("languages.mjs", &demo.url, &demo.user, &demo.password, &more);
    let ended = demo.interrupt();
    let languages: Vec<&str> = seen.lines().collect();
    shown(
        1,
        &format!("languages beside English, in Chromium: {}", languages.join("; ")),
        content && ended && languages.len() == 2,
    );
}

/// Four recordings of the same moving bars: what is in the pictures says how far cameras are apart.
#[test]
#[ignore = "measures for minutes, on a machine that has nothing else to do: make shown-5"]
fn playback_keeps_cameras_in_step_in_chromium() {
    const NAMES: [&str; 4] = ["cam0", "cam1", "cam2", "cam3"];
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let written = std::fs::read_to_string(folder.path().join("vigie.toml")).unwrap();
    let mut urls = written.lines().filter_map(|line| line.strip_prefix("url = "));
    let yard = urls.next_back().unwrap().trim_matches('"');
    let mut house = House::start(&Setup::new(NAMES.map(|name| Cam::new(name, yard.to_owned()))));
    for name in NAMES {
        house.wait_recording(name, "main");
    }
    let more = [("VIGIE_SAME", NAMES.join(","))];
    let (seen, content) = visit("playback.mjs", house.http(), USER, PASSWORD, &more);
    house.terminate();
    let ended = demo.interrupt();
    // As the script says of the measurement after a while: `1440 px: after 300 s: …`.
    let while_playing = format!(": after {} s: ", pick(30, 300));
    let figure = seen
        .lines()
        .find_map(|line| line.split_once(&while_playing))
        .map(|(_, figure)| figure);
    let measured = seen
        .lines()
        .filter(|line| line.contains("bars within one picture"))
        .count();
    shown(
        3,
        &format!(
            "playback in Chromium, {measured} measurements after jumps and pauses; after {} s: {}",
            pick(30, 300),
            figure.unwrap_or("not reached")
        ),
        content && ended && figure.is_some(),
    );
}

#[test]
fn a_page_of_a_recorder_without_a_usable_disk_says_so() {
    let cameras = cameras(1);
    let mut house = House::prepare(&Setup::of(&cameras), None);
    std::fs::write(house.root.join("disk1/holiday.jpg"), b"somebody's").unwrap();
    house.run();
    house.wait_state("cam0", "main", "live", PATIENCE);
    let (_, content) = visit("no-disk.mjs", house.http(), USER, PASSWORD, &[]);
    assert!(content);
}

/// Wide and on a phone, in dark and light.
const ALL_SIZES: &str = "1440x900-dark 390x844-light 1440x900-light 390x844-dark";

/// Signs in when somebody is to be no administrator.
const GUEST: &str = "guest";

/// Windows that `alarms.mjs` is visited in: the widest and the narrowest of those it knows.
const SIZES: &str = "1440x900-light 390x844-dark";

/// Everything that a rule can do, some of which fails: the page tells which, and why.
#[test]
fn alarms_on_the_pages_of_a_recorder() {
    let cameras = cameras(2);
    let (devices, mails) = (Endpoint::start(), MailServer::start(&[]));
    devices.answer(|asked| match asked.path.as_str() {
        "/phone" => "400 Bad Request",
        _ => "200 OK",
    });
    let record = "mode = \"schedule\"\ncontinuous = \"always\"\nsensor = \"always\"\nmotion = \"off\"";
    let cams = cameras.names().map(|name| Cam::of(&cameras, name).record(record));
    let mut setup = Setup::new(cams);
    let (url, port) = (&devices.url, mails.port);
    setup.more = format!(
        r#"
[[input]]
id = "door"
name = "Back door"
kind = "http"
token = "0123456789abcdef"

[[output]]
id = "siren"
name = "Siren"
kind = "http"
on = "{url}/on"
off = "{url}/off"

[buzzer]
kind = "sound"
duration = "60s"

[email]
server = "127.0.0.1:{port}"
security = "none"
from = "vigie@example.org"
merge = "0s"

[[recipient]]
id = "owner"
address = "ann@example.org"

[[push]]
id = "phone"
kind = "webhook"
url = "{url}/phone"
secret = "0123456789abcdef"
merge = "0s"

[[push]]
id = "browsers"
kind = "web_push"
contact = "mailto:ann@example.org"

[[rule]]
id = "break-in"
on = ["sensor"]
from = ["door"]
record = ["cam0"]
snapshot = ["cam0", "cam1"]
outputs = ["siren"]
buzzer = true
popup_video = ["cam0"]
popup_message = true
email = ["owner"]
push = ["phone"]

[[rule]]
id = "tell"
on = ["external"]
popup_message = true
"#
    );
    let mut house = House::start(&setup);
    house.add_user(GUEST, "ordinary");
    for name in cameras.names() {
        house.wait_state(name, "main", "live", PATIENCE);
    }
    let worker = house.get("/sw.js");
    assert_eq!((worker.status, worker.header("cache-control")), (200, "no-cache"));
    assert!(
        worker.header("content-type").starts_with("text/javascript"),
        "{:?}",
        worker.headers
    );
    let more = [
        ("VIGIE_SIZES", SIZES.to_owned()),
        ("VIGIE_GUEST", GUEST.to_owned()),
        ("VIGIE_GUEST_PASSWORD", PASSWORD.to_owned()),
    ];
    let (seen, content) = visit("alarms.mjs", house.http(), USER, PASSWORD, &more);
    for step in [
        "triggered and cleared",
        "silenced",
        "pictures, enlarged",
        "outcomes of",
        "told no more",
    ] {
        assert!(!content || seen.contains(step), "not tried: {step}\n{seen}");
    }
    house.terminate();
    assert!(content);
}
