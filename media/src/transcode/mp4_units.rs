//! A stream's units as MP4 can hold them: for the recorder and for live viewers.

use std::sync::Arc;

use super::AacTranscoder;
use crate::{AccessUnit, AudioCodec, AudioFormat, StreamFormat, Track};

/// Passes units on: G.711 as AAC; audio that cannot be stored is left out, with one warning.
/// All units that come out carry the format that [`crate::fmp4::init_segment`] takes.
#[derive(Default)]
pub struct Mp4Units {
    /// The newest format that came in, and what it becomes.
    formats: Option<(Arc<StreamFormat>, Arc<StreamFormat>)>,
    transcoder: Option<Transcoder>,
}

struct Transcoder {
    source: AudioFormat,
    /// `None`: it does not work; said once, not tried again.
    aac: Option<AacTranscoder>,
}

impl Mp4Units {
    pub fn new() -> Mp4Units {
        Mp4Units::default()
    }

    /// Takes a unit and gives what becomes of it to `emit`: itself, or none to a few units.
    pub fn push(&mut self, unit: Arc<AccessUnit>, mut emit: impl FnMut(Arc<AccessUnit>)) {
        let format = self.format(&unit.format);
        if Arc::ptr_eq(&format, &unit.format) {
            if unit.track == Track::Video || format.audio.is_some() {
                emit(unit);
            }
            return;
        }
        match unit.track {
            Track::Video => emit(Arc::new(AccessUnit {
                format,
                ..AccessUnit::clone(&unit)
            })),
            Track::Audio => {
                let Some(transcoder) = &mut self.transcoder else { return };
                let Some(aac) = &mut transcoder.aac else { return };
                if let Err(error) = aac.push(&unit, &format, emit) {
                    tracing::warn!(%error, "audio is no longer recorded");
                    transcoder.aac = None;
                    self.formats = None;
                }
            }
        }
    }

    /// What `source` becomes; itself when nothing has to change.
    fn format(&mut self, source: &Arc<StreamFormat>) -> Arc<StreamFormat> {
        if let Some((seen, becomes)) = &self.formats
            && Arc::ptr_eq(seen, source)
        {
            return becomes.clone();
        }
        let becomes = match &source.audio {
            None => source.clone(),
            Some(audio) => match self.audio(audio) {
                Some(same) if same == *audio => source.clone(),
                audio => Arc::new(StreamFormat {
                    video: source.video.clone(),
                    audio,
                }),
            },
        };
        self.formats = Some((source.clone(), becomes.clone()));
        becomes
    }

    fn audio(&mut self, source: &AudioFormat) -> Option<AudioFormat> {
        match source.codec {
            AudioCodec::Aac | AudioCodec::Opus if source.decoder_config.is_empty() => {
                tracing::warn!(codec = ?source.codec, "audio is not recorded: the camera does not describe it");
                None
            }
            AudioCodec::Aac | AudioCodec::Opus => Some(source.clone()),
            AudioCodec::Pcmu | AudioCodec::Pcma => {
                if self.transcoder.as_ref().is_none_or(|t| t.source != *source) {
                    let aac = AacTranscoder::new(source)
                        .inspect_err(|error| tracing::warn!(%error, "audio is not recorded"))
                        .ok();
                    self.transcoder = Some(Transcoder {
                        source: source.clone(),
                        aac,
                    });
                }
                self.transcoder.as_ref()?.aac.as_ref().map(|aac| aac.format().clone())
            }
        }
    }
}
