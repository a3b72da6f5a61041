//! The HA1 of RTSP Digest (RFC 2617 §3.2.2.2), kept sealed.
//!
//! Digest needs `MD5(name:realm:password)`, which is worth as much as the password within the
//! realm. So it is stored only under ChaCha20-Poly1305 with a key of this installation: a copy
//! of the journal alone tells nothing.

use std::{
    fs, io,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{Aead, KeyInit, Payload},
};
use md5::{Digest, Md5};

use super::AccountsError;
use crate::journal::sync_folder;

/// The one realm of this recorder, for Digest and Basic.
pub const REALM: &str = "vigie";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// `MD5(name:vigie:password)` as 32 lower-case hexadecimal digits.
pub(super) fn ha1(name: &str, password: &str) -> String {
    hex::encode(Md5::digest(format!("{name}:{REALM}:{password}")))
}

pub(super) struct Seal(ChaCha20Poly1305);

impl Seal {
    /// `Ok(None)`: there is no key yet.
    pub fn load(path: &Path) -> Result<Option<Seal>, AccountsError> {
        let failed = |error| AccountsError::Io {
            what: "read the key",
            path: path.to_owned(),
            error,
        };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(KEY_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()) else {
            let seen = bytes.len() as u64;
            return Err(AccountsError::BadKey {
                path: path.to_owned(),
                seen,
                expected: KEY_BYTES,
            });
        };
        Ok(Some(Seal(ChaCha20Poly1305::new(&key.into()))))
    }

    /// Makes the key if there is none. The file has its name only once it is whole and synced.
    pub fn load_or_create(path: &Path) -> Result<Seal, AccountsError> {
        if let Some(seal) = Seal::load(path)? {
            return Ok(seal);
        }
        let failed = |error| AccountsError::Io {
            what: "create the key",
            path: path.to_owned(),
            error,
        };
        let mut key = [0u8; KEY_BYTES];
        getrandom::fill(&mut key)?;
        let temporary = path.with_extension("key.new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed)?;
        file.write_all(&key).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&temporary, path).map_err(failed)?;
        sync_folder(path).map_err(failed)?;
        Ok(Seal(ChaCha20Poly1305::new(&key.into())))
    }

    /// The name is bound in: a sealed text moved to another user does not open.
    pub fn seal(&self, name: &str, ha1: &str) -> Result<String, AccountsError> {
        let mut nonce = [0u8; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let payload = Payload {
            msg: ha1.as_bytes(),
            aad: name.as_bytes(),
        };
        let sealed = self
            .0
            .encrypt(&nonce.into(), payload)
            .map_err(|_| AccountsError::Hash("sealing the digest secret failed".into()))?;
        Ok(BASE64_STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// `None`: sealed with another key, or for another name, or damaged.
    pub fn open(&self, name: &str, sealed: &str) -> Option<String> {
        let bytes = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, msg) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg,
            aad: name.as_bytes(),
        };
        String::from_utf8(self.0.decrypt(&(*nonce).into(), payload).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn ha1_is_that_of_rfc_2617() {
        // `printf 'Mufasa:vigie:Circle Of Life' | md5sum`
        assert_eq!(ha1("Mufasa", "Circle Of Life"), "1261079a54e3652645603ec48ac39e19");
    }

    #[test]
    fn what_is_sealed_opens_only_with_its_key_and_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        assert!(Seal::load(&path).unwrap().is_none());
        let sealed = Seal::load_or_create(&path).unwrap().seal("ann", "0123").unwrap();
        let again = Seal::load(&path).unwrap().unwrap();
        assert_eq!(again.open("ann", &sealed).as_deref(), Some("0123"));
        assert_eq!(again.open("bob", &sealed), None);
        assert_eq!(again.open("ann", "AAAA"), None);
        let other = Seal::load_or_create(&folder.path().join("other.key")).unwrap();
        assert_eq!(other.open("ann", &sealed), None);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_short_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        fs::write(&path, [1; 31]).unwrap();
        assert!(matches!(
            Seal::load_or_create(&path),
            Err(AccountsError::BadKey { seen: 31, .. })
        ));
    }
}
