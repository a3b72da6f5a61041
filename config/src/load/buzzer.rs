//! The table `[buzzer]`.

use std::{path::PathBuf, time::Duration};

use super::{absolute_path, section::Section};
use crate::{Buzzer, BuzzerKind};

/// Where Linux shows the speaker of a PC.
const PC_SPEAKER: &str = "/dev/input/by-path/platform-pcspkr-event-spkr";
const DURATION: Duration = Duration::from_secs(10);

pub fn read(section: Option<Section<'_>>) -> Option<Buzzer> {
    const EXPECTED: &str = "\"sound\" or \"pc_speaker\"";
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
        _ => None,
    });
    section.finish(|_| None);
    Some(Buzzer {
        kind: kind?,
        duration: duration.unwrap_or(DURATION),
    })
}
