//! Who may play: Basic and Digest (RFC 2617) as cameras ask for them.

use base64::{Engine, prelude::BASE64_STANDARD};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    Basic,
    Digest,
    /// Both are offered; either is taken.
    Both,
}

/// The one account of a camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub name: String,
    pub password: String,
    pub scheme: Scheme,
}

pub const REALM: &str = "fake camera";

fn md5_hex(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

/// Header lines that ask for credentials.
pub fn challenges(scheme: Scheme, nonce: &str) -> String {
    let digest = format!("WWW-Authenticate: Digest realm=\"{REALM}\", nonce=\"{nonce}\"\r\n");
    let basic = format!("WWW-Authenticate: Basic realm=\"{REALM}\"\r\n");
    match scheme {
        Scheme::Basic => basic,
        Scheme::Digest => digest,
        Scheme::Both => digest + &basic,
    }
}

impl Account {
    /// Whether the `Authorization` header's value lets `method` through.
    pub fn admits(&self, header: Option<&str>, method: &str, nonce: &str) -> bool {
        let Some((scheme, value)) = header.and_then(|h| h.trim().split_once(' ')) else {
            return false;
        };
        match scheme.to_ascii_lowercase().as_str() {
            "basic" if self.scheme != Scheme::Digest => {
                let expected = BASE64_STANDARD.encode(format!("{}:{}", self.name, self.password));
                value.trim() == expected
            }
            "digest" if self.scheme != Scheme::Basic => self.digest_fits(value, method, nonce),
            _ => false,
        }
    }

    fn digest_fits(&self, value: &str, method: &str, nonce: &str) -> bool {
        let field = |name: &str| {
            value.split(',').find_map(|part| {
                let (key, value) = part.trim().split_once('=')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
            })
        };
        let (Some(uri), Some(response)) = (field("uri"), field("response")) else {
            return false;
        };
        if field("nonce") != Some(nonce) || field("username") != Some(&self.name) {
            return false;
        }
        let ha1 = md5_hex(&format!("{}:{REALM}:{}", self.name, self.password));
        let ha2 = md5_hex(&format!("{method}:{uri}"));
        let expected = match (field("qop"), field("nc"), field("cnonce")) {
            (Some(qop), Some(nc), Some(cnonce)) => md5_hex(&format!("{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")),
            _ => md5_hex(&format!("{ha1}:{nonce}:{ha2}")),
        };
        response == expected
    }
}
