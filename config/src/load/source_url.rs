//! The address of a stream: which schemes there are, and what each needs.

use std::path::PathBuf;

use url::Url;

use crate::{Credentials, Secret, SourceUrl};

/// What is wrong with an address. Never shows the address itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("not a URL ({0}), expected for example rtsp://192.0.2.10/stream1{hint}", hint = at_hint(*.1))]
    Malformed(url::ParseError, bool),
    #[error("unknown scheme {0:?}, expected rtsp, rtsps, rtmp, rtmps, srt, http, https, v4l2, file or test")]
    Scheme(String),
    #[error("no host, expected {0}://HOST/…")]
    NoHost(String),
    #[error("port 0 cannot be connected to")]
    PortZero,
    #[error("no port, expected srt://HOST:PORT")]
    NoPort,
    #[error("user info is not part of {0} addresses{1}")]
    UserInfo(&'static str, &'static str),
    #[error("password without a username")]
    PasswordAlone,
    #[error("user info is not percent-encoded UTF-8: write a literal % as %25")]
    Encoding,
    #[error("expected an absolute path with three slashes: {0}")]
    Path(&'static str),
    #[error("{0:?} is not part of {1} addresses")]
    Extra(String, &'static str),
    #[error("unknown setting {0:?} of test://, expected width, height, fps, bitrate or audio")]
    TestKey(String),
    #[error("{0} of test:// is {1:?}, expected {2}")]
    TestValue(&'static str, String, &'static str),
}

fn at_hint(user_info: bool) -> &'static str {
    if user_info {
        "; percent-encode special characters of the password or use the camera's keys username and password"
    } else {
        ""
    }
}

/// Splits an address into where it points to and who asks.
pub fn parse_source_url(text: &str) -> Result<(SourceUrl, Option<Credentials>), UrlError> {
    let mut url = Url::parse(text).map_err(|error| UrlError::Malformed(error, text.contains('@')))?;
    let scheme = url.scheme().to_owned();
    match scheme.as_str() {
        "rtsp" | "rtsps" | "rtmp" | "rtmps" | "http" | "https" => {
            if url.host_str().is_none_or(str::is_empty) {
                return Err(UrlError::NoHost(scheme));
            }
            if url.port() == Some(0) {
                return Err(UrlError::PortZero);
            }
            let credentials = take_credentials(&mut url)?;
            Ok((SourceUrl::Network(url), credentials))
        }
        "srt" => {
            refuse_user_info(&url, "srt", ", a passphrase goes into ?passphrase=")?;
            if url.host_str().is_none_or(str::is_empty) {
                return Err(UrlError::NoHost(scheme));
            }
            match url.port() {
                None => Err(UrlError::NoPort),
                Some(0) => Err(UrlError::PortZero),
                Some(_) => Ok((SourceUrl::Network(url), None)),
            }
        }
        "v4l2" => Ok((SourceUrl::V4l2(local_path(&url, "v4l2", "v4l2:///dev/video0")?), None)),
        "file" => Ok((SourceUrl::File(local_path(&url, "file", "file:///srv/clip.mp4")?), None)),
        "test" => {
            refuse_user_info(&url, "test", "")?;
            check_test(&url)?;
            Ok((SourceUrl::Test(url), None))
        }
        _ => Err(UrlError::Scheme(scheme.chars().take(20).collect())),
    }
}

fn take_credentials(url: &mut Url) -> Result<Option<Credentials>, UrlError> {
    let username = percent_decode(url.username()).ok_or(UrlError::Encoding)?;
    let password = url
        .password()
        .map(|text| percent_decode(text).ok_or(UrlError::Encoding))
        .transpose()?;
    if username.is_empty() {
        // "rtsp://@host/" and "rtsp://:@host/" name nobody.
        return if password.is_none_or(|text| text.is_empty()) {
            strip(url);
            Ok(None)
        } else {
            Err(UrlError::PasswordAlone)
        };
    }
    strip(url);
    Ok(Some(Credentials {
        username,
        password: Secret::new(password.unwrap_or_default()),
    }))
}

/// Neither call fails for an address with a host.
fn strip(url: &mut Url) {
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

fn refuse_user_info(url: &Url, scheme: &'static str, instead: &'static str) -> Result<(), UrlError> {
    if url.username().is_empty() && url.password().is_none() {
        Ok(())
    } else {
        Err(UrlError::UserInfo(scheme, instead))
    }
}

fn local_path(url: &Url, scheme: &'static str, example: &'static str) -> Result<PathBuf, UrlError> {
    refuse_user_info(url, scheme, "")?;
    if url.host_str().is_some_and(|host| !host.is_empty()) || url.port().is_some() {
        return Err(UrlError::Path(example));
    }
    if let Some(extra) = url.query().or(url.fragment()) {
        return Err(UrlError::Extra(extra.chars().take(40).collect(), scheme));
    }
    let path = percent_decode(url.path()).ok_or(UrlError::Path(example))?;
    if path.len() < 2 || !path.starts_with('/') || path.contains('\0') {
        return Err(UrlError::Path(example));
    }
    Ok(PathBuf::from(path))
}

fn check_test(url: &Url) -> Result<(), UrlError> {
    if url.cannot_be_a_base() || url.host_str().is_some_and(|host| !host.is_empty()) {
        return Err(UrlError::Extra(
            url.host_str().unwrap_or(url.path()).chars().take(40).collect(),
            "test",
        ));
    }
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(UrlError::Extra(url.path().chars().take(40).collect(), "test"));
    }
    for (key, value) in url.query_pairs() {
        let number = value.parse::<u64>().ok();
        let within = |least, most| number.is_some_and(|number| (least..=most).contains(&number));
        let (key, fits, expected) = match &*key {
            "width" => ("width", within(16, 7680), "16 to 7680 pixels"),
            "height" => ("height", within(16, 4320), "16 to 4320 pixels"),
            "fps" => ("fps", within(1, 120), "1 to 120"),
            "bitrate" => (
                "bitrate",
                within(10_000, 100_000_000),
                "bits a second, 10000 to 100000000",
            ),
            "audio" => ("audio", matches!(&*value, "true" | "false"), "true or false"),
            other => return Err(UrlError::TestKey(other.chars().take(40).collect())),
        };
        if !fits {
            return Err(UrlError::TestValue(key, value.chars().take(40).collect(), expected));
        }
    }
    Ok(())
}

/// RFC 3986, 2.1. `None`: not UTF-8. A `%` that begins no triplet stands for itself.
fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        let hex = |at: usize| rest.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (*first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                bytes = rest.get(2..).unwrap_or_default();
            }
            (byte, ..) => {
                out.push(byte);
                bytes = rest;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// An address as it may be shown: whatever could be user info, and every value of a query whose
/// name smells of a secret, is replaced. Works on texts that are no URL.
pub fn redact_url(text: &str) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    // The last @: an unencoded password may hold one, or a slash.
    let rest = match rest.rfind('@') {
        Some(at) => format!("***{}", rest.get(at..).unwrap_or_default()),
        None => rest.to_owned(),
    };
    let mut out = scheme.to_owned();
    // Settings stand in queries, and some cameras take them in the path.
    for piece in rest.split_inclusive(['?', '&', ';', '/', '#']) {
        match piece.split_once('=') {
            Some((name, value)) if is_secret(name) => {
                let end = value
                    .chars()
                    .last()
                    .filter(|c| matches!(c, '?' | '&' | ';' | '/' | '#'));
                out.push_str(name);
                out.push_str("=***");
                out.extend(end);
            }
            _ => out.push_str(piece),
        }
    }
    out
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "pass", "pwd", "pw", "psw", "secret", "token", "auth", "key", "sign", "user", "usr", "login", "account",
    ]
    .iter()
    .any(|word| name.contains(word))
}
