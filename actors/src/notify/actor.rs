//! The actor of a channel: writes what it is about to do, sends, and tells what became of it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::task::{Id, JoinSet};
use ulid::Ulid;
use vigie_storage::events::ActionState;

use super::{
    channel::Channel,
    machine::Told,
    pace::{Failure, How},
};
use crate::supervise::{ChildSpec, JobContext, JobError, worker_child};

/// What the log of events did not take, and what the outbox did not, is told again so often.
const AGAIN: Duration = Duration::from_secs(5);
/// What is on its way when the actor is asked to stop.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// A channel's actor as a child of the root.
pub(crate) fn channel_child(channel: Arc<Channel>) -> ChildSpec {
    let name = channel.name;
    worker_child(name, name, move |context| Box::pin(run(context, channel.clone())))
}

type Sends = JoinSet<Result<(), Failure>>;

struct Actor {
    channel: Arc<Channel>,
    sends: Sends,
    sending: HashMap<Id, Ulid>,
    /// Each resolves when the log of events holds the outcomes of a message (`None`: of merged
    /// actions), or does not.
    tells: JoinSet<(Option<Ulid>, bool)>,
    /// The log of events did not take what it was told last: it is asked with little until it does.
    refused: bool,
}

async fn run(context: JobContext, channel: Arc<Channel>) -> Result<(), JobError> {
    channel.restart();
    let mut actor = Actor {
        channel,
        sends: JoinSet::new(),
        sending: HashMap::new(),
        tells: JoinSet::new(),
        refused: false,
    };
    loop {
        let written = actor.step().await;
        context.node.publish(serde_json::json!(actor.channel.counts()));
        let next = actor.channel.next();
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = actor.channel.changed.notified() => {}
            Some(done) = actor.sends.join_next_with_id() => actor.sent(done),
            Some(done) = actor.tells.join_next() => actor.told(done),
            () = tokio::time::sleep(AGAIN), if !written => {}
            () = context.stopping() => {
                actor.finish().await;
                return Ok(());
            }
        }
    }
}

type Sent = Result<(Id, Result<(), Failure>), tokio::task::JoinError>;

impl Actor {
    /// False: the outbox is behind.
    async fn step(&mut self) -> bool {
        let next = self.channel.advance();
        // Nothing is sent whose events and key are not fixed.
        let written = self.channel.write().await;
        for (action, state, detail) in next.refused {
            self.channel.events.outcome(action.0, action.1, state, detail);
        }
        let way = self.channel.way();
        for message in next.send {
            let id = message.id;
            let task = self.sends.spawn(way.send(message));
            self.sending.insert(task.id(), id);
        }
        for (message, outcomes) in self.channel.untold(self.room()) {
            self.tell(Some(message), outcomes);
        }
        let merged = self.channel.untold_merged(self.room());
        if !merged.is_empty() {
            let detail =
                Some("counted in a message that tells of others: what became of it stands with them".to_owned());
            let outcomes = merged
                .into_iter()
                .map(|action| (action, ActionState::Merged, detail.clone()));
            self.tell(None, outcomes.collect());
        }
        written
    }

    /// So many more are told. A log that takes nothing keeps what it is told, and would keep all of it
    /// again each time.
    fn room(&self) -> usize {
        match self.refused {
            true => usize::from(self.tells.is_empty()),
            false => usize::MAX,
        }
    }

    fn tell(&mut self, message: Option<Ulid>, outcomes: Vec<Told>) {
        let told: Vec<_> = outcomes
            .into_iter()
            .map(|(action, state, detail)| self.channel.events.outcome_durably(action.0, action.1, state, detail))
            .collect();
        self.tells.spawn(async move {
            for told in told {
                if told.durable().await.is_err() {
                    tokio::time::sleep(AGAIN).await;
                    return (message, false);
                }
            }
            (message, true)
        });
    }

    fn sent(&mut self, done: Sent) {
        let (task, result) = match done {
            Ok((task, result)) => (task, result),
            Err(panicked) => {
                let failure = Failure::new(How::Retry, format!("a fault of the recorder: {panicked}"));
                (panicked.id(), Err(failure))
            }
        };
        let Some(message) = self.sending.remove(&task) else {
            return;
        };
        if let Err(failure) = &result {
            tracing::warn!(actor = self.channel.name, %message, error = failure.text, "a message was not delivered");
        }
        self.channel.sent(message, result);
    }

    fn told(&mut self, done: Result<(Option<Ulid>, bool), tokio::task::JoinError>) {
        match done {
            Ok((message, durable)) => {
                self.refused = !durable;
                self.channel.told(message, durable);
            }
            Err(error) => tracing::error!(actor = self.channel.name, %error, "an outcome was not told"),
        }
    }

    /// What is on its way may arrive; all else is in the outbox.
    async fn finish(&mut self) {
        let last = async {
            while let Some(done) = self.sends.join_next_with_id().await {
                self.sent(done);
            }
            self.channel.write().await
        };
        // Sent again with the same key otherwise.
        drop(tokio::time::timeout(LAST_WORDS, last).await);
    }
}
