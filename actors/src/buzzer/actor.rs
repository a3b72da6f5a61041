//! `buzzer`: brings the sound to where it is wanted, and silence at the end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_storage::events::ActionState;

use super::{
    Buzzer,
    device::{Device, Sounding},
};
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

/// What the actor has in hand.
#[derive(Default)]
struct Play {
    device: Option<Arc<Device>>,
    sounding: Option<Sounding>,
    /// It was told to be silent, and nothing has sounded since.
    at_rest: bool,
}

impl Play {
    /// Another configuration is another sound.
    async fn take(&mut self, device: Option<Arc<Device>>) {
        self.end().await;
        *self = Play {
            device,
            ..Play::default()
        };
    }

    /// It may have been silenced, or left on, by somebody else.
    fn touched(&mut self) {
        self.sounding = self.sounding.take().filter(Sounding::is_its_own);
        self.at_rest = false;
    }

    /// `None`: nothing was to be done.
    async fn bring(&mut self, wanted: bool) -> Option<Result<(), String>> {
        let device = self.device.as_ref()?;
        let result = match (&self.sounding, wanted) {
            (Some(sound), true) => sound.look(),
            (None, true) => {
                self.at_rest = false;
                device.start().await.map(|started| self.sounding = Some(started))
            }
            (None, false) if self.at_rest => return None,
            (_, false) => {
                (self.sounding, self.at_rest) = (None, false);
                device.rest().await.map(|()| self.at_rest = true)
            }
        };
        if result.is_err() {
            self.sounding = None;
        }
        Some(result)
    }

    async fn end(&mut self) {
        self.sounding = None;
        if let Some(device) = &self.device {
            device.release().await;
        }
    }
}

pub(super) async fn run(context: JobContext, buzzer: Arc<Buzzer>) -> Result<(), JobError> {
    let mut play = Play::default();
    let mut wanted = false;
    let mut failed: Option<Instant> = None;
    loop {
        let aim = buzzer.aim(Instant::now());
        if play.device.as_ref().map(Arc::as_ptr) != aim.device.as_ref().map(Arc::as_ptr) {
            play.take(aim.device).await;
            failed = None;
        }
        if aim.touched {
            play.touched();
        }
        if std::mem::replace(&mut wanted, aim.wanted) != aim.wanted {
            failed = None;
        }
        if failed.is_none_or(|at| at.elapsed() >= RETRY) {
            let brought = tokio::select! {
                brought = play.bring(wanted) => brought,
                () = context.stopping() => break,
            };
            if let Some(result) = brought {
                // That it is silent says nothing of why it was not heard.
                if wanted || failed.is_some() || result.is_err() {
                    buzzer.told(&result);
                }
                failed = result.is_err().then(Instant::now);
            }
        }
        if !wanted {
            let why = "silenced before it sounded";
            buzzer.settle(aim.waiting, ActionState::Failed, Some(why.into()));
        } else if play.sounding.is_some() {
            buzzer.settle(aim.waiting, ActionState::Done, None);
        } else if failed.is_some() {
            buzzer.settle(aim.waiting, ActionState::Failed, buzzer.error());
        }
        buzzer.sounds(play.sounding.is_some());
        context.node.publish(buzzer.snapshot());
        let look = async {
            match (wanted, failed) {
                (true, _) => tokio::time::sleep(LOOK).await,
                (false, Some(_)) => tokio::time::sleep(RETRY).await,
                (false, None) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = look => {}
            () = buzzer.changed.notified() => {}
            () = context.stopping() => break,
        }
    }
    play.end().await;
    Ok(())
}
