//! The one who reads units.

use std::{collections::VecDeque, sync::Arc};

use super::{Hub, Item, ring::Ring};
use crate::access_unit::{AccessUnit, Track};

/// Reads a [`Hub`]'s units in order. Dropping it unsubscribes.
pub struct Subscriber {
    hub: Arc<Hub>,
    ring: Arc<Ring>,
    /// The GOP that was cached when the subscription began.
    cached: VecDeque<Arc<AccessUnit>>,
    /// Read from the ring, to be handed out after the [`Item::Lost`] before it.
    held: Option<Arc<AccessUnit>>,
    /// Of the last unit handed out; 0: none yet, the first must be a video RAP.
    seq: u64,
}

impl Subscriber {
    pub(super) fn new(hub: Arc<Hub>, ring: Arc<Ring>, cached: Vec<Arc<AccessUnit>>) -> Subscriber {
        Subscriber {
            hub,
            ring,
            cached: cached.into(),
            held: None,
            seq: 0,
        }
    }

    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// What is there now; never waits. `None`: nothing yet, or the hub is closed.
    pub fn try_next(&mut self) -> Option<Item> {
        if let Some(unit) = self.held.take() {
            return Some(Item::Unit(unit));
        }
        loop {
            let unit = self.cached.pop_front().or_else(|| self.ring.pop())?;
            let expected = self.seq + 1;
            if unit.seq < expected {
                continue;
            }
            if self.seq == 0 {
                if !(unit.rap && unit.track == Track::Video) {
                    continue;
                }
            } else if unit.seq > expected {
                let units = unit.seq - expected;
                self.seq = unit.seq;
                self.held = Some(unit);
                return Some(Item::Lost { units });
            }
            self.seq = unit.seq;
            return Some(Item::Unit(unit));
        }
    }

    /// The next item; `None` when the hub is closed and everything queued was read.
    /// May be dropped at any time without losing an item.
    pub async fn next(&mut self) -> Option<Item> {
        loop {
            // Before looking, for units may come between the look and the closing.
            let closed = self.hub.is_closed();
            if let Some(item) = self.try_next() {
                return Some(item);
            }
            if closed {
                return None;
            }
            self.ring.woken().await;
        }
    }

    /// Resolves when woken: by a batch, or for [`super::Wake::Lazy`] by a half full ring; at once
    /// when the hub is closed.
    pub async fn wait(&mut self) {
        if !self.hub.is_closed() {
            self.ring.woken().await;
        }
    }

    /// No more units will come; some may still be queued.
    pub fn is_closed(&self) -> bool {
        self.hub.is_closed()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.remove(&self.ring);
    }
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber")
            .field("hub", &self.hub)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}
