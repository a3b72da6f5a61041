//! The real binary against cameras over real sockets, with books kept by an independent demuxer.
//!
//! With `VIGIE_SHOWN=1` the same tests run the counts of the acceptance list (`make shown-2`);
//! `VIGIE_BINARY` names another binary than the one cargo built.

#![allow(clippy::unwrap_used)]

mod access;
mod accounts;
mod acme;
#[cfg(feature = "fault-hooks")]
mod alarm_panics;
mod alarms;
mod attacks;
mod backup;
mod cascade;
mod causes;
mod chain;
mod crash;
mod demo;
mod devices;
mod disk_service;
mod disks;
mod faulty_disk;
mod first_day;
mod footage;
mod house;
mod house_events;
mod kept;
mod lies;
mod live_view;
mod looks;
mod losses;
mod manage;
mod motion;
mod motion_load;
mod mqtt;
mod mqtt_kept;
mod notify;
mod outage;
#[cfg(not(feature = "fault-hooks"))]
mod packaged;
mod pages;
#[cfg(feature = "fault-hooks")]
mod panics;
mod players;
mod power_cut;
mod proxies;
mod rebuild;
mod recording;
mod rights;
mod seams;
mod settings;
mod snapshots;
mod summer_time;
mod timeline;
mod tls;
mod video;
// Its push service is on this machine, which only a build for tests allows.
#[cfg(feature = "fault-hooks")]
mod web_push;
