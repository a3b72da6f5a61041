//! Counters and gauges for Prometheus. Read at each scrape from what the house publishes
//! anyway: nothing is counted twice, nothing on a media path.

use std::sync::atomic::AtomicU64;

use actix_web::{HttpResponse, get, web};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use vigie_actors::{Recorder, stream::StreamState, supervise::TreeNode};
use vigie_storage::device::Health;

use crate::{problem::Problem, sign_in::Viewer};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StreamLabels {
    camera: String,
    stream: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DiskLabels {
    disk: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DeviceLabels {
    disk: String,
    device: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EventLabels {
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WayLabels {
    way: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ActorLabels {
    actor: String,
}

type Counts<L> = Family<L, Counter>;
type Levels<L> = Family<L, Gauge<f64, AtomicU64>>;

/// For Prometheus
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
#[get("/metrics")]
pub async fn metrics(_: Viewer, recorder: web::Data<Recorder>) -> Result<HttpResponse, Problem> {
    let mut registry = Registry::with_prefix("vigie");
    streams(&mut registry, &recorder);
    disks(&mut registry, &recorder);
    devices(&mut registry, &recorder);
    house(&mut registry, &recorder);
    messages(&mut registry, &recorder);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|e| Problem::Internal(e.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}

fn streams(registry: &mut Registry, recorder: &Recorder) {
    let (units, bytes, lost) = (Counts::default(), Counts::default(), Counts::default());
    let (dropped, subscribers, live) = (Counts::default(), Levels::default(), Levels::default());
    registry.register("stream_units", "Access units received", units.clone());
    registry.register("stream_bytes", "Bytes of media received", bytes.clone());
    registry.register("stream_packets_lost", "RTP packets missing", lost.clone());
    registry.register(
        "stream_units_dropped",
        "Access units dropped for slow subscribers",
        dropped.clone(),
    );
    registry.register("stream_subscribers", "Subscribers now", subscribers.clone());
    registry.register("stream_live", "1 while media flows", live.clone());
    for hub in recorder.hubs() {
        let id = hub.stream();
        let labels = StreamLabels {
            camera: id.camera.to_string(),
            stream: id.stream.to_string(),
        };
        let stats = hub.stats();
        units.get_or_create(&labels).inc_by(stats.units);
        bytes.get_or_create(&labels).inc_by(stats.bytes);
        lost.get_or_create(&labels).inc_by(stats.packets_lost);
        dropped
            .get_or_create(&labels)
            .inc_by(stats.units_dropped_for_subscribers);
        subscribers.get_or_create(&labels).set(stats.subscribers as f64);
    }
    for camera in recorder.cameras() {
        for (name, stream) in camera.streams {
            let labels = StreamLabels {
                camera: camera.id.to_string(),
                stream: name.to_string(),
            };
            live.get_or_create(&labels)
                .set(f64::from(u8::from(stream.state == StreamState::Live)));
        }
    }
}

fn disks(registry: &mut Registry, recorder: &Recorder) {
    let (free, total, footage) = (Levels::default(), Levels::default(), Levels::default());
    let (written, refused, queued, slowest) = (
        Counts::default(),
        Counts::default(),
        Levels::default(),
        Levels::default(),
    );
    registry.register("disk_free_bytes", "Free on the file system", free.clone());
    registry.register("disk_total_bytes", "Size of the file system", total.clone());
    registry.register("disk_footage_bytes", "Footage on the volume", footage.clone());
    registry.register("disk_written_bytes", "Footage written since the start", written.clone());
    registry.register(
        "disk_fragments_refused",
        "Fragments refused by a full queue",
        refused.clone(),
    );
    registry.register("disk_queued_bytes", "Waiting to be written", queued.clone());
    registry.register(
        "disk_slowest_sync_seconds",
        "The slowest sync since the start",
        slowest.clone(),
    );
    for volume in recorder.storage().volumes() {
        let labels = DiskLabels {
            disk: volume.disk.to_string(),
        };
        free.get_or_create(&labels).set(volume.free_bytes as f64);
        total.get_or_create(&labels).set(volume.total_bytes as f64);
        footage.get_or_create(&labels).set(volume.footage_bytes as f64);
        written.get_or_create(&labels).inc_by(volume.written_bytes);
        refused.get_or_create(&labels).inc_by(volume.refused);
        queued.get_or_create(&labels).set(volume.queued_bytes as f64);
        slowest
            .get_or_create(&labels)
            .set(volume.slowest_sync_ms as f64 / 1000.0);
    }
}

fn devices(registry: &mut Registry, recorder: &Recorder) {
    let (state, temperature) = (Levels::default(), Levels::default());
    registry.register(
        "disk_device_state",
        "What the device under a disk says of itself: -1 unknown, 0 good, 1 warning, 2 failing",
        state.clone(),
    );
    registry.register(
        "disk_device_temperature_celsius",
        "Temperature of a device under a disk",
        temperature.clone(),
    );
    for (disk, device) in recorder.devices() {
        let disk = disk.to_string();
        let level = match device.report.state {
            Health::Unknown => -1.0,
            Health::Good => 0.0,
            Health::Warning => 1.0,
            Health::Failing => 2.0,
        };
        state.get_or_create(&DiskLabels { disk: disk.clone() }).set(level);
        for smart in device.report.smart {
            if let Some(celsius) = smart.temperature_celsius {
                let labels = DeviceLabels {
                    disk: disk.clone(),
                    device: smart.device,
                };
                temperature.get_or_create(&labels).set(celsius as f64);
            }
        }
    }
}

fn house(registry: &mut Registry, recorder: &Recorder) {
    let (events, restarts) = (Counts::default(), Counts::default());
    registry.register("events", "Events raised since the start", events.clone());
    registry.register("actor_restarts", "Unasked ends of actors", restarts.clone());
    for (kind, count) in recorder.events().counts() {
        let name = serde_json::to_value(kind)
            .ok()
            .and_then(|v| v.as_str().map(str::to_string))
            .unwrap_or_default();
        events.get_or_create(&EventLabels { kind: name }).inc_by(count);
    }
    count_restarts(&recorder.tree(), "", &restarts);
    snapshots(registry, recorder);
    let room = Gauge::<f64, AtomicU64>::default();
    registry.register(
        "room_cameras",
        "Room for so many more cameras; -1: not known",
        room.clone(),
    );
    room.set(recorder.room().map_or(-1.0, |room| f64::from(room.cameras)));
    let mqtt = recorder.mqtt().snapshot();
    if mqtt.connection.broker.is_some() {
        let (connected, waiting) = (Gauge::<i64>::default(), Gauge::<i64>::default());
        let dropped = Counter::<u64>::default();
        registry.register("mqtt_connected", "1: the broker is connected", connected.clone());
        registry.register("mqtt_waiting", "Events that wait for the broker", waiting.clone());
        registry.register("mqtt_dropped", "Events that the broker was never told", dropped.clone());
        connected.set(i64::from(mqtt.connection.connected));
        waiting.set(i64::try_from(mqtt.waiting).unwrap_or(i64::MAX));
        dropped.inc_by(mqtt.dropped);
    }
}

fn snapshots(registry: &mut Registry, recorder: &Recorder) {
    let counts = recorder.snapshots().counts();
    for (name, help, count) in [
        ("snapshots_stored", "Pictures stored since the start", counts.stored),
        (
            "snapshots_failed",
            "Pictures that could not be taken or stored",
            counts.failed,
        ),
        (
            "snapshots_dropped",
            "Pictures refused: too many, or too soon",
            counts.dropped,
        ),
    ] {
        let counter: Counter = Counter::default();
        counter.inc_by(count);
        registry.register(name, help, counter);
    }
}

fn messages(registry: &mut Registry, recorder: &Recorder) {
    let queued = Levels::<WayLabels>::default();
    registry.register("messages_queued", "Mails or pushes that wait", queued.clone());
    let names = [
        ("messages_sent", "Mails or pushes delivered"),
        ("messages_failed", "Mails or pushes refused for good"),
        (
            "messages_expired",
            "Mails or pushes that could not be delivered in time",
        ),
        ("messages_attempts_failed", "Attempts that failed"),
        ("messages_dropped", "Events that came too fast for any mail or push"),
    ];
    let counters = names.map(|(name, help)| {
        let counter = Counts::<WayLabels>::default();
        registry.register(name, help, counter.clone());
        counter
    });
    for (way, counts) in recorder.notifiers().counts() {
        let labels = WayLabels { way };
        queued.get_or_create(&labels).set(counts.queued as f64);
        let values = [
            counts.sent,
            counts.failed,
            counts.expired,
            counts.failed_attempts,
            counts.dropped,
        ];
        for (counter, value) in counters.iter().zip(values) {
            counter.get_or_create(&labels).inc_by(value);
        }
    }
}

fn count_restarts(node: &TreeNode, path: &str, restarts: &Counts<ActorLabels>) {
    for child in &node.children {
        let path = if path.is_empty() {
            child.name.clone()
        } else {
            format!("{path}/{}", child.name)
        };
        restarts
            .get_or_create(&ActorLabels { actor: path.clone() })
            .inc_by(child.restarts);
        count_restarts(child, &path, restarts);
    }
}
