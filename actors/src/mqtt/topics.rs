//! Names of topics.

use vigie_config::{CameraId, InputId, OutputId};

/// All below one prefix.
pub(super) struct Topics<'a>(pub &'a str);

impl Topics<'_> {
    /// `online`, `offline`.
    pub fn status(&self) -> String {
        format!("{}/status", self.0)
    }

    /// Each event as JSON; not retained.
    pub fn events(&self) -> String {
        format!("{}/events", self.0)
    }

    /// `ON` while the event goes on. Alike: `OFF` otherwise.
    pub fn motion(&self, camera: &CameraId) -> String {
        format!("{}/camera/{camera}/motion", self.0)
    }

    /// `ON` while its main stream is live.
    pub fn connectivity(&self, camera: &CameraId) -> String {
        format!("{}/camera/{camera}/connectivity", self.0)
    }

    /// `ON` while it is recorded by hand.
    pub fn record(&self, camera: &CameraId) -> String {
        format!("{}/camera/{camera}/record", self.0)
    }

    pub fn input(&self, input: &InputId) -> String {
        format!("{}/input/{input}", self.0)
    }

    pub fn output(&self, output: &OutputId) -> String {
        format!("{}/output/{output}", self.0)
    }

    /// What is switched is told below it.
    pub fn set(topic: &str) -> String {
        format!("{topic}/set")
    }

    /// Filters of all that can be switched.
    pub fn commands(&self) -> [String; 2] {
        [
            format!("{}/camera/+/record/set", self.0),
            format!("{}/output/+/set", self.0),
        ]
    }

    /// What a topic switches.
    pub fn command(&self, topic: &str) -> Option<Command> {
        let rest = topic.strip_prefix(self.0)?.strip_prefix('/')?;
        match rest.split('/').collect::<Vec<_>>()[..] {
            ["camera", camera, "record", "set"] => CameraId::new(camera).ok().map(Command::Record),
            ["output", output, "set"] => OutputId::new(output).ok().map(Command::Output),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Record(CameraId),
    Output(OutputId),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_below_what_they_switch() {
        let topics = Topics("home/vigie");
        let (gate, siren) = (CameraId::new("gate").unwrap(), OutputId::new("siren").unwrap());
        let told = |topic: String| topics.command(&Topics::set(&topic));
        assert_eq!(told(topics.record(&gate)), Some(Command::Record(gate)));
        assert_eq!(told(topics.output(&siren)), Some(Command::Output(siren)));
        for topic in [
            "home/vigie/output/siren",
            "vigie/output/siren/set",
            "home/vigie/output/Siren/set",
            "",
        ] {
            assert_eq!(topics.command(topic), None, "{topic}");
        }
    }
}
