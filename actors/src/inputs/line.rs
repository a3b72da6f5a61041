//! A contact at a GPIO line: watched as long as its input is there.

use std::{sync::Arc, time::Duration};

use vigie_config::{Bias, Contact, GpioLine, InputKind, Level};

use super::{InputHandle, Report};
use crate::gpio::{Gpio, Watch};

/// A line that is missing or busy is tried again so often.
pub(super) const RETRY: Duration = Duration::from_secs(10);

/// Never returns. Of inputs without a line nothing is watched.
pub(super) async fn watch(input: &InputHandle, gpio: &Arc<dyn Gpio>, retry: Duration) {
    let InputKind::Gpio { line, bias, closed } = &input.config.kind else {
        return std::future::pending().await;
    };
    if !input.config.enabled {
        return std::future::pending().await;
    }
    loop {
        if let Err(error) = follow(input, gpio, line, *bias, *closed).await
            && input.set_error(Some(error.clone()))
        {
            tracing::warn!(input = %input.config.id, error, "an alarm input is not heard");
        }
        tokio::time::sleep(retry).await;
    }
}

async fn follow(
    input: &InputHandle,
    gpio: &Arc<dyn Gpio>,
    line: &GpioLine,
    bias: Bias,
    closed: Level,
) -> Result<(), String> {
    let mut watch = Watch::begin(gpio, line, bias).await?;
    loop {
        for level in watch.read().await? {
            let contact = match level == closed {
                true => Contact::Closed,
                false => Contact::Open,
            };
            // Nobody waits for an answer.
            drop(input.tell(Report::Contact(contact)));
        }
        input.set_error(None);
        watch.ready().await?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vigie_config::InputId;

    use super::*;
    use crate::{gpio::bench::Bench, inputs::Inputs, registry::Events};

    fn inputs(more: &str) -> Inputs {
        let text = format!(
            "[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[[input]]\nid = \"door\"\nkind = \"gpio\"\n\
             chip = \"/dev/gpiochip0\"\nline = 17\n{more}"
        );
        let config = vigie_config::Config::parse(&text, &|_| None).unwrap().0;
        Inputs::new(&config.inputs, &Events::default(), &[])
    }

    async fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..1000 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{what}: not within 5 s");
    }

    #[tokio::test]
    async fn an_input_follows_its_line_and_says_what_is_wrong_with_it() {
        let (bench, inputs) = (Bench::new(), inputs("bias = \"pull_up\"\nnormally = \"closed\""));
        let door = inputs.get(&InputId::new("door").unwrap()).unwrap();
        bench.fail("line 17 of /dev/gpiochip0 is used by \"other\"");
        let gpio: Arc<dyn Gpio> = Arc::new(bench.clone());
        let (watched, by) = (door.clone(), gpio.clone());
        let task = tokio::spawn(async move { watch(&watched, &by, Duration::from_millis(10)).await });
        wait_for("the error", || {
            door.snapshot().error.is_some_and(|error| error.contains("used by"))
        })
        .await;
        bench.mend();
        // Closed to ground is how it is while all is well.
        bench.set(Level::Low);
        wait_for("the line", || door.snapshot().error.is_none()).await;
        assert!(!door.snapshot().active);
        bench.set(Level::High);
        wait_for("the alarm", || door.snapshot().active).await;
        bench.set(Level::Low);
        wait_for("its end", || !door.snapshot().active).await;
        bench.fail("line 17 of /dev/gpiochip0: no such device");
        wait_for("the error", || {
            door.snapshot()
                .error
                .is_some_and(|error| error.contains("no such device"))
        })
        .await;
        bench.set(Level::High);
        assert!(!door.snapshot().active, "nobody sees it");
        bench.mend();
        wait_for("how it stands", || door.snapshot().active).await;
        task.abort();
    }

    #[tokio::test]
    async fn a_line_that_bounces_counts_when_it_has_settled() {
        let (bench, inputs) = (Bench::new(), inputs("debounce = \"200ms\""));
        let door = inputs.get(&InputId::new("door").unwrap()).unwrap();
        let gpio: Arc<dyn Gpio> = Arc::new(bench.clone());
        let watched = door.clone();
        let task = tokio::spawn(async move { watch(&watched, &gpio, Duration::from_millis(10)).await });
        wait_for("the line", || bench.is_watched()).await;
        for _ in 0..5 {
            bench.set(Level::High);
            bench.set(Level::Low);
        }
        bench.set(Level::High);
        wait_for("something to settle", || door.next().is_some()).await;
        assert!(!door.snapshot().active);
        wait_for("the alarm", || {
            door.tick();
            door.snapshot().active
        })
        .await;
        task.abort();
    }

    /// On one thread, which a call that hangs must not hold.
    #[tokio::test]
    async fn a_bus_that_hangs_holds_nobody_else() {
        let (bench, inputs) = (Bench::new(), inputs(""));
        let door = inputs.get(&InputId::new("door").unwrap()).unwrap();
        let (watched, gpio): (_, Arc<dyn Gpio>) = (door.clone(), Arc::new(bench.clone()));
        let task = tokio::spawn(async move { watch(&watched, &gpio, Duration::from_millis(10)).await });
        wait_for("the line", || bench.is_watched()).await;
        bench.hang();
        bench.set(Level::High);
        wait_for("somebody to ask", || bench.hangs_on_somebody()).await;
        assert!(!door.snapshot().active);
        bench.answer();
        wait_for("the alarm", || door.snapshot().active).await;
        task.abort();
    }
}
