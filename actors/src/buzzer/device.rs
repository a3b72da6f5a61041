//! What sounds, as it is configured: a sound card, the speaker of a PC, a GPIO line.

use std::{path::Path, sync::Arc};

use vigie_config::{Buzzer as Configured, BuzzerKind};
use vigie_media::sound::{Sink, Sound};

use super::speaker::{self, Tone};
use crate::gpio::{Gpio, Relay};

pub(super) struct Device {
    pub config: Configured,
    /// Of a GPIO line.
    relay: Option<Relay>,
}

/// Silent when dropped; at a GPIO line with [`Device::rest`].
pub(super) enum Sounding {
    Sound(Sound),
    Tone { _until_dropped: Tone },
    Line,
}

impl Sounding {
    /// An error: nothing is heard.
    pub fn look(&self) -> Result<(), String> {
        match self {
            Sounding::Sound(sound) => sound.look().map_err(|error| error.to_string()),
            Sounding::Tone { .. } | Sounding::Line => Ok(()),
        }
    }

    /// Another that sounds beside it, and ends, does not silence it.
    pub fn is_its_own(&self) -> bool {
        matches!(self, Sounding::Sound(_))
    }
}

impl Device {
    pub fn new(config: Configured, gpio: &Arc<dyn Gpio>) -> Device {
        let relay = match &config.kind {
            BuzzerKind::Gpio { line, on } => Some(Relay::new(line.clone(), *on, gpio.clone())),
            BuzzerKind::Sound { .. } | BuzzerKind::PcSpeaker { .. } => None,
        };
        Device { config, relay }
    }

    /// Resolves when it sounds. Says what failed, which, and why.
    pub async fn start(&self) -> Result<Sounding, String> {
        if let Some(relay) = &self.relay {
            relay.switch(true).await?;
            return Ok(Sounding::Line);
        }
        let kind = self.config.kind.clone();
        let started = tokio::task::spawn_blocking(move || start(&kind)).await;
        started.map_err(|panicked| panicked.to_string())?
    }

    /// Nothing sounds, whatever a process before left: a PC speaker goes on after its end. A GPIO line is
    /// held at that level from the first time on.
    pub async fn rest(&self) -> Result<(), String> {
        match (&self.relay, &self.config.kind) {
            (Some(relay), _) => relay.switch(false).await,
            (None, BuzzerKind::PcSpeaker { device }) => {
                let device = device.clone();
                let silenced = tokio::task::spawn_blocking(move || {
                    speaker::silence(&device).map_err(|error| unwritable(&device, &error))
                });
                silenced.await.map_err(|panicked| panicked.to_string())?
            }
            (None, _) => Ok(()),
        }
    }

    /// Nothing is held any more, and a GPIO line silent.
    pub async fn release(&self) {
        if let Some(relay) = &self.relay {
            relay.release().await;
        }
    }
}

fn unwritable(device: &Path, error: &std::io::Error) -> String {
    format!("cannot write to {}: {error}", device.display())
}

fn start(kind: &BuzzerKind) -> Result<Sounding, String> {
    match kind {
        BuzzerKind::Sound { file, device } => {
            let sink = device.clone().map_or(Sink::Auto, Sink::Alsa);
            let sound = Sound::start(file.as_deref(), &sink).map_err(|error| error.to_string())?;
            Ok(Sounding::Sound(sound))
        }
        BuzzerKind::PcSpeaker { device } => match Tone::start(device) {
            Ok(tone) => Ok(Sounding::Tone { _until_dropped: tone }),
            Err(error) => Err(unwritable(device, &error)),
        },
        BuzzerKind::Gpio { .. } => Ok(Sounding::Line),
    }
}
