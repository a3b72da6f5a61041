//! One mail to the server, stage by stage: what fails is named.

use std::{error::Error as _, net::SocketAddr, time::Duration};

use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};
use vigie_config::{Email, Security};

use crate::notify::{Failure, How};

/// For each stage.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A large mail over a slow line.
const DATA_TIMEOUT: Duration = Duration::from_secs(120);
/// The server answered and the mail is on its way: leaving in order is polite, no more.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// The mail was not taken.
pub struct Refused {
    pub failure: Failure,
    /// A shorter one may be.
    pub too_large: bool,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused {
            failure,
            too_large: false,
        }
    }
}

/// Answers what the server said when it took the mail.
pub async fn deliver(server: &Email, to: &str, mail: &[u8]) -> Result<String, Refused> {
    let name = format!("mail server {}:{}", server.host, server.port);
    let failed = |how, text: String| Failure::of_everyone(how, format!("{name}: {text}"));
    let stage = Stage { name: &name };
    let mut connection = connect(server, &stage).await?;
    if let Some(credentials) = &server.credentials {
        let what = format!("signing in as {}", credentials.username);
        let secret = credentials.password.reveal().to_owned();
        let login = Credentials::new(credentials.username.clone(), secret);
        let signed_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &login);
        match within(TIMEOUT, signed_in).await {
            Ok(_) => {}
            Err(Seen::Permanent(said)) => {
                let text = format!("{what}: {said}; check username and password");
                return Err(failed(How::Slow, text).into());
            }
            Err(Seen::Client(why)) => {
                let text = format!("{what}: {why}; check security, username and password");
                return Err(failed(How::Slow, text).into());
            }
            Err(seen) => return Err(stage.failed(&what, seen).into()),
        }
    }
    let address = |text: &str| {
        let parsed: Result<Address, _> = text.parse();
        parsed.map_err(|error| Failure::new(How::Never, format!("{text:?} is no mail address: {error}")))
    };
    let (from, recipient) = (address(&server.from)?, address(to)?);
    let sender = connection.command(Mail::new(Some(from), Vec::new()));
    match within(TIMEOUT, sender).await {
        Ok(_) => {}
        Err(Seen::Permanent(said)) => {
            let text = format!("the sender {} is refused: {said}; check from", server.from);
            return Err(failed(How::Slow, text).into());
        }
        Err(seen) => return Err(stage.failed(&format!("sender {}", server.from), seen).into()),
    }
    let taken = connection.command(Rcpt::new(recipient, Vec::new()));
    within(TIMEOUT, taken)
        .await
        .map_err(|seen| stage.of_recipient(to, seen))?;
    let begun = connection.command(Data);
    within(TIMEOUT, begun)
        .await
        .map_err(|seen| stage.of_one("the mail", seen))?;
    let accepted = connection.message(mail);
    let answer = within(DATA_TIMEOUT, accepted).await.map_err(|seen| Refused {
        too_large: matches!(&seen, Seen::Permanent(said) if is_too_large(said)),
        failure: stage.of_one("the mail", seen),
    })?;
    drop(tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await);
    let said: Vec<&str> = answer.message().collect();
    Ok(format!("{name} took it: {} {}", answer.code(), said.join(" ")))
}

async fn connect(server: &Email, stage: &Stage<'_>) -> Result<AsyncSmtpConnection, Failure> {
    let Email { host, port, .. } = server;
    let failed = |how, text: String| Failure::of_everyone(how, format!("{}: {text}", stage.name));
    let found = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((host.as_str(), *port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => return Err(failed(How::Retry, format!("the name {host} is not known: {error}"))),
        Err(_) => return Err(failed(How::Retry, format!("no answer who {host} is"))),
    };
    let tls = match server.security {
        Security::None => None,
        Security::StartTls | Security::Tls => {
            let server = server.clone();
            // Authorities are in files.
            let read = tokio::task::spawn_blocking(move || trust(&server));
            match tokio::time::timeout(TIMEOUT, read).await {
                Ok(Ok(trusted)) => Some(trusted.map_err(|why| failed(How::Slow, why))?),
                Ok(Err(panicked)) => return Err(failed(How::Retry, format!("a fault of the recorder: {panicked}"))),
                Err(_) => {
                    return Err(failed(
                        How::Retry,
                        "the disk of the authorities does not answer".to_owned(),
                    ));
                }
            }
        }
    };
    let wrapped = tls.clone().filter(|_| server.security == Security::Tls);
    let hello = hello();
    let mut last = failed(How::Retry, format!("the name {host} has no address"));
    for address in addresses {
        let connected = AsyncSmtpConnection::connect_tokio1(address, Some(TIMEOUT), &hello, wrapped.clone(), None);
        match within(TIMEOUT, connected).await {
            Ok(mut connection) => {
                if let Some(tls) = tls.filter(|_| server.security == Security::StartTls) {
                    if !connection.can_starttls() {
                        let text = "it does not offer STARTTLS: check port and security".to_owned();
                        return Err(failed(How::Slow, text));
                    }
                    let encrypted = connection.starttls(tls, &hello);
                    within(TIMEOUT, encrypted)
                        .await
                        .map_err(|seen| stage.failed("STARTTLS", seen))?;
                }
                return Ok(connection);
            }
            Err(seen) => last = stage.failed(&format!("connecting to {address}"), seen),
        }
    }
    Err(last)
}

/// The system's authorities, and those of the operator.
fn trust(server: &Email) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(path) = &server.tls_ca {
        let pem = std::fs::read(path).map_err(|error| format!("cannot read tls_ca {}: {error}", path.display()))?;
        let certificate = Certificate::from_pem(&pem);
        let certificate =
            certificate.map_err(|error| format!("tls_ca {} is no certificate in PEM: {error}", path.display()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| format!("TLS: {error}"))
}

/// What this machine calls itself.
fn hello() -> ClientId {
    let name = rustix::system::uname();
    match name.nodename().to_str() {
        Ok(name)
            if !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') =>
        {
            ClientId::Domain(name.to_owned())
        }
        _ => ClientId::default(),
    }
}

/// What a stage came to.
enum Seen {
    /// 4xx, and what was said.
    Transient(String),
    /// 5xx.
    Permanent(String),
    /// Its certificate is not trusted.
    Certificate(String),
    /// It cannot do what we want.
    Client(String),
    /// It was not there, or went away.
    Gone(String),
}

async fn within<T>(time: Duration, stage: impl Future<Output = Result<T, Error>>) -> Result<T, Seen> {
    match tokio::time::timeout(time, stage).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(seen(&error)),
        Err(_) => Err(Seen::Gone(format!("no answer within {} s", time.as_secs()))),
    }
}

fn seen(error: &Error) -> Seen {
    let mut root: &dyn std::error::Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    let text = match error.status() {
        // Without a text of its own the code is all there is.
        Some(code) if error.source().is_none() => code.to_string(),
        Some(code) => format!("{code} {root}"),
        None => root.to_string(),
    };
    // Our own texts of the whole chain: the reason stands anywhere in it.
    let chain = error.to_string();
    match () {
        () if error.is_permanent() => Seen::Permanent(text),
        () if error.is_transient() => Seen::Transient(text),
        () if chain.contains("certificate") || text.contains("certificate") => Seen::Certificate(text),
        () if error.is_client() => Seen::Client(text),
        () => Seen::Gone(text),
    }
}

/// The code of an answer, and the enhanced one (RFC 3463) where there is one.
fn codes(said: &str) -> (&str, Option<&str>) {
    let mut words = said.split_whitespace();
    let code = words.next().unwrap_or_default();
    let enhanced = words.next().filter(|word| {
        let numbers: Vec<&str> = word.split('.').collect();
        numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u16>().is_ok())
    });
    (code, enhanced)
}

/// Not that a mailbox is full, which is a 552 too.
fn is_too_large(said: &str) -> bool {
    match codes(said) {
        (_, Some("5.3.4" | "5.2.3")) | ("552", None) => true,
        ("552", Some(enhanced)) => !enhanced.starts_with("5.2."),
        _ => false,
    }
}

/// Of the recipient's address itself. Many servers keep what they have against sender, client or
/// relaying until they are told a recipient: somebody may mend that.
fn is_no_address(said: &str) -> bool {
    match codes(said) {
        // 5.1.7 and 5.1.8 are of the sender's.
        ("550" | "551" | "553", Some(enhanced)) => {
            enhanced.starts_with("5.1.") && !matches!(enhanced, "5.1.7" | "5.1.8")
        }
        ("550", None) => true,
        _ => false,
    }
}

struct Stage<'a> {
    name: &'a str,
}

impl Stage<'_> {
    /// Of what all mails share.
    fn failed(&self, what: &str, seen: Seen) -> Failure {
        let (how, said) = match seen {
            Seen::Transient(said) | Seen::Gone(said) => (How::Retry, said),
            Seen::Permanent(said) | Seen::Client(said) => (How::Slow, said),
            Seen::Certificate(said) => (How::Slow, format!("{said}; check tls_ca and the server's name")),
        };
        Failure::of_everyone(how, format!("{}: {what}: {said}", self.name))
    }

    fn of_recipient(&self, to: &str, seen: Seen) -> Failure {
        let what = format!("recipient {to}");
        match seen {
            Seen::Permanent(said) if !is_no_address(&said) => {
                let text = format!("{}: {what}: {said}; check from, username and password", self.name);
                Failure::new(How::Slow, text)
            }
            seen => self.of_one(&what, seen),
        }
    }

    /// Of this mail alone: a server that goes away in the middle of one may well take another.
    fn of_one(&self, what: &str, seen: Seen) -> Failure {
        let text = |said: &str| format!("{}: {what}: {said}", self.name);
        match seen {
            Seen::Permanent(said) | Seen::Client(said) => Failure::new(How::Never, text(&said)),
            Seen::Transient(said) | Seen::Gone(said) | Seen::Certificate(said) => Failure::new(How::Retry, text(&said)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_of_the_address_ends_a_mail() {
        for of_address in [
            "550 5.1.1 no such user",
            "553 5.1.3 bad address syntax",
            "551 5.1.6 mailbox has moved",
            "550 no such user",
            "550",
        ] {
            assert!(is_no_address(of_address), "{of_address}");
        }
        for other in [
            "554 5.7.1 <ann@example.org>: Relay access denied",
            "553 5.7.1 <vigie@example.org>: Sender address rejected: not owned by user ben",
            "550 5.7.1 Client host rejected",
            "550 5.1.8 <vigie@example.org>: Sender address rejected: Domain not found",
            "552 5.2.2 mailbox full",
            "554 no",
            "530 5.7.0 Must issue a STARTTLS command first",
        ] {
            assert!(!is_no_address(other), "{other}");
        }
        let stage = Stage { name: "mail server" };
        let how = |said: &str| stage.of_recipient("ann@example.org", Seen::Permanent(said.into())).how;
        assert_eq!(how("554 5.7.1 Relay access denied"), How::Slow);
        assert_eq!(how("550 5.1.1 no such user"), How::Never);
    }

    #[test]
    fn a_server_that_goes_away_over_one_mail_keeps_no_other_waiting() {
        let stage = Stage { name: "mail server" };
        let failures = [
            stage.of_recipient("ann@example.org", Seen::Gone("closed".into())),
            stage.of_one("the mail", Seen::Gone("no answer".into())),
        ];
        for failure in failures {
            assert_eq!((failure.how, failure.everyone), (How::Retry, false), "{}", failure.text);
        }
        assert!(stage.failed("signing in", Seen::Gone("closed".into())).everyone);
    }

    #[test]
    fn a_mail_that_is_too_large_is_known_from_a_mailbox_that_is_full() {
        for large in [
            "552 5.3.4 Message size exceeds fixed limit",
            "552 too much",
            "554 5.2.3 too long",
        ] {
            assert!(is_too_large(large), "{large}");
        }
        for other in ["552 5.2.2 mailbox full", "554 5.7.1 spam", "550 no"] {
            assert!(!is_too_large(other), "{other}");
        }
    }
}
