//! The second factor: codes of an authenticator (TOTP, RFC 6238: SHA-1, 6 digits, 30 s), and codes
//! for the day that it is lost.
//!
//! The secret is sealed at rest as the digest secret is; of recovery codes only SHA-256 is kept. No
//! code is accepted twice.

use std::time::{Duration, Instant};

use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vigie_config::Utc;

use super::AccountsError;

const STEP_S: u64 = 30;
/// RFC 4226 §4 asks for 128 bits and recommends these.
const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;
/// 80 bits, as four groups of four letters.
const RECOVERY_BYTES: usize = 10;
/// A secret that was told waits so long for its first code.
pub(super) const ENROL_WITHIN: Duration = Duration::from_secs(15 * 60);

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the journal holds of a user's second factor.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredFactor {
    /// Hexadecimal, sealed with the key of this installation.
    pub secret: String,
    /// Nothing of this time step (RFC 6238 §4.2) or before is accepted any more.
    pub last_step: u64,
    /// SHA-256 of those not used yet, hexadecimal.
    pub recovery: Vec<String>,
}

/// A secret that nobody has shown a code of yet.
pub(super) struct Enrolment {
    pub secret: Vec<u8>,
    pub since: Instant,
}

/// What an authenticator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFactor {
    /// Base32, to be typed.
    pub secret: String,
    /// `otpauth://`, to be scanned.
    pub uri: String,
}

impl Enrolment {
    pub fn new() -> Result<Enrolment, AccountsError> {
        let mut secret = vec![0u8; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let since = Instant::now();
        Ok(Enrolment { secret, since })
    }

    /// User names hold nothing that a URI would have to escape but `@`.
    pub fn told(&self, name: &str) -> NewFactor {
        let secret = base32(&self.secret);
        let name = name.replace('@', "%40");
        NewFactor {
            uri: format!("otpauth://totp/Vigie:{name}?secret={secret}&issuer=Vigie&algorithm=SHA1&digits=6&period=30"),
            secret,
        }
    }
}

/// RFC 4648 §6, without padding: all that is encoded here are whole groups of five bytes.
fn base32(bytes: &[u8]) -> String {
    let (mut text, mut bits, mut held) = (String::new(), 0u32, 0u32);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            let letter = BASE32.get((bits >> held) as usize & 31).copied().unwrap_or(b'A');
            text.push(char::from(letter));
        }
    }
    text
}

/// RFC 4226 §5.3.
fn code(secret: &[u8], step: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 15);
    let word = tag.get(offset..).and_then(|rest| rest.first_chunk::<4>());
    let word = word.map_or(0, |word| u32::from_be_bytes(*word));
    (word & 0x7fff_ffff) % 1_000_000
}

pub(super) fn step_of(now: Utc) -> u64 {
    u64::try_from(now.as_micros() / 1_000_000).unwrap_or_default() / STEP_S
}

/// The step that a code is of: this one, the one before or the next one (RFC 6238 §5.2), if it is
/// later than `last_step`.
pub(super) fn step_shown(secret: &[u8], text: &str, last_step: u64, now: Utc) -> Option<u64> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let shown: u32 = digits.parse().ok()?;
    let step = step_of(now);
    let steps = [step.saturating_sub(1), step, step + 1];
    // Numbers are compared in constant time.
    steps
        .into_iter()
        .find(|step| *step > last_step && code(secret, *step) == shown)
}

/// Fresh codes for people, and what is kept of them.
pub(super) fn recovery_codes() -> Result<(Vec<String>, Vec<String>), AccountsError> {
    let mut codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let mut bytes = [0u8; RECOVERY_BYTES];
        getrandom::fill(&mut bytes)?;
        let text = base32(&bytes).to_lowercase();
        let groups: Vec<&str> = [0, 4, 8, 12].iter().filter_map(|at| text.get(*at..at + 4)).collect();
        codes.push(groups.join("-"));
    }
    let kept = codes.iter().map(|code| recovery_hash(code)).collect();
    Ok((codes, kept))
}

/// However it was typed.
pub(super) fn recovery_hash(code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .take(64)
        .collect();
    hex::encode(Sha256::digest(plain))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;

    /// What an authenticator shows.
    pub fn shown(secret: &str, now: Utc) -> String {
        let bits: Vec<u8> = secret
            .bytes()
            .map(|letter| BASE32.iter().position(|other| *other == letter).unwrap() as u8)
            .flat_map(|five| (0..5).rev().map(move |bit| five >> bit & 1))
            .collect();
        let bytes = bits
            .chunks_exact(8)
            .map(|eight| eight.iter().fold(0u8, |byte, bit| byte << 1 | bit));
        format!("{:06}", code(&bytes.collect::<Vec<u8>>(), step_of(now)))
    }

    /// RFC 6238 appendix B, the last 6 of its 8 digits.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = b"12345678901234567890";
        for (seconds, expected) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(code(secret, seconds / STEP_S), expected, "{seconds}");
        }
    }

    /// RFC 4648 §10.
    #[test]
    fn base32_is_that_of_rfc_4648() {
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
        assert_eq!(base32(b"12345678901234567890"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_code_is_good_for_a_step_around_and_never_again() {
        let secret = b"12345678901234567890";
        let now = Utc::from_micros(1_111_111_109_000_000);
        let step = step_of(now);
        let text = |step| format!("{:06}", code(secret, step));
        for near in [step - 1, step, step + 1] {
            assert_eq!(step_shown(secret, &text(near), 0, now), Some(near));
            assert_eq!(step_shown(secret, &text(near), near, now), None, "not twice");
        }
        assert_eq!(step_shown(secret, &text(step - 2), 0, now), None);
        assert_eq!(step_shown(secret, &text(step + 2), 0, now), None);
        assert_eq!(step_shown(secret, " 081 804 ", 0, now), Some(step));
        for rubbish in ["", "81804", "0818040", "-81804", "+81804", "08180x", "٠٨١٨٠٤"] {
            assert_eq!(step_shown(secret, rubbish, 0, now), None, "{rubbish}");
        }
    }

    #[test]
    fn recovery_codes_differ_and_are_known_however_they_are_typed() {
        let (codes, kept) = recovery_codes().unwrap();
        assert_eq!((codes.len(), kept.len()), (RECOVERY_CODES, RECOVERY_CODES));
        for (code, kept) in codes.iter().zip(&kept) {
            assert_eq!(code.len(), 19);
            assert_eq!(recovery_hash(&code.replace('-', " ").to_uppercase()), *kept);
            assert!(!kept.contains(code));
        }
        let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(distinct.len(), RECOVERY_CODES);
    }
}
