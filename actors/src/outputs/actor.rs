//! `alarm_output.<id>`: brings its line to where it is wanted, and off at the end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vigie_config::{EventKind, OutputId};
use vigie_storage::events::ActionState;

use super::{OutputHandle, Outputs};
use crate::{
    registry::Event,
    supervise::{ChildSpec, JobContext, JobError, worker_child},
};

/// Attempts before an action counts as failed; the line is tried on, more seldom.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long it is tried to switch off what is let go of: within the time that a job has to end.
const LAST_TIME: Duration = Duration::from_secs(5);
const LAST_PAUSE: Duration = Duration::from_millis(250);

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

pub(super) async fn run(context: JobContext, output: Arc<OutputHandle>) -> Result<(), JobError> {
    // What an earlier process or actor left is not known: off is safe, or on where it is wanted.
    let mut told: Option<bool> = None;
    let mut aimed: Option<bool> = None;
    // Attempts in a row to bring it where it is wanted.
    let mut failed = 0u32;
    // Why it is not on, while it is wanted.
    let mut refusal: Option<String> = None;
    loop {
        let aim = output.aim(Instant::now());
        if aimed.replace(aim.wanted) != Some(aim.wanted) {
            failed = 0;
        }
        told = told.filter(|_| !aim.touched);
        if told != Some(aim.wanted) {
            // A call that fails, or is given up, may have switched it all the same.
            told = None;
            let result = tokio::select! {
                result = output.switch(aim.wanted) => result,
                () = context.stopping() => break,
            };
            match &result {
                Ok(()) => (failed, told) = (0, Some(aim.wanted)),
                Err(error) => {
                    failed += 1;
                    if failed == 1 {
                        tracing::warn!(output = %output.config.id, error, "an output cannot be switched");
                    }
                }
            }
            if aim.wanted {
                refusal = result.err();
            }
        }
        // Only those that were there when it was read what is wanted: who came later waits for it anew.
        if told == Some(true) {
            output.settle(aim.waiting, ActionState::Done, None);
        } else if !aim.wanted {
            let why = match refusal.take() {
                Some(error) => format!("over before it was on: {error}"),
                None => "switched off before it was on".into(),
            };
            output.settle(aim.waiting, ActionState::Failed, Some(why));
        } else if failed >= ATTEMPTS {
            output.settle(aim.waiting, ActionState::Failed, refusal.clone());
        }
        context.node.publish(output.snapshot());
        let now = Instant::now();
        let pause = (failed > 0).then(|| (FIRST_PAUSE * 2u32.saturating_pow(failed - 1)).min(LONGEST_PAUSE));
        let until = [pause.map(|pause| now + pause), aim.next].into_iter().flatten().min();
        let due = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = output.changed.notified() => {}
            () = context.stopping() => break,
        }
    }
    if told != Some(false) {
        switch_off_for_good(&output).await;
    }
    output.line.release().await;
    Ok(())
}

/// Nobody tries it after this.
async fn switch_off_for_good(output: &OutputHandle) {
    let until = tokio::time::Instant::now() + LAST_TIME;
    let mut said = format!("no answer within {} s", LAST_TIME.as_secs());
    loop {
        match tokio::time::timeout_at(until, output.switch(false)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => said = error,
            Err(_) => break,
        }
        if tokio::time::timeout_at(until, tokio::time::sleep(LAST_PAUSE))
            .await
            .is_err()
        {
            break;
        }
    }
    if !output.may_be_on() {
        return;
    }
    tracing::error!(output = %output.config.id, error = said, "an output could not be switched off");
    let text = format!("let go of without being switched off: {said}");
    let event = Event::new(EventKind::OutputStaysOn, output.source(), text);
    output.events.raise(event);
}
