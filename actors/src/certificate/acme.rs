//! One certificate from an authority that speaks ACME (RFC 8555), and when it is asked for.

use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, KeyPair};
use serde::{Deserialize, Serialize};
use vigie_config::{Acme, AcmeChallenge, Utc};

use super::{Certificates, Origin, own, pair::Pair};
use crate::supervise::Jitter;

/// From the account to the certificate.
const ORDER_TIMEOUT: Duration = Duration::from_secs(180);
/// How long an authority may take to look.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));
/// Authorities count failed tries: Let's Encrypt allows five an hour for a name.
const FIRST_PAUSE: Duration = Duration::from_secs(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(12 * 3600);

/// When it is asked next.
#[derive(Default)]
pub struct Renewal {
    of: Option<Acme>,
    failures: u32,
    not_before: Option<Utc>,
    jitter: Jitter,
}

impl Renewal {
    /// Asks if it is time. Answers how long it is until then.
    pub async fn look(&mut self, certificates: &Certificates, acme: &Acme) -> Duration {
        if self.of.as_ref() != Some(acme) {
            // Another order is no repetition.
            *self = Self {
                of: Some(acme.clone()),
                ..Self::default()
            };
        }
        let now = Utc::now();
        let due = super::lock(&certificates.next_renewal).unwrap_or(now);
        let next = self.not_before.map_or(due, |not_before| not_before.max(due));
        if now < next {
            *super::lock(&certificates.next_renewal) = Some(next);
            return next.since(now);
        }
        let order = tokio::time::timeout(ORDER_TIMEOUT, obtain(certificates, acme));
        let result = order
            .await
            .unwrap_or_else(|_| Err(format!("no certificate within {ORDER_TIMEOUT:?}")));
        match result {
            Ok(pair) => {
                self.failures = 0;
                self.not_before = None;
                let renewal = pair.facts.renewal();
                certificates.show(pair, Origin::Acme);
                certificates.fine();
                *super::lock(&certificates.next_renewal) = Some(renewal);
                renewal.since(Utc::now())
            }
            Err(error) => {
                self.failures += 1;
                let pause = pause(self.failures, self.jitter.draw());
                let next = Utc::now().plus_micros(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
                certificates.failed(format!("{}: {error}", acme.directory));
                *super::lock(&certificates.next_renewal) = Some(next);
                self.not_before = Some(next);
                pause
            }
        }
    }
}

/// `jitter` is in `-1.0..=1.0`.
fn pause(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(20));
    doubled.min(LONGEST_PAUSE).mul_f64(1.0 + 0.2 * jitter.clamp(-1.0, 1.0))
}

async fn obtain(certificates: &Certificates, acme: &Acme) -> Result<Pair, String> {
    let account = account(certificates, acme).await?;
    let names: Vec<Identifier> = acme.domains.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(words)?;
    let forget = certificates.answers.until_dropped();
    prove(certificates, acme.challenge, &mut order).await?;
    if order.poll_ready(&PATIENCE).await.map_err(words)? != OrderStatus::Ready {
        return Err(why_not(&mut order).await);
    }
    drop(forget);
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let mut params = CertificateParams::new(acme.domains.clone()).map_err(|error| error.to_string())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(|error| error.to_string())?;
    order.finalize_csr(request.der()).await.map_err(words)?;
    let chain = order.poll_certificate(&PATIENCE).await.map_err(words)?;
    let text = format!("{}{chain}", key.serialize_pem());
    let pair = Pair::read(&text, &text).map_err(|error| format!("what it issued: {error}"))?;
    let kept = certificates.shelf.keep(Origin::Acme, &text);
    if let Err(error) = kept {
        // Shown all the same; after a start another one is asked for.
        tracing::error!("certificate: cannot keep it: {error}");
    }
    Ok(pair)
}

/// The account as it is kept; it belongs to one authority.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    contact: Vec<String>,
    credentials: AccountCredentials,
}

async fn account(certificates: &Certificates, acme: &Acme) -> Result<Account, String> {
    let builder = || match &acme.tls_ca {
        Some(path) => Account::builder_with_root(path).map_err(|error| format!("tls_ca {}: {error}", path.display())),
        None => Account::builder().map_err(words),
    };
    let directory = acme.directory.to_string();
    let kept = certificates.shelf.account().map_err(|error| error.to_string())?;
    let kept = kept.and_then(|text| serde_json::from_str::<Kept>(&text).ok());
    if let Some(kept) = kept.filter(|kept| kept.directory == directory && kept.contact == acme.contact) {
        return builder()?.from_credentials(kept.credentials).await.map_err(words);
    }
    let contact: Vec<&str> = acme.contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let (account, credentials) = builder()?.create(&new, directory.clone(), None).await.map_err(words)?;
    let kept = Kept {
        directory,
        contact: acme.contact.clone(),
        credentials,
    };
    let text = serde_json::to_string(&kept).map_err(|error| error.to_string())?;
    certificates
        .shelf
        .keep_account(&text)
        .map_err(|error| format!("cannot keep the account: {error}"))?;
    Ok(account)
}

/// Gives the answers, and says that they are there.
async fn prove(certificates: &Certificates, by: AcmeChallenge, order: &mut Order) -> Result<(), String> {
    let answers = &certificates.answers;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(words)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let kind = match by {
            AcmeChallenge::Http01 => ChallengeType::Http01,
            AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        };
        let offered = authorization.challenge(kind.clone());
        let mut challenge = offered.ok_or_else(|| format!("it does not offer the challenge {kind:?}"))?;
        let proof = challenge.key_authorization();
        match by {
            AcmeChallenge::Http01 => answers.to_token(&challenge.token, proof.as_str()),
            AcmeChallenge::TlsAlpn01 => {
                let name = challenge.identifier().to_string();
                answers.to_name(&name, own::proof(&name, proof.digest().as_ref())?);
            }
        }
        challenge.set_ready().await.map_err(words)?;
    }
    Ok(())
}

/// What the authority found wrong.
async fn why_not(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return format!("{name}: {problem}");
        }
    }
    "the order was refused".into()
}

/// With what is behind it: "client error (Connect)" alone helps nobody.
fn words(error: instant_acme::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(pause(1, 0.0), Duration::from_secs(300));
        assert_eq!(pause(3, 0.0), Duration::from_secs(1200));
        assert_eq!(pause(400, 0.0), LONGEST_PAUSE);
        assert!(pause(1, -1.0) < pause(1, 1.0));
    }
}
