//! One source's packets in order of sequence number, each once (RFC 3550 §6.2.1, A.1).
//!
//! Over TCP a hole is a loss at once. Over UDP packets behind a hole are held back for a while,
//! since the missing one may only be late.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::packet::RtpPacket;

/// A hole up to this long is loss, a longer one another sequence (RFC 3550 `MAX_DROPOUT`).
const MAX_DROPOUT: i16 = 3000;
/// Packets this far behind are late or doubled (RFC 3550 `MAX_MISORDER`).
const MAX_MISORDER: i16 = 100;

/// Why the order began anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Another SSRC: the sender restarted.
    Ssrc,
    /// The same sender counts from elsewhere.
    Sequence,
}

/// One packet at its place.
#[derive(Debug)]
pub struct Delivery<'a> {
    pub packet: RtpPacket<'a>,
    /// Packets missing right before this one; 0 at a restart, where nobody knows.
    pub lost: u32,
    pub restart: Option<Restart>,
}

/// How long and how many packets to hold back behind a hole.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub packets: usize,
    pub time: Duration,
}

struct Current {
    ssrc: u32,
    /// Sequence number expected next, with its cycles above 16 bits.
    next: u64,
    base: u64,
}

/// Orders the packets of one track.
///
/// A packet with another SSRC or a wild sequence number is believed only when the next one
/// continues it: one damaged header must not end a stream. It is kept meanwhile, so that a true
/// restart loses nothing.
pub struct Sequencer {
    patience: Option<Patience>,
    current: Option<Current>,
    suspect: Option<(u32, u16, Vec<u8>)>,
    held: BTreeMap<u64, (Instant, Vec<u8>)>,
    lost: u64,
    late: u64,
}

impl Sequencer {
    /// For an ordered transport: `patience` is `None`.
    pub fn new(patience: Option<Patience>) -> Self {
        Self {
            patience,
            current: None,
            suspect: None,
            held: BTreeMap::new(),
            lost: 0,
            late: 0,
        }
    }

    /// The SSRC whose packets are delivered.
    pub fn ssrc(&self) -> Option<u32> {
        self.current.as_ref().map(|c| c.ssrc)
    }

    /// Packets found missing so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Packets that came twice or after they had been given up.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Expected packets of the current sequence, and its highest number with cycles: for reports.
    pub fn expected(&self) -> (u64, u32) {
        self.current
            .as_ref()
            .map_or((0, 0), |c| (c.next - c.base, (c.next - 1) as u32))
    }

    /// Takes `packet`, parsed from `raw`; calls `deliver` for every packet whose turn has come.
    pub fn push(&mut self, packet: RtpPacket<'_>, raw: &[u8], now: Instant, deliver: &mut dyn FnMut(Delivery<'_>)) {
        let Some(current) = &mut self.current else {
            self.begin(packet.ssrc, packet.sequence);
            self.skip();
            return deliver(Delivery {
                packet,
                lost: 0,
                restart: None,
            });
        };
        let ahead = packet.sequence.wrapping_sub(current.next as u16) as i16;
        if packet.ssrc != current.ssrc || !(-MAX_MISORDER..=MAX_DROPOUT).contains(&ahead) {
            return self.doubt(packet, raw, deliver);
        }
        self.suspect = None;
        if ahead < 0 {
            self.late += 1;
        } else if ahead == 0 {
            current.next += 1;
            deliver(Delivery {
                packet,
                lost: 0,
                restart: None,
            });
            self.drain(deliver);
        } else if self.patience.is_none() {
            let lost = ahead as u32;
            current.next += u64::from(lost) + 1;
            self.lost += u64::from(lost);
            deliver(Delivery {
                packet,
                lost,
                restart: None,
            });
        } else {
            let at = current.next + ahead as u64;
            match self.held.entry(at) {
                std::collections::btree_map::Entry::Occupied(_) => self.late += 1,
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert((now, raw.to_vec()));
                }
            }
            self.expire(now, deliver);
        }
    }

    /// Gives up on packets that have been waited for long enough.
    pub fn expire(&mut self, now: Instant, deliver: &mut dyn FnMut(Delivery<'_>)) {
        let Some(patience) = self.patience else { return };
        while let Some((_, (since, _))) = self.held.first_key_value() {
            if self.held.len() <= patience.packets && now.saturating_duration_since(*since) < patience.time {
                return;
            }
            self.give_up(deliver);
        }
    }

    /// When [`Sequencer::expire`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let (_, (since, _)) = self.held.first_key_value()?;
        Some(*since + self.patience?.time)
    }

    fn begin(&mut self, ssrc: u32, sequence: u16) {
        let next = u64::from(sequence) + (1 << 16);
        self.current = Some(Current { ssrc, next, base: next });
    }

    fn skip(&mut self) {
        if let Some(current) = &mut self.current {
            current.next += 1;
        }
    }

    /// The hole before the first held packet is a loss; delivers up to the next hole.
    fn give_up(&mut self, deliver: &mut dyn FnMut(Delivery<'_>)) {
        let (Some(current), Some((at, (_, raw)))) = (&mut self.current, self.held.pop_first()) else {
            return;
        };
        let lost = u32::try_from(at - current.next).unwrap_or(u32::MAX);
        current.next = at + 1;
        self.lost += u64::from(lost);
        if let Ok(packet) = RtpPacket::parse(&raw) {
            deliver(Delivery {
                packet,
                lost,
                restart: None,
            });
        }
        self.drain(deliver);
    }

    fn drain(&mut self, deliver: &mut dyn FnMut(Delivery<'_>)) {
        let Some(current) = &mut self.current else { return };
        while let Some((_, raw)) = self.held.remove(&current.next) {
            current.next += 1;
            if let Ok(packet) = RtpPacket::parse(&raw) {
                deliver(Delivery {
                    packet,
                    lost: 0,
                    restart: None,
                });
            }
        }
    }

    fn doubt(&mut self, packet: RtpPacket<'_>, raw: &[u8], deliver: &mut dyn FnMut(Delivery<'_>)) {
        let (ssrc, sequence) = (packet.ssrc, packet.sequence);
        let confirmed = self
            .suspect
            .take_if(|(s, q, _)| *s == ssrc && q.wrapping_add(1) == sequence);
        let Some((_, first, first_raw)) = confirmed else {
            self.suspect = Some((ssrc, sequence, raw.to_vec()));
            return;
        };
        while !self.held.is_empty() {
            self.give_up(deliver);
        }
        let restart = if self.ssrc() == Some(ssrc) {
            Restart::Sequence
        } else {
            Restart::Ssrc
        };
        self.begin(ssrc, first);
        self.skip();
        if let Ok(packet) = RtpPacket::parse(&first_raw) {
            deliver(Delivery {
                packet,
                lost: 0,
                restart: Some(restart),
            });
        }
        self.skip();
        deliver(Delivery {
            packet,
            lost: 0,
            restart: None,
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::packet::build;

    const PATIENCE: Patience = Patience {
        packets: 16,
        time: Duration::from_millis(100),
    };

    /// Pushes (ssrc, sequence, milliseconds); gives (sequence, lost, restart).
    fn run(patience: Option<Patience>, packets: &[(u32, u16, u64)]) -> Vec<(u16, u32, Option<Restart>)> {
        let mut sequencer = Sequencer::new(patience);
        let start = Instant::now();
        let mut out = Vec::new();
        let mut deliver = |d: Delivery<'_>| out.push((d.packet.sequence, d.lost, d.restart));
        for &(ssrc, sequence, ms) in packets {
            let raw = build(96, sequence, 0, ssrc, false, &[1]);
            let now = start + Duration::from_millis(ms);
            sequencer.expire(now, &mut deliver);
            sequencer.push(RtpPacket::parse(&raw).unwrap(), &raw, now, &mut deliver);
        }
        sequencer.expire(start + Duration::from_secs(3600), &mut deliver);
        assert_eq!(sequencer.deadline(), None);
        out
    }

    #[test]
    fn ordered_transport_says_holes_at_once_and_drops_doubles() {
        let out = run(
            None,
            &[
                (1, 65534, 0),
                (1, 65535, 0),
                (1, 65535, 0),
                (1, 2, 0),
                (1, 1, 0),
                (1, 3, 0),
            ],
        );
        assert_eq!(out, [(65534, 0, None), (65535, 0, None), (2, 2, None), (3, 0, None)]);
    }

    #[test]
    fn late_packets_find_their_place() {
        let out = run(
            Some(PATIENCE),
            &[(1, 10, 0), (1, 13, 1), (1, 12, 2), (1, 11, 3), (1, 14, 4)],
        );
        assert_eq!(
            out.iter().map(|o| (o.0, o.1)).collect::<Vec<_>>(),
            [(10, 0), (11, 0), (12, 0), (13, 0), (14, 0)]
        );
    }

    #[test]
    fn patience_ends() {
        let out = run(Some(PATIENCE), &[(1, 10, 0), (1, 12, 1), (1, 13, 200)]);
        assert_eq!(out, [(10, 0, None), (12, 1, None), (13, 0, None)]);
    }

    #[test]
    fn one_wild_header_is_nothing_two_are_a_restart() {
        let out = run(
            None,
            &[
                (1, 10, 0),
                (9, 700, 0),
                (1, 11, 0),
                (9, 800, 0),
                (9, 801, 0),
                (9, 802, 0),
            ],
        );
        assert_eq!(
            out,
            [
                (10, 0, None),
                (11, 0, None),
                (800, 0, Some(Restart::Ssrc)),
                (801, 0, None),
                (802, 0, None)
            ]
        );
        let out = run(None, &[(1, 10, 0), (1, 30_000, 0), (1, 30_001, 0)]);
        assert_eq!(
            out,
            [(10, 0, None), (30_000, 0, Some(Restart::Sequence)), (30_001, 0, None)]
        );
    }

    proptest! {
        /// Whatever comes: delivered in order without doubles, and delivered + lost = the span.
        #[test]
        fn the_books_balance(start: u16, order in proptest::collection::vec((0u16..40, 0u64..60), 1..200)) {
            let mut packets = vec![(1, start, 0)];
            let mut ms = 0;
            for (n, (jitter, pause)) in order.into_iter().enumerate() {
                ms += pause;
                packets.push((1, start.wrapping_add(1 + (n as u16 / 2) + jitter), ms));
            }
            let out = run(Some(PATIENCE), &packets);
            let mut expected = start;
            for (sequence, lost, restart) in out {
                prop_assert_eq!(restart, None);
                expected = expected.wrapping_add(lost as u16);
                prop_assert_eq!(sequence, expected);
                expected = expected.wrapping_add(1);
            }
        }

        #[test]
        fn anything_goes_without_panic(packets in proptest::collection::vec((0u32..3, any::<u16>(), 0u64..1000), 0..200)) {
            let _ = run(Some(PATIENCE), &packets);
            let _ = run(None, &packets);
        }
    }
}
