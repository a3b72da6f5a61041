#![allow(clippy::unwrap_used)]
use super::*;

const BASE: &str = r#"
    [server]
    state_dir = "/tmp/state"
    [[disk]]
    id = "d1"
    path = "/tmp/d1"
    [[disk]]
    id = "d2"
    path = "/tmp/d2"
    group = "other"
    [[camera]]
    id = "gate"
    main.url = "rtsp://192.0.2.1/1"
    sub.url = "rtsp://192.0.2.1/2"
    [[camera]]
    id = "yard"
    main.url = "rtsp://192.0.2.2/1"
"#;

fn config(text: &str) -> Config {
    Config::parse(text, &|_| None).unwrap().0
}

/// The changes when `from` in [`BASE`] becomes `to`.
fn edit(from: &str, to: &str) -> Changes {
    assert!(BASE.contains(from), "{from}");
    diff(&config(BASE), &config(&BASE.replacen(from, to, 1)))
}

fn only_camera(changes: &Changes) -> &CameraChanges {
    match changes.cameras.as_slice() {
        [CameraChange::Changed(changes)] => changes,
        other => panic!("one changed camera, not {other:?}"),
    }
}

fn keep() -> StreamChange {
    StreamChange {
        source: BranchChange::Keep,
        recording: BranchChange::Keep,
        in_place: Keys::new(),
    }
}

#[test]
fn nothing_changed() {
    assert!(edit("gate", "gate").is_empty());
    assert!(edit("[server]", "# a comment\n[server]").is_empty());
}

#[test]
fn another_broker_touches_nothing_else() {
    let changes = edit("[server]", "[mqtt]\nbroker = \"mqtt://192.0.2.30\"\n[server]");
    assert_eq!(
        changes,
        Changes {
            mqtt: true,
            ..Changes::default()
        }
    );
}

#[test]
fn a_camera_comes_or_goes_alone() {
    let changes = edit("\"yard\"", "\"roof\"");
    let [CameraChange::Removed(gone), CameraChange::Added(new)] = changes.cameras.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!((gone.as_str(), new.id.as_str()), ("yard", "roof"));
    assert!(changes.disks.is_empty() && !changes.camera_order);
}

#[test]
fn a_new_address_restarts_that_source_alone() {
    let changes = edit("192.0.2.1/2", "192.0.2.1/3");
    let camera = only_camera(&changes);
    assert_eq!(camera.camera.id.as_str(), "gate");
    assert_eq!(camera.streams[&StreamName::Main], keep());
    assert_eq!(
        camera.streams[&StreamName::Sub].source,
        BranchChange::Restart(vec!["url"])
    );
    assert_eq!(camera.streams[&StreamName::Sub].recording, BranchChange::Keep);
}

#[test]
fn names_and_ages_restart_nothing() {
    let changes = edit(
        "id = \"yard\"",
        "id = \"yard\"\nname = \"Yard\"\nrecord.max_age = \"3d\"\nrecord.segment = \"30s\"",
    );
    let camera = only_camera(&changes);
    assert_eq!(camera.in_place, ["name", "segment", "max_age"]);
    assert_eq!(camera.streams.values().cloned().collect::<Vec<_>>(), [keep()]);
}

#[test]
fn switching_off_stops_both_branches() {
    let changes = edit("id = \"gate\"", "id = \"gate\"\nenabled = false");
    for stream in only_camera(&changes).streams.values() {
        assert_eq!(
            (&stream.source, &stream.recording),
            (&BranchChange::Stop, &BranchChange::Stop)
        );
    }
}

#[test]
fn recording_one_stream_less_stops_that_recording() {
    let changes = edit("id = \"gate\"", "id = \"gate\"\nrecord.streams = [\"main\"]");
    let streams = &only_camera(&changes).streams;
    assert_eq!(streams[&StreamName::Main], keep());
    assert_eq!(streams[&StreamName::Sub].source, BranchChange::Keep);
    assert_eq!(streams[&StreamName::Sub].recording, BranchChange::Stop);
}

#[test]
fn a_new_sub_stream_starts() {
    let changes = edit("id = \"yard\"", "id = \"yard\"\nsub.url = \"test://\"");
    let streams = &only_camera(&changes).streams;
    assert_eq!(streams[&StreamName::Main], keep());
    assert_eq!(streams[&StreamName::Sub].source, BranchChange::Start);
    assert_eq!(streams[&StreamName::Sub].recording, BranchChange::Start);
}

#[test]
fn another_disk_group_records_anew() {
    let changes = edit("id = \"yard\"", "id = \"yard\"\ndisk_group = \"other\"");
    let main = &only_camera(&changes).streams[&StreamName::Main];
    assert_eq!(main.source, BranchChange::Keep);
    assert_eq!(main.recording, BranchChange::Restart(vec!["disk_group"]));
}

#[test]
fn disks_reopen_only_for_another_place() {
    let changes = edit("id = \"d1\"", "id = \"d1\"\nkeep_free = \"1 GiB\"\ntick = \"2s\"");
    let [DiskChange::Changed { reopen, in_place, .. }] = changes.disks.as_slice() else {
        panic!("{changes:?}")
    };
    assert!(reopen.is_empty());
    assert_eq!(in_place, &["keep_free", "tick"]);
    let changes = edit("/tmp/d1", "/tmp/d3");
    assert!(matches!(changes.disks.as_slice(), [DiskChange::Changed { reopen, .. }] if reopen == &["path"]));
    assert!(changes.cameras.is_empty());
}

#[test]
fn addresses_of_the_server_need_a_restart() {
    let changes = edit("[server]", "[server]\nname = \"N\"\nhttp = \"127.0.0.1:1\"");
    assert_eq!(changes.server.in_place, ["name"]);
    assert_eq!(changes.server.needs_restart, ["http"]);
}

#[test]
fn limits_of_snapshots_are_taken_up_by_whoever_reads_them() {
    let changes = edit("[server]", "[snapshots]\nmax_age = \"1d\"\n[server]");
    let expected = Changes {
        snapshots: true,
        ..Changes::default()
    };
    assert_eq!(changes, expected);
}

#[test]
fn order_is_noticed() {
    let (first, second) = (config(BASE), {
        let mut config = config(BASE);
        config.cameras.reverse();
        config
    });
    let changes = diff(&first, &second);
    assert!(changes.camera_order && changes.cameras.is_empty());
}
