//! What changed between two configurations, in terms of what has to be done about it.
//!
//! Every comparison takes its struct apart field by field, so a field that is new to the model
//! does not compile until someone decides here what its change means.
//!
//! Belongs here: the decision. Does not belong here: carrying it out.

/// Adds `$name` to `$keys` where old and new differ.
macro_rules! compare {
    ($keys:expr; $($name:literal: $old:expr, $new:expr);+ $(;)?) => {
        $(if $old != $new { $keys.push($name); })+
    };
}

mod camera;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use self::camera::{diff_cameras, order_differs};
use crate::{Camera, CameraId, Config, Disk, DiskId, Input, InputId, Output, OutputId, Server, StreamName};

/// Names of keys as they stand in the file, in its order; for messages.
pub type Keys = Vec<&'static str>;

/// From the old configuration to the new one. Empty: they mean the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    pub server: ServerChanges,
    /// Removed ones first, then in the order of the new file.
    pub disks: Vec<DiskChange>,
    /// Removed ones first, then in the order of the new file.
    pub cameras: Vec<CameraChange>,
    /// Cameras that are in both files stand in another order: lists are shown anew, nothing else.
    pub camera_order: bool,
    /// Actors that are started anew with what stands here; removed ones first.
    pub inputs: Vec<ActorChange<InputId, Input>>,
    pub outputs: Vec<ActorChange<OutputId, Output>>,
    /// What waits for them is tried anew.
    pub email: bool,
    pub pushes: bool,
    /// Whoever reads the new configuration takes them up. (A schedule's change shows in
    /// everything that names it.)
    pub rules: bool,
    pub schedules: bool,
    pub snapshots: bool,
    pub buzzer: bool,
    /// The broker is connected to anew.
    pub mqtt: bool,
}

/// Of something that is one actor.
#[derive(Debug, Clone, PartialEq)]
pub enum ActorChange<Id, T> {
    Removed(Id),
    /// New, or changed.
    Put(T),
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerChanges {
    /// Taken up by whoever reads the new configuration: `name`, `time_zone`, and how it
    /// is reached through its listeners.
    pub in_place: Keys,
    /// The running process keeps the old value until it is started again: `state_dir`, `http`,
    /// `https`, `rtsp`. Say so to the operator.
    pub needs_restart: Keys,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DiskChange {
    Added(Disk),
    /// Its footage stays where it is.
    Removed(DiskId),
    Changed {
        /// As it is now.
        disk: Disk,
        /// Not empty: the volume is closed and opened anew (`path`, `require_mount`).
        reopen: Keys,
        /// The open volume takes them from `disk`.
        in_place: Keys,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum CameraChange {
    Added(Camera),
    /// Its footage stays, listed as removed, until retention takes it.
    Removed(CameraId),
    Changed(CameraChanges),
}

/// A camera that is in both configurations and differs.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraChanges {
    /// As it is now. Whatever is not restarted takes its new values from here.
    pub camera: Camera,
    /// What the branches of each stream have to do; streams in neither configuration are absent.
    pub streams: BTreeMap<StreamName, StreamChange>,
    /// Values that need no branch to do anything.
    pub in_place: Keys,
}

/// The two branches of one stream. A source that restarts does not restart its recording: that
/// stays subscribed to the hub and goes on with what the new source brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamChange {
    pub source: BranchChange,
    pub recording: BranchChange,
    /// Values the running branches take up without restart.
    pub in_place: Keys,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchChange {
    /// Runs on, or stays absent.
    Keep,
    Start,
    /// With gap cause `disabled` where the camera or its recording was switched off.
    Stop,
    /// Because of these keys.
    Restart(Keys),
}

/// What leads from `old` to `new`.
pub fn diff(old: &Config, new: &Config) -> Changes {
    let Config {
        server: old_server,
        mqtt: old_mqtt,
        schedules: old_schedules,
        disks: old_disks,
        snapshots: old_snapshots,
        cameras: old_cameras,
        inputs: old_inputs,
        outputs: old_outputs,
        buzzer: old_buzzer,
        email: old_email,
        recipients: old_recipients,
        pushes: old_pushes,
        rules: old_rules,
        // What stood in for one is another text than the secret.
        unknown_secrets: _,
    } = old;
    let Config {
        server,
        mqtt,
        schedules,
        disks,
        snapshots,
        cameras,
        inputs,
        outputs,
        buzzer,
        email,
        recipients,
        pushes,
        rules,
        unknown_secrets: _,
    } = new;
    Changes {
        server: diff_server(old_server, server),
        disks: diff_disks(old_disks, disks),
        cameras: diff_cameras(old_cameras, cameras),
        camera_order: order_differs(old_cameras, cameras),
        inputs: diff_actors(old_inputs, inputs, |input| &input.id),
        outputs: diff_actors(old_outputs, outputs, |output| &output.id),
        email: old_email != email || old_recipients != recipients,
        pushes: old_pushes != pushes,
        rules: old_rules != rules,
        schedules: old_schedules != schedules,
        snapshots: old_snapshots != snapshots,
        buzzer: old_buzzer != buzzer,
        mqtt: old_mqtt != mqtt,
    }
}

fn diff_actors<Id: Clone + PartialEq, T: Clone + PartialEq>(
    old: &[T],
    new: &[T],
    id: impl Fn(&T) -> &Id,
) -> Vec<ActorChange<Id, T>> {
    let removed = old.iter().filter(|one| new.iter().all(|other| id(other) != id(one)));
    let removed = removed.map(|one| ActorChange::Removed(id(one).clone()));
    let put = new.iter().filter(|one| !old.contains(one));
    removed.chain(put.map(|one| ActorChange::Put(one.clone()))).collect()
}

fn diff_server(old: &Server, new: &Server) -> ServerChanges {
    let Server {
        name: old_name,
        state_dir: old_state_dir,
        http: old_http,
        https: old_https,
        http_redirect: old_redirect,
        hsts: old_hsts,
        certificate: old_certificate,
        trusted_proxies: old_proxies,
        proxy_header: old_header,
        base_path: old_base,
        access: old_access,
        rtsp: old_rtsp,
        time_zone: old_zone,
    } = old;
    let Server {
        name,
        state_dir,
        http,
        https,
        http_redirect,
        hsts,
        certificate,
        trusted_proxies,
        proxy_header,
        base_path,
        access,
        rtsp,
        time_zone,
    } = new;
    let mut changes = ServerChanges::default();
    compare!(changes.in_place;
        "name": old_name, name;
        "http_redirect": old_redirect, http_redirect;
        "hsts": old_hsts, hsts;
        "certificate": old_certificate, certificate;
        "trusted_proxies": old_proxies, trusted_proxies;
        "proxy_header": old_header, proxy_header;
        "base_path": old_base, base_path;
        "access": old_access, access;
        "time_zone": old_zone, time_zone);
    compare!(changes.needs_restart;
        "state_dir": old_state_dir, state_dir;
        "http": old_http, http;
        "https": old_https, https;
        "rtsp": old_rtsp, rtsp);
    changes
}

fn diff_disks(old: &[Disk], new: &[Disk]) -> Vec<DiskChange> {
    let removed = old.iter().filter(|disk| new.iter().all(|other| other.id != disk.id));
    let mut changes: Vec<DiskChange> = removed.map(|disk| DiskChange::Removed(disk.id.clone())).collect();
    for disk in new {
        match old.iter().find(|other| other.id == disk.id) {
            None => changes.push(DiskChange::Added(disk.clone())),
            Some(before) => changes.extend(diff_disk(before, disk)),
        }
    }
    changes
}

fn diff_disk(old: &Disk, new: &Disk) -> Option<DiskChange> {
    let Disk {
        id: _,
        path: old_path,
        group: old_group,
        keep_free_bytes: old_keep_free,
        max_size_bytes: old_max_size,
        require_mount: old_require_mount,
        when_full: old_when_full,
        tick: old_tick,
    } = old;
    let Disk {
        id: _,
        path,
        group,
        keep_free_bytes,
        max_size_bytes,
        require_mount,
        when_full,
        tick,
    } = new;
    let (mut reopen, mut in_place) = (Keys::new(), Keys::new());
    compare!(reopen; "path": old_path, path; "require_mount": old_require_mount, require_mount);
    compare!(in_place;
        "group": old_group, group;
        "keep_free": old_keep_free, keep_free_bytes;
        "max_size": old_max_size, max_size_bytes;
        "when_full": old_when_full, when_full;
        "tick": old_tick, tick);
    let same = reopen.is_empty() && in_place.is_empty();
    (!same).then(|| DiskChange::Changed {
        disk: new.clone(),
        reopen,
        in_place,
    })
}
