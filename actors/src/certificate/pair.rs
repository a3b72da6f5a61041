//! A chain of certificates and the key of its first one: read, checked, and what it says of itself.

use std::{net::IpAddr, sync::Arc};

use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use vigie_config::Utc;
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

/// A chain is two or three certificates long.
const LONGEST_CHAIN: usize = 10;

#[derive(Clone)]
pub struct Pair {
    pub key: Arc<CertifiedKey>,
    pub facts: Facts,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Facts {
    /// Host names and addresses it is for.
    pub names: Vec<String>,
    pub issuer: String,
    #[schema(value_type = String)]
    pub not_before: Utc,
    #[schema(value_type = String)]
    pub not_after: Utc,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
}

/// Why a certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    #[error("no certificate is in it, expected PEM with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    #[error("the certificates are not PEM: {0}")]
    Certificates(String),
    #[error("certificate {number} cannot be read: {error}")]
    Unreadable { number: usize, error: String },
    #[error("{0} certificates, expected at most {LONGEST_CHAIN}")]
    TooMany(usize),
    #[error("certificate {number} was not issued by the one behind it: expected {issuer:?}, seen {seen:?}")]
    Order {
        number: usize,
        issuer: String,
        seen: String,
    },
    #[error("no private key is in it, expected PEM with -----BEGIN PRIVATE KEY-----, without a password")]
    NoKey,
    #[error("the private key cannot be used: {0}")]
    Key(String),
    #[error("the private key is not the first certificate's")]
    OtherKey,
    #[error("the certificate names no host (subjectAltName), so no browser takes it")]
    NoName,
    #[error("the certificate ended on {0}")]
    Ended(Utc),
    #[error("the certificate begins on {0} only; is this machine's clock right?")]
    NotYet(Utc),
}

impl Pair {
    /// From PEM: the server's certificate first, each other behind the one that it issued.
    pub fn read(chain: &str, key: &str) -> Result<Self, PairError> {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
            .take(100)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| PairError::Certificates(error.to_string()))?;
        if chain.len() > LONGEST_CHAIN {
            return Err(PairError::TooMany(chain.len()));
        }
        let facts = facts_of(&chain)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| PairError::NoKey)?;
        let key = any_supported_type(&key).map_err(|error| PairError::Key(error.to_string()))?;
        let key = CertifiedKey::new(chain, key);
        key.keys_match().map_err(|_| PairError::OtherKey)?;
        Ok(Self {
            key: Arc::new(key),
            facts,
        })
    }
}

impl Facts {
    pub fn is_for_now(&self, now: Utc) -> Result<(), PairError> {
        if now >= self.not_after {
            return Err(PairError::Ended(self.not_after));
        }
        match now < self.not_before {
            true => Err(PairError::NotYet(self.not_before)),
            false => Ok(()),
        }
    }

    /// When another is to be had: after two thirds of its time.
    pub fn renewal(&self) -> Utc {
        let time = self.not_after.micros_since(self.not_before).max(0);
        self.not_before.plus_micros(time / 3 * 2)
    }

    /// Also one that is not good yet, as the clock was wrong when it was made.
    pub fn is_due(&self, now: Utc) -> bool {
        now >= self.renewal() || now < self.not_before
    }
}

fn facts_of(chain: &[CertificateDer<'_>]) -> Result<Facts, PairError> {
    let parsed = chain.iter().enumerate().map(|(at, der)| {
        let unreadable = |error: String| PairError::Unreadable { number: at + 1, error };
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| unreadable(error.to_string()))?;
        Ok(certificate)
    });
    let parsed = parsed.collect::<Result<Vec<_>, PairError>>()?;
    for (at, pair) in parsed.windows(2).enumerate() {
        if let [one, next] = pair
            && one.issuer().as_raw() != next.subject().as_raw()
        {
            return Err(PairError::Order {
                number: at + 1,
                issuer: one.issuer().to_string(),
                seen: next.subject().to_string(),
            });
        }
    }
    let (Some(first), Some(der)) = (parsed.first(), chain.first()) else {
        return Err(PairError::NoCertificate);
    };
    let names = names_of(first).map_err(|error| PairError::Unreadable { number: 1, error })?;
    if names.is_empty() {
        return Err(PairError::NoName);
    }
    let time = |seconds: i64| Utc::from_micros(seconds.saturating_mul(1_000_000));
    Ok(Facts {
        names,
        issuer: first.issuer().to_string(),
        not_before: time(first.validity().not_before.timestamp()),
        not_after: time(first.validity().not_after.timestamp()),
        fingerprint: hex::encode(Sha256::digest(der)),
    })
}

fn names_of(certificate: &X509Certificate<'_>) -> Result<Vec<String>, String> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| error.to_string())?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let read = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    });
    Ok(read.collect())
}
