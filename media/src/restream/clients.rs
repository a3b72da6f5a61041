//! Who is connected, and what each plays.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv6Addr},
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

/// Connections of one address that have set up nothing: of more, the oldest makes room.
const WAITING: usize = 64;

struct Entry {
    client: glib::WeakRef<RTSPClient>,
    since: Instant,
    streams: HashSet<StreamId>,
    sessions: HashSet<String>,
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
    /// Who has to go for a new one, if anybody; the new one itself where `max` play already.
    pub fn add(&self, client: &RTSPClient, from: Option<IpAddr>, max: usize) -> Option<RTSPClient> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.client.upgrade().is_some());
        entries.push(Entry {
            client: client.downgrade(),
            since: Instant::now(),
            streams: HashSet::new(),
            sessions: HashSet::new(),
            who: None,
            from,
        });
        let waiting = entries.iter().map(|entry| {
            let waits = entry.streams.is_empty();
            waits.then(|| (entry.from.map(neighbourhood), entry.since))
        });
        let goes = makes_room(&waiting.collect::<Vec<_>>(), max)?;
        self.refused.fetch_add(1, Ordering::Relaxed);
        entries.swap_remove(goes).client.upgrade()
    }

    /// Whether a session was set up by this connection.
    pub fn is_of(&self, client: &RTSPClient, session: &str) -> bool {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let own = entries
            .iter()
            .find(|entry| entry.client.upgrade().as_ref() == Some(client));
        own.is_some_and(|entry| entry.sessions.contains(session))
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
    pub fn plays(
        &self,
        client: &RTSPClient,
        session: Option<String>,
        stream: StreamId,
        who: Option<(String, u64)>,
    ) -> bool {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries
            .iter_mut()
            .find(|entry| entry.client.upgrade().as_ref() == Some(client))
        {
            // The second track of a media is not asked for again: only the first request says who.
            entry.who = who.or(entry.who.take());
            entry.sessions.extend(session);
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

/// Of IPv6 what one household has: it can be as many addresses as it likes.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
        v4 => v4,
    }
}

/// Which of the connections, the newest last, has to go: `Some` of those that have set up nothing,
/// with whence and since when. Whoever holds most of these loses the oldest first, so that one
/// address keeps nobody else out.
fn makes_room(connections: &[Option<(Option<IpAddr>, Instant)>], max: usize) -> Option<usize> {
    let mut of: HashMap<Option<IpAddr>, Vec<(Instant, usize)>> = HashMap::new();
    for (at, waiting) in connections.iter().enumerate() {
        if let Some((from, since)) = waiting {
            of.entry(*from).or_default().push((*since, at));
        }
    }
    let most = of.into_values().max_by_key(Vec::len)?;
    let goes = most.len() > WAITING || connections.len() > max;
    goes.then(|| most.into_iter().min().map(|(_, at)| at)).flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<IpAddr> {
        Some(neighbourhood(text.parse().unwrap()))
    }

    #[test]
    fn who_holds_most_makes_room() {
        let begin = Instant::now();
        let mut all: Vec<_> = (0..WAITING as u64)
            .map(|n| Some((at("192.0.2.66"), begin + Duration::from_millis(n))))
            .collect();
        all.insert(0, Some((at("192.0.2.1"), begin)));
        all.insert(1, None);
        assert_eq!(makes_room(&all, 100), None);
        assert_eq!(makes_room(&all, all.len() - 1), Some(2));
        all.push(Some((at("192.0.2.66"), begin + Duration::from_secs(1))));
        assert_eq!(makes_room(&all, 100), Some(2));
    }

    #[test]
    fn who_plays_stays() {
        let now = Instant::now();
        assert_eq!(makes_room(&[None, None], 1), None);
        assert_eq!(makes_room(&[None, None, Some((None, now))], 2), Some(2));
    }

    #[test]
    fn a_household_is_one_address() {
        assert_eq!(at("2001:db8::1"), at("2001:db8::2:0:0:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
