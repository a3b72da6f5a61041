//! The tree below the root: its children, and those of its supervisors that come and go.

use std::sync::{Arc, Mutex, PoisonError};

use ractor::ActorRef;
use tokio::sync::Notify;
use vigie_config::{InputId, OutputId};

use super::{Hooks, Recorder};
use crate::{
    buzzer::buzzer_child,
    camera::camera_child,
    capacity::meter::meter_child,
    certificate::certificate_child,
    control::control_child,
    devices::devices_child,
    disks::{disk_child, placement_child},
    gate::neighbours_child,
    health::health_child,
    inputs::input_child,
    mqtt::mqtt_child,
    network::{addresses_child, links_child},
    notify::channel_child,
    outputs::output_child,
    registry::registry_child,
    reload::reload_child,
    restream::restream_child,
    retention::retention_child,
    sign_ins::sign_ins_child,
    snapshots::snapshot_child,
    supervise::{ChildSpec, Ending, SupervisorMsg, supervisor_child, worker_child},
    unrecorded::unrecorded_child,
};

/// The running supervisors whose children come and go with the configuration.
#[derive(Clone, Default)]
pub(crate) struct Slots {
    pub cameras: Slot,
    pub disks: Slot,
    pub inputs: Slot,
    pub outputs: Slot,
}

/// A supervisor that can be asked, by whatever generation of it runs.
pub(crate) type Slot = Arc<Mutex<Option<ActorRef<SupervisorMsg>>>>;

pub(crate) fn actor_of(slot: &Slot) -> Option<ActorRef<SupervisorMsg>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn fill(slot: &Slot) -> impl Fn(ActorRef<SupervisorMsg>) + Send + Sync + 'static {
    let slot = slot.clone();
    move |actor| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor)
}

impl Recorder {
    /// The children of the root, in starting order; they stop in the opposite one.
    pub(super) fn children(self: &Arc<Self>, hooks: Hooks, low: Arc<Notify>) -> Vec<ChildSpec> {
        let deps = self.deps.clone();
        let (for_disks, for_cameras, for_web) = (self.clone(), self.clone(), self.clone());
        let (for_inputs, for_outputs) = (self.clone(), self.clone());
        vec![
            registry_child(self.clone()),
            supervisor_child(
                "disks".into(),
                "disks",
                false,
                Ending::Together,
                move || {
                    for_disks
                        .config()
                        .disks
                        .iter()
                        .map(|d| for_disks.disk_spec(d))
                        .collect()
                },
                fill(&self.slots.disks),
            ),
            supervisor_child(
                "cameras".into(),
                "cameras",
                false,
                Ending::Together,
                move || {
                    let all = for_cameras.cameras.all();
                    all.iter()
                        .map(|c| camera_child(c.clone(), for_cameras.deps.clone()))
                        .collect()
                },
                fill(&self.slots.cameras),
            ),
            // Before the outputs: at the end they switch themselves off by it.
            mqtt_child(self.clone()),
            supervisor_child(
                "inputs".into(),
                "inputs",
                false,
                Ending::Together,
                move || {
                    let all = for_inputs.inputs.all();
                    all.iter()
                        .map(|input| for_inputs.input_spec(&input.config.id))
                        .collect()
                },
                fill(&self.slots.inputs),
            ),
            supervisor_child(
                "outputs".into(),
                "outputs",
                false,
                Ending::Together,
                move || {
                    let all = for_outputs.outputs.all();
                    all.iter()
                        .map(|output| for_outputs.output_spec(&output.config.id))
                        .collect()
                },
                fill(&self.slots.outputs),
            ),
            snapshot_child(self.snapshots.clone()),
            buzzer_child(self.buzzer.clone()),
            channel_child(self.notify.email.clone()),
            channel_child(self.notify.push.clone()),
            retention_child(self.clone(), low),
            placement_child(self.clone()),
            unrecorded_child(self.clone()),
            meter_child(self.clone()),
            devices_child(self.devices.clone(), deps.disks.clone(), deps.events.clone()),
            links_child(deps.events.clone()),
            addresses_child(hooks.arp, deps.events.clone()),
            sign_ins_child(self.sign_ins.clone()),
            neighbours_child(self.gate.clone()),
            certificate_child(self.certificates.clone()),
            restream_child(self.restream.clone(), self.cameras.clone()),
            control_child(self.clone()),
            health_child(
                hooks.feed,
                self.slots.cameras.clone(),
                self.clock.clone(),
                deps.events.clone(),
            ),
            reload_child(self.clone(), self.reload.clone()),
            worker_child("web", "web", move |context| (hooks.web)(for_web.clone(), context)),
        ]
    }

    pub(crate) fn disk_spec(&self, disk: &vigie_config::Disk) -> ChildSpec {
        disk_child(disk, self.deps.disks.clone(), self.deps.events.clone())
    }

    pub(crate) fn input_spec(&self, id: &InputId) -> ChildSpec {
        input_child(id.clone(), self.inputs.clone(), self.gpio.clone())
    }

    pub(crate) fn output_spec(&self, id: &OutputId) -> ChildSpec {
        output_child(id.clone(), self.outputs.clone())
    }
}
