//! What systemd is told (sd_notify(3)). Without systemd nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "cannot tell systemd");
    }
}

pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

pub fn feed_watchdog() {
    tell(&[NotifyState::Watchdog]);
}

/// How long systemd waits for a sign of life.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
