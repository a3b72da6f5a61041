//! A browser that asked for pushes, written after RFC 8291 and 8188 and not after the recorder.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{aead, agreement, hkdf, rand::SystemRandom};
use serde_json::{Value, json};

/// A browser: its keys open one message.
pub struct Browser {
    own: agreement::EphemeralPrivateKey,
    public: Vec<u8>,
    secret: [u8; 16],
}

/// So many bytes out of HKDF.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(key: &hkdf::Prk, info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    key.expand(info, Length(length)).unwrap().fill(&mut out).unwrap();
    out
}

impl Browser {
    pub fn new() -> Browser {
        let own = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &SystemRandom::new()).unwrap();
        let public = own.compute_public_key().unwrap().as_ref().to_vec();
        Browser {
            own,
            public,
            secret: *b"sixteen bytes ok",
        }
    }

    /// As `PushSubscription.toJSON()` gives it.
    pub fn subscription(&self, endpoint: &str) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({ "endpoint": endpoint, "expirationTime": null,
                "keys": { "p256dh": text(&self.public), "auth": text(&self.secret) } })
    }

    /// RFC 8291 from the other side.
    pub fn open(self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..4], 4096u32.to_be_bytes());
        let (sender, record) = rest[5..].split_at(usize::from(rest[4]));
        let theirs = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, sender);
        let info: &[&[u8]] = &[b"WebPush: info\0", &self.public, sender];
        let input = agreement::agree_ephemeral(self.own, &theirs, |shared| {
            expand(
                &hkdf::Salt::new(hkdf::HKDF_SHA256, &self.secret).extract(shared),
                info,
                32,
            )
        });
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&input.unwrap());
        let content = expand(&key, &[b"Content-Encoding: aes128gcm\0"], 16);
        let nonce = expand(&key, &[b"Content-Encoding: nonce\0"], 12);
        let cipher = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &content).unwrap());
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).unwrap();
        let mut record = record.to_vec();
        let plain = cipher.open_in_place(nonce, aead::Aad::empty(), &mut record).unwrap();
        let (last, text) = plain.split_last().unwrap();
        assert_eq!(*last, 2);
        serde_json::from_slice(text).unwrap()
    }
}
