//! From an address to a playing session.

use url::Url;
use vigie_config::{Credentials, Transport};

use crate::{
    hub::Publisher,
    rtp::{StreamReceiver, sequencer::Patience, track::TrackReceiver},
    source::{Facts, SourceError, SourceFact},
};

use super::{
    address,
    auth::Authenticator,
    describe,
    describe::{Chosen, Description},
    error::RtspError,
    message::Response,
    play::{self, Playing},
    session::{Channel, Session},
    transport::{SessionId, TransportAnswer},
    udp::{self, UdpPair},
};

const MAX_REDIRECTS: u32 = 5;

/// A stream behind an `rtsp` address.
#[derive(Debug, Clone)]
pub struct RtspSource {
    /// Without credentials.
    pub url: Url,
    pub credentials: Option<Credentials>,
    pub transport: Transport,
    pub audio: bool,
}

impl RtspSource {
    /// Connects, plays, publishes until it cannot; says why it ended.
    pub async fn run(self, publisher: Publisher, facts: Facts) -> SourceError {
        let mut url = self.url.clone();
        match self.play(&mut url, publisher, facts).await {
            Ok(never) => match never {},
            Err(error) => error.at(&url),
        }
    }

    async fn play(
        &self,
        url: &mut Url,
        publisher: Publisher,
        facts: Facts,
    ) -> Result<std::convert::Infallible, RtspError> {
        let (mut session, keepalive, response) = self.describe(url).await?;
        let base = address::base(url, &response.headers);
        let description = describe::choose(&describe::parse(&response.body)?, self.audio)?;
        for what in &description.oddities {
            facts(SourceFact::Oddity { what: what.clone() });
        }
        let Description { tracks, control, .. } = description;
        let aggregate = address::control(&base, control.as_deref());

        let (receivers, controls): (Vec<_>, Vec<_>) = tracks
            .into_iter()
            .map(|Chosen { sdp, control }| (self.receiver(sdp), control))
            .unzip();
        let ssrc = own_ssrc(&session);
        let mut receiver = StreamReceiver::new(receivers, publisher, facts.clone(), ssrc);
        let mut sockets = Vec::new();
        for (track, control) in controls.iter().enumerate() {
            let result = self
                .setup(&mut session, &mut receiver, track, &base, control.as_deref())
                .await;
            match result {
                Ok(pair) => sockets.extend(pair),
                // Audio trouble never costs video.
                Err(error) if track > 0 && session_goes_on(&error) => {
                    facts(SourceFact::Oddity {
                        what: format!("audio track is not received: {error}"),
                    });
                }
                Err(error) => return Err(error),
            }
        }
        self.start(&mut session, &mut receiver, &aggregate).await?;
        facts(SourceFact::Connected {
            peer: session.connection.peer().to_string(),
        });
        let playing = Playing {
            session,
            receiver,
            aggregate,
            keepalive,
        };
        match self.transport {
            Transport::Tcp => play::run(playing).await,
            Transport::Udp => udp::run(playing, sockets).await,
        }
    }

    /// OPTIONS and DESCRIBE, following redirects; `url` becomes the address that answered.
    async fn describe(&self, url: &mut Url) -> Result<(Session, &'static str, Response), RtspError> {
        let mut redirects = 0;
        loop {
            // Another host gets no credentials.
            let same = url.host() == self.url.host();
            let auth = Authenticator::new(self.credentials.clone().filter(|_| same));
            let mut session = Session::connect(url, auth).await?;
            let options = session.request("OPTIONS", url.as_str(), &[], None).await;
            let keepalive = match &options {
                Ok(response) => keepalive_method(response),
                Err(error) if session_goes_on(error) => "OPTIONS",
                Err(_) => return Err(options.err().unwrap_or(RtspError::Closed)),
            };
            let accept = [("Accept", "application/sdp")];
            let response = session.request("DESCRIBE", url.as_str(), &accept, None).await?;
            if (300..400).contains(&response.status) {
                let to = response.headers.get("Location").unwrap_or_default();
                let failed = |why| RtspError::Redirect {
                    to: without_credentials(to),
                    why,
                };
                redirects += 1;
                if redirects > MAX_REDIRECTS {
                    return Err(failed("too many redirects"));
                }
                *url = address::redirect(url, to).ok_or_else(|| failed("not an rtsp address"))?;
                continue;
            }
            return Ok((session, keepalive, success("DESCRIBE", response)?));
        }
    }

    fn receiver(&self, sdp: crate::codec::SdpTrack) -> TrackReceiver {
        let patience = match self.transport {
            Transport::Tcp => None,
            Transport::Udp => Some(Patience {
                packets: udp::HELD_PACKETS,
                time: udp::HELD_TIME,
            }),
        };
        TrackReceiver::new(sdp, patience)
    }

    async fn setup(
        &self,
        session: &mut Session,
        receiver: &mut StreamReceiver,
        track: usize,
        base: &str,
        control: Option<&str>,
    ) -> Result<Option<UdpPair>, RtspError> {
        let first = u8::try_from(track * 2).unwrap_or(0);
        let mut pair = None;
        let offer = match self.transport {
            Transport::Tcp => format!("RTP/AVP/TCP;unicast;interleaved={first}-{}", first + 1),
            Transport::Udp => {
                let bound = UdpPair::bind(session.connection.local().ip(), track).map_err(RtspError::Ports)?;
                let port = bound.port();
                pair = Some(bound);
                format!("RTP/AVP;unicast;client_port={port}-{}", port + 1)
            }
        };
        let headers = [("Transport", offer.as_str())];
        let uri = address::control(base, control);
        let mut response = session.request("SETUP", &uri, &headers, Some(&mut *receiver)).await?;
        if (400..500).contains(&response.status)
            && let Some(other) = address::before_query(base, control)
        {
            response = session.request("SETUP", &other, &headers, Some(receiver)).await?;
        }
        let response = success("SETUP", response)?;
        if let Some(id) = response.headers.get("Session").and_then(SessionId::parse) {
            session.id = Some(id);
        }
        let answer = response
            .headers
            .get("Transport")
            .map(TransportAnswer::parse)
            .unwrap_or_default();
        match &mut pair {
            None => {
                let (rtp, rtcp) = answer.interleaved.unwrap_or((first, first + 1));
                session.map(rtp, Channel::Rtp(track));
                session.map(rtcp, Channel::Rtcp(track));
            }
            Some(pair) => pair.aim(session.connection.peer().ip(), &answer),
        }
        Ok(pair)
    }

    async fn start(
        &self,
        session: &mut Session,
        receiver: &mut StreamReceiver,
        aggregate: &str,
    ) -> Result<(), RtspError> {
        let range = [("Range", "npt=0.000-")];
        let mut response = session.request("PLAY", aggregate, &range, Some(&mut *receiver)).await?;
        // 457 Invalid Range: live needs none.
        if response.status == 457 {
            response = session.request("PLAY", aggregate, &[], Some(receiver)).await?;
        }
        success("PLAY", response)?;
        Ok(())
    }
}

fn keepalive_method(options: &Response) -> &'static str {
    let public = options.headers.get("Public").unwrap_or_default();
    let known = public
        .split(',')
        .any(|method| method.trim().eq_ignore_ascii_case("GET_PARAMETER"));
    if known { "GET_PARAMETER" } else { "OPTIONS" }
}

/// After this error the connection can still be used.
fn session_goes_on(error: &RtspError) -> bool {
    matches!(error, RtspError::Status { .. } | RtspError::Ports(_))
}

fn success(method: &str, response: Response) -> Result<Response, RtspError> {
    if response.is_success() {
        return Ok(response);
    }
    let reason = response.reason.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(RtspError::Status {
        method: method.to_owned(),
        status: response.status,
        reason,
    })
}

fn without_credentials(location: &str) -> String {
    match Url::parse(location) {
        Ok(mut url) => {
            let _ = (url.set_username(""), url.set_password(None));
            url.into()
        }
        Err(_) => "something that is not an address".into(),
    }
}

/// Need only differ between receivers of one sender.
fn own_ssrc(session: &Session) -> u32 {
    let local = session.connection.local();
    u32::from(local.port()) << 16 ^ std::process::id()
}
