//! `buzzer`: brings the sound to where it is wanted, and silence at the end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_config::BuzzerKind;
use vigie_media::sound::{Sink, Sound};
use vigie_storage::events::ActionState;

use super::{Buzzer, speaker::Tone};
use crate::supervise::{ChildSpec, JobContext, JobError, worker_child};

/// While it sounds: a file begins anew, a fault is seen.
const LOOK: Duration = Duration::from_millis(100);
/// What failed is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// The actor as a child of the root.
pub fn buzzer_child(buzzer: Arc<Buzzer>) -> ChildSpec {
    worker_child("buzzer", "buzzer", move |context| {
        Box::pin(run(context, buzzer.clone()))
    })
}

/// Silent when dropped.
pub(super) enum Sounding {
    Sound(Sound),
    Tone { _until_dropped: Tone },
}

impl Sounding {
    pub(super) fn start(kind: &BuzzerKind) -> Result<Sounding, String> {
        match kind {
            BuzzerKind::Sound { file, device } => {
                let sink = device.clone().map_or(Sink::Auto, Sink::Alsa);
                let sound = Sound::start(file.as_deref(), &sink).map_err(|error| error.to_string())?;
                Ok(Sounding::Sound(sound))
            }
            BuzzerKind::PcSpeaker { device } => match Tone::start(device) {
                Ok(tone) => Ok(Sounding::Tone { _until_dropped: tone }),
                Err(error) => Err(format!("cannot write to {}: {error}", device.display())),
            },
        }
    }

    pub(super) fn look(&self) -> Result<(), String> {
        match self {
            Sounding::Sound(sound) => sound.look().map_err(|error| error.to_string()),
            Sounding::Tone { .. } => Ok(()),
        }
    }
}

async fn run(context: JobContext, buzzer: Arc<Buzzer>) -> Result<(), JobError> {
    let mut sounding: Option<(BuzzerKind, Sounding)> = None;
    let mut failed: Option<Instant> = None;
    loop {
        let wanted = buzzer.wanted(Instant::now());
        // Another configuration is another sound.
        sounding = sounding.filter(|(kind, _)| wanted.as_ref() == Some(kind));
        let due = failed.is_none_or(|at| at.elapsed() >= RETRY);
        match (&wanted, &sounding) {
            (Some(kind), None) if due => {
                let started = tokio::task::spawn_blocking({
                    let kind = kind.clone();
                    move || Sounding::start(&kind)
                });
                let started = started.await?;
                failed = started.is_err().then(Instant::now);
                buzzer.told(started.as_ref().map(drop).map_err(Clone::clone));
                sounding = started.ok().map(|started| (kind.clone(), started));
            }
            (Some(_), Some((_, sound))) => {
                if let Err(error) = sound.look() {
                    failed = Some(Instant::now());
                    buzzer.told(Err(error));
                    sounding = None;
                }
            }
            (Some(_), None) => {}
            (None, _) => {
                failed = None;
                buzzer.settle(ActionState::Failed, Some("silenced before it sounded".into()));
            }
        }
        if sounding.is_some() {
            buzzer.settle(ActionState::Done, None);
        } else if let Some(error) = buzzer.error().filter(|_| failed.is_some()) {
            buzzer.settle(ActionState::Failed, Some(error));
        }
        buzzer.sounds(sounding.is_some());
        context.node.publish(buzzer.snapshot());
        let look = async {
            match wanted {
                Some(_) => tokio::time::sleep(LOOK).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = look => {}
            () = buzzer.changed.notified() => {}
            // The sound ends with what is dropped.
            () = context.stopping() => return Ok(()),
        }
    }
}
