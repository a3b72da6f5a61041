//! Bytes on their way out, harmed on purpose or not.

use std::io::{ErrorKind, Write};

use rand::{RngExt, rngs::StdRng};

use super::{
    Now, Session, Track, Way,
    media::{drift, jump, rate},
};
use crate::{camera::Stream, lies::Lies, packet::Packets};

/// What may wait for a slow client before it is let go.
const PENDING_LIMIT: usize = 64 << 20;

impl Session {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn send(
        &mut self,
        place: usize,
        track: &mut Track,
        stream: &mut Stream,
        packets: &Packets,
        lies: &Lies,
        number: Option<u64>,
        rng: &mut StdRng,
    ) {
        track.sequence = track.sequence.wrapping_add(packets.starts.len() as u16);
        track.packets = track.packets.wrapping_add(packets.starts.len() as u32);
        track.octets = track
            .octets
            .wrapping_add((packets.bytes.len() - 16 * packets.starts.len()) as u32);
        stream.log.bytes += packets.bytes.len() as u64;
        if !lies.touch_packets() && self.held.is_none() {
            match &track.way {
                Way::Tcp(_) => {
                    if lies.trickle_bytes_per_s.is_some() {
                        self.pending.extend_from_slice(&packets.bytes);
                    } else {
                        self.write(&packets.bytes);
                    }
                }
                way => packets.iter().for_each(|p| datagram(way, p)),
            }
        } else {
            let mut damaged = false;
            let mut chance = |percent: f64| percent > 0.0 && rng.random_bool((percent / 100.0).min(1.0));
            for packet in packets.iter() {
                let lost = chance(lies.loss_percent);
                let (corrupt, twice) = (chance(lies.corrupt_percent), chance(lies.duplicate_percent));
                let late = chance(lies.reorder_percent) && self.held.is_none();
                if lost {
                    damaged = true;
                    continue;
                }
                let mut packet = packet.to_vec();
                if corrupt {
                    damaged = true;
                    corrupt_payload(&mut packet);
                }
                if late {
                    self.held = Some((place, packet));
                    continue;
                }
                self.put(&track.way, &packet);
                if twice {
                    self.put(&track.way, &packet);
                }
                if let Some((from, held)) = self.held.take() {
                    if from == place {
                        self.put(&track.way, &held);
                    } else {
                        self.held = Some((from, held));
                    }
                }
            }
            if chance(lies.garbage_percent) && matches!(track.way, Way::Tcp(_)) {
                damaged = true;
                self.write(b"\x00\x17garbage between frames, as some firmware sends it\xff\xfe\r\n");
            }
            if let (true, Some(number)) = (damaged, number) {
                stream.log.damaged.push(number);
            }
        }
        if self.pending.len() - self.pending_at > PENDING_LIMIT {
            stream.log.overflows += 1;
            self.close = true;
        }
    }

    pub(super) fn put(&mut self, way: &Way, packet: &[u8]) {
        match way {
            Way::Tcp(_) => self.write(packet),
            way => datagram(way, packet),
        }
    }

    /// RTCP sender report (RFC 3550 6.4.1) with a CNAME.
    pub(super) fn report(&mut self, stream: &Stream, track: &Track, lies: &Lies, now: Now) {
        let ntp_s = (now.us / 1_000_000 + 2_208_988_800).wrapping_add_signed(lies.clock_ahead_s);
        let ntp_fraction = ((now.us % 1_000_000) << 32) / 1_000_000;
        let (interval, ticks) = rate(stream, track);
        let elapsed = now.ns.saturating_sub(stream.phase_ns) as f64 / interval;
        let time = (elapsed * ticks * drift(lies)) as i64 + jump(stream, track);
        let mut packet = vec![b'$', 0, 0, 0, 0x80, 200, 0, 6];
        packet.extend(track.ssrc.to_be_bytes());
        packet.extend((ntp_s as u32).to_be_bytes());
        packet.extend((ntp_fraction as u32).to_be_bytes());
        packet.extend(track.base.wrapping_add(time as u32).to_be_bytes());
        packet.extend(track.packets.to_be_bytes());
        packet.extend(track.octets.to_be_bytes());
        packet.extend([0x81, 202, 0, 3]);
        packet.extend(track.ssrc.to_be_bytes());
        packet.extend(*b"\x01\x04cam1\0\0");
        let len = (packet.len() - 4) as u16;
        packet[2..4].copy_from_slice(&len.to_be_bytes());
        match &track.way {
            Way::Tcp(channel) => {
                packet[1] = channel.wrapping_add(1);
                self.write(&packet);
            }
            Way::Udp { rtcp, to, .. } => {
                rtcp.send_to(&packet[4..], to.1).ok();
            }
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        let mut sent = 0;
        if !self.wants_write() {
            loop {
                match self.socket.write(bytes) {
                    Ok(len) => sent = len,
                    Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => self.close = true,
                }
                break;
            }
        }
        self.pending.extend_from_slice(bytes.get(sent..).unwrap_or_default());
    }

    /// Sends what waits, `budget` bytes at most.
    pub fn flush(&mut self, mut budget: usize) {
        while self.wants_write() && budget > 0 {
            let end = self.pending.len().min(self.pending_at.saturating_add(budget));
            match self
                .socket
                .write(self.pending.get(self.pending_at..end).unwrap_or_default())
            {
                Ok(len) => {
                    self.pending_at += len;
                    budget -= len;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.close = true;
                    break;
                }
            }
        }
        if !self.wants_write() {
            self.pending.clear();
            self.pending_at = 0;
        } else if self.pending_at > 1 << 20 {
            self.pending.drain(..self.pending_at);
            self.pending_at = 0;
        }
    }
}

fn datagram(way: &Way, packet: &[u8]) {
    if let (Way::Udp { rtp, to, .. }, Some(packet)) = (way, packet.get(4..)) {
        rtp.send_to(packet, to.0).ok();
    }
}

/// Overwrites a few bytes behind the RTP header.
fn corrupt_payload(packet: &mut [u8]) {
    let len = packet.len();
    for place in [18, len / 3, len / 2, len.saturating_sub(2)] {
        if place > 16
            && let Some(byte) = packet.get_mut(place)
        {
            *byte ^= 0x5a;
        }
    }
}
