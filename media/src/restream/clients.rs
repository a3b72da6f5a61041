//! Who is connected, and what each plays.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gstreamer_rtsp_server::{RTSPClient, glib, prelude::*};
use vigie_config::StreamId;

use super::{MayPlay, RtspUsers};

/// A connection that has set up nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(15);

struct Entry {
    client: glib::WeakRef<RTSPClient>,
    since: Instant,
    streams: HashSet<StreamId>,
    /// Who signed in, with their stamp of that moment.
    who: Option<(String, u64)>,
    from: Option<IpAddr>,
}

/// What a client played that is gone.
pub(super) struct Gone {
    pub who: Option<String>,
    pub from: Option<IpAddr>,
    pub streams: HashSet<StreamId>,
}

#[derive(Default)]
pub(super) struct Clients {
    entries: Mutex<Vec<Entry>>,
    refused: AtomicU64,
}

impl Clients {
    /// `false`: there are `max` already.
    pub fn add(&self, client: &RTSPClient, from: Option<IpAddr>, max: usize) -> bool {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.client.upgrade().is_some());
        if entries.len() >= max {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        entries.push(Entry {
            client: client.downgrade(),
            since: Instant::now(),
            streams: HashSet::new(),
            who: None,
            from,
        });
        true
    }

    pub fn remove(&self, client: &RTSPClient) -> Option<Gone> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries
            .iter()
            .position(|entry| entry.client.upgrade().as_ref() == Some(client));
        let gone = at.map(|at| entries.swap_remove(at));
        entries.retain(|entry| entry.client.upgrade().is_some());
        let gone = gone?;
        Some(Gone {
            who: gone.who.map(|(who, _)| who),
            from: gone.from,
            streams: gone.streams,
        })
    }

    /// `true`: it did not play this stream before.
    pub fn plays(&self, client: &RTSPClient, stream: StreamId, who: Option<(String, u64)>) -> bool {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries
            .iter_mut()
            .find(|entry| entry.client.upgrade().as_ref() == Some(client))
        {
            // The second track of a media is not asked for again: only the first request says who.
            entry.who = who.or(entry.who.take());
            return entry.streams.insert(stream);
        }
        false
    }

    /// The clients that play a stream.
    pub fn of(&self, stream: &StreamId) -> Vec<RTSPClient> {
        self.select(|entry| entry.streams.contains(stream))
    }

    pub fn idle(&self) -> Vec<RTSPClient> {
        self.select(|entry| entry.streams.is_empty() && entry.since.elapsed() > IDLE)
    }

    /// The clients that come from where nobody may any more, or who signed in and may not play any more
    /// what they play.
    pub fn unwelcome(&self, users: &dyn RtspUsers) -> Vec<RTSPClient> {
        self.select(|entry| {
            let may_not = |who: &str, stream| users.may_play(who, entry.from, stream) != MayPlay::Yes;
            !users.admits(entry.from)
                || entry.who.as_ref().is_some_and(|(who, stamp)| {
                    users.stamp(who) != *stamp || entry.streams.iter().any(|stream| may_not(who, stream))
                })
        })
    }

    pub fn all(&self) -> Vec<RTSPClient> {
        self.select(|_| true)
    }

    fn select(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<RTSPClient> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .filter(|entry| wanted(entry))
            .filter_map(|entry| entry.client.upgrade())
            .collect()
    }

    pub fn playing(&self) -> Vec<RTSPClient> {
        self.select(|entry| !entry.streams.is_empty())
    }

    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
