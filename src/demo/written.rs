//! The demo's configuration: written once, and then the user's. A later start changes only what it has to:
//! where the synthetic devices are this time.

use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::{Map, Value};
use vigie_config::edit::{Edit, Place};
use vigie_media::demo::DemoCamera;

/// First line of the demo's configuration.
const WRITTEN: &str = "# Written by `vigie demo`.";
const SIREN: &str = "siren";

/// What the demo brings along.
pub struct Devices<'a> {
    pub cameras: &'a [DemoCamera],
    pub siren: SocketAddr,
}

/// What an earlier demo and its user wrote in this folder; an error where it is somebody else's.
pub fn existing(file: &Path) -> anyhow::Result<Option<String>> {
    let Ok(text) = std::fs::read_to_string(file) else {
        return Ok(None);
    };
    anyhow::ensure!(
        text.starts_with(WRITTEN),
        "{} is not the demo's: name an empty folder, or one of an earlier demo",
        file.display()
    );
    Ok(Some(text))
}

/// It holds a secret: others may not read it.
pub fn save(file: &Path, text: &str) -> std::io::Result<()> {
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match new {
        Ok(mut new) => new.write_all(text.as_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => vigie_config::edit::replace(file, text),
        Err(error) => Err(error),
    }
}

/// For a folder without one. `token`: of the door bell.
pub fn fresh(dir: &Path, devices: &Devices<'_>, token: &str) -> String {
    let path = |name: &str| quoted(&dir.join(name).to_string_lossy());
    let mut text = format!(
        "{WRITTEN}\n[server]\nname = \"Demo\"\nstate_dir = {}\nhttp = \"127.0.0.1:0\"\nrtsp = \"127.0.0.1:0\"\n\n\
         [[disk]]\nid = \"d1\"\npath = {}\nkeep_free = \"1 GiB\"\nmax_size = \"10 GiB\"\n",
        path("state"),
        path("footage"),
    );
    for DemoCamera {
        id, name, main, sub, ..
    } in devices.cameras
    {
        // Somebody walks over the ground; what moves above it, and the clock below, counts for nothing.
        let written = write!(
            text,
            "\n[[camera]]\nid = {id:?}\nname = {name:?}\n[camera.main]\nurl = {main:?}\n[camera.sub]\nurl = {sub:?}\n\
             [camera.record]\nmode = \"schedule\"\ncontinuous = \"always\"\nmotion = \"always\"\nsensor = \"always\"\n\
             pre_alarm = \"3s\"\npost_alarm = \"5s\"\n\
             [camera.motion]\nhold = \"3s\"\narea = [\n{AREA}]\n",
        );
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
    let [on, off] = switches(devices.siren).map(|address| quoted(&address));
    text + &format!(
        r#"
# Somebody rings: by hand on the pages, or
#   curl -H "Authorization: Bearer TOKEN" -d '{{"state":"pulse"}}' http://HOST:PORT/api/v1/inputs/bell
[[input]]
id = "bell"
name = "Door bell"
kind = "http"
token = {token:?}

[[output]]
id = "{SIREN}"
name = "Siren"
kind = "http"
on = {on}
off = {off}

[[rule]]
id = "bell"
name = "Somebody rings"
on = ["sensor"]
from = ["input:bell"]
record = ["gate"]
snapshot = ["gate", "yard"]
outputs = ["{SIREN}"]
popup_video = ["gate"]
popup_message = true

[[rule]]
id = "walker"
name = "Somebody walks by"
on = ["motion"]
from = ["camera:gate"]
min_interval = "30s"
snapshot = ["gate"]
"#
    )
}

/// Rows and columns of the whole picture.
const AREA: &str = "  \"........\",\n  \"........\",\n  \"........\",\n  \"........\",\n  \"........\",\n  \
                    \"XXXXXXXX\",\n  \"XXXXXXXX\",\n  \"........\",\n  \"........\",\n";

/// The user's text, with the addresses of this start for those of the demo's devices that are still in it.
pub fn renewed(text: &str, dir: &Path, devices: &Devices<'_>) -> anyhow::Result<String> {
    let mut edit = Edit::new(text).context("the demo's configuration")?;
    for camera in devices.cameras {
        let place = Place::Entry("camera", camera.id.to_owned());
        change(&mut edit, &place, |entry| {
            for (stream, url) in [("main", &camera.main), ("sub", &camera.sub)] {
                let at = entry.get_mut(stream).and_then(|stream| stream.get_mut("url"));
                replace(at, &format!("rtsp://127.0.0.1:*/{stream}"), url);
            }
        })?;
    }
    change(&mut edit, &Place::Entry("output", SIREN.to_owned()), |entry| {
        for (key, url) in ["on", "off"].into_iter().zip(switches(devices.siren)) {
            replace(entry.get_mut(key), &format!("http://127.0.0.1:*/{key}"), &url);
        }
    })?;
    moved(&mut edit, dir)?;
    Ok(edit.text())
}

/// The folder may have been moved or renamed meanwhile.
fn moved(edit: &mut Edit, dir: &Path) -> anyhow::Result<()> {
    let here = |name: &str| Value::from(dir.join(name).to_string_lossy());
    let mut before = PathBuf::new();
    change(edit, &Place::One("server"), |server| {
        let state = server.insert("state_dir".into(), here("state"));
        before.extend(
            state
                .as_ref()
                .and_then(Value::as_str)
                .and_then(|state| Path::new(state).parent()),
        );
    })?;
    change(edit, &Place::Entry("disk", "d1".into()), |disk| {
        let old = before.join("footage");
        if disk.get("path").and_then(Value::as_str).map(Path::new) == Some(&old) {
            disk.insert("path".into(), here("footage"));
        }
    })
}

fn change(edit: &mut Edit, place: &Place, how: impl FnOnce(&mut Map<String, Value>)) -> anyhow::Result<()> {
    if let Some(Value::Object(mut entry)) = edit.get(place) {
        how(&mut entry);
        edit.put(place, entry)?;
    }
    Ok(())
}

/// Puts `url` in the place of one that differs from `form` by its port alone.
fn replace(at: Option<&mut Value>, form: &str, url: &str) {
    let ours = |seen: &str| {
        let (before, after) = form.split_once('*')?;
        let port = seen.strip_prefix(before)?.strip_suffix(after)?;
        port.parse::<u16>().ok()
    };
    if let Some(Value::String(seen)) = at
        && ours(seen).is_some()
    {
        url.clone_into(seen);
    }
}

fn switches(siren: SocketAddr) -> [String; 2] {
    ["on", "off"].map(|key| format!("http://{siren}/{key}"))
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use vigie_config::Config;

    use super::*;

    fn cameras(port: u16) -> [DemoCamera; 2] {
        [("gate", port), ("yard", port + 1)].map(|(id, port)| DemoCamera {
            id,
            name: id,
            main: format!("rtsp://127.0.0.1:{port}/main"),
            sub: format!("rtsp://127.0.0.1:{port}/sub"),
            audio: false,
        })
    }

    #[test]
    fn a_later_start_changes_addresses_and_nothing_else() {
        let (old, new) = (cameras(1110), cameras(2220));
        let devices = |cameras, port| Devices {
            cameras,
            siren: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        let dir = Path::new("/tmp/demo");
        let text = fresh(dir, &devices(&old, 3333), "0123456789abcdef");
        let (config, warnings) = Config::parse(&text, &|_| None).unwrap();
        assert_eq!((warnings.as_slice(), config.rules.len()), (&[][..], 2));
        let users = "# mine\n[[camera]]\nid = \"own\"\nmain.url = \"rtsp://127.0.0.1:9/main\"\n";
        let text = text.replace("name = \"yard\"", "name = \"Garden\" # mine too") + users;
        let renewed = renewed(&text, dir, &devices(&new, 4444)).unwrap();
        assert_eq!(renewed, text.replace(":111", ":222").replace(":3333/", ":4444/"));
        Config::parse(&renewed, &|_| None).unwrap();
    }

    #[test]
    fn what_the_user_took_away_or_replaced_stays_so_and_a_moved_folder_is_followed() {
        let (old, new) = (cameras(1110), cameras(2220));
        let devices = |cameras| Devices {
            cameras,
            siren: SocketAddr::from(([127, 0, 0, 1], 3333)),
        };
        let text = fresh(Path::new("/tmp/one"), &devices(&old), "0123456789abcdef");
        let mut edit = Edit::new(&text).unwrap();
        edit.remove(&Place::Entry("camera", "yard".into())).unwrap();
        let text = edit
            .text()
            .replace("rtsp://127.0.0.1:1110/main", "rtsp://192.0.2.7/main");
        let renewed = renewed(&text, Path::new("/tmp/two"), &devices(&new)).unwrap();
        let expected = text.replace("/tmp/one/", "/tmp/two/").replace(":1110/sub", ":2220/sub");
        assert_eq!(renewed, expected);
    }
}
