//! `alarm_output.<id>`: brings its line to where it is wanted, and off at the end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_config::OutputId;
use vigie_storage::events::ActionState;

use super::{OutputHandle, Outputs};
use crate::supervise::{ChildSpec, JobContext, JobError, worker_child};

/// Attempts before an action counts as failed; the line is tried on, more seldom.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The name among the children of `outputs`.
pub fn name(id: &OutputId) -> String {
    format!("alarm_output.{id}")
}

/// One output as a child of `outputs`.
pub fn output_child(id: OutputId, outputs: Arc<Outputs>) -> ChildSpec {
    worker_child(name(&id), "alarm_output", move |context| {
        let (outputs, id) = (outputs.clone(), id.clone());
        Box::pin(async move {
            match outputs.get(&id) {
                Some(handle) => run(context, handle).await,
                None => Ok(()),
            }
        })
    })
}

async fn run(context: JobContext, output: Arc<OutputHandle>) -> Result<(), JobError> {
    let line = &output.line;
    // What an earlier process or actor left is not known: off is safe, or on where it is wanted.
    let mut told: Option<bool> = None;
    let mut failed = 0u32;
    // Why it is not on, while it is wanted.
    let mut refusal: Option<String> = None;
    loop {
        let now = Instant::now();
        let (wanted, next, touched) = {
            let mut state = output.state();
            // Of one moment: what was wanted then and ends while the line is switched is due at once.
            let (wanted, next) = state.machine.at(now);
            (
                output.config.enabled && wanted,
                next,
                std::mem::take(&mut state.touched),
            )
        };
        told = told.filter(|_| !touched);
        if told != Some(wanted) {
            let result = line.switch(wanted).await;
            failed = if result.is_ok() { 0 } else { failed + 1 };
            if let Err(error) = &result
                && failed == 1
            {
                tracing::warn!(output = %output.config.id, error, "an output cannot be switched");
            }
            let error = result.as_ref().err().cloned();
            // A call that failed may have switched it all the same.
            told = result.is_ok().then_some(wanted);
            if wanted {
                refusal = error.clone();
            }
            output.switched(wanted, result);
            if error.is_some() && failed >= ATTEMPTS {
                output.settle(ActionState::Failed, error);
            }
        }
        if told == Some(true) {
            output.settle(ActionState::Done, None);
        } else if !wanted {
            let why = match refusal.take() {
                Some(error) => format!("over before it was on: {error}"),
                None => "switched off before it was on".into(),
            };
            output.settle(ActionState::Failed, Some(why));
        }
        context.node.publish(output.snapshot());
        let now = Instant::now();
        let pause = (failed > 0).then(|| (FIRST_PAUSE * 2u32.saturating_pow(failed - 1)).min(LONGEST_PAUSE));
        let until = [pause.map(|pause| now + pause), next].into_iter().flatten().min();
        let due = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = output.changed.notified() => {}
            () = context.stopping() => {
                if told != Some(false) {
                    output.switched(false, line.switch(false).await);
                }
                line.release().await;
                return Ok(());
            }
        }
    }
}
