//! The trusted configuration: every value here has been validated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::{
    Access, AddressRange, Buzzer, CameraId, Causes, CertificateSource, DiskId, Email, Input, Mqtt, Output, ProxyHeader,
    Push, Recipient, Rule, Schedule, StreamName, When,
};

/// A text that never shows itself: `Debug`, `Display` and `Serialize` print `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text itself: for the peer it is meant for, never for a log.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("***")
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub server: Server,
    /// `None`: no broker is spoken to.
    pub mqtt: Option<Mqtt>,
    /// Lists are in the order of the file. The fixed schedules are not among these.
    pub schedules: Vec<Schedule>,
    pub disks: Vec<Disk>,
    pub snapshots: Snapshots,
    pub cameras: Vec<Camera>,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
    pub buzzer: Option<Buzzer>,
    /// The server that takes mails.
    pub email: Option<Email>,
    pub recipients: Vec<Recipient>,
    pub pushes: Vec<Push>,
    pub rules: Vec<Rule>,
    /// Names of secrets that could not be had: what needs them goes without, all else runs.
    pub unknown_secrets: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    pub name: String,
    pub state_dir: PathBuf,
    /// Where pages and API are served unencrypted. Not empty.
    pub http: Vec<SocketAddr>,
    /// Where they are served by TLS; empty: nowhere.
    pub https: Vec<SocketAddr>,
    /// What comes unencrypted is sent to the encrypted address.
    pub http_redirect: bool,
    /// For how long browsers shall come by TLS alone (RFC 6797); `None`: nothing is said.
    pub hsts: Option<Duration>,
    pub certificate: CertificateSource,
    /// Who may say for whom it asks.
    pub trusted_proxies: Vec<AddressRange>,
    pub proxy_header: ProxyHeader,
    /// The path below which everything is, without a slash at its end: empty, or `/vigie`.
    pub base_path: String,
    /// Who may ask anything at all, by where they are.
    pub access: Access,
    pub rtsp: SocketAddr,
    /// IANA name; `None`: the system's.
    pub time_zone: Option<String>,
}

impl Server {
    /// The site's time zone. UTC where neither the configuration nor the system says.
    pub fn zone(&self) -> TimeZone {
        match &self.time_zone {
            Some(name) => TimeZone::get(name).unwrap_or(TimeZone::UTC),
            None => TimeZone::system(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    pub id: DiskId,
    pub path: PathBuf,
    pub group: String,
    pub keep_free_bytes: u64,
    pub max_size_bytes: Option<u64>,
    pub require_mount: bool,
    pub when_full: WhenFull,
    /// How often what was written is synced.
    pub tick: Duration,
}

/// Pictures that rules take, and people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshots {
    /// Older ones go.
    pub max_age: Option<Duration>,
    /// On each disk.
    pub max_size_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    pub id: CameraId,
    pub name: String,
    pub enabled: bool,
    pub disk_group: String,
    /// Anyone may play this camera over RTSP.
    pub rtsp_anonymous: bool,
    /// Anyone may see a picture of it now and then, before signing in.
    pub preview: bool,
    /// `main` is always there.
    pub streams: BTreeMap<StreamName, Stream>,
    pub record: Record,
    pub motion: Motion,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    pub url: SourceUrl,
    /// From the camera's `username`/`password` or from the URL.
    pub credentials: Option<Credentials>,
    pub transport: Transport,
    pub audio: bool,
    pub stall_after: Duration,
    pub tls: Tls,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    Tcp,
    Udp,
}

/// What to trust when the source speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    /// The system's certificate authorities.
    #[default]
    System,
    /// A PEM file of authorities.
    Authority(PathBuf),
    /// SHA-256 of the peer's certificate (DER).
    Fingerprint([u8; 32]),
}

/// Where media comes from: an address without user info. Displays as it is, to connect to; shown
/// to people it is [`SourceUrl::redacted`], as `Debug` does.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum SourceUrl {
    /// `rtsp`, `rtsps`, `rtmp`, `rtmps`, `srt`, `http`, `https`: without user info.
    Network(url::Url),
    /// `v4l2:///dev/video0`
    V4l2(PathBuf),
    /// `file:///path/clip.mp4`, played in a loop at its own speed.
    File(PathBuf),
    /// `test://` a generated picture with a clock; the query may set `width height fps bitrate audio`.
    Test(url::Url),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub continuous: When,
    /// While this is on, motion is recorded; alike with the others.
    pub motion: When,
    pub sensor: When,
    pub analytics: When,
    pub continuous_streams: Vec<StreamName>,
    /// Recorded on events and by hand.
    pub event_streams: Vec<StreamName>,
    pub segment: Duration,
    pub pre_alarm: Duration,
    pub post_alarm: Duration,
    /// What may wait in memory for an event, for each of the camera's streams.
    pub pre_alarm_memory_bytes: u64,
    pub max_age: Option<Duration>,
    /// Younger footage goes only when nothing else is left to go.
    pub min_age: Option<Duration>,
    /// Nothing recorded for so long is an alarm.
    pub alarm_after: Duration,
}

/// How Vigie itself looks for movement in a camera's picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Motion {
    pub enabled: bool,
    /// 0 to 100.
    pub sensitivity: u8,
    /// Rows of equal length over the whole picture, from the top, each from the left: where movement
    /// counts. Empty: everywhere.
    pub area: Vec<Vec<bool>>,
    /// Without movement for as long it is over.
    pub hold: Duration,
}

impl Default for Motion {
    fn default() -> Self {
        Self {
            enabled: true,
            sensitivity: 50,
            area: Vec::new(),
            hold: Duration::from_secs(5),
        }
    }
}

/// What happens when a disk reaches its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// The oldest footage goes.
    #[default]
    Cycle,
    /// Nothing goes for want of room: nothing more is recorded there.
    Stop,
}

impl Record {
    /// Kinds of recording that events bring about.
    pub fn event_kinds(&self) -> [(Causes, &When); 3] {
        [
            (Causes::MOTION, &self.motion),
            (Causes::SENSOR, &self.sensor),
            (Causes::ANALYTICS, &self.analytics),
        ]
    }

    /// Something is to be recorded at some time without anyone asking for it by hand.
    pub fn is_ever(&self) -> bool {
        self.continuous.is_ever() || self.is_ever_on_events()
    }

    /// Events may bring recording about.
    pub fn is_ever_on_events(&self) -> bool {
        self.event_kinds().into_iter().any(|(_, when)| when.is_ever())
    }

    /// Those recorded at some time without anyone asking for it by hand.
    pub fn streams(&self) -> impl Iterator<Item = StreamName> {
        StreamName::ALL.into_iter().filter(|stream| self.has(*stream))
    }

    /// The stream is recorded at some time without anyone asking for it by hand.
    pub fn has(&self, stream: StreamName) -> bool {
        let continuous = self.continuous.is_ever() && self.continuous_streams.contains(&stream);
        continuous || (self.is_ever_on_events() && self.event_streams.contains(&stream))
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceUrl::Network(url) | SourceUrl::Test(url) => fmt::Display::fmt(url, f),
            SourceUrl::V4l2(path) => write!(f, "v4l2://{}", path.display()),
            SourceUrl::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}
impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl SourceUrl {
    pub fn scheme(&self) -> &str {
        match self {
            SourceUrl::Network(url) | SourceUrl::Test(url) => url.scheme(),
            SourceUrl::V4l2(_) => "v4l2",
            SourceUrl::File(_) => "file",
        }
    }
    /// For logs, errors and the API: some cameras want credentials in the path or the query
    /// (`?user=…&pwd=…`, `srt://…?passphrase=…`), and those stay in the address.
    pub fn redacted(&self) -> String {
        crate::redact_url(&self.to_string())
    }
}
