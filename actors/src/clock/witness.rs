//! Who says that the host's clock is synchronised.
//!
//! The kernel knows, but its answer (`adjtimex`) is refused to a service with `ProtectClock=`. So
//! whoever keeps the clock is asked: systemd-timesyncd leaves a mark, chronyd answers to anybody
//! on this host, ntpd and its kin serve NTP to it. Where none of them says so the clock counts as
//! unsynchronised: footage wrongly deleted for its age does not come back.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use vigie_config::Utc;

/// An answer of this host comes at once or not at all.
const ANSWER_WITHIN: Duration = Duration::from_millis(200);
/// The daemons are asked no more often.
const ASK_EVERY: Duration = Duration::from_secs(16);

const CHRONY_PORT: u16 = 323;
const NTP_PORT: u16 = 123;

pub struct Witnesses {
    timesyncd: PathBuf,
    chrony: SocketAddr,
    ntp: SocketAddr,
    /// When the daemons were asked last, and what they said.
    answered: Mutex<Option<(Instant, bool)>>,
}

impl Default for Witnesses {
    fn default() -> Self {
        Self {
            timesyncd: "/run/systemd/timesync/synchronized".into(),
            chrony: (Ipv4Addr::LOCALHOST, CHRONY_PORT).into(),
            ntp: (Ipv4Addr::LOCALHOST, NTP_PORT).into(),
            answered: Mutex::default(),
        }
    }
}

impl Witnesses {
    pub fn say_synchronised(&self) -> bool {
        if self.timesyncd.exists() {
            return true;
        }
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        match *answered {
            Some((at, said)) if at.elapsed() < ASK_EVERY => said,
            _ => {
                let said = chrony_says_so(self.chrony).unwrap_or(false) || ntp_says_so(self.ntp).unwrap_or(false);
                *answered = Some((Instant::now(), said));
                said
            }
        }
    }
}

/// chronyd's tracking report (version 6 of its command protocol). A request is as long as its
/// answer: chronyd ignores shorter ones.
fn chrony_says_so(chrony: SocketAddr) -> io::Result<bool> {
    const TRACKING: u16 = 33;
    const LEN: usize = 104;
    let sequence = nonce().to_be_bytes();
    let mut request = [
        &[6, 1, 0, 0],
        &TRACKING.to_be_bytes()[..],
        &[0, 0],
        sequence.get(4..).unwrap_or_default(),
    ]
    .concat();
    request.resize(LEN, 0);
    let answer = ask(chrony, &request)?;
    let word = |at: usize| {
        let bytes = answer.get(at..at + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    let ours = answer.get(..2) == Some(&[6, 2]) && answer.get(16..20) == sequence.get(4..);
    // Report 5 is the tracking report, status 0 success, leap status 3 "not synchronised".
    let report = (word(4), word(6), word(8)) == (Some(TRACKING), Some(5), Some(0));
    Ok(ours && report && word(54).is_some_and(|leap| leap < 3))
}

/// An ordinary client's question (RFC 5905 §7.3).
fn ntp_says_so(ntp: SocketAddr) -> io::Result<bool> {
    let sent = nonce().to_be_bytes();
    let mut request = [0u8; 48];
    let (head, transmit) = request.split_at_mut(40);
    head.iter_mut().take(1).for_each(|byte| *byte = 0x23);
    transmit.copy_from_slice(&sent);
    let answer = ask(ntp, &request)?;
    let (Some(first), Some(stratum)) = (answer.first(), answer.get(1)) else {
        return Ok(false);
    };
    let (leap, mode) = (first >> 6, first & 7);
    let ours = answer.len() >= 48 && mode == 4 && answer.get(24..32) == Some(&sent);
    Ok(ours && leap < 3 && (1..16).contains(stratum))
}

/// Tells our question from others'.
fn nonce() -> u64 {
    Utc::now().as_micros().unsigned_abs()
}

fn ask(whom: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(whom)?;
    socket.set_read_timeout(Some(ANSWER_WITHIN))?;
    socket.send(request)?;
    let mut answer = vec![0; 512];
    let got = socket.recv(&mut answer)?;
    answer.truncate(got);
    Ok(answer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Answers one question.
    fn daemon(answer: impl FnOnce(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut request = [0; 512];
            let (got, from) = socket.recv_from(&mut request).unwrap();
            socket.send_to(&answer(&request[..got]), from).unwrap();
        });
        address
    }

    fn chrony(leap: u16) -> SocketAddr {
        daemon(move |request| {
            assert_eq!((request.len(), &request[..6]), (104, &[6, 1, 0, 0, 0, 33][..]));
            let mut answer = vec![0; 104];
            answer[..10].copy_from_slice(&[6, 2, 0, 0, 0, 33, 0, 5, 0, 0]);
            answer[16..20].copy_from_slice(&request[8..12]);
            answer[54..56].copy_from_slice(&leap.to_be_bytes());
            answer
        })
    }

    fn ntp(first: u8, stratum: u8, echo: bool) -> SocketAddr {
        daemon(move |request| {
            assert_eq!((request.len(), request[0]), (48, 0x23));
            let mut answer = vec![0; 48];
            answer[..2].copy_from_slice(&[first, stratum]);
            if echo {
                answer[24..32].copy_from_slice(&request[40..48]);
            }
            answer
        })
    }

    /// Nobody listens there.
    fn nobody() -> SocketAddr {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
    }

    fn say(timesyncd: PathBuf, chrony: SocketAddr, ntp: SocketAddr) -> bool {
        let witnesses = Witnesses {
            timesyncd,
            chrony,
            ntp,
            answered: Mutex::default(),
        };
        witnesses.say_synchronised()
    }

    #[test]
    fn without_a_witness_the_clock_is_not_synchronised() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("synchronized");
        assert!(!say(mark.clone(), nobody(), nobody()));
        std::fs::write(&mark, "").unwrap();
        assert!(say(mark, nobody(), nobody()));
    }

    #[test]
    fn chronyd_and_ntpd_are_believed_and_only_when_they_are_synchronised() {
        let no_mark = PathBuf::from("/nonexistent/synchronized");
        for (leap, expected) in [(0, true), (1, true), (3, false)] {
            assert_eq!(
                say(no_mark.clone(), chrony(leap), nobody()),
                expected,
                "chronyd, leap {leap}"
            );
        }
        for (first, stratum, echo, expected) in [
            (0x24, 2, true, true),
            (0xe4, 2, true, false),
            (0x24, 0, true, false),
            (0x24, 16, true, false),
            (0x24, 2, false, false),
        ] {
            let said = say(no_mark.clone(), nobody(), ntp(first, stratum, echo));
            assert_eq!(said, expected, "ntpd, {first:#x}, stratum {stratum}, echo {echo}");
        }
    }
}
