//! What a change does, in words for people.

use super::{ActorChange, BranchChange, CameraChange, CameraChanges, Changes, DiskChange};
use crate::StreamName;

impl Changes {
    /// One line for each thing that becomes another, in the order in which it is done. Whatever is not
    /// named runs on untouched.
    pub fn words(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for key in &self.server.in_place {
            lines.push(format!("server.{key}: at once"));
        }
        for key in &self.server.needs_restart {
            lines.push(format!("server.{key}: when Vigie is started again"));
        }
        lines.extend(self.disks.iter().map(disk));
        for change in &self.cameras {
            match change {
                CameraChange::Added(added) => lines.push(format!("camera {}: added", added.id)),
                CameraChange::Removed(id) => lines.push(format!("camera {id}: removed, its footage stays")),
                CameraChange::Changed(changes) => camera(changes, &mut lines),
            }
        }
        if self.camera_order {
            lines.push("cameras: another order".into());
        }
        lines.extend(
            self.inputs
                .iter()
                .map(|change| actor("input", change, |input| &input.id)),
        );
        lines.extend(
            self.outputs
                .iter()
                .map(|change| actor("output", change, |output| &output.id)),
        );
        let flags = [
            (self.rules, "rules"),
            (self.schedules, "schedules"),
            (self.snapshots, "snapshots"),
            (self.buzzer, "buzzer"),
            (self.email, "mails"),
            (self.pushes, "push targets"),
            (self.mqtt, "MQTT: connected to anew"),
        ];
        lines.extend(
            flags
                .iter()
                .filter(|(changed, _)| *changed)
                .map(|(_, what)| (*what).to_owned()),
        );
        lines
    }

    /// What is interrupted for a moment, one line each. Empty: nothing is.
    pub fn restarts(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for change in &self.disks {
            match change {
                DiskChange::Changed { disk, reopen, .. } if !reopen.is_empty() => {
                    lines.push(format!("disk {}: records elsewhere until it is open again", disk.id));
                }
                DiskChange::Removed(id) => lines.push(format!("disk {id}: what is recorded there goes elsewhere")),
                DiskChange::Added(_) | DiskChange::Changed { .. } => {}
            }
        }
        for change in &self.cameras {
            match change {
                CameraChange::Removed(id) => lines.push(format!("camera {id}: recording and live pictures end")),
                CameraChange::Changed(changes) => interrupted(changes, &mut lines),
                CameraChange::Added(_) => {}
            }
        }
        let inputs = self
            .inputs
            .iter()
            .map(|change| actor("input", change, |input| &input.id));
        let outputs = self
            .outputs
            .iter()
            .map(|change| actor("output", change, |output| &output.id));
        lines.extend(inputs.chain(outputs));
        lines.extend(self.mqtt.then(|| "MQTT: the connection to the broker".to_owned()));
        lines
    }
}

fn interrupted(changes: &CameraChanges, lines: &mut Vec<String>) {
    let id = &changes.camera.id;
    for (stream, change) in &changes.streams {
        let what = match (&change.source, &change.recording) {
            (BranchChange::Stop, _) => "recording and live pictures end",
            (BranchChange::Restart(_), _) => "recording and live pictures, until the camera is connected to again",
            (_, BranchChange::Stop) => "recording ends",
            (_, BranchChange::Restart(_)) => "recording, for a moment",
            _ => continue,
        };
        lines.push(format!("camera {id}: {stream}: {what}"));
    }
}

fn disk(change: &DiskChange) -> String {
    match change {
        DiskChange::Added(disk) => format!("disk {}: added", disk.id),
        DiskChange::Removed(id) => format!("disk {id}: removed, its footage stays"),
        DiskChange::Changed { disk, reopen, in_place } if reopen.is_empty() => {
            format!("disk {}: {} at once", disk.id, in_place.join(", "))
        }
        DiskChange::Changed { disk, reopen, .. } => format!("disk {}: opened anew ({})", disk.id, reopen.join(", ")),
    }
}

fn camera(changes: &CameraChanges, lines: &mut Vec<String>) {
    let id = &changes.camera.id;
    for (stream, change) in &changes.streams {
        lines.extend(branch(*stream, "connection", &change.source).map(|line| format!("camera {id}: {line}")));
        lines.extend(branch(*stream, "recording", &change.recording).map(|line| format!("camera {id}: {line}")));
        if !change.in_place.is_empty() {
            lines.push(format!("camera {id}: {stream}.{} at once", change.in_place.join(", ")));
        }
    }
    if !changes.in_place.is_empty() {
        lines.push(format!("camera {id}: {} at once", changes.in_place.join(", ")));
    }
}

fn branch(stream: StreamName, what: &str, change: &BranchChange) -> Option<String> {
    match change {
        BranchChange::Keep => None,
        BranchChange::Start => Some(format!("{stream}: {what} starts")),
        BranchChange::Stop => Some(format!("{stream}: {what} stops")),
        BranchChange::Restart(keys) => Some(format!("{stream}: {what} starts anew ({})", keys.join(", "))),
    }
}

fn actor<Id: std::fmt::Display, T>(what: &str, change: &ActorChange<Id, T>, id: impl Fn(&T) -> &Id) -> String {
    match change {
        ActorChange::Removed(id) => format!("{what} {id}: removed"),
        ActorChange::Put(one) => format!("{what} {}: starts anew", id(one)),
    }
}
