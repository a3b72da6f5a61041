//! Room for how many more cameras: what those that are recorded now cost, and what is left.
//! Pure; [`super::meter`] takes the figures.

use serde::Serialize;

/// Of what there is so much may be used: bursts, playback and repairs need the rest.
const CPU_SHARE: f64 = 0.8;
const DISK_SHARE: f64 = 0.6;
const NETWORK_SHARE: f64 = 0.8;
/// More is not worth telling.
const MOST: f64 = 1000.0;

/// What was measured over some time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Cameras that brought media.
    pub cameras: f64,
    /// Of this machine.
    pub cores: f64,
    /// Cores that nobody used, on average.
    pub idle_cores: f64,
    /// Cores that this process used, on average.
    pub own_cores: f64,
    /// Share of the time in which each disk that takes footage was inside a write or a sync, and
    /// how many cameras are recorded there.
    pub disks: Vec<(f64, f64)>,
    /// Bytes per second that came in on the busiest network card, and what it can take. `None`:
    /// no card says how fast it is.
    pub network: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    Cpu,
    Disk,
    Network,
}

/// `room` of `GET /api/v1/system/info`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Room {
    /// So many more cameras like those of now, 0 to 1000.
    pub cameras: u32,
    /// What ends first.
    pub limited_by: Bottleneck,
    /// Share of one core that a camera takes.
    pub cpu_per_camera: f64,
}

/// `None`: no camera is recorded, so nobody knows what one costs.
pub fn reckon(figures: &Figures) -> Option<Room> {
    if figures.cameras < 1.0 {
        return None;
    }
    let cpu_per_camera = figures.own_cores / figures.cameras;
    let spare = figures.idle_cores - (1.0 - CPU_SHARE) * figures.cores;
    let mut limits = vec![(fit(spare, cpu_per_camera), Bottleneck::Cpu)];
    let disks = figures.disks.iter().filter(|(_, cameras)| *cameras >= 1.0);
    let disks: Vec<f64> = disks
        .map(|(busy, cameras)| fit(DISK_SHARE - busy, busy / cameras))
        .collect();
    if !disks.is_empty() {
        // They fill evenly.
        limits.push((disks.iter().sum(), Bottleneck::Disk));
    }
    if let Some((used, speed)) = figures.network {
        limits.push((
            fit(NETWORK_SHARE * speed - used, used / figures.cameras),
            Bottleneck::Network,
        ));
    }
    let (cameras, limited_by) = limits.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Room {
        cameras: cameras.clamp(0.0, MOST) as u32,
        limited_by,
        cpu_per_camera,
    })
}

fn fit(spare: f64, each: f64) -> f64 {
    if spare <= 0.0 {
        0.0
    } else if each <= 0.0 {
        MOST
    } else {
        (spare / each).min(MOST)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            cameras: 10.0,
            cores: 2.0,
            idle_cores: 1.4,
            own_cores: 0.1,
            disks: vec![(0.1, 10.0)],
            network: Some((5e6, 125e6)),
        }
    }

    #[test]
    fn what_ends_first_counts() {
        let room = reckon(&figures()).unwrap();
        assert_eq!((room.cameras, room.limited_by), (50, Bottleneck::Disk));
        let spare_disk = Figures {
            disks: vec![(0.001, 10.0)],
            ..figures()
        };
        let room = reckon(&spare_disk).unwrap();
        assert_eq!((room.cameras, room.limited_by), (100, Bottleneck::Cpu));
        let slow_card = Figures {
            network: Some((5e6, 12.5e6)),
            ..spare_disk
        };
        let room = reckon(&slow_card).unwrap();
        assert_eq!((room.cameras, room.limited_by), (10, Bottleneck::Network));
    }

    #[test]
    fn two_disks_hold_more_than_one() {
        let two = Figures {
            disks: vec![(0.1, 5.0), (0.1, 5.0)],
            idle_cores: 2.0,
            network: None,
            ..figures()
        };
        assert_eq!(reckon(&two).unwrap().cameras, 50);
        // One that carries nobody tells nothing.
        let idle = Figures {
            disks: vec![(0.1, 5.0), (0.0, 0.0)],
            ..two
        };
        assert_eq!(reckon(&idle).unwrap().cameras, 25);
    }

    #[test]
    fn a_machine_at_its_end_has_no_room_and_an_empty_one_does_not_know() {
        let busy = Figures {
            idle_cores: 0.2,
            ..figures()
        };
        assert_eq!(reckon(&busy).unwrap().cameras, 0);
        let none = Figures {
            cameras: 0.0,
            ..figures()
        };
        assert_eq!(reckon(&none), None);
    }
}
