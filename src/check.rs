//! `vigie check`: everything that is wrong with the text; a disk that is not there is a warning.

use std::{path::Path, process::ExitCode};

use vigie_config::{Config, SourceUrl, Tls};

use crate::exit;

pub fn main(path: &Path) -> ExitCode {
    match Config::load(path) {
        Ok((config, warnings)) => {
            for warning in warnings {
                eprintln!("warning: {}: {warning}", path.display());
            }
            for disk in &config.disks {
                if let Err(error) = vigie_storage::inspect(&config.server.state_dir, disk) {
                    eprintln!("warning: {error}");
                }
            }
            let state = &config.server.state_dir;
            if state.exists() && !state.is_dir() {
                eprintln!(
                    "warning: server.state_dir: {} is no folder: \"vigie run\" will not start",
                    state.display()
                );
            }
            for warning in absent_files(&config) {
                eprintln!("warning: {warning}");
            }
            let cameras = counted(config.cameras.len(), "camera");
            let disks = counted(config.disks.len(), "disk");
            println!("{}: ok, {cameras}, {disks}", path.display());
            exit::DONE
        }
        Err(error) => {
            eprintln!("{error}");
            exit::misconfigured()
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Files that cameras and the broker need and this user cannot read. What is not there now may be later.
fn absent_files(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(path) = config.mqtt.as_ref().and_then(|mqtt| mqtt.tls_ca.as_ref())
        && let Err(error) = std::fs::File::open(path)
    {
        found.push(format!("mqtt.tls_ca: cannot read {}: {error}", path.display()));
    }
    for camera in &config.cameras {
        for (name, stream) in &camera.streams {
            let file = match &stream.url {
                SourceUrl::File(path) => Some(("url", path)),
                _ => None,
            };
            let authority = match &stream.tls {
                Tls::Authority(path) => Some(("tls_ca", path)),
                Tls::System | Tls::Fingerprint(_) => None,
            };
            for (key, path) in file.into_iter().chain(authority) {
                if let Err(error) = std::fs::File::open(path) {
                    let (camera, path) = (&camera.id, path.display());
                    found.push(format!("camera \"{camera}\".{name}.{key}: cannot read {path}: {error}"));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_counted_as_people_count() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "disk")),
            ["no disk", "1 disk", "2 disks"]
        );
    }

    #[test]
    fn absent_files_are_named_with_their_field() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vigie.toml");
        let there = folder.path().join("there.mp4");
        std::fs::write(&there, "").unwrap();
        let text = format!(
            "[[disk]]\nid = \"d1\"\npath = \"/nowhere\"\n[[camera]]\nid = \"a\"\nmain.url = \"file:///nowhere/clip.mp4\"\nsub.url = \"file://{}\"\n\
             [[camera]]\nid = \"b\"\nmain.url = \"rtsps://192.0.2.1/x\"\nmain.tls_ca = \"/nowhere/ca.pem\"\n\
             [mqtt]\nbroker = \"mqtts://192.0.2.30\"\ntls_ca = \"/nowhere/broker.pem\"\n",
            there.display()
        );
        std::fs::write(&file, text).unwrap();
        let (config, _) = Config::load(&file).unwrap();
        let found = absent_files(&config);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].starts_with("mqtt.tls_ca: cannot read /nowhere/broker.pem"),
            "{found:?}"
        );
        assert!(
            found[1].starts_with("camera \"a\".main.url: cannot read /nowhere/clip.mp4"),
            "{found:?}"
        );
        assert!(
            found[2].starts_with("camera \"b\".main.tls_ca: cannot read /nowhere/ca.pem"),
            "{found:?}"
        );
    }
}
