//! What the house says of itself: `GET /api/v1/system/info`.

use serde::Serialize;
use vigie_config::{Config, Utc};

use crate::{
    capacity::room::Room,
    devices::{DeviceSnapshot, Devices},
    disks::{DiskSnapshot, Disks},
    network::LinkInfo,
};

/// `GET /api/v1/system/info`
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SystemInfo {
    pub name: String,
    pub version: &'static str,
    /// UUID of this recorder.
    pub recorder: String,
    #[schema(value_type = String, format = DateTime)]
    pub started: Utc,
    #[schema(value_type = String, format = DateTime)]
    pub now: Utc,
    /// Since the start of this process.
    pub uptime_s: u64,
    pub clock_synchronised: bool,
    /// The site's, by its IANA name; null: the system's, which has none.
    pub time_zone: Option<String>,
    /// Of this machine, without its own loop.
    pub links: Vec<LinkInfo>,
    pub cameras: usize,
    /// Where RTSP is served.
    pub rtsp: String,
    /// State of the index.
    #[schema(value_type = Object)]
    pub index: vigie_storage::IndexState,
    /// Room for how many more cameras; null: not measured yet, or no camera is recorded.
    pub room: Option<Room>,
    /// A demonstration (`vigie demo`): whoever signs in is shown first steps.
    pub demo: bool,
    /// Every disk of the configuration; `error` says why one is not in use, `device` what the
    /// device under it said of itself at the last look.
    #[schema(value_type = Vec<Object>)]
    pub disks: Vec<DiskInfo>,
}

/// One disk of the configuration.
#[derive(Debug, Clone, Serialize)]
pub struct DiskInfo {
    #[serde(flatten)]
    pub disk: DiskSnapshot,
    /// `None`: not looked at yet.
    pub device: Option<DeviceSnapshot>,
}

/// In the order of the configuration.
pub(crate) fn disks(disks: &Disks, devices: &Devices, config: &Config) -> Vec<DiskInfo> {
    let mut devices = devices.snapshots();
    let all = disks.snapshots(config).into_iter();
    all.map(|disk| DiskInfo {
        device: devices.remove(&disk.disk),
        disk,
    })
    .collect()
}
