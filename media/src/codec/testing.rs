//! Packetizers and shorthands for the tests of the codecs.

use crate::codec::{Depacketizer, RtpPayload, nal};

/// A packet to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
}

/// Units of a depacketizer as (timestamp, NAL units, rap).
pub(crate) fn units(d: &mut dyn Depacketizer) -> Vec<(u32, Vec<Vec<u8>>, bool)> {
    std::iter::from_fn(|| d.next())
        .map(|u| {
            (
                u.rtp_timestamp,
                nal::units(&u.data).map(<[u8]>::to_vec).collect(),
                u.rap,
            )
        })
        .collect()
}

pub(crate) fn push(d: &mut dyn Depacketizer, timestamp: u32, marker: bool, payload: &[u8]) -> Result<(), String> {
    d.push(&RtpPayload {
        seq: 7,
        timestamp,
        marker,
        payload,
    })
    .map_err(|e| e.to_string())
}

pub(crate) fn unit(timestamp: u32, nals: &[&[u8]], rap: bool) -> (u32, Vec<Vec<u8>>, bool) {
    (timestamp, nals.iter().map(|n| n.to_vec()).collect(), rap)
}

/// FU-A packets of at most `size` bytes of a NAL unit (RFC 6184 5.8).
pub(crate) fn fragment(nal: &[u8], size: usize) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = nal[1..].chunks(size - 2).collect();
    let last = chunks.len() - 1;
    let header = |i: usize| nal[0] & 0x1f | u8::from(i == 0) << 7 | u8::from(i == last) << 6;
    chunks
        .iter()
        .enumerate()
        .map(|(i, chunk)| [&[nal[0] & 0xe0 | 28, header(i)], *chunk].concat())
        .collect()
}

/// Packs the NAL units of a picture: what fits goes together, what does not is fragmented.
pub(crate) fn split(
    timestamp: u32,
    nals: &[Vec<u8>],
    mtu: usize,
    aggregate: impl Fn(&[&[u8]]) -> Vec<u8>,
    fragment: impl Fn(&[u8], usize) -> Vec<Vec<u8>>,
    out: &mut Vec<Packet>,
) {
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let mut together: Vec<&[u8]> = Vec::new();
    let flush = |together: &mut Vec<&[u8]>, payloads: &mut Vec<Vec<u8>>| {
        match together.as_slice() {
            [] => {}
            [one] => payloads.push(one.to_vec()),
            many => payloads.push(aggregate(many)),
        }
        together.clear();
    };
    for nal in nals {
        let sum: usize = together.iter().map(|n| n.len() + 2).sum();
        if sum + nal.len() + 4 > mtu {
            flush(&mut together, &mut payloads);
        }
        if nal.len() > mtu {
            payloads.extend(fragment(nal, mtu));
        } else {
            together.push(nal);
        }
    }
    flush(&mut together, &mut payloads);
    let last = payloads.len() - 1;
    out.extend(payloads.into_iter().enumerate().map(|(i, payload)| Packet {
        timestamp,
        marker: i == last,
        payload,
    }));
}

/// Which packets are lost: about a tenth, by a seed.
pub(crate) fn losses(seed: u64, count: usize, lossy: bool) -> Vec<bool> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(|_| lossy && next() % 10 == 0).collect()
}

/// Whether all slices of a picture came out, in order and nothing that was not sent. What precedes
/// the picture may be lost without a trace, slices may not.
pub(crate) fn whole_but_for_prefixes(got: &[Vec<u8>], sent: &[Vec<u8>], is_slice: impl Fn(&[u8]) -> bool) -> bool {
    let mut got = got.iter().peekable();
    let slices_are_there = sent
        .iter()
        .all(|nal| got.next_if(|next| *next == nal).is_some() || !is_slice(nal));
    slices_are_there && got.next().is_none()
}
