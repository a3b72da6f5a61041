//! One encrypted file with everything that is set up on a recorder.
//!
//! The file: a line `vigie backup 1` (what it is, its format), a line of JSON ([`Head`]), the
//! contents under ChaCha20-Poly1305, and SHA-256 of all that. Both lines can be read without the
//! password, and are authenticated with the contents. The key is Argon2id (19, 64 MiB, t = 3, p = 1)
//! of the password and the salt; these figures belong to format 1. The sum tells damage from a wrong
//! password.
//!
//! Belongs here: the file. Does not belong here: what restoring does (`vigie_actors::backup`).

use std::collections::BTreeMap;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{Aead, KeyInit, Payload},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vigie_config::{ErrorKind, Kind, Utc};

use crate::{accounts::Portable, layouts::Layout, preferences::Preference, tags::Tag};

/// A whole file; what is longer is not looked at.
pub const MOST_BYTES: usize = 32 << 20;
const FORMAT: u32 = 1;
const MAGIC: &str = "vigie backup ";
const SUM_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
/// The file says how it is encrypted before anything has authenticated it.
const LONGEST_HEAD: usize = 4096;

/// What everybody may read of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Of the recorder.
    pub name: String,
    pub saved: Utc,
    /// Of the program.
    pub version: String,
    /// Hexadecimal, as the nonce.
    salt: String,
    nonce: String,
    /// Of the encrypted contents.
    length: usize,
}

/// What is kept of a recorder: neither footage nor logs nor sessions.
#[derive(Clone, Serialize, Deserialize)]
pub struct Contents {
    /// Which recorder it is of ([`crate::RecorderId`]).
    pub recorder: String,
    pub name: String,
    /// The text of the configuration file.
    pub config: String,
    /// What its `${NAME}` stood for.
    pub variables: BTreeMap<String, String>,
    pub accounts: Portable,
    pub layouts: Vec<Layout>,
    pub preferences: Vec<Preference>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the password has {seen} characters: use at least {SHORTEST}")]
    ShortPassword { seen: usize },
    #[error("the file has more than {MOST_BYTES} bytes, more than any backup of Vigie")]
    Large,
    #[error("the file is no backup of Vigie: expected one that begins with \"{MAGIC}1\"")]
    Foreign,
    #[error("the backup has format {seen}, newer than {FORMAT}: restore it with the newer vigie that made it")]
    Newer { seen: u32 },
    #[error("the backup is cut off: seen {seen} bytes, expected {expected}; copy it again")]
    Truncated { seen: usize, expected: usize },
    #[error("the backup is damaged ({0}): copy it again, or use another one")]
    Damaged(&'static str),
    #[error("the password is not the one that the backup was made with")]
    WrongPassword,
    #[error("what is in the backup cannot be read: {0}")]
    Contents(String),
    #[error("the backup would have {seen} bytes, expected at most {MOST_BYTES}: delete tags first")]
    TooMuch { seen: usize },
    #[error("cannot encrypt: {0}")]
    Encrypt(String),
}

impl Kind for BackupError {
    fn kind(&self) -> ErrorKind {
        match self {
            BackupError::TooMuch { .. } => ErrorKind::Full,
            BackupError::Encrypt(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Misconfigured,
        }
    }
}

const SHORTEST: usize = 8;

impl Contents {
    /// Takes a second and 64 MiB.
    pub fn sealed(&self, password: &str) -> Result<Vec<u8>, BackupError> {
        let characters = password.chars().count();
        if characters < SHORTEST {
            return Err(BackupError::ShortPassword { seen: characters });
        }
        let failed = |error: &dyn ToString| BackupError::Encrypt(error.to_string());
        let plain = serde_json::to_vec(self).map_err(|error| failed(&error))?;
        let (mut salt, mut nonce) = ([0u8; SALT_BYTES], [0u8; NONCE_BYTES]);
        getrandom::fill(&mut salt).map_err(|error| failed(&error))?;
        getrandom::fill(&mut nonce).map_err(|error| failed(&error))?;
        let head = Head {
            name: self.name.clone(),
            saved: Utc::now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            salt: hex::encode(salt),
            nonce: hex::encode(nonce),
            length: plain.len() + 16,
        };
        let lines = format!(
            "{MAGIC}{FORMAT}\n{}\n",
            serde_json::to_string(&head).unwrap_or_default()
        );
        let cipher = cipher(password, &salt)?;
        let payload = Payload {
            msg: &plain,
            aad: lines.as_bytes(),
        };
        let sealed = cipher.encrypt(&nonce.into(), payload).map_err(|error| failed(&error))?;
        let mut file = [lines.as_bytes(), &sealed].concat();
        file.extend(Sha256::digest(&file));
        match file.len() <= MOST_BYTES {
            true => Ok(file),
            false => Err(BackupError::TooMuch { seen: file.len() }),
        }
    }

    /// Takes a second and 64 MiB, of whole files alone.
    pub fn open(file: &[u8], password: &str) -> Result<(Head, Contents), BackupError> {
        let (head, lines, rest) = head(file)?;
        let whole = (lines.len() + SUM_BYTES).saturating_add(head.length);
        let (sealed, sum) = match file.len().cmp(&whole) {
            std::cmp::Ordering::Less => {
                let (seen, expected) = (file.len(), whole);
                return Err(BackupError::Truncated { seen, expected });
            }
            std::cmp::Ordering::Greater => return Err(BackupError::Damaged("something is behind its end")),
            std::cmp::Ordering::Equal => rest.split_at(head.length),
        };
        let mut seen = Sha256::new();
        seen.update(lines);
        seen.update(sealed);
        if seen.finalize()[..] != *sum {
            return Err(BackupError::Damaged("its sum is not right"));
        }
        let payload = Payload {
            msg: sealed,
            aad: lines,
        };
        let (mut salt, mut nonce) = ([0u8; SALT_BYTES], [0u8; NONCE_BYTES]);
        let decoded = hex::decode_to_slice(&head.salt, &mut salt).is_ok();
        if !decoded || hex::decode_to_slice(&head.nonce, &mut nonce).is_err() {
            return Err(BackupError::Damaged("its second line"));
        }
        let plain = cipher(password, &salt)?.decrypt(&nonce.into(), payload);
        let plain = plain.map_err(|_| BackupError::WrongPassword)?;
        // Never what is in it: the error's place says enough.
        let contents = serde_json::from_slice(&plain).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            BackupError::Contents(format!("line {line}, column {column}"))
        })?;
        Ok((head, contents))
    }
}

/// What everybody may read, both lines, and the rest.
fn head(file: &[u8]) -> Result<(Head, &[u8], &[u8]), BackupError> {
    if file.len() > MOST_BYTES {
        return Err(BackupError::Large);
    }
    let after = file.strip_prefix(MAGIC.as_bytes()).ok_or(BackupError::Foreign)?;
    let mut lines = after.splitn(3, |byte| *byte == b'\n');
    let number = lines.next().and_then(|number| std::str::from_utf8(number).ok());
    let format: u32 = number
        .and_then(|number| number.parse().ok())
        .ok_or(BackupError::Foreign)?;
    if format > FORMAT {
        return Err(BackupError::Newer { seen: format });
    }
    let short = BackupError::Truncated {
        seen: file.len(),
        expected: file.len() + 1,
    };
    let (Some(text), Some(rest)) = (lines.next(), lines.next()) else {
        return Err(short);
    };
    if text.len() > LONGEST_HEAD {
        return Err(BackupError::Damaged("its second line is too long"));
    }
    let head = serde_json::from_slice(text).map_err(|_| BackupError::Damaged("its second line"))?;
    let (lines, _) = file.split_at(file.len() - rest.len());
    Ok((head, lines, rest))
}

fn cipher(password: &str, salt: &[u8]) -> Result<ChaCha20Poly1305, BackupError> {
    let failed = |error: argon2::Error| BackupError::Encrypt(error.to_string());
    let params = Params::new(64 << 10, 3, 1, Some(32)).map_err(failed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut key = [0u8; 32];
    argon2
        .hash_password_into(password.as_bytes(), salt, &mut key)
        .map_err(failed)?;
    Ok(ChaCha20Poly1305::new(&key.into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use vigie_config::CameraId;

    use super::*;
    use crate::accounts::{Accounts, GroupName, Rights, Verdict};

    const WORDS: &str = "correct horse battery";

    fn contents(accounts: &Accounts) -> Contents {
        Contents {
            recorder: "r".into(),
            name: "Lobby".into(),
            config: "[server]\nname = \"Lobby\"\n".into(),
            variables: [("GATE".to_owned(), "s3cret".to_owned())].into(),
            accounts: accounts.export(),
            layouts: Vec::new(),
            preferences: Vec::new(),
            tags: Vec::new(),
        }
    }

    fn file() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        contents(&Accounts::open(folder.path())).sealed(WORDS).unwrap()
    }

    #[test]
    fn what_is_wrong_with_a_file_has_each_its_own_words() {
        let file = file();
        let (head, opened) = Contents::open(&file, WORDS).unwrap();
        assert_eq!((head.name.as_str(), opened.config.len()), ("Lobby", 24));
        assert!(!file.windows(6).any(|part| part == b"s3cret"), "a secret is readable");
        let wrong = |file: &[u8], password: &str| Contents::open(file, password).map(drop).unwrap_err();
        assert!(matches!(
            wrong(&file, "correct horse batterx"),
            BackupError::WrongPassword
        ));
        assert!(matches!(
            wrong(&file[..file.len() - 1], WORDS),
            BackupError::Truncated { .. }
        ));
        assert!(matches!(wrong(&file[..20], WORDS), BackupError::Truncated { .. }));
        assert!(matches!(
            wrong(&[&file[..], b"x"].concat(), WORDS),
            BackupError::Damaged(_)
        ));
        assert!(matches!(wrong(b"PK\x03\x04", WORDS), BackupError::Foreign));
        assert!(matches!(wrong(b"", WORDS), BackupError::Foreign));
        assert!(matches!(wrong(&vec![0; MOST_BYTES + 1], WORDS), BackupError::Large));
        let mut newer = file.clone();
        newer[MAGIC.len()] = b'2';
        assert!(matches!(wrong(&newer, WORDS), BackupError::Newer { seen: 2 }));
        let mut damaged = file.clone();
        let at = damaged.len() - 40;
        damaged[at] ^= 1;
        assert!(matches!(wrong(&damaged, WORDS), BackupError::Damaged(_)));
        let folder = tempfile::tempdir().unwrap();
        let weak = contents(&Accounts::open(folder.path())).sealed("short");
        assert!(matches!(weak, Err(BackupError::ShortPassword { seen: 5 })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever came of a file on its way: an error, and never one of what is in it.
        #[test]
        fn no_other_file_opens(bytes in proptest::collection::vec(any::<u8>(), 0..400), lines in any::<bool>()) {
            let bytes = if lines { [b"vigie backup 1\n".as_slice(), &bytes].concat() } else { bytes };
            prop_assert!(Contents::open(&bytes, WORDS).is_err());
        }

        #[test]
        fn a_bit_that_fell_is_seen(at in any::<proptest::sample::Index>(), bit in 0u8..8) {
            static FILE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(file);
            let mut bytes = FILE.clone();
            bytes[at.index(FILE.len())] ^= 1 << bit;
            let error = Contents::open(&bytes, WORDS).map(drop).unwrap_err();
            prop_assert!(!matches!(error, BackupError::WrongPassword | BackupError::Contents(_)), "{error}");
        }
    }

    #[test]
    fn another_recorder_knows_everybody_then() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let from = Accounts::open(one.path());
        let gate = [CameraId::new("gate").unwrap()].into();
        from.operator()
            .add("ann", GroupName::administrator(), None, "password of ann")
            .unwrap();
        from.operator()
            .add("ben", GroupName::ordinary(), Some(gate), "password of ben")
            .unwrap();
        let ann = from.get("ann").unwrap();
        let (_, token) = from.add_token(&ann, "script", Rights::default(), None).unwrap();
        let to = Accounts::open(two.path());
        to.operator()
            .add("eve", GroupName::administrator(), None, "password of eve")
            .unwrap();
        to.operator()
            .add("ben", "advanced".parse().unwrap(), None, "another password")
            .unwrap();
        let file = contents(&from).sealed(WORDS).unwrap();
        let (_, contents) = Contents::open(&file, WORDS).unwrap();
        let words = to.import_changes(&contents.accounts).unwrap();
        assert_eq!(
            words,
            [
                "user ann: added, in the group administrator",
                "user ben: group ordinary, another password, other cameras",
                "user eve: removed",
                "token \"script\" of ann: added",
            ]
        );
        assert!(to.get("eve").is_some(), "a look changes nothing");
        to.import(&contents.accounts).unwrap();
        for accounts in [&to, &Accounts::open(two.path())] {
            assert!(matches!(
                accounts.verify("ann", "password of ann"),
                Verdict::Accepted(_)
            ));
            assert!(matches!(
                accounts.verify("ben", "password of ben"),
                Verdict::Accepted(_)
            ));
            assert!(matches!(accounts.verify("eve", "password of eve"), Verdict::Refused));
            assert_eq!(accounts.ha1("ann"), from.ha1("ann"), "sealed anew");
            assert!(accounts.ha1("ann").is_some() && accounts.shown_token(&token).is_some());
            assert_eq!(accounts.get("ben"), from.get("ben"));
        }
        assert!(to.import_changes(&contents.accounts).unwrap().is_empty());
        let empty = tempfile::tempdir().unwrap();
        let nobody = Accounts::open(empty.path()).export();
        assert!(from.import(&nobody).is_err(), "somebody has to manage users");
    }
}
