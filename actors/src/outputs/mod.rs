//! Alarm outputs: one handle each, which outlives its actor, and whoever wants it on.
//!
//! Safe state is off: outputs are switched off when the recorder starts and when it stops.
//! Belongs here: when an output is on. Does not belong here: which event wants it
//! ([`crate::registry`]).

mod actor;
#[cfg(test)]
mod actor_tests;
#[cfg(test)]
mod bench;
mod handle;
mod line;
mod machine;
#[cfg(test)]
mod tests;
mod waiting;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use vigie_config::{Output, OutputId};
use vigie_storage::events::{ActionState, EventLog, EventRecord};

pub(crate) use actor::{name, output_child};
pub use handle::{OutputHandle, OutputSnapshot};
pub(crate) use line::Means;
pub(crate) use machine::Machine;
pub(crate) use waiting::Waiting;

use crate::registry::Events;

/// All configured outputs.
pub struct Outputs {
    all: RwLock<BTreeMap<OutputId, Arc<OutputHandle>>>,
    means: Means,
}

impl Outputs {
    pub(crate) fn new(outputs: &[Output], events: &Events, means: Means) -> Outputs {
        let all = Outputs {
            all: RwLock::default(),
            means,
        };
        for output in outputs {
            all.put(output.clone(), events);
        }
        all
    }

    pub fn get(&self, id: &OutputId) -> Option<Arc<OutputHandle>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// What a person switched off before this process stays off.
    /// `open`: events that go on since then.
    pub(crate) fn heed(&self, log: &EventLog, open: &[EventRecord]) {
        let all = self.all();
        let lasting = all.iter().filter(|output| output.config.hold.is_zero());
        lasting.for_each(|output| output.overrule(log, open));
    }

    /// By id.
    pub fn all(&self) -> Vec<Arc<OutputHandle>> {
        self.all
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// A new output, or one whose configuration changed: it begins switched off.
    pub fn put(&self, output: Output, events: &Events) -> Arc<OutputHandle> {
        let handle = Arc::new(OutputHandle::new(output, events.clone(), self.means.clone()));
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(handle.config.id.clone(), handle.clone());
        drop(all);
        if let Some(before) = before {
            let why = "its configuration changed before it was switched";
            before.settle(usize::MAX, ActionState::Failed, Some(why.into()));
        }
        handle
    }

    pub fn remove(&self, id: &OutputId) {
        let before = self.all.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(before) = before {
            let why = "it was removed from the configuration before it was switched";
            before.settle(usize::MAX, ActionState::Failed, Some(why.into()));
        }
    }
}
