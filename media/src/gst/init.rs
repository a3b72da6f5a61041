//! Bringing GStreamer up once per process, and naming what is missing from an installation.

use gstreamer as gst;
use vigie_config::{ErrorKind, Kind};

/// GStreamer or a part of its installation is not usable.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GstError {
    #[error("GStreamer cannot be initialised: {0}; check its installation")]
    Init(String),
    #[error("GStreamer has no element `{element}`; install the Debian package {package}")]
    MissingElement { element: String, package: &'static str },
    #[error("{what} failed: {why}")]
    Failed { what: &'static str, why: String },
}

impl From<gst::glib::Error> for GstError {
    fn from(error: gst::glib::Error) -> Self {
        GstError::Failed {
            what: "building a pipeline",
            why: error.to_string(),
        }
    }
}

impl Kind for GstError {
    fn kind(&self) -> ErrorKind {
        match self {
            GstError::Init(_) | GstError::MissingElement { .. } => ErrorKind::Misconfigured,
            GstError::Failed { .. } => ErrorKind::Unavailable,
        }
    }
}

/// Initialises GStreamer; later calls cost nothing.
pub fn init() -> Result<(), GstError> {
    gst::init().map_err(|error| GstError::Init(error.to_string()))
}

/// Fails with the name and the package of the first element that is not installed.
pub fn ensure_elements(names: &[&str]) -> Result<(), GstError> {
    init()?;
    match names.iter().find(|name| gst::ElementFactory::find(name).is_none()) {
        None => Ok(()),
        Some(name) => Err(GstError::MissingElement {
            element: (*name).to_owned(),
            package: package_of(name),
        }),
    }
}

/// The Debian 12 package that carries an element used in this crate.
fn package_of(element: &str) -> &'static str {
    match element {
        // Text and clock overlays, in spite of its name.
        "clockoverlay" | "textoverlay" | "timeoverlay" => "gstreamer1.0-x",
        "x264enc" => "gstreamer1.0-plugins-ugly",
        "h264parse" | "h265parse" | "jpegparse" | "srtsrc" | "tsdemux" | "rtmp2src" => "gstreamer1.0-plugins-bad",
        "rtspsrc" | "flvdemux" | "souphttpsrc" | "multipartdemux" | "v4l2src" | "qtdemux" | "jpegenc" | "jpegdec"
        | "rtph264pay" | "rtph265pay" | "rtpjpegpay" | "rtpmp4gpay" | "rtpopuspay" | "rtppcmupay" | "rtppcmapay"
        | "aacparse" | "wavparse" | "autoaudiosink" => "gstreamer1.0-plugins-good",
        "alsasink" => "gstreamer1.0-alsa",
        name if name.starts_with("av") => "gstreamer1.0-libav",
        _ => "gstreamer1.0-plugins-base",
    }
}
