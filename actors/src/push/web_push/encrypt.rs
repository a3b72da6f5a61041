//! What a push service carries and cannot read: RFC 8291, in one record of RFC 8188. Pure but for
//! chance.

use ring::{
    aead, agreement, hkdf,
    rand::{SecureRandom, SystemRandom},
};

/// An uncompressed point on P-256.
const POINT: usize = 65;
const SALT: usize = 16;
/// Of one record; ours is the last one.
const RECORD: u32 = 4096;
/// The end of the last record's text.
const LAST: u8 = 2;

/// `public` and `secret`: what the browser gave as `p256dh` and `auth`.
pub fn encrypt(public: &[u8], secret: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
    let chance = SystemRandom::new();
    let own = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &chance).map_err(|_| "no chance")?;
    let own_public = own.compute_public_key().map_err(|_| "no key")?;
    let mut salt = [0; SALT];
    chance.fill(&mut salt).map_err(|_| "no chance")?;
    let theirs = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, public);
    let keys = Keys {
        browser: public,
        own: own_public.as_ref(),
        secret,
        salt,
    };
    let sealed = agreement::agree_ephemeral(own, &theirs, |shared| keys.seal(shared, plain));
    sealed.map_err(|_| "the browser's key is no point on P-256".to_owned())?
}

struct Keys<'a> {
    browser: &'a [u8],
    own: &'a [u8],
    secret: &'a [u8],
    salt: [u8; SALT],
}

/// So many bytes out of HKDF.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(key: &hkdf::Prk, info: &[&[u8]], out: &mut [u8]) -> Result<(), String> {
    let filled = key.expand(info, Length(out.len())).and_then(|okm| okm.fill(out));
    filled.map_err(|_| "HKDF".to_owned())
}

impl Keys<'_> {
    /// `shared`: what ECDH came to.
    fn seal(&self, shared: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        let mut input = [0; 32];
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, self.secret).extract(shared);
        expand(&key, &[b"WebPush: info\0", self.browser, self.own], &mut input)?;
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, &self.salt).extract(&input);
        let (mut content, mut nonce) = ([0; 16], [0; aead::NONCE_LEN]);
        expand(&key, &[b"Content-Encoding: aes128gcm\0"], &mut content)?;
        expand(&key, &[b"Content-Encoding: nonce\0"], &mut nonce)?;
        let mut record = plain.to_vec();
        record.push(LAST);
        let cipher = aead::UnboundKey::new(&aead::AES_128_GCM, &content).map_err(|_| "AES")?;
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let cipher = aead::LessSafeKey::new(cipher);
        let sealed = cipher.seal_in_place_append_tag(nonce, aead::Aad::empty(), &mut record);
        sealed.map_err(|_| "AES")?;
        let mut body = Vec::with_capacity(SALT + 5 + POINT + record.len());
        body.extend(self.salt);
        body.extend(RECORD.to_be_bytes());
        body.push(u8::try_from(self.own.len()).map_err(|_| "a key that is too long")?);
        body.extend(self.own);
        body.extend(record);
        match body.len() <= RECORD as usize {
            true => Ok(body),
            false => Err(format!("{} bytes, expected at most {RECORD}", body.len())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8291, section 5 and appendix A. The private keys are not needed: what they agree on is given.
    #[test]
    fn as_in_rfc_8291() {
        let own = bytes("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
        let browser = bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4");
        let keys = Keys {
            browser: &browser,
            own: &own,
            secret: &bytes("BTBZMqHH6r4Tts7J_aSIgg"),
            salt: bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap(),
        };
        let shared = bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let sealed = keys
            .seal(&shared, b"When I grow up, I want to be a watermelon")
            .unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(sealed), expected);
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        assert!(encrypt(&[4; POINT], &[0; 16], b"text").is_err());
        assert!(encrypt(b"short", &[0; 16], b"text").is_err());
    }
}
