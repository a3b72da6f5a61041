//! Cameras that came, went or changed: branches of the tree, and what they leave open.

use std::sync::Arc;

use vigie_config::{
    BranchChange, CameraChange, CameraChanges, CameraId, EventKind, GapCause, Source, StreamId, StreamName, Utc,
};

use super::{put, remove};
use crate::{
    camera::{CameraHandle, camera_child},
    recorder::Recorder,
    registry::Event,
    stream::StreamState,
};

pub(super) async fn change(recorder: &Arc<Recorder>, change: CameraChange) {
    match change {
        CameraChange::Added(camera) => {
            tracing::info!(camera = %camera.id, "camera added");
            add_camera(recorder, CameraHandle::new(&camera)).await;
        }
        CameraChange::Removed(id) => remove_camera(recorder, &id).await,
        CameraChange::Changed(changes) => change_camera(recorder, changes).await,
    }
}

async fn add_camera(recorder: &Arc<Recorder>, handle: Arc<CameraHandle>) {
    let id = handle.id();
    let mut all = recorder.cameras.all().to_vec();
    all.retain(|c| c.id() != id);
    all.push(handle.clone());
    recorder.cameras.replace_all(all);
    put(&recorder.slots.cameras, camera_child(handle, recorder.deps.clone())).await;
}

async fn remove_camera(recorder: &Arc<Recorder>, id: &CameraId) {
    tracing::info!(camera = %id, "camera removed");
    let Some(handle) = recorder.cameras.get(id) else { return };
    end_streams(&handle);
    remove(&recorder.slots.cameras, format!("camera.{id}")).await;
    let mut all = recorder.cameras.all().to_vec();
    all.retain(|c| c.id() != *id);
    recorder.cameras.replace_all(all);
    for stream in handle.streams.values() {
        stream.hub.close();
        recorder.storage().recording_ended(&stream.id, Utc::now());
        end_events(recorder, &Source::Stream(stream.id.clone()), &OF_STREAMS);
    }
    end_events(recorder, &Source::Camera(id.clone()), &OF_CAMERAS);
}

/// Nobody will say any more that it is over.
fn end_events(recorder: &Recorder, source: &Source, kinds: &[EventKind]) {
    for kind in kinds {
        recorder.events().raise(Event::over(*kind, source.clone()));
    }
}

const OF_CAMERAS: [EventKind; 3] = [EventKind::Motion, EventKind::Analytics, EventKind::Manual];
const OF_STREAMS: [EventKind; 3] = [
    EventKind::StreamOffline,
    EventKind::StreamStalled,
    EventKind::StreamRefused,
];

fn end_streams(handle: &CameraHandle) {
    for stream in handle.streams.values() {
        stream.cause.set(Some(GapCause::Disabled));
    }
}

async fn change_camera(recorder: &Arc<Recorder>, changes: CameraChanges) {
    let camera = &changes.camera;
    let Some(handle) = recorder.cameras.get(&camera.id) else {
        return;
    };
    tracing::info!(camera = %camera.id, "camera changed");
    let same_streams = handle.streams.keys().eq(camera.streams.keys());
    if !same_streams {
        // A stream came or went: the branch is made anew, from new handles.
        let gone = handle
            .streams
            .keys()
            .copied()
            .filter(|s| !camera.streams.contains_key(s));
        let gone: Vec<StreamName> = gone.collect();
        end_streams(&handle);
        remove(&recorder.slots.cameras, format!("camera.{}", camera.id)).await;
        handle.streams.values().for_each(|s| s.hub.close());
        for stream in gone {
            let stream = StreamId::new(camera.id.clone(), stream);
            recorder.storage().recording_ended(&stream, Utc::now());
            end_events(recorder, &Source::Stream(stream), &OF_STREAMS);
        }
        add_camera(recorder, handle.replaced(camera)).await;
        return;
    }
    handle.update(camera);
    for (stream, change) in changes.streams {
        change_stream(recorder, &handle, stream, &change.recording, &change.source).await;
    }
}

async fn change_stream(
    recorder: &Arc<Recorder>,
    handle: &Arc<CameraHandle>,
    stream: StreamName,
    recording: &BranchChange,
    source: &BranchChange,
) {
    let Some(shared) = handle.streams.get(&stream).cloned() else {
        return;
    };
    match source {
        BranchChange::Stop => {
            handle.stop_source(stream).await;
            shared.set_status(StreamState::Disabled, None);
            shared.cause.set(Some(GapCause::Disabled));
            end_events(recorder, &Source::Stream(shared.id.clone()), &OF_STREAMS);
        }
        BranchChange::Keep | BranchChange::Start | BranchChange::Restart(_) => {}
    }
    match recording {
        BranchChange::Keep => {}
        BranchChange::Start | BranchChange::Restart(_) => handle.restart_recording(stream, &recorder.deps).await,
        BranchChange::Stop => {
            handle.stop_recording(stream).await;
            let storage = recorder.storage();
            // One that waited for an event leaves nothing out.
            if let Some(end) = storage
                .last_recorded(&shared.id)
                .filter(|_| !storage.is_ended(&shared.id))
            {
                storage.gap_opened(&shared.id, end, GapCause::Disabled);
            }
        }
    }
    match source {
        BranchChange::Keep | BranchChange::Stop => {}
        BranchChange::Start | BranchChange::Restart(_) => {
            shared.set_status(StreamState::Connecting, None);
            handle.restart_source(stream, &recorder.deps).await;
        }
    }
}
