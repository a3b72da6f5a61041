//! Which certificate of a peer is accepted.

use std::{io::Write, os::fd::AsRawFd};

use gstreamer::{self as gst, prelude::*};
use gstreamer_rtsp_server::gio;
use sha2::{Digest, Sha256};
use vigie_config::{ErrorKind, GapCause, Tls};

use super::{branch::Branches, head::unreadable};
use crate::source::SourceError;

fn misconfigured(text: String) -> SourceError {
    SourceError {
        kind: ErrorKind::Misconfigured,
        cause: GapCause::Refused,
        text,
    }
}

/// Whether a head for `scheme` can honour `tls`.
pub(super) fn supported(scheme: &str, tls: &Tls) -> Result<(), SourceError> {
    match (scheme, tls) {
        ("rtsps", _) | (_, Tls::System) | ("https", Tls::Authority(_)) => Ok(()),
        ("https", Tls::Fingerprint(_)) => Err(misconfigured(
            "https cannot pin a fingerprint: name the certificate's file as authority instead".into(),
        )),
        (scheme, _) => Err(misconfigured(format!(
            "{scheme} knows only the system's authorities: remove the fingerprint or authority"
        ))),
    }
}

/// Configures `rtspsrc`; whom it does not accept is told to `branches`.
pub(super) fn rtsps(source: &gst::Element, tls: &Tls, branches: &Branches) -> Result<(), SourceError> {
    let pinned = match tls {
        Tls::System => None,
        Tls::Authority(path) => {
            let database = gio::TlsFileDatabase::new(path).map_err(|error| unreadable(path, &error))?;
            source.set_property("tls-database", &database);
            None
        }
        Tls::Fingerprint(expected) => {
            // `accept-certificate` asks only about certificates that are not trusted anyway:
            // with an authority that signed nothing it asks about every one.
            source.set_property("tls-database", &nobody()?);
            Some(*expected)
        }
    };
    let branches = branches.clone();
    source.connect("accept-certificate", false, move |values| {
        let certificate = values.get(2).and_then(|value| value.get::<gio::TlsCertificate>().ok());
        let seen = certificate.as_ref().and_then(fingerprint);
        let accepted = pinned.is_some() && seen == pinned;
        if !accepted {
            let seen = seen.map_or_else(|| "unreadable".into(), hex::encode);
            let why = if pinned.is_some() {
                "not the pinned one"
            } else {
                "not trusted"
            };
            branches.refuse(format!("the certificate is {why}: its fingerprint (SHA-256) is {seen}"));
        }
        Some(accepted.to_value())
    });
    Ok(())
}

/// An authority whose key was thrown away: an empty list is not accepted.
const NOBODY: &str = "-----BEGIN CERTIFICATE-----
MIIBkzCCATmgAwIBAgIUJ42adP2hVfVGefs+9X9BuDsuI1kwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTdmlnaWUgdHJ1c3RzIG5vYm9keTAgFw0yNjExMjAxMjEwMDVa
GA8yMTI2MTAyNzEyMTAwNVowHjEcMBoGA1UEAwwTdmlnaWUgdHJ1c3RzIG5vYm9k
eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOlskS8FDg1ltQ/pfVNrBffULUsE
g9We0ovS2SbOb8/yrl4NZl7ic2OZtftXgp5wkl0LGsLbzp9MhnItzx675XCjUzBR
MB0GA1UdDgQWBBRSh78eUIi5VMrmxay4Bi44tI0BXzAfBgNVHSMEGDAWgBRSh78e
UIi5VMrmxay4Bi44tI0BXzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gA
MEUCIHhJmlM+L9dUTsZ8JZ+8eDypZPHMbx2Wwy1FRnkDQW35AiEAtYYxJriFADJx
DoXKS524zxMhdGejFWrGam67Qv9IXoM=
-----END CERTIFICATE-----
";

/// The database is read from a file when it is made; this one lives in memory alone.
fn nobody() -> Result<gio::TlsFileDatabase, SourceError> {
    let failed = |why: String| SourceError {
        kind: ErrorKind::Unavailable,
        cause: GapCause::Refused,
        text: format!("certificates cannot be checked: {why}"),
    };
    let file = rustix::fs::memfd_create("authority", rustix::fs::MemfdFlags::CLOEXEC);
    let mut file = std::fs::File::from(file.map_err(|error| failed(error.to_string()))?);
    file.write_all(NOBODY.as_bytes())
        .map_err(|error| failed(error.to_string()))?;
    gio::TlsFileDatabase::new(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|error| failed(error.to_string()))
}

/// Configures `souphttpsrc`.
pub(super) fn https(source: &gst::Element, tls: &Tls) {
    if let Tls::Authority(path) = tls {
        source.set_property("ssl-ca-file", path.display().to_string());
    }
}

/// SHA-256 of the certificate's DER.
fn fingerprint(certificate: &gio::TlsCertificate) -> Option<[u8; 32]> {
    let der = certificate.property::<Option<gst::glib::ByteArray>>("certificate")?;
    Some(Sha256::digest(&*der).into())
}
