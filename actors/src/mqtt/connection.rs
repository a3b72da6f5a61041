//! One connection to the broker: opened, signed in, read and written.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use vigie_config::{ErrorKind, Mqtt};

use super::{
    packet::{self, Connect, Decoder, Incoming},
    trust,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(30);
const CHUNK: usize = 16 << 10;

/// Why there is no connection, or no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(super) struct LinkError {
    pub kind: ErrorKind,
    pub text: String,
}

impl LinkError {
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    fn of_io(error: &io::Error) -> Self {
        Self::new(ErrorKind::Unavailable, error.to_string())
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) struct Connection {
    stream: Box<dyn Stream>,
    decoder: Decoder,
}

impl Connection {
    /// Connects and signs in. `will`: topic and payload.
    pub async fn open(mqtt: &Mqtt, client_id: &str, will: (&str, &str)) -> Result<Connection, LinkError> {
        let opened = timeout(CONNECT_TIMEOUT, Self::connect(mqtt, client_id, will)).await;
        opened.unwrap_or_else(|_| {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(LinkError::new(
                ErrorKind::Timeout,
                format!("no answer within {seconds} s"),
            ))
        })
    }

    async fn connect(mqtt: &Mqtt, client_id: &str, will: (&str, &str)) -> Result<Connection, LinkError> {
        let broker = &mqtt.broker;
        let socket = TcpStream::connect((broker.host.as_str(), broker.port)).await;
        let socket = socket.map_err(|error| LinkError::of_io(&error))?;
        socket.set_nodelay(true).map_err(|error| LinkError::of_io(&error))?;
        let stream: Box<dyn Stream> = match broker.encrypted {
            false => Box::new(socket),
            true => {
                let refused = |text: String| LinkError::new(ErrorKind::Refused, text);
                let connector = trust::connector(mqtt.tls_ca.as_deref()).map_err(refused)?;
                let name = rustls::pki_types::ServerName::try_from(broker.host.clone());
                let name = name.map_err(|error| refused(error.to_string()))?;
                let encrypted = connector.connect(name, socket).await;
                Box::new(encrypted.map_err(|error| refused(format!("TLS: {error}")))?)
            }
        };
        let mut connection = Connection {
            stream,
            decoder: Decoder::default(),
        };
        let credentials = mqtt.credentials.as_ref();
        let hello = packet::connect(&Connect {
            client_id,
            keep_alive_seconds: u16::try_from(KEEP_ALIVE.as_secs()).unwrap_or(u16::MAX),
            credentials: credentials.map(|it| (it.username.as_str(), it.password.reveal())),
            will,
        });
        connection.send(&hello).await?;
        match connection.receive().await? {
            Incoming::ConnAck { code: 0 } => Ok(connection),
            Incoming::ConnAck { code } => Err(refusal(code)),
            other => Err(LinkError::new(
                ErrorKind::Corrupt,
                format!("it answered {other:?}, expected CONNACK: is this a broker of MQTT 3.1.1?"),
            )),
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let sent = timeout(WRITE_TIMEOUT, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        });
        match sent.await {
            Ok(sent) => sent.map_err(|error| LinkError::of_io(&error)),
            Err(_) => Err(LinkError::new(ErrorKind::Timeout, "it takes nothing any more")),
        }
    }

    /// Loses nothing when it is given up while it waits.
    pub async fn receive(&mut self) -> Result<Incoming, LinkError> {
        loop {
            let next = self.decoder.next();
            let next = next.map_err(|error| LinkError::new(ErrorKind::Corrupt, format!("it sent {error}")))?;
            if let Some(packet) = next {
                return Ok(packet);
            }
            self.decoder.buffer.reserve(CHUNK);
            let read = self.stream.read_buf(&mut self.decoder.buffer).await;
            if read.map_err(|error| LinkError::of_io(&error))? == 0 {
                return Err(LinkError::new(ErrorKind::Unavailable, "it closed the connection"));
            }
        }
    }
}

/// MQTT 3.1.1, §3.2.2.3.
fn refusal(code: u8) -> LinkError {
    match code {
        1 => LinkError::new(ErrorKind::Refused, "it does not speak MQTT 3.1.1"),
        2 => LinkError::new(ErrorKind::Refused, "it refuses the client_id"),
        3 => LinkError::new(ErrorKind::Unavailable, "it is not available now"),
        4 => LinkError::new(ErrorKind::Refused, "it refuses username or password"),
        5 => LinkError::new(
            ErrorKind::Refused,
            "it refuses this client: are username and password right?",
        ),
        code => LinkError::new(ErrorKind::Refused, format!("it refuses with code {code}")),
    }
}
