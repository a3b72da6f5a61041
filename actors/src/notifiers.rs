//! Mails and pushes as the recorder knows them: both channels, and what they are made of.
//!
//! Belongs here: which configuration they follow, how each target stands. Does not belong here:
//! merging and retrying ([`crate::notify`]), what a message says ([`crate::email`], [`crate::push`]).

use std::{path::Path, sync::Arc};

use serde::Serialize;
use vigie_config::{Config, PushId, RecipientId};
use vigie_storage::{Storage, events::EventLog, subscriptions::Subscriptions};

use crate::{
    email::{self, Mailer},
    notify::{Channel, ChannelCounts, Status},
    push::{self, Pusher, Vapid},
    registry::Events,
    site::Site,
    snapshots::Snapshots,
};

/// One entry of `GET /api/v1/recipients`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RecipientSnapshot {
    #[schema(value_type = String)]
    pub id: RecipientId,
    pub name: String,
    pub enabled: bool,
    pub address: String,
    #[serde(flatten)]
    pub status: Status,
}

/// One entry of `GET /api/v1/push`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PushSnapshot {
    #[schema(value_type = String)]
    pub id: PushId,
    pub name: String,
    pub enabled: bool,
    /// `ntfy`, `webhook`, `web_push`, `sms`
    pub kind: &'static str,
    #[serde(flatten)]
    pub status: Status,
}

pub struct Notifiers {
    pub(crate) email: Arc<Channel>,
    pub(crate) push: Arc<Channel>,
    of_mails: email::Sources,
    of_pushes: push::Sources,
}

impl Notifiers {
    pub(crate) fn new(
        config: &Config,
        events: &Events,
        log: &Arc<EventLog>,
        storage: &Arc<Storage>,
        site: &Arc<Site>,
        snapshots: Arc<Snapshots>,
    ) -> Notifiers {
        let state_dir: &Path = &config.server.state_dir;
        let log = log.clone();
        let of_mails = email::Sources {
            site: site.clone(),
            look: Arc::new(move |id| log.get(id).ok().flatten()),
            pictures: Arc::new(move |event, longest, room| {
                let snapshots = snapshots.clone();
                Box::pin(async move {
                    let pictures = snapshots.pictures_of(event, longest, room).await;
                    pictures.into_iter().map(|picture| picture.jpeg).collect()
                })
            }),
        };
        let of_pushes = push::Sources {
            site: site.clone(),
            storage: storage.clone(),
            subscriptions: Arc::new(Subscriptions::open(state_dir)),
            vapid: Arc::new(Vapid::new(state_dir)),
        };
        let mailer = Arc::new(Mailer::new(config, of_mails.clone()));
        let pusher = Arc::new(Pusher::new(config, of_pushes.clone()));
        Notifiers {
            email: Arc::new(Channel::open("email", state_dir, events.clone(), mailer)),
            push: Arc::new(Channel::open("push", state_dir, events.clone(), pusher)),
            of_mails,
            of_pushes,
        }
    }

    /// The configuration is this one now. What waits is tried at once where its target or server
    /// changed.
    pub(crate) fn update(&self, config: &Config, email_changed: bool, push_changed: bool) {
        let mailer = Arc::new(Mailer::new(config, self.of_mails.clone()));
        self.email.replace(mailer, email_changed);
        let pusher = Arc::new(Pusher::new(config, self.of_pushes.clone()));
        self.push.replace(pusher, push_changed);
    }

    pub fn recipients(&self, config: &Config) -> Vec<RecipientSnapshot> {
        let all = config.recipients.iter().map(|recipient| RecipientSnapshot {
            id: recipient.id.clone(),
            name: recipient.name.clone(),
            enabled: recipient.enabled,
            address: recipient.address.clone(),
            status: self.email.status(recipient.id.as_str()),
        });
        all.collect()
    }

    pub fn pushes(&self, config: &Config) -> Vec<PushSnapshot> {
        let all = config.pushes.iter().map(|push| PushSnapshot {
            id: push.id.clone(),
            name: push.name.clone(),
            enabled: push.enabled,
            kind: push.kind.name(),
            status: self.push.status(push.id.as_str()),
        });
        all.collect()
    }

    /// Sends a mail at once, past all that waits. `None`: there is no such recipient.
    pub async fn test_mail(&self, config: &Config, id: &str) -> Option<Result<String, String>> {
        let recipient = config.recipients.iter().find(|recipient| recipient.id.as_str() == id)?;
        let tested = Mailer::new(config, self.of_mails.clone()).test(recipient).await;
        if tested.is_ok() {
            self.email.retry_now();
        }
        Some(tested)
    }

    /// The same to a push target.
    pub async fn test_push(&self, config: &Config, id: &str) -> Option<Result<String, String>> {
        let push = config.pushes.iter().find(|push| push.id.as_str() == id)?;
        let tested = Pusher::new(config, self.of_pushes.clone()).test(push).await;
        if tested.is_ok() {
            self.push.retry_now();
        }
        Some(tested)
    }

    /// Browsers that asked to be told.
    pub fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.of_pushes.subscriptions
    }

    /// What they subscribe with.
    pub fn vapid(&self) -> &Arc<Vapid> {
        &self.of_pushes.vapid
    }

    /// By name.
    pub fn counts(&self) -> [(&'static str, ChannelCounts); 2] {
        [("email", self.email.counts()), ("push", self.push.counts())]
    }
}
