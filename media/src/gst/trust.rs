//! Which certificate of a peer is accepted.

use gstreamer::{self as gst, prelude::*};
use gstreamer_rtsp_server::gio;
use sha2::{Digest, Sha256};
use vigie_config::{ErrorKind, GapCause, Tls};

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

/// Configures `rtspsrc`. What it refuses shows up as an error of the pipeline.
pub(super) fn rtsps(source: &gst::Element, tls: &Tls) -> Result<(), SourceError> {
    match tls {
        Tls::System => {}
        Tls::Authority(path) => {
            let database = gio::TlsFileDatabase::new(path)
                .map_err(|error| misconfigured(format!("authority file {} cannot be used: {error}", path.display())))?;
            source.set_property("tls-database", &database);
        }
        Tls::Fingerprint(expected) => {
            // `accept-certificate` asks only about certificates that are not trusted anyway:
            // with no authority at all it asks about every one.
            let nobody = gio::TlsFileDatabase::new("/dev/null")
                .map_err(|error| misconfigured(format!("an empty list of authorities cannot be made: {error}")))?;
            source.set_property("tls-database", &nobody);
            let expected = *expected;
            source.connect("accept-certificate", false, move |values| {
                let seen = values.get(2).and_then(|value| value.get::<gio::TlsCertificate>().ok());
                Some(
                    seen.and_then(|seen| fingerprint(&seen))
                        .is_some_and(|seen| seen == expected)
                        .to_value(),
                )
            });
        }
    }
    Ok(())
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
