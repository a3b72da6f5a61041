//! The days of the timeline read before anybody asks: the first question over months would wait for
//! all of them.

use std::{
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use vigie_config::{StreamName, Utc};

use super::Storage;
use crate::timeline::COARSE;

const DAY: Duration = Duration::from_secs(86_400);
/// What pages show at most without being asked twice.
const REACH: u32 = 90;
/// Read in one go; one turn is over within some tens of milliseconds.
const TURN: u32 = 8;
/// It rests so many times as long as it worked: recording comes first.
const REST: u32 = 4;

impl Storage {
    /// Newest first, of all cameras' main streams, as long as there is room. Nobody's start and nobody's
    /// end waits for it. For a recorder that serves pages: whoever only looks into a state folder needs none.
    /// The thread that reads; none where there is no room for one.
    pub fn warm_days_behind(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        let storage = Arc::downgrade(self);
        let body = move || {
            let Some(streams) = storage.upgrade().map(|storage| storage.streams()) else {
                return;
            };
            let main: Vec<_> = streams.into_iter().filter(|id| id.stream == StreamName::Main).collect();
            let now = Utc::now();
            for turn in 0..REACH.div_ceil(TURN) {
                let to = now - DAY * (turn * TURN);
                for stream in &main {
                    let begun = Instant::now();
                    {
                        let Some(storage) = storage.upgrade() else { return };
                        if storage.closed.load(Ordering::SeqCst) || !storage.catalog.index().has_room_for_days() {
                            return;
                        }
                        storage.catalog.indexed_days(stream, to - DAY * TURN, to, COARSE);
                    }
                    std::thread::sleep(begun.elapsed() * REST);
                }
            }
        };
        let thread = std::thread::Builder::new().name("days".into()).spawn(body);
        thread
            .inspect_err(|error| tracing::warn!(%error, "no thread to read the timeline's days ahead"))
            .ok()
    }
}
