//! Who we are to push services: RFC 8292. One key for the life of this installation, in
//! `<state_dir>/vapid.pk8`: browsers subscribe to it.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::json;
use url::Url;
use vigie_config::Utc;

/// RFC 8292 allows 24 h.
const LIFETIME_S: i64 = 12 * 3600;

pub struct Vapid {
    path: PathBuf,
    key: Mutex<Option<EcdsaKeyPair>>,
}

impl Vapid {
    /// The key is read, or made, when it is first asked for.
    pub fn new(state_dir: &Path) -> Vapid {
        Vapid {
            path: state_dir.join("vapid.pk8"),
            key: Mutex::new(None),
        }
    }

    /// The public key that browsers subscribe with: base64url of the uncompressed point.
    pub fn public_key(&self) -> Result<String, String> {
        self.with_key(|key| Ok(BASE64_URL_SAFE_NO_PAD.encode(key.public_key())))
    }

    fn with_key<T>(&self, work: impl FnOnce(&EcdsaKeyPair) -> Result<T, String>) -> Result<T, String> {
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *key {
            Some(key) => work(key),
            none => work(none.insert(self.load()?)),
        }
    }

    fn load(&self) -> Result<EcdsaKeyPair, String> {
        let failed = |error: io::Error| format!("the key {}: {error}", self.path.display());
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make().map_err(failed)?,
            Err(error) => return Err(failed(error)),
        };
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes, &SystemRandom::new());
        key.map_err(|error| {
            format!(
                "{} is no key on P-256 ({error}): put the old one back",
                self.path.display()
            )
        })
    }

    fn make(&self) -> io::Result<Vec<u8>> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let made = made.map_err(|_| io::Error::other("no chance"))?;
        // A whole file or none.
        let draft = self.path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(made.as_ref())?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        if let Some(folder) = self.path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(made.as_ref().to_vec())
    }

    /// The header for one push service.
    pub fn authorization(&self, endpoint: &Url, contact: &str, now: Utc) -> Result<String, String> {
        let encode = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let header = encode(json!({ "typ": "JWT", "alg": "ES256" }));
        let claims = encode(json!({
            "aud": endpoint.origin().ascii_serialization(),
            "exp": now.timestamp().as_second() + LIFETIME_S,
            "sub": contact,
        }));
        let signed = format!("{header}.{claims}");
        self.with_key(|key| {
            let signature = key
                .sign(&SystemRandom::new(), signed.as_bytes())
                .map_err(|_| "no chance")?;
            let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
            let public = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
            Ok(format!("vapid t={signed}.{signature}, k={public}"))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn the_same_key_again_and_a_token_that_it_signed() {
        let folder = tempfile::tempdir().unwrap();
        let public = Vapid::new(folder.path()).public_key().unwrap();
        let vapid = Vapid::new(folder.path());
        assert_eq!(vapid.public_key().unwrap(), public);
        let mode = fs::metadata(folder.path().join("vapid.pk8"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let endpoint = Url::parse("https://push.example:8443/p/abc").unwrap();
        let now: Utc = "2026-11-20T13:00:00Z".parse().unwrap();
        let header = vapid.authorization(&endpoint, "mailto:ann@example.org", now).unwrap();
        let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(key, public);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key))
            .verify(signed.as_bytes(), &decode(signature))
            .unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&decode(signed.split_once('.').unwrap().1)).unwrap();
        assert_eq!(claims["aud"], "https://push.example:8443");
        assert_eq!(claims["exp"], now.timestamp().as_second() + LIFETIME_S);
    }

    #[test]
    fn a_key_that_is_broken_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("vapid.pk8"), b"torn").unwrap();
        assert!(Vapid::new(folder.path()).public_key().is_err());
        assert_eq!(fs::read(folder.path().join("vapid.pk8")).unwrap(), b"torn");
    }
}
