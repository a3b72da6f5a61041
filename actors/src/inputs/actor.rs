//! `alarm_input.<id>`: waits for what time makes of a contact, and watches its line where it has one.

use std::sync::Arc;

use vigie_config::InputId;

use super::{InputHandle, Inputs, line};
use crate::{
    gpio::Gpio,
    supervise::{ChildSpec, JobContext, JobError, worker_child},
};

/// The name among the children of `inputs`.
pub fn name(id: &InputId) -> String {
    format!("alarm_input.{id}")
}

/// One input as a child of `inputs`.
pub fn input_child(id: InputId, inputs: Arc<Inputs>, gpio: Arc<dyn Gpio>) -> ChildSpec {
    worker_child(name(&id), "alarm_input", move |context| {
        let (inputs, id, gpio) = (inputs.clone(), id.clone(), gpio.clone());
        Box::pin(async move {
            let Some(handle) = inputs.get(&id) else { return Ok(()) };
            tokio::select! {
                ended = run(context, handle.clone()) => ended,
                () = line::watch(&handle, &gpio, line::RETRY) => Ok(()),
            }
        })
    })
}

async fn run(context: JobContext, input: Arc<InputHandle>) -> Result<(), JobError> {
    loop {
        input.tick();
        context.node.publish(input.snapshot());
        let due = async {
            match input.next() {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = input.changed.notified() => {}
            () = context.stopping() => return Ok(()),
        }
    }
}
