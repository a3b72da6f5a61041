//! Answers to a camera's challenge: Digest (RFC 7616, 2617, 2069) and Basic (RFC 7617).

use http_auth::{PasswordClient, PasswordParams};
use vigie_config::Credentials;

use super::{error::RtspError, message::Response};

/// The credentials of one connection and the last challenge to them.
pub struct Authenticator {
    credentials: Option<Credentials>,
    client: Option<PasswordClient>,
}

impl Authenticator {
    pub fn new(credentials: Option<Credentials>) -> Self {
        Self {
            credentials,
            client: None,
        }
    }

    /// The `Authorization` value for a request; `None` until challenged.
    pub fn authorize(&mut self, method: &str, uri: &str) -> Option<String> {
        let credentials = self.credentials.as_ref()?;
        let parameters = PasswordParams {
            username: &credentials.username,
            password: credentials.password.reveal(),
            uri,
            method,
            body: Some(&[]),
        };
        self.client.as_mut()?.respond(&parameters).ok()
    }

    /// Takes the challenge of a 401. `Ok` when another attempt is worth making: the first one, or
    /// one with a new nonce after the old one became stale.
    pub fn challenged(&mut self, response: &Response, tried: bool) -> Result<(), RtspError> {
        if self.credentials.is_none() {
            return Err(RtspError::NoCredentials);
        }
        let mut builder = PasswordClient::builder();
        for value in response.headers.all("WWW-Authenticate") {
            builder = builder.challenges(value);
        }
        let client = builder.build().map_err(RtspError::Challenge)?;
        let stale = match (&client, &self.client) {
            (PasswordClient::Digest(new), Some(PasswordClient::Digest(old))) => {
                new.stale() || new.nonce() != old.nonce()
            }
            _ => false,
        };
        let first = self.client.replace(client).is_none();
        if first || (stale && !tried) {
            Ok(())
        } else {
            Err(RtspError::WrongCredentials)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use vigie_config::Secret;

    use super::*;
    use crate::rtsp::message::{Message, Parsed, parse};

    fn unauthorized(challenge: &str) -> Response {
        let text = format!("RTSP/1.0 401 Unauthorized\r\n{challenge}\r\n");
        match parse(text.as_bytes()) {
            Parsed::Whole(Message::Response(response), _) => response,
            other => panic!("{other:?}"),
        }
    }

    fn authenticator() -> Authenticator {
        Authenticator::new(Some(Credentials {
            username: "u".into(),
            password: Secret::new("p"),
        }))
    }

    #[test]
    fn digest_is_preferred_and_a_stale_nonce_renewed() {
        let mut auth = authenticator();
        let first = unauthorized(
            "WWW-Authenticate: Basic realm=\"a\"\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n",
        );
        auth.challenged(&first, false).unwrap();
        assert!(auth.authorize("OPTIONS", "rtsp://h/").unwrap().starts_with("Digest "));
        let stale = unauthorized("WWW-Authenticate: Digest realm=\"a\", nonce=\"2\", stale=true\r\n");
        auth.challenged(&stale, false).unwrap();
        assert!(auth.authorize("OPTIONS", "rtsp://h/").unwrap().contains("nonce=\"2\""));
        assert!(matches!(
            auth.challenged(&stale, true),
            Err(RtspError::WrongCredentials)
        ));
    }

    #[test]
    fn sha_256_and_qop() {
        let mut auth = authenticator();
        let challenge =
            unauthorized("WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"\r\n");
        auth.challenged(&challenge, false).unwrap();
        let answer = auth.authorize("DESCRIBE", "rtsp://h/").unwrap();
        assert!(answer.contains("SHA-256") && answer.contains("qop=auth"));
    }

    #[test]
    fn basic_twice_is_a_wrong_password_and_nothing_is_asked_without_one() {
        let mut auth = authenticator();
        let challenge = unauthorized("WWW-Authenticate: Basic realm=\"a\"\r\n");
        auth.challenged(&challenge, false).unwrap();
        assert_eq!(auth.authorize("X", "y").unwrap(), "Basic dTpw");
        assert!(matches!(
            auth.challenged(&challenge, true),
            Err(RtspError::WrongCredentials)
        ));
        let mut none = Authenticator::new(None);
        assert!(matches!(
            none.challenged(&challenge, false),
            Err(RtspError::NoCredentials)
        ));
    }
}
