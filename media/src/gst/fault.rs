//! From GStreamer's errors to ours.

use gstreamer as gst;
use vigie_config::{Credentials, ErrorKind, GapCause};

use crate::source::SourceError;

/// What an error text must not show.
#[derive(Debug, Clone, Default)]
pub(super) struct Redaction(Vec<String>);

impl Redaction {
    pub fn of(credentials: Option<&Credentials>) -> Self {
        let password = credentials
            .map(|c| c.password.reveal().to_owned())
            .filter(|text| !text.is_empty());
        Redaction(password.into_iter().collect())
    }

    /// Also the forms in which the password is written into an address.
    pub fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(text.into());
        self
    }

    pub fn apply(&self, text: &str) -> String {
        let text = self
            .0
            .iter()
            .filter(|s| !s.is_empty())
            .fold(text.to_owned(), |t, s| t.replace(s, "***"));
        without_user_info(&text)
    }
}

/// `scheme://user:password@host` → `scheme://***@host`, wherever it stands.
fn without_user_info(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"')
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at_checked(end).unwrap_or((after, ""));
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                out.push_str("***@");
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Classifies an error message of a pipeline.
pub(super) fn failure(error: &gst::glib::Error, debug: Option<&str>, redaction: &Redaction) -> SourceError {
    use gst::{CoreError, ResourceError, StreamError};
    let detail = debug.unwrap_or_default();
    let unknown_host = detail.to_lowercase().contains("resolv") || error.message().to_lowercase().contains("resolv");
    let unreachable = detail.contains("unreachable") || detail.contains("No route");
    let untrusted = detail.contains("TLS") || detail.contains("certificate");
    let (kind, cause) = if unknown_host || unreachable {
        (ErrorKind::Unavailable, GapCause::Network)
    } else if untrusted {
        (ErrorKind::Refused, GapCause::Refused)
    } else if let Some(resource) = error.kind::<ResourceError>() {
        match resource {
            ResourceError::NotAuthorized => (ErrorKind::Refused, GapCause::Refused),
            ResourceError::NotFound => (ErrorKind::Refused, GapCause::Refused),
            ResourceError::Busy => (ErrorKind::Unavailable, GapCause::Refused),
            _ => (ErrorKind::Unavailable, GapCause::CameraOffline),
        }
    } else if let Some(stream) = error.kind::<StreamError>() {
        match stream {
            // The camera may be set to another codec without a change on our side.
            StreamError::CodecNotFound | StreamError::Encode | StreamError::NotImplemented => {
                (ErrorKind::Refused, GapCause::Refused)
            }
            StreamError::Decode | StreamError::Demux | StreamError::Format | StreamError::WrongType => {
                (ErrorKind::Corrupt, GapCause::CameraOffline)
            }
            // Also what sources say whose peer is not there.
            _ => (ErrorKind::Unavailable, GapCause::CameraOffline),
        }
    } else if error
        .kind::<CoreError>()
        .is_some_and(|core| core == CoreError::MissingPlugin)
    {
        (ErrorKind::Refused, GapCause::Refused)
    } else {
        (ErrorKind::Unavailable, GapCause::CameraOffline)
    };
    // The debug text is `file(line): function (): element path:\nreason`.
    let reason = detail.lines().nth(1).unwrap_or_default();
    let text = match reason {
        "" => error.message().to_owned(),
        reason => format!("{} ({})", error.message().trim_end_matches('.'), reason.trim()),
    };
    SourceError {
        kind,
        cause,
        text: redaction.apply(&text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_credential_is_shown() {
        let redaction = Redaction::default().and("s3cret%21");
        assert_eq!(
            redaction.apply("no rtmp://bob:p@ss@cam/live here, nor s3cret%21; srt://cam:9?x=1"),
            "no rtmp://***@cam/live here, nor ***; srt://cam:9?x=1"
        );
    }

    #[test]
    fn kinds_decide_what_the_restart_policy_does() {
        let make = |kind| gst::glib::Error::new::<gst::ResourceError>(kind, "text");
        let kind = |error, debug| failure(&error, Some(debug), &Redaction::default()).kind;
        assert_eq!(kind(make(gst::ResourceError::NotAuthorized), ""), ErrorKind::Refused);
        assert_eq!(kind(make(gst::ResourceError::OpenRead), ""), ErrorKind::Unavailable);
        // Only the camera's own settings mend these, of which nobody tells us.
        let codec = gst::glib::Error::new(gst::StreamError::CodecNotFound, "text");
        assert_eq!(kind(codec, ""), ErrorKind::Refused);
        let plugin = gst::glib::Error::new(gst::CoreError::MissingPlugin, "text");
        assert_eq!(kind(plugin, ""), ErrorKind::Refused);
        let lost = failure(
            &make(gst::ResourceError::OpenRead),
            Some("Error resolving “cam”"),
            &Redaction::default(),
        );
        assert_eq!(lost.cause, GapCause::Network);
    }
}
