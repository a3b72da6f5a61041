//! The MQTT broker, and what is told there.
//!
//! Belongs here: the validated values. Does not belong here: talking to it.

use std::{fmt, path::PathBuf};

use crate::Credentials;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    pub broker: Broker,
    pub credentials: Option<Credentials>,
    /// A PEM file of authorities; `None`: the system's.
    pub tls_ca: Option<PathBuf>,
    /// `None`: made of the recorder's id.
    pub client_id: Option<String>,
    /// What every topic of this recorder begins with. Without a slash at its end.
    pub prefix: String,
    /// Where Home Assistant looks for configurations; `None`: it is told nothing.
    pub discovery: Option<String>,
}

/// Prints as `mqtt://host:1883`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    pub encrypted: bool,
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broker { encrypted, host, port } = self;
        let scheme = if *encrypted { "mqtts" } else { "mqtt" };
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}
