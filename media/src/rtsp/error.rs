//! Why an RTSP session ended, and what that means for the restart policy and the gap.

use std::io;

use vigie_config::{ErrorKind, GapCause, Kind};

use crate::source::SourceError;

use super::framing::Garbage;

#[derive(Debug, thiserror::Error)]
pub enum RtspError {
    #[error("{0} is not an rtsp address with a host")]
    Address(String),
    #[error("cannot resolve {host}: {error}")]
    Resolve { host: String, error: io::Error },
    #[error("cannot connect to {peer}: {error}")]
    Connect { peer: String, error: io::Error },
    #[error("cannot connect to {peer} within {seconds} s")]
    ConnectTimeout { peer: String, seconds: u64 },
    #[error("no answer to {method} within {seconds} s")]
    Silent { method: String, seconds: u64 },
    #[error("connection lost: {0}")]
    Lost(io::Error),
    #[error("the camera closed the connection")]
    Closed,
    #[error("the camera ended the session ({0})")]
    Ended(String),
    #[error("{method} was answered with {status} {reason}")]
    Status {
        method: String,
        status: u16,
        reason: String,
    },
    #[error("the camera asks for a password: set username and password")]
    NoCredentials,
    #[error("the camera refuses the username or password")]
    WrongCredentials,
    #[error("the camera's challenge is not understood: {0}")]
    Challenge(String),
    #[error("redirected to {to}: {why}")]
    Redirect { to: String, why: &'static str },
    #[error("session description is not understood: {0}")]
    Description(String),
    #[error("nothing to record: {0}")]
    NoVideo(String),
    #[error("no pair of free udp ports: {0}")]
    Ports(io::Error),
    #[error("stream is not understood: {0}")]
    Garbage(#[from] Garbage),
}

impl Kind for RtspError {
    fn kind(&self) -> ErrorKind {
        match self {
            RtspError::Address(_) => ErrorKind::Misconfigured,
            RtspError::Resolve { .. }
            | RtspError::Connect { .. }
            | RtspError::ConnectTimeout { .. }
            | RtspError::Lost(_)
            | RtspError::Closed
            | RtspError::Ended(_)
            | RtspError::Ports(_) => ErrorKind::Unavailable,
            RtspError::Silent { .. } => ErrorKind::Timeout,
            // A camera that is booting answers 5xx, one that still holds an ended session 453 or 454.
            RtspError::Status {
                status: 400 | 401 | 403 | 404,
                ..
            } => ErrorKind::Refused,
            RtspError::Status { .. } => ErrorKind::Unavailable,
            RtspError::NoCredentials
            | RtspError::WrongCredentials
            | RtspError::Challenge(_)
            | RtspError::Redirect { .. }
            | RtspError::NoVideo(_) => ErrorKind::Refused,
            RtspError::Description(_) | RtspError::Garbage(_) => ErrorKind::Corrupt,
        }
    }
}

impl RtspError {
    fn cause(&self) -> GapCause {
        match self {
            RtspError::Resolve { .. } | RtspError::Ports(_) => GapCause::Network,
            RtspError::Connect { error, .. } | RtspError::Lost(error) if is_network(error) => GapCause::Network,
            _ if self.kind() == ErrorKind::Refused || self.kind() == ErrorKind::Misconfigured => GapCause::Refused,
            _ => GapCause::CameraOffline,
        }
    }

    /// With the address, which is without credentials.
    pub fn at(&self, url: &url::Url) -> SourceError {
        SourceError {
            kind: self.kind(),
            cause: self.cause(),
            text: format!("{url}: {self}"),
        }
    }
}

fn is_network(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(
        error.kind(),
        E::HostUnreachable | E::NetworkUnreachable | E::NetworkDown | E::AddrNotAvailable | E::PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_camera_will_say_again_is_a_refusal() {
        let kind = |status: u16| {
            let (method, reason) = ("SETUP".into(), String::new());
            RtspError::Status { method, status, reason }.kind()
        };
        for refused in [400, 401, 403, 404] {
            assert_eq!(kind(refused), ErrorKind::Refused, "{refused}");
        }
        // Not enough bandwidth, session not found, not valid in this state, booting.
        for passing in [453, 454, 455, 500, 503] {
            assert_eq!(kind(passing), ErrorKind::Unavailable, "{passing}");
        }
    }
}
