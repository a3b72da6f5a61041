//! What the operator says about alarms: inputs, outputs, and rules from events to actions.
//!
//! Belongs here: the validated values. Does not belong here: acting on them.

use std::{path::PathBuf, time::Duration};

use crate::{
    Bias, CameraId, EventKind, GpioLine, InputId, Level, OutputId, PushId, RecipientId, RuleId, Secret, Source, When,
};

/// Something outside that says "now": a door contact, a button, another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub id: InputId,
    pub name: String,
    pub enabled: bool,
    pub kind: InputKind,
    /// The contact's position while all is well.
    pub normally: Contact,
    /// A change must last as long to count.
    pub debounce: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputKind {
    /// `POST /api/v1/inputs/{id}` by whoever has the token.
    Http {
        token: Secret,
        /// How long a pulse counts as active.
        hold: Duration,
    },
    /// Whatever is published on a topic of the broker.
    Mqtt {
        topic: String,
        /// The payload is a JSON object, and this key of it says how it stands.
        field: Option<String>,
        active: String,
        inactive: String,
        /// `Some`: active is a pulse, and nobody says that it is over.
        hold: Option<Duration>,
    },
    Gpio {
        line: GpioLine,
        bias: Bias,
        /// The line's level while the contact is closed.
        closed: Level,
    },
}

impl InputKind {
    pub fn name(&self) -> &'static str {
        match self {
            InputKind::Http { .. } => "http",
            InputKind::Mqtt { .. } => "mqtt",
            InputKind::Gpio { .. } => "gpio",
        }
    }

    /// How long a pulse counts as active; `None`: it knows no pulses.
    pub fn hold(&self) -> Option<Duration> {
        match self {
            InputKind::Http { hold, .. } => Some(*hold),
            InputKind::Mqtt { hold, .. } => *hold,
            InputKind::Gpio { .. } => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Contact {
    Open,
    Closed,
}

/// Something outside that Vigie can switch on: a siren, a lamp, a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub id: OutputId,
    pub name: String,
    pub enabled: bool,
    pub kind: OutputKind,
    /// Switched off again after as long without a further event. Zero: when the event ends.
    pub hold: Duration,
    /// Rules may switch it on only then; a person may always.
    pub schedule: When,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// Another program's address is called.
    Http { on: HttpCall, off: Option<HttpCall> },
    /// Published on a topic of the broker.
    Mqtt {
        topic: String,
        on: String,
        off: String,
        /// The broker tells it to whoever subscribes later, too.
        retain: bool,
    },
    Gpio {
        line: GpioLine,
        /// The line's level while the output is on.
        on: Level,
    },
}

impl OutputKind {
    pub fn name(&self) -> &'static str {
        match self {
            OutputKind::Http { .. } => "http",
            OutputKind::Mqtt { .. } => "mqtt",
            OutputKind::Gpio { .. } => "gpio",
        }
    }
}

/// What sounds on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buzzer {
    pub kind: BuzzerKind,
    /// Silent again after as long without a further event.
    pub duration: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuzzerKind {
    /// Through its sound card.
    Sound {
        /// A WAV file; `None`: a tone.
        file: Option<PathBuf>,
        /// Of ALSA; `None`: whatever there is.
        device: Option<String>,
    },
    /// Its built-in speaker, as an input device.
    PcSpeaker { device: PathBuf },
    /// A buzzer at one of its lines.
    Gpio {
        line: GpioLine,
        /// The line's level while it sounds.
        on: Level,
    },
}

impl BuzzerKind {
    pub fn name(&self) -> &'static str {
        match self {
            BuzzerKind::Sound { .. } => "sound",
            BuzzerKind::PcSpeaker { .. } => "pc_speaker",
            BuzzerKind::Gpio { .. } => "gpio",
        }
    }
}

/// One HTTP request. The address may hold credentials: it prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpCall {
    pub method: HttpMethod,
    pub url: url::Url,
    pub body: Option<String>,
}

impl std::fmt::Debug for HttpCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.method, crate::redact_url(self.url.as_str()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    Get,
    Post,
    Put,
}

/// From an event to what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: RuleId,
    pub name: String,
    pub enabled: bool,
    /// Events of these kinds,
    pub on: Vec<EventKind>,
    /// from these sources; a camera stands for its streams too. Empty: from any.
    pub from: Vec<Source>,
    /// while this is on.
    pub schedule: When,
    /// Not again within as long, for each source.
    pub min_interval: Duration,
    pub actions: Actions,
}

impl Rule {
    /// Is the event one of those it is about, whatever the time?
    pub fn is_about(&self, kind: EventKind, source: &Source) -> bool {
        let from = |wanted: &Source| match wanted {
            Source::Camera(camera) => source.camera() == Some(camera),
            other => other == source,
        };
        self.on.contains(&kind) && (self.from.is_empty() || self.from.iter().any(from))
    }
}

/// What a rule does, in the order of the table on the pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actions {
    /// Recorded with the event's cause, with pre-alarm and post-alarm.
    pub record: Vec<CameraId>,
    /// The picture of the event's moment is stored.
    pub snapshot: Vec<CameraId>,
    pub outputs: Vec<OutputId>,
    pub buzzer: bool,
    /// Shown live on the pages.
    pub popup_video: Vec<CameraId>,
    pub popup_message: bool,
    pub email: Vec<RecipientId>,
    pub push: Vec<PushId>,
}
