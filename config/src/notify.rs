//! What the operator says about telling people: mails and pushes.
//!
//! Belongs here: the validated values. Does not belong here: sending anything.

use std::{fmt, path::PathBuf, time::Duration};

use crate::{Credentials, HttpMethod, PushId, RecipientId, Secret, When};

/// The server that takes mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub credentials: Option<Credentials>,
    /// The sender's address.
    pub from: String,
    /// A PEM file of authorities, beside those of the system.
    pub tls_ca: Option<PathBuf>,
    /// Between two mails to the same recipient, at least.
    pub merge: Duration,
    /// A mail is tried for so long.
    pub expire: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain at first; goes on only when it is encrypted.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
    None,
}

impl Security {
    /// The port where nothing is said.
    pub fn port(self) -> u16 {
        match self {
            Security::StartTls => 587,
            Security::Tls => 465,
            Security::None => 25,
        }
    }
}

/// Someone who gets mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    pub id: RecipientId,
    pub name: String,
    pub enabled: bool,
    pub address: String,
    /// Gets mails only then.
    pub schedule: When,
    pub pictures: bool,
}

/// Something that shows or takes short messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    pub id: PushId,
    pub name: String,
    pub enabled: bool,
    pub kind: PushKind,
    /// Is told only then.
    pub schedule: When,
    /// Between two messages, at least.
    pub merge: Duration,
    /// A message is tried for so long.
    pub expire: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushKind {
    /// A topic of an ntfy server.
    Ntfy {
        url: Address,
        sign_in: Option<SignIn>,
    },
    /// Another program: JSON with a signature.
    Webhook {
        url: Address,
        secret: Secret,
    },
    /// Browsers that asked for it (RFC 8030).
    WebPush {
        /// Whom a push service may ask about us: `mailto:` or `https:`.
        contact: String,
    },
    Sms(Sms),
}

impl PushKind {
    pub fn name(&self) -> &'static str {
        match self {
            PushKind::Ntfy { .. } => "ntfy",
            PushKind::Webhook { .. } => "webhook",
            PushKind::WebPush { .. } => "web_push",
            PushKind::Sms(_) => "sms",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    Token(Secret),
    Basic(Credentials),
}

/// An address that may hold credentials: it prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(pub url::Url);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::redact_url(self.0.as_str()))
    }
}

/// How a provider of text messages is asked for one, once for each number.
#[derive(Clone, PartialEq, Eq)]
pub struct Sms {
    pub method: HttpMethod,
    /// `{to}` and `{text}` stand for number and text.
    pub url: String,
    /// JSON, or a form, with `{to}` and `{text}`.
    pub body: Option<String>,
    pub headers: Vec<(String, Secret)>,
    pub to: Vec<String>,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = crate::redact_url(&self.url);
        write!(f, "{:?} {url} to {} numbers", self.method, self.to.len())
    }
}
