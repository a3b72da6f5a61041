//! What the operator writes ([`Config`]), and the words that every other crate shares.
//!
//! Belongs here: parsing and validation of `vigie.toml`, the difference between two
//! configurations, identifiers, times, causes and error kinds.
//! Does not belong here: anything that opens a socket or a footage file.

mod access;
mod alarm;
mod cause;
pub mod diff;
mod duration;
pub mod edit;
mod event;
mod gpio;
mod id;
mod kind;
mod load;
mod model;
mod mqtt;
mod notify;
mod reach;
mod schedule;
mod secrets;
mod size;
mod time;

pub use access::{Access, Caller, Card, Mac, Whence, WhenceError};
pub use alarm::{
    Actions, Buzzer, BuzzerKind, Contact, HttpCall, HttpMethod, Input, InputKind, Output, OutputKind, Rule,
};
pub use cause::{Causes, GapCause};
pub use diff::{
    ActorChange, BranchChange, CameraChange, CameraChanges, Changes, DiskChange, ServerChanges, StreamChange, diff,
};
pub use duration::{DurationError, format_duration, parse_duration};
pub use event::{EventKind, Severity, Source, UnknownKind};
pub use gpio::{Bias, GpioLine, GpioName, Level};
pub use id::{
    CameraId, DiskId, IdError, InputId, OutputId, PushId, RecipientId, RuleId, ScheduleId, StreamId, StreamName,
};
pub use kind::{ErrorKind, Kind};
pub use load::{LoadError, Problem, Problems, UrlError, Warning, parse_source_url, redact_url};
pub use model::{
    Camera, Config, Credentials, Disk, Motion, Record, Secret, Server, Snapshots, SourceUrl, Stream, Tls, Transport,
    WhenFull,
};
pub use mqtt::{Broker, Mqtt};
pub use notify::{Address, Email, Push, PushKind, Recipient, Security, SignIn, Sms};
pub use reach::{Acme, AcmeChallenge, AddressRange, AddressRangeError, CertificateSource, ProxyHeader};
pub use schedule::{DAY_MINUTES, Schedule, Span, Week, When};
pub use secrets::{Secrets, SecretsError, Variables, variables_of};
pub use size::{SizeError, format_size, parse_size};
pub use time::{ParseUtcError, Utc};
