//! Short messages about events: to phones, browsers, other programs.
//!
//! Belongs here: what a message says to each kind of target and how it gets there. Does not belong
//! here: which events make one message, when it is tried again ([`crate::notify`]).

mod call;
mod ntfy;
mod sms;
mod web_push;
mod webhook;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ulid::Ulid;
use vigie_config::{Config, Push, PushId, PushKind, Utc};
use vigie_storage::{
    Storage,
    outbox::{Address, Message, Note},
    subscriptions::{Subscription, Subscriptions},
};

pub use web_push::{Vapid, is_push_service};

use crate::{
    http,
    notify::{Directory, Failure, How, Policy, Sending, Way, is_enabled, is_told, words::Words},
    site::Site,
};

/// Messages on their way at once.
const PARALLEL: usize = 16;

/// The disk of the key that browsers know us by.
const KEY_PATIENCE: Duration = Duration::from_secs(10);

/// What pushes are made of, beside the configuration.
#[derive(Clone)]
pub(crate) struct Sources {
    pub site: Arc<Site>,
    pub storage: Arc<Storage>,
    pub subscriptions: Arc<Subscriptions>,
    pub vapid: Arc<Vapid>,
}

/// Pushes as one configuration wants them.
pub(crate) struct Pusher(Arc<Shared>);

struct Shared {
    targets: BTreeMap<PushId, Push>,
    words: Words,
    sources: Sources,
}

impl Pusher {
    pub fn new(config: &Config, sources: Sources) -> Pusher {
        Pusher(Arc::new(Shared {
            targets: config.pushes.iter().map(|it| (it.id.clone(), it.clone())).collect(),
            words: Words::of(config, sources.site.zone()),
            sources,
        }))
    }

    /// A message to all that a target stands for at once. An error says exactly what failed.
    pub async fn test(&self, push: &Push) -> Result<String, String> {
        let parts = self.0.all_parts(push)?;
        let now = Utc::now();
        let (mut failed, count) = (Vec::new(), parts.len());
        for part in parts {
            let to = Address {
                target: push.id.to_string(),
                part,
            };
            let message = Message::test(to, now);
            let text = Text {
                title: format!("{}: test", self.0.words.house),
                body: "This is a test. Alarms reach you.".to_owned(),
                alarm: false,
            };
            failed.extend(
                self.0
                    .deliver(push, &message, text)
                    .await
                    .err()
                    .map(|failure| failure.text),
            );
        }
        match failed.is_empty() {
            true => Ok(format!("{count} of {count} messages were taken")),
            false => Err(failed.join("; ")),
        }
    }
}

/// For small screens.
struct Text {
    title: String,
    body: String,
    /// Someone should look now.
    alarm: bool,
}

impl Directory for Pusher {
    fn policy(&self, target: &str) -> Option<Policy> {
        self.0.target(target).map(|push| Policy {
            merge: push.merge,
            expire: push.expire,
        })
    }

    fn parts(&self, target: &str, note: &Note) -> Result<Vec<String>, String> {
        let Some(push) = self.0.target(target) else {
            return Err(format!("there is no push target {target} any more"));
        };
        let zone = self.0.sources.site.zone();
        is_told(target, push.enabled, &push.schedule, note.at, &zone)?;
        let mut parts = self.0.all_parts(push)?;
        if matches!(push.kind, PushKind::WebPush { .. }) {
            parts.retain(|part| self.0.subscription(part).is_some_and(|one| self.0.may_know(&one, note)));
            if parts.is_empty() {
                return Err(format!("{target}: no browser's user may see this"));
            }
        }
        Ok(parts)
    }
}

impl Way for Pusher {
    fn send(&self, message: Message) -> Sending {
        let shared = self.0.clone();
        Box::pin(async move {
            let target = &message.to.target;
            let Some(push) = shared.target(target) else {
                let text = format!("there is no push target {target} any more");
                return Err(Failure::new(How::Never, text));
            };
            shared
                .may_go(push, &message)
                .map_err(|why| Failure::new(How::Never, why))?;
            let text = Text {
                title: shared.words.subject(&message),
                body: shared.words.short(&message),
                alarm: message
                    .counts
                    .keys()
                    .any(|kind| kind.severity() == vigie_config::Severity::Alarm),
            };
            shared.deliver(push, &message, text).await
        })
    }

    fn parallel(&self) -> usize {
        PARALLEL
    }
}

impl Shared {
    fn target(&self, target: &str) -> Option<&Push> {
        self.targets.get(&PushId::new(target).ok()?)
    }

    fn subscription(&self, part: &str) -> Option<Subscription> {
        self.sources.subscriptions.get(Ulid::from_string(part).ok()?)
    }

    /// Nobody is told of a camera that they may not watch.
    fn may_know(&self, subscription: &Subscription, note: &Note) -> bool {
        let user = self.sources.storage.accounts().get(&subscription.user);
        // Another of the same name did not ask.
        let user = user.filter(|user| user.enabled && subscription.is_of(user));
        user.is_some_and(|user| note.source.camera().is_none_or(|camera| user.sees(camera)))
    }

    /// Rights are those of now, however long the message waited.
    fn may_go(&self, push: &Push, message: &Message) -> Result<(), String> {
        is_enabled(push.id.as_str(), push.enabled)?;
        if !matches!(push.kind, PushKind::WebPush { .. }) {
            return Ok(());
        }
        // A browser that is gone is said later.
        let Some(one) = self.subscription(&message.to.part) else {
            return Ok(());
        };
        match message.notes.iter().all(|note| self.may_know(&one, note)) {
            true => Ok(()),
            false => Err(format!("{}: {} may not see this any more", push.id, one.user)),
        }
    }

    fn all_parts(&self, push: &Push) -> Result<Vec<String>, String> {
        match &push.kind {
            PushKind::Ntfy { .. } | PushKind::Webhook { .. } => Ok(vec![String::new()]),
            PushKind::Sms(sms) => Ok(sms.to.clone()),
            PushKind::WebPush { .. } => {
                let all = self.sources.subscriptions.all();
                match all.is_empty() {
                    true => Err(format!("{}: no browser has asked to be told", push.id)),
                    false => Ok(all.iter().map(|one| one.id.to_string()).collect()),
                }
            }
        }
    }

    async fn deliver(&self, push: &Push, message: &Message, text: Text) -> Result<(), Failure> {
        let of_target = |failure: Failure| Failure {
            text: format!("{}: {}", push.id, failure.text),
            ..failure
        };
        let request = self.request(push, message, text).await.map_err(of_target)?;
        let client = match &push.kind {
            PushKind::WebPush { .. } => web_push::client(),
            PushKind::Ntfy { .. } | PushKind::Webhook { .. } | PushKind::Sms(_) => http::strict_client(),
        };
        match call::send(&client, request).await {
            Ok(()) => Ok(()),
            Err(call::Refused {
                status: Some(404 | 410),
                ..
            }) if matches!(push.kind, PushKind::WebPush { .. }) => {
                self.forget(&message.to.part).await;
                let text = "its push service does not know the browser any more: forgotten";
                Err(of_target(Failure::new(How::Never, text)))
            }
            Err(refused) => Err(of_target(Failure::new(refused.how, refused.text))),
        }
    }

    async fn request(&self, push: &Push, message: &Message, text: Text) -> Result<call::Request, Failure> {
        let part = &message.to.part;
        let contact = match &push.kind {
            PushKind::Ntfy { url, sign_in } => return Ok(ntfy::request(url, sign_in.as_ref(), message, &text)),
            PushKind::Webhook { url, secret } => {
                return Ok(webhook::request(url, secret, message, &self.words, Utc::now()));
            }
            PushKind::Sms(sms) => return sms::request(sms, part, message, &text),
            PushKind::WebPush { contact } => contact.clone(),
        };
        let subscription = self.subscription(part).ok_or_else(|| {
            let text = "the browser does not want to be told any more";
            Failure::new(How::Never, text)
        })?;
        let (vapid, message, expire) = (self.sources.vapid.clone(), message.clone(), push.expire);
        // The key is in a file.
        let work = move || web_push::request(&subscription, &vapid, &contact, &message, &text, expire);
        match tokio::time::timeout(KEY_PATIENCE, tokio::task::spawn_blocking(work)).await {
            Ok(Ok(request)) => request,
            Ok(Err(panicked)) => Err(Failure::new(How::Retry, format!("a fault of the recorder: {panicked}"))),
            Err(_) => Err(Failure::new(How::Retry, "the disk of state_dir does not answer")),
        }
    }

    async fn forget(&self, part: &str) {
        let Ok(id) = Ulid::from_string(part) else { return };
        let subscriptions = self.sources.subscriptions.clone();
        let ended = tokio::task::spawn_blocking(move || subscriptions.end(id)).await;
        if let Ok(Err(error)) = ended {
            tracing::error!(%error, "a browser that is gone was not forgotten");
        }
    }
}
