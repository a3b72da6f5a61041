//! The table `[buzzer]`.

use std::{path::PathBuf, time::Duration};

use super::{absolute_path, gpio, section::Section};
use crate::{Buzzer, BuzzerKind, Level};

/// Where Linux shows the speaker of a PC.
const PC_SPEAKER: &str = "/dev/input/by-path/platform-pcspkr-event-spkr";
const DURATION: Duration = Duration::from_secs(10);

pub fn read(section: Option<Section<'_>>) -> Option<Buzzer> {
    const EXPECTED: &str = "\"sound\", \"pc_speaker\" or \"gpio\"";
    let section = section?;
    let duration = section.duration("duration", Duration::from_secs(1)..=Duration::from_secs(3600));
    let file = section.text("file", "the path of a WAV file");
    let file = file.and_then(|text| absolute_path(section.walk, &text));
    let device = section
        .text("device", "the name of a device")
        .map(|text| text.value.value);
    let kind = section.kind(EXPECTED, |kind| match kind {
        "sound" => Some(Some(BuzzerKind::Sound { file, device })),
        "pc_speaker" => {
            if section.has("file") {
                section.problem("file", "the speaker of a PC plays no files, expected kind = \"sound\"");
            }
            let device = device.map_or_else(|| PathBuf::from(PC_SPEAKER), PathBuf::from);
            Some(Some(BuzzerKind::PcSpeaker { device }))
        }
        "gpio" => {
            for key in ["file", "device"].into_iter().filter(|key| section.has(key)) {
                section.problem(
                    key,
                    "a buzzer at a GPIO line has a chip and a line, expected neither file nor device",
                );
            }
            let (line, on) = (gpio::line(&section), gpio::level(&section, "on", Level::High));
            Some(line.zip(on).map(|(line, on)| BuzzerKind::Gpio { line, on }))
        }
        _ => None,
    });
    section.finish(|_| None);
    Some(Buzzer {
        kind: kind?,
        duration: duration.unwrap_or(DURATION),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Config;

    fn parse(more: &str) -> Result<Buzzer, String> {
        let text = format!("[[disk]]\nid = \"d1\"\npath = \"/srv/d1\"\n[buzzer]\n{more}");
        match Config::parse(&text, &|_| None) {
            Ok((config, _)) => Ok(config.buzzer.unwrap()),
            Err(problems) => Err(problems.to_string()),
        }
    }

    #[test]
    fn a_buzzer_at_a_line() {
        for (on, expected) in [("", Level::High), ("on = \"low\"", Level::Low)] {
            let buzzer = parse(&format!("kind = \"gpio\"\nchip = \"/dev/gpiochip0\"\nline = 4\n{on}")).unwrap();
            assert_eq!((buzzer.kind.name(), buzzer.duration), ("gpio", DURATION));
            let BuzzerKind::Gpio { line, on } = buzzer.kind else {
                panic!("{:?}", buzzer.kind);
            };
            assert_eq!((line.to_string().as_str(), on), ("line 4 of /dev/gpiochip0", expected));
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let line = "kind = \"gpio\"\nchip = \"/dev/gpiochip0\"";
        for (text, expected) in [
            (
                "",
                "buzzer.kind: missing, expected \"sound\", \"pc_speaker\" or \"gpio\"",
            ),
            ("kind = \"bell\"", "buzzer.kind: seen \"bell\", expected \"sound\", "),
            (
                "kind = \"pc_speaker\"\nfile = \"/a.wav\"",
                "buzzer.file: the speaker of a PC plays no files",
            ),
            (line, "buzzer.line: missing, expected a line"),
            (&format!("{line}\nline = 4\non = 1"), "buzzer.on: "),
            (
                &format!("{line}\nline = 4\ndevice = \"hw:0\""),
                "buzzer.device: a buzzer at a GPIO line",
            ),
            ("kind = \"sound\"\nline = 4", "buzzer.line: "),
        ] {
            let problems = parse(text).unwrap_err();
            assert!(problems.contains(expected), "{text}: {problems}");
        }
    }
}
