//! The session description: which tracks there are, and which of them are received.

use sdp_types::{Media, Session};

use crate::{
    Track,
    codec::{SdpTrack, depacketizer_for},
};

use super::error::RtspError;

/// A track to set up.
pub struct Chosen {
    pub sdp: SdpTrack,
    /// Its control attribute.
    pub control: Option<String>,
}

/// What is taken of a description.
pub struct Description {
    /// Video first.
    pub tracks: Vec<Chosen>,
    /// The control attribute of the session.
    pub control: Option<String>,
    /// What was left out, for the operator.
    pub oddities: Vec<String>,
}

/// Reads SDP (RFC 8866) leniently: only the lines that matter here, whatever is wrong with the
/// others.
pub fn parse(body: &[u8]) -> Result<Session, RtspError> {
    let text = String::from_utf8_lossy(body);
    let mut clean = String::from("v=0\r\n");
    let mut good = true;
    for line in text.lines().map(str::trim) {
        match line.split_at_checked(2) {
            Some(("m=", rest)) => {
                good = rest.split(' ').count() >= 4;
                if good {
                    clean.push_str(&format!("{line}\r\n"));
                }
            }
            Some(("a=", rest)) if good && !rest.is_empty() => clean.push_str(&format!("{line}\r\n")),
            _ => {}
        }
    }
    Session::parse(clean.as_bytes()).map_err(|error| RtspError::Description(error.to_string()))
}

/// Takes the first video that is supported, and the first such audio when wanted.
pub fn choose(session: &Session, audio: bool) -> Result<Description, RtspError> {
    let mut oddities = Vec::new();
    let video = first(session, Track::Video, &mut oddities);
    let Some(video) = video else {
        let why = if oddities.is_empty() {
            "no video among its tracks".to_owned()
        } else {
            oddities.join("; ")
        };
        return Err(RtspError::NoVideo(why));
    };
    let mut tracks = vec![video];
    if audio {
        tracks.extend(first(session, Track::Audio, &mut oddities));
    }
    let control = control_of(session.get_first_attribute_value("control"));
    Ok(Description {
        tracks,
        control,
        oddities,
    })
}

fn first(session: &Session, track: Track, oddities: &mut Vec<String>) -> Option<Chosen> {
    let name = if track == Track::Video { "video" } else { "audio" };
    let sendonly = |media: &&Media| !media.has_attribute("sendonly") || track == Track::Video;
    session
        .medias
        .iter()
        .filter(|m| m.media.eq_ignore_ascii_case(name))
        .filter(sendonly)
        .find_map(|media| match depacketizer_for(media) {
            Ok(sdp) if sdp.track == track => Some(Chosen {
                sdp,
                control: control_of(media.get_first_attribute_value("control")),
            }),
            Ok(_) => None,
            Err(error) => {
                oddities.push(format!("{name} track is not received: {error}"));
                None
            }
        })
}

fn control_of(value: Option<Option<&str>>) -> Option<String> {
    value.flatten().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn broken_lines_cost_only_themselves() {
        let sdp = "v=0\no=- broken\ns=\nt=zero\na=control:*\nm=video\na=ghost\nm=video 0 RTP/AVP 96\r\nb=AS\na=rtpmap:96 H264/90000\na=control:t1\nk=";
        let session = parse(sdp.as_bytes()).unwrap();
        assert_eq!(session.medias.len(), 1);
        assert_eq!(session.medias[0].attributes.len(), 2);
        assert_eq!(session.get_first_attribute_value("control"), Some(Some("*")));
    }

    #[test]
    fn no_video_is_said_with_the_reason() {
        let session = parse(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n").unwrap();
        assert!(choose(&session, true).err().unwrap().to_string().contains("no video"));
    }
}
