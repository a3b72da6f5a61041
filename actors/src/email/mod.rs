//! Mails about events.
//!
//! Belongs here: what a mail says and how it reaches the server. Does not belong here: which events
//! make one mail, when it is tried again ([`crate::notify`]).

mod compose;
mod smtp;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ulid::Ulid;
use vigie_config::{Config, Email, Recipient, RecipientId, Utc};
use vigie_storage::{
    events::EventRecord,
    outbox::{Address, Message, Note},
};

use crate::{
    notify::{Directory, Failure, How, Policy, Sending, Way, is_enabled, is_told, words::Words},
    site::Site,
    snapshots::Room,
};

/// Mails on their way at once.
const PARALLEL: usize = 4;
/// Of a mail, at most: base64 makes them a third larger, and many servers take 10 MB.
const PICTURES: Room = Room {
    pictures: 4,
    bytes: 5 << 20,
};
const PICTURES_PATIENCE: Duration = Duration::from_secs(5);
/// Events of which a mail says what was done about them.
const DEEDS: usize = 10;
const DEEDS_PATIENCE: Duration = Duration::from_secs(2);

/// The pictures of an event, as JPEG: those that are there after so long at most, and have room.
pub(crate) type Pictures =
    Arc<dyn Fn(Ulid, Duration, Room) -> Pin<Box<dyn Future<Output = Vec<Bytes>> + Send>> + Send + Sync>;
/// An event as the log holds it; reads files.
pub(crate) type Look = Arc<dyn Fn(Ulid) -> Option<EventRecord> + Send + Sync>;

/// What mails are made of, beside the configuration.
#[derive(Clone)]
pub(crate) struct Sources {
    pub site: Arc<Site>,
    pub look: Look,
    pub pictures: Pictures,
}

/// Mails as one configuration wants them.
pub(crate) struct Mailer(Arc<Shared>);

struct Shared {
    server: Option<Email>,
    recipients: BTreeMap<RecipientId, Recipient>,
    words: Words,
    sources: Sources,
}

impl Mailer {
    pub fn new(config: &Config, sources: Sources) -> Mailer {
        let recipients = config.recipients.iter().map(|it| (it.id.clone(), it.clone()));
        Mailer(Arc::new(Shared {
            server: config.email.clone(),
            recipients: recipients.collect(),
            words: Words::of(config, sources.site.zone()),
            sources,
        }))
    }

    /// A mail to one recipient at once. Answers what the server said; an error says exactly what
    /// failed.
    pub async fn test(&self, recipient: &Recipient) -> Result<String, String> {
        let server = self.0.server.as_ref().ok_or("the table [email] is missing")?;
        let text = "This is a test. Alarms reach you.".to_owned();
        let to = Address {
            target: recipient.id.to_string(),
            part: String::new(),
        };
        let message = Message::test(to, Utc::now());
        let subject = format!("{}: test", self.0.words.house);
        let mail = compose::Mail {
            from: &server.from,
            to: &recipient.address,
            house: &self.0.words.house,
            subject: &subject,
            lines: vec![compose::Line {
                text,
                deeds: Vec::new(),
            }],
            tally: None,
            lacks: None,
        };
        let mail = mail.written(&message, &[])?;
        let answer = smtp::deliver(server, &recipient.address, &mail).await;
        answer.map_err(|refused| refused.failure.text)
    }
}

impl Directory for Mailer {
    fn policy(&self, target: &str) -> Option<Policy> {
        let server = self.0.server.as_ref()?;
        self.0.recipient(target)?;
        Some(Policy {
            merge: server.merge,
            expire: server.expire,
        })
    }

    fn parts(&self, target: &str, note: &Note) -> Result<Vec<String>, String> {
        let Some(recipient) = self.0.recipient(target) else {
            return Err(format!("there is no recipient {target} any more"));
        };
        let zone = self.0.sources.site.zone();
        is_told(target, recipient.enabled, &recipient.schedule, note.at, &zone)?;
        Ok(vec![String::new()])
    }
}

impl Way for Mailer {
    fn send(&self, message: Message) -> Sending {
        let shared = self.0.clone();
        Box::pin(async move { shared.send(&message).await })
    }

    fn parallel(&self) -> usize {
        PARALLEL
    }
}

impl Shared {
    fn recipient(&self, target: &str) -> Option<&Recipient> {
        self.recipients.get(&RecipientId::new(target).ok()?)
    }

    async fn send(&self, message: &Message) -> Result<(), Failure> {
        let target = &message.to.target;
        let (Some(server), Some(recipient)) = (&self.server, self.recipient(target)) else {
            return Err(Failure::new(
                How::Never,
                format!("there is no recipient {target} any more"),
            ));
        };
        is_enabled(target, recipient.enabled).map_err(|why| Failure::new(How::Never, why))?;
        let pictures = match recipient.pictures {
            true => self.pictures(message).await,
            false => Vec::new(),
        };
        let mut deeds = self.deeds(message).await;
        let line = |note: &Note| compose::Line {
            text: self.words.line(note),
            deeds: deeds.remove(&note.action.0).unwrap_or_default(),
        };
        let subject = self.words.subject(message);
        let mut mail = compose::Mail {
            from: &server.from,
            to: &recipient.address,
            house: &self.words.house,
            subject: &subject,
            lines: message.notes.iter().map(line).collect(),
            tally: self.words.tally(message),
            lacks: None,
        };
        let no_mail = |error| Failure::new(How::Never, error);
        let whole = mail.written(message, &pictures).map_err(no_mail)?;
        match smtp::deliver(server, &recipient.address, &whole).await {
            Ok(_) => Ok(()),
            // The words must arrive.
            Err(refused) if refused.too_large && !pictures.is_empty() => {
                let count = pictures.len();
                mail.lacks = Some(format!(
                    "Without its {count} pictures: the mail server takes no mail so large."
                ));
                let short = mail.written(message, &[]).map_err(no_mail)?;
                let sent = smtp::deliver(server, &recipient.address, &short).await;
                sent.map(drop).map_err(|refused| refused.failure)
            }
            Err(refused) => Err(refused.failure),
        }
    }

    async fn pictures(&self, message: &Message) -> Vec<Bytes> {
        let until = Instant::now() + PICTURES_PATIENCE;
        let (mut all, mut room) = (Vec::new(), PICTURES);
        for note in message.notes.iter().take(PICTURES.pictures) {
            let left = until.saturating_duration_since(Instant::now());
            let found = (self.sources.pictures)(note.action.0, left, room).await;
            found.iter().for_each(|picture| room.take(picture.len() as u64));
            all.extend(found);
            if room.pictures == 0 {
                break;
            }
        }
        all
    }

    /// What was done about the first events.
    async fn deeds(&self, message: &Message) -> BTreeMap<Ulid, Vec<String>> {
        let ids: Vec<Ulid> = message.notes.iter().take(DEEDS).map(|note| note.action.0).collect();
        let (look, words) = (self.sources.look.clone(), self.words.clone());
        let read = move || {
            let events = ids.into_iter().filter_map(|id| look(id));
            events.map(|event| (event.id, words.deeds(&event))).collect()
        };
        let read = tokio::time::timeout(DEEDS_PATIENCE, tokio::task::spawn_blocking(read)).await;
        match read {
            Ok(Ok(deeds)) => deeds,
            Ok(Err(_)) | Err(_) => BTreeMap::new(),
        }
    }
}
