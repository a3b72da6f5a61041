//! The dialogue with the server: requests, answers, authentication, and the packets in between.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::net::TcpSocket;
use url::{Host, Url};

use crate::rtp::StreamReceiver;

use super::{
    auth::Authenticator,
    connection::{Batch, Connection},
    error::RtspError,
    framing::Frame,
    message::{self, Message, Response, ServerRequest},
    transport::SessionId,
};

/// To connect, and to answer a request.
const PATIENCE: Duration = Duration::from_secs(5);
const DEFAULT_PORT: u16 = 554;

/// Where the packets of a TCP channel go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Rtp(usize),
    Rtcp(usize),
}

pub struct Session {
    pub connection: Connection,
    pub auth: Authenticator,
    pub id: Option<SessionId>,
    cseq: u32,
    /// Interleaved channels in use.
    channels: Vec<(u8, Channel)>,
    /// Answers that nobody has taken.
    answers: Vec<Response>,
    ended: Option<String>,
}

impl Session {
    pub async fn connect(url: &Url, auth: Authenticator) -> Result<Self, RtspError> {
        let peers = resolve(url).await?;
        let mut failure = None;
        for peer in peers {
            match connect(peer).await {
                Ok(connection) => {
                    return Ok(Self {
                        connection,
                        auth,
                        id: None,
                        cseq: 0,
                        channels: Vec::new(),
                        answers: Vec::new(),
                        ended: None,
                    });
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| RtspError::Address(url.to_string())))
    }

    /// Packets on `number` are the channel's from now on.
    pub fn map(&mut self, number: u8, channel: Channel) {
        self.connection.expect(number);
        self.channels.push((number, channel));
    }

    pub fn channel_number(&self, channel: Channel) -> Option<u8> {
        self.channels
            .iter()
            .find(|(_, c)| *c == channel)
            .map(|(number, _)| *number)
    }

    /// Sends a request and waits for its answer. Packets that come before it go to `receiver`.
    /// An answer 401 is followed by another attempt with credentials.
    pub async fn request(
        &mut self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        mut receiver: Option<&mut StreamReceiver>,
    ) -> Result<Response, RtspError> {
        let mut tried = false;
        loop {
            let cseq = self.send(method, uri, headers)?;
            let silent = || RtspError::Silent {
                method: method.to_owned(),
                seconds: PATIENCE.as_secs(),
            };
            let answer = tokio::time::timeout(PATIENCE, self.answer(cseq, receiver.as_deref_mut()));
            let response = answer.await.map_err(|_| silent())??;
            if response.status != 401 {
                return Ok(response);
            }
            self.auth.challenged(&response, tried)?;
            tried = true;
        }
    }

    /// Sends a request without waiting; gives its number.
    pub fn send(&mut self, method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<u32, RtspError> {
        self.cseq += 1;
        let authorization = self.auth.authorize(method, uri);
        let id = self.id.as_ref().map(|session| session.id.clone());
        let mut all = headers.to_vec();
        all.extend(id.as_deref().map(|id| ("Session", id)));
        all.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        self.connection.send(&message::request(method, uri, self.cseq, &all))?;
        Ok(self.cseq)
    }

    async fn answer(&mut self, cseq: u32, mut receiver: Option<&mut StreamReceiver>) -> Result<Response, RtspError> {
        loop {
            // A server that leaves the number out means the request that waits.
            let ours = |r: &Response| r.headers.cseq().is_none_or(|n| n == cseq);
            if let Some(at) = self.answers.iter().position(ours) {
                return Ok(self.answers.swap_remove(at));
            }
            self.answers.clear();
            self.connection.readable().await.map_err(RtspError::Lost)?;
            self.read(receiver.as_deref_mut())?;
        }
    }

    /// Answers that came since the last call.
    pub fn take_answers(&mut self) -> Vec<Response> {
        std::mem::take(&mut self.answers)
    }

    /// One read of the connection: packets go to `receiver`, answers are kept, requests answered.
    pub fn read(&mut self, receiver: Option<&mut StreamReceiver>) -> Result<Batch, RtspError> {
        let Self {
            connection,
            channels,
            answers,
            ..
        } = self;
        let mut requests = Vec::new();
        let mut receiver = receiver;
        if let Some(receiver) = &mut receiver {
            receiver.begin_batch(Instant::now());
        }
        let result = connection.read(&mut |frame| match frame {
            Frame::Packet { channel, payload } => {
                if let Some(receiver) = &mut receiver {
                    dispatch(receiver, channels, channel, payload);
                }
            }
            Frame::Message(Message::Response(response)) => answers.push(response),
            Frame::Message(Message::Request(request)) => requests.push(request),
        });
        if let Some(receiver) = &mut receiver {
            let skipped = connection.take_skipped();
            if skipped > 0 {
                receiver.oddity("garbage", || {
                    format!("skipped {skipped} bytes that are neither message nor packet")
                });
            }
            receiver.end_batch();
        }
        for request in requests {
            self.obey(&request)?;
        }
        if let Some(reason) = self.ended.take() {
            return Err(RtspError::Ended(reason));
        }
        result
    }

    fn obey(&mut self, request: &ServerRequest) -> Result<(), RtspError> {
        let known = matches!(
            request.method.as_str(),
            "OPTIONS"
                | "GET_PARAMETER"
                | "SET_PARAMETER"
                | "ANNOUNCE"
                | "TEARDOWN"
                | "REDIRECT"
                | "PLAY_NOTIFY"
                | "PAUSE"
        );
        let (status, reason) = if known { (200, "OK") } else { (501, "Not Implemented") };
        self.connection.send(&message::answer(request, status, reason))?;
        if matches!(request.method.as_str(), "TEARDOWN" | "REDIRECT") {
            self.ended = Some(request.method.clone());
        }
        Ok(())
    }

    /// Sends a control packet on its channel.
    pub fn send_interleaved(&mut self, number: u8, packet: &[u8]) -> Result<(), RtspError> {
        let length = u16::try_from(packet.len()).unwrap_or(0);
        let mut frame = vec![b'$', number];
        frame.extend(length.to_be_bytes());
        frame.extend(packet.get(..usize::from(length)).unwrap_or_default());
        self.connection.send(&frame)
    }
}

fn dispatch(receiver: &mut StreamReceiver, channels: &[(u8, Channel)], number: u8, payload: &[u8]) {
    match channels.iter().find(|(n, _)| *n == number) {
        Some((_, Channel::Rtp(track))) => receiver.rtp(*track, payload),
        Some((_, Channel::Rtcp(track))) => receiver.rtcp(*track, payload),
        None => receiver.oddity("channel", || format!("packet on channel {number}, which no track has")),
    }
}

async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, RtspError> {
    let port = url.port().unwrap_or(DEFAULT_PORT);
    let name = match url.host() {
        Some(Host::Ipv4(ip)) => return Ok(vec![(ip, port).into()]),
        Some(Host::Ipv6(ip)) => return Ok(vec![(ip, port).into()]),
        // The host of an address that is not http's is never read as IPv4.
        Some(Host::Domain(name)) => match name.parse::<IpAddr>() {
            Ok(ip) => return Ok(vec![(ip, port).into()]),
            Err(_) => name,
        },
        None => return Err(RtspError::Address(url.to_string())),
    };
    let failed = |error| RtspError::Resolve {
        host: name.to_owned(),
        error,
    };
    let late = |_| {
        failed(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "the name server does not answer",
        ))
    };
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name, port)))
        .await
        .map_err(late)?;
    Ok(found.map_err(failed)?.collect())
}

async fn connect(peer: SocketAddr) -> Result<Connection, RtspError> {
    let failed = |error| RtspError::Connect {
        peer: peer.to_string(),
        error,
    };
    let socket = if peer.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }
    .map_err(failed)?;
    let late = |_| RtspError::ConnectTimeout {
        peer: peer.to_string(),
        seconds: PATIENCE.as_secs(),
    };
    let stream = tokio::time::timeout(PATIENCE, socket.connect(peer))
        .await
        .map_err(late)?
        .map_err(failed)?;
    let _ = stream.set_nodelay(true);
    Connection::new(stream.into_std().map_err(failed)?).map_err(failed)
}
