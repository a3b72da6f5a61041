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

/// Answers what the server said when it took the mail.
pub async fn deliver(server: &Email, to: &str, mail: &[u8]) -> Result<String, Failure> {
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
                return Err(failed(
                    How::Slow,
                    format!("{what}: {said}; check username and password"),
                ));
            }
            Err(Seen::Client(why)) => {
                return Err(failed(
                    How::Slow,
                    format!("{what}: {why}; check security, username and password"),
                ));
            }
            Err(seen) => return Err(stage.failed(&what, seen)),
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
            return Err(failed(
                How::Slow,
                format!("the sender {} is refused: {said}; check from", server.from),
            ));
        }
        Err(seen) => return Err(stage.failed(&format!("sender {}", server.from), seen)),
    }
    let taken = connection.command(Rcpt::new(recipient, Vec::new()));
    within(TIMEOUT, taken)
        .await
        .map_err(|seen| stage.of_one(&format!("recipient {to}"), seen))?;
    let begun = connection.command(Data);
    within(TIMEOUT, begun)
        .await
        .map_err(|seen| stage.of_one("the mail", seen))?;
    let accepted = connection.message(mail);
    let answer = within(DATA_TIMEOUT, accepted)
        .await
        .map_err(|seen| stage.of_one("the mail", seen))?;
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

    /// Of this mail alone, unless the server went away.
    fn of_one(&self, what: &str, seen: Seen) -> Failure {
        let text = |said: &str| format!("{}: {what}: {said}", self.name);
        match seen {
            Seen::Permanent(said) | Seen::Client(said) => Failure::new(How::Never, text(&said)),
            Seen::Transient(said) => Failure::new(How::Retry, text(&said)),
            seen => self.failed(what, seen),
        }
    }
}
