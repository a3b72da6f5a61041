//! What changed of cameras: which branches begin, end or begin anew.

use std::collections::{BTreeMap, BTreeSet};

use super::{BranchChange, CameraChange, CameraChanges, Keys, StreamChange};
use crate::{Camera, CameraId, Motion, Record, Stream, StreamName};

pub(super) fn diff_cameras(old: &[Camera], new: &[Camera]) -> Vec<CameraChange> {
    let before: BTreeMap<&CameraId, &Camera> = old.iter().map(|camera| (&camera.id, camera)).collect();
    let after: BTreeSet<&CameraId> = new.iter().map(|camera| &camera.id).collect();
    let removed = old.iter().filter(|camera| !after.contains(&camera.id));
    let mut changes: Vec<CameraChange> = removed.map(|camera| CameraChange::Removed(camera.id.clone())).collect();
    for camera in new {
        match before.get(&camera.id) {
            None => changes.push(CameraChange::Added(camera.clone())),
            Some(before) => changes.extend(diff_camera(before, camera).map(CameraChange::Changed)),
        }
    }
    changes
}

fn diff_camera(old: &Camera, new: &Camera) -> Option<CameraChanges> {
    if old == new {
        return None;
    }
    let Camera {
        id: _,
        name: old_name,
        enabled: old_enabled,
        disk_group: old_disk_group,
        rtsp_anonymous: old_rtsp_anonymous,
        preview: old_preview,
        streams: old_streams,
        record: old_record,
        motion: old_motion,
    } = old;
    let Camera {
        id: _,
        name,
        enabled,
        disk_group,
        rtsp_anonymous,
        preview,
        streams,
        record,
        motion,
    } = new;
    let Record {
        continuous: old_continuous,
        motion: old_record_motion,
        sensor: old_sensor,
        analytics: old_analytics,
        continuous_streams: old_continuous_streams,
        event_streams: old_event_streams,
        segment: old_segment,
        pre_alarm: old_pre_alarm,
        post_alarm: old_post_alarm,
        pre_alarm_memory_bytes: old_pre_alarm_memory,
        max_age: old_max_age,
        min_age: old_min_age,
        alarm_after: old_alarm_after,
    } = old_record;
    let Record {
        continuous,
        motion: record_motion,
        sensor,
        analytics,
        continuous_streams,
        event_streams,
        segment,
        pre_alarm,
        post_alarm,
        pre_alarm_memory_bytes,
        max_age,
        min_age,
        alarm_after,
    } = record;

    let Motion {
        enabled: old_looks,
        sensitivity: old_sensitivity,
        area: old_area,
        hold: old_hold,
    } = old_motion;
    let Motion {
        enabled: looks,
        sensitivity,
        area,
        hold,
    } = motion;

    let mut in_place = Keys::new();
    compare!(in_place;
        "name": old_name, name;
        "rtsp_anonymous": old_rtsp_anonymous, rtsp_anonymous;
        "preview": old_preview, preview;
        "continuous": old_continuous, continuous;
        "motion": old_record_motion, record_motion;
        "sensor": old_sensor, sensor;
        "analytics": old_analytics, analytics;
        "continuous_streams": old_continuous_streams, continuous_streams;
        "event_streams": old_event_streams, event_streams;
        "segment": old_segment, segment;
        "pre_alarm": old_pre_alarm, pre_alarm;
        "post_alarm": old_post_alarm, post_alarm;
        "pre_alarm_memory": old_pre_alarm_memory, pre_alarm_memory_bytes;
        "max_age": old_max_age, max_age;
        "min_age": old_min_age, min_age;
        "alarm_after": old_alarm_after, alarm_after;
        "motion.enabled": old_looks, looks;
        "motion.sensitivity": old_sensitivity, sensitivity;
        "motion.area": old_area, area;
        "motion.hold": old_hold, hold);
    let mut record_anew = Keys::new();
    compare!(record_anew; "disk_group": old_disk_group, disk_group);

    let changed = StreamName::ALL.into_iter().filter_map(|name| {
        let (before, after) = (old_streams.get(&name), streams.get(&name));
        let (restart, in_place) = match (before, after) {
            (None, None) => return None,
            (Some(before), Some(after)) => diff_stream(before, after),
            _ => (Keys::new(), Keys::new()),
        };
        let ran = *old_enabled && before.is_some();
        let runs = *enabled && after.is_some();
        let (recorded_before, recorded_now) = (ran && old_record.has(name), runs && record.has(name));
        Some((
            name,
            StreamChange {
                source: branch(ran, runs, restart),
                recording: branch(recorded_before, recorded_now, record_anew.clone()),
                in_place,
            },
        ))
    });
    Some(CameraChanges {
        camera: new.clone(),
        streams: changed.collect(),
        in_place,
    })
}

/// What restarts the source, and what the running one takes up.
fn diff_stream(old: &Stream, new: &Stream) -> (Keys, Keys) {
    let Stream {
        url: old_url,
        credentials: old_credentials,
        transport: old_transport,
        audio: old_audio,
        stall_after: old_stall_after,
        tls: old_tls,
    } = old;
    let Stream {
        url,
        credentials,
        transport,
        audio,
        stall_after,
        tls,
    } = new;
    let (mut restart, mut in_place) = (Keys::new(), Keys::new());
    compare!(restart;
        "url": old_url, url;
        "credentials": old_credentials, credentials;
        "transport": old_transport, transport;
        "audio": old_audio, audio;
        "tls": old_tls, tls);
    compare!(in_place; "stall_after": old_stall_after, stall_after);
    (restart, in_place)
}

fn branch(ran: bool, runs: bool, restart: Keys) -> BranchChange {
    match (ran, runs) {
        (false, true) => BranchChange::Start,
        (true, false) => BranchChange::Stop,
        (true, true) if !restart.is_empty() => BranchChange::Restart(restart),
        _ => BranchChange::Keep,
    }
}

pub(super) fn order_differs(old: &[Camera], new: &[Camera]) -> bool {
    let kept = |cameras: &[Camera], others: &[Camera]| -> Vec<CameraId> {
        let ids: BTreeSet<&CameraId> = others.iter().map(|camera| &camera.id).collect();
        cameras
            .iter()
            .map(|camera| &camera.id)
            .filter(|id| ids.contains(id))
            .cloned()
            .collect()
    };
    kept(old, new) != kept(new, old)
}
