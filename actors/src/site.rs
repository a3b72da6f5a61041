//! Where the recorder stands: its time zone, for schedules. Changes with the configuration.

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use vigie_config::Server;

pub struct Site(ArcSwap<TimeZone>);

impl Site {
    pub fn new(server: &Server) -> Self {
        Self(ArcSwap::from_pointee(server.zone()))
    }

    pub fn zone(&self) -> TimeZone {
        TimeZone::clone(&self.0.load())
    }

    pub fn update(&self, server: &Server) {
        self.0.store(std::sync::Arc::new(server.zone()));
    }
}
