//! What an ACME authority is answered while it looks whether a name is ours.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use rustls::sign::CertifiedKey;

use super::lock;

/// The protocol that TLS-ALPN-01 asks for (RFC 8737 §6.2).
pub const ACME_TLS: &[u8] = b"acme-tls/1";

#[derive(Default)]
pub struct Answers {
    tokens: Mutex<BTreeMap<String, String>>,
    names: Mutex<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl Answers {
    pub fn of_token(&self, token: &str) -> Option<String> {
        lock(&self.tokens).get(token).cloned()
    }

    pub fn of_name(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        lock(&self.names).get(&name.to_ascii_lowercase()).cloned()
    }

    pub fn to_token(&self, token: &str, answer: &str) {
        lock(&self.tokens).insert(token.into(), answer.into());
    }

    pub fn to_name(&self, name: &str, answer: Arc<CertifiedKey>) {
        lock(&self.names).insert(name.to_ascii_lowercase(), answer);
    }

    /// Forgets all of them when dropped, however the order ends.
    pub fn until_dropped(&self) -> Forget<'_> {
        Forget(self)
    }
}

pub struct Forget<'a>(&'a Answers);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(&self.0.tokens).clear();
        lock(&self.0.names).clear();
    }
}
