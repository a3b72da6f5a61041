//! Control packets (RFC 3550 §6): sender reports in, receiver reports out.

use vigie_config::Utc;

/// What a sender says of its clocks: the same instant on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    pub ssrc: u32,
    /// Seconds since 1900 in 32.32 fixed point; the camera's wall clock, right or wrong.
    pub ntp: u64,
    pub rtp_timestamp: u32,
}

/// From 1900, where NTP counts from, to 1970.
const EPOCHS_APART_S: i64 = 2_208_988_800;

impl SenderReport {
    /// The camera's wall clock when it sent this. `None`: it has none, and counts from elsewhere, which
    /// leaves the highest bit clear (§6.4.1; right until 2036).
    pub fn wall_clock(&self) -> Option<Utc> {
        let seconds = (self.ntp >> 32) as i64;
        let micros = (((self.ntp & u64::from(u32::MAX)) * 1_000_000) >> 32) as i64;
        (self.ntp >> 63 == 1).then(|| Utc::from_micros((seconds - EPOCHS_APART_S) * 1_000_000 + micros))
    }
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;

/// The sender reports of a compound packet; stops at a packet that is cut or of another version.
pub fn sender_reports(mut bytes: &[u8]) -> impl Iterator<Item = SenderReport> + '_ {
    std::iter::from_fn(move || {
        loop {
            let ([flags, kind, n0, n1], _) = bytes.split_first_chunk::<4>()?;
            if flags >> 6 != 2 {
                return None;
            }
            let len = (usize::from(u16::from_be_bytes([*n0, *n1])) + 1) * 4;
            let (packet, rest) = bytes.split_at_checked(len)?;
            bytes = rest;
            if *kind == SENDER_REPORT && packet.len() >= 28 {
                return Some(SenderReport {
                    ssrc: word(packet, 4)?,
                    ntp: u64::from(word(packet, 8)?) << 32 | u64::from(word(packet, 12)?),
                    rtp_timestamp: word(packet, 16)?,
                });
            }
        }
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

/// What a receiver says of one source (§6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportBlock {
    pub ssrc: u32,
    /// Lost since the last report, of 256.
    pub fraction_lost: u8,
    pub cumulative_lost: i32,
    /// Highest sequence number with its cycles in the upper half.
    pub highest_sequence: u32,
    /// Middle 32 bits of the last sender report's NTP time; 0: none yet.
    pub last_sender_report: u32,
    /// Since that report, in 1/65536 s.
    pub delay: u32,
}

/// A compound packet of a receiver report and the CNAME that §6.1 demands.
pub fn receiver_report(own_ssrc: u32, block: &ReportBlock) -> Vec<u8> {
    let mut out = Vec::with_capacity(52);
    out.extend([0x81, RECEIVER_REPORT, 0, 7]);
    out.extend(own_ssrc.to_be_bytes());
    out.extend(block.ssrc.to_be_bytes());
    let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
    out.push(block.fraction_lost);
    out.extend(lost.get(1..).unwrap_or(&[0; 3]));
    out.extend(block.highest_sequence.to_be_bytes());
    out.extend([0; 4]); // interarrival jitter: not measured
    out.extend(block.last_sender_report.to_be_bytes());
    out.extend(block.delay.to_be_bytes());
    // SDES: one chunk, CNAME "vigie", ended and padded with zeros to a word.
    out.extend([0x81, SOURCE_DESCRIPTION, 0, 3]);
    out.extend(own_ssrc.to_be_bytes());
    out.extend([1, 5]);
    out.extend(b"vigie\0");
    out
}

#[cfg(test)]
pub(crate) fn sender_report(report: SenderReport) -> Vec<u8> {
    let mut out = vec![0x80, SENDER_REPORT, 0, 6];
    out.extend(report.ssrc.to_be_bytes());
    out.extend(report.ntp.to_be_bytes());
    out.extend(report.rtp_timestamp.to_be_bytes());
    out.extend([0; 8]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_reports_behind_foreign_packets() {
        let report = SenderReport {
            ssrc: 5,
            ntp: 0x0102_0304_0506_0708,
            rtp_timestamp: 9,
        };
        let mut bytes = vec![0x80, 204, 0, 1, 0, 0, 0, 0]; // APP
        bytes.extend(sender_report(report));
        bytes.extend([0x81, 203, 0, 1, 0, 0, 0, 5]); // BYE
        let seen: Vec<_> = sender_reports(&bytes).collect();
        assert_eq!(seen, [report]);
    }

    #[test]
    fn own_report_is_a_whole_compound_packet() {
        let bytes = receiver_report(
            1,
            &ReportBlock {
                cumulative_lost: -1,
                ..Default::default()
            },
        );
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(bytes.len(), 32 + 16);
        assert_eq!(bytes.get(13..16), Some(&[0xff; 3][..]));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = sender_reports(&bytes).count();
        }
    }

    #[test]
    fn a_wall_clock_is_one_only_where_the_camera_has_one() {
        let at = |ntp| {
            let report = SenderReport {
                ssrc: 1,
                ntp,
                rtp_timestamp: 0,
            };
            report.wall_clock().map(|clock| clock.as_micros())
        };
        assert_eq!(at((2_208_988_801 << 32) | 1 << 31), Some(1_500_000));
        // A clock that was never set is one; seconds since the camera started are none.
        assert_eq!(at(2_208_988_800 << 32), Some(0));
        assert_eq!(at(4711 << 32), None);
    }
}
