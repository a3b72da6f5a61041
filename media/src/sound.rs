//! A sound on this machine: a tone or a WAV file, over and over until dropped.
//!
//! Belongs here: the pipeline. Does not belong here: when it is to sound.

use std::{path::Path, time::Duration};

use gstreamer::{self as gst, prelude::*};

use crate::gst::{GstError, ensure_elements};

/// Where it is to be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// Whatever the machine has.
    Auto,
    /// An ALSA device such as `hw:0`.
    Alsa(String),
    /// Another element of GStreamer, with its properties.
    Element(String),
}

/// A device that takes longer to begin is not heard.
const BEGINS_WITHIN: Duration = Duration::from_secs(4);

/// Two beeps a second, of 1 kHz.
const TONE: &str = "audiotestsrc wave=ticks apply-tick-ramp=true freq=1000 tick-interval=500000000 \
                    sine-periods-per-tick=250 volume=0.8";

/// Sounds until it is dropped.
#[derive(Debug)]
pub struct Sound {
    pipeline: gst::Pipeline,
}

impl Sound {
    /// Of `file`, or a tone. Blocks until it plays. Says what is missing; what fails later is told by
    /// [`Sound::look`].
    pub fn start(file: Option<&Path>, sink: &Sink) -> Result<Sound, GstError> {
        Sound::start_within(file, sink, BEGINS_WITHIN)
    }

    fn start_within(file: Option<&Path>, sink: &Sink, time: Duration) -> Result<Sound, GstError> {
        let source = match file {
            Some(_) => {
                ensure_elements(&["filesrc", "wavparse"])?;
                "filesrc name=file ! wavparse"
            }
            None => {
                ensure_elements(&["audiotestsrc"])?;
                TONE
            }
        };
        let element = match sink {
            Sink::Auto => "autoaudiosink",
            Sink::Alsa(_) => "alsasink name=sink",
            Sink::Element(text) => text,
        };
        let name = element.split(' ').next().unwrap_or_default();
        ensure_elements(&["audioconvert", "audioresample", name])?;
        let text = format!("{source} ! audioconvert ! audioresample ! {element}");
        let pipeline = gst::parse::launch(&text)?;
        let pipeline = pipeline
            .downcast::<gst::Pipeline>()
            .map_err(|_| failed("not a pipeline"))?;
        let set = |element: &str, property: &str, value: &str| {
            if let Some(element) = pipeline.by_name(element) {
                element.set_property(property, value);
            }
        };
        // As properties, not as text: a name may hold anything.
        if let Some(path) = file {
            set("file", "location", &path.to_string_lossy());
        }
        if let Sink::Alsa(device) = sink {
            set("sink", "device", device);
        }
        let sound = Sound { pipeline };
        let mut begun = sound.pipeline.set_state(gst::State::Playing);
        if begun == Ok(gst::StateChangeSuccess::Async) {
            let limit = gst::ClockTime::try_from(time).unwrap_or(gst::ClockTime::SECOND);
            (begun, ..) = sound.pipeline.state(limit);
        }
        match begun {
            Ok(gst::StateChangeSuccess::Async) => Err(failed(&format!("it does not play within {time:?}"))),
            Ok(_) if *sink == Sink::Auto && sound.plays_nowhere() => Err(failed(&sound.why_nowhere())),
            Ok(_) => Ok(sound),
            Err(_) => {
                sound.look()?;
                Err(failed("the sound does not start"))
            }
        }
    }

    /// Where `autoaudiosink` finds no device it takes one that throws everything away.
    fn plays_nowhere(&self) -> bool {
        let is_fake = |element: gst::Element| element.factory().is_some_and(|factory| factory.name() == "fakesink");
        let all = self.pipeline.iterate_recurse();
        all.into_iter().flatten().any(is_fake)
    }

    fn why_nowhere(&self) -> String {
        let bus = self.pipeline.bus();
        let warning = bus.and_then(|bus| bus.pop_filtered(&[gst::MessageType::Warning]));
        let said = match warning.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Warning(warning)) => format!(" ({})", warning.error().message()),
            _ => String::new(),
        };
        format!("no sound card and no sound server takes it{said}; name one with device, as in \"hw:0\"")
    }

    /// Begins a file anew at its end; to be called now and then. An error: nothing is heard.
    pub fn look(&self) -> Result<(), GstError> {
        let Some(bus) = self.pipeline.bus() else { return Ok(()) };
        while let Some(message) = bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Eos]) {
            match message.view() {
                gst::MessageView::Error(error) => return Err(failed(&words(error))),
                _ => {
                    let begin = gst::ClockTime::ZERO;
                    let again = self.pipeline.seek_simple(gst::SeekFlags::FLUSH, begin);
                    again.map_err(|error| failed(&error.to_string()))?;
                }
            }
        }
        Ok(())
    }
}

/// GStreamer's, and behind the line that names a place in its source what the device said.
fn words(error: &gst::message::Error) -> String {
    let (said, debug) = (error.error(), error.debug());
    match debug.as_ref().and_then(|text| text.split_once('\n')) {
        Some((_, more)) => format!("{} {}", said.message(), more.trim()),
        None => said.message().to_owned(),
    }
}

fn failed(why: &str) -> GstError {
    GstError::Failed {
        what: "sounding",
        why: why.to_owned(),
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        path::PathBuf,
        time::{Duration, Instant},
    };

    use super::*;

    fn into_file(path: &Path) -> Sink {
        Sink::Element(format!("filesink location={}", path.display()))
    }

    fn wait_for_bytes(sound: &Sound, path: &Path, count: u64) {
        let begin = Instant::now();
        while std::fs::metadata(path).map_or(0, |meta| meta.len()) < count {
            sound.look().unwrap();
            assert!(begin.elapsed() < Duration::from_secs(30), "no sound came");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// 100 ms of a loud square wave, 8 kHz, 16 bit, mono.
    fn wav(folder: &Path) -> PathBuf {
        let samples: Vec<u8> = (0..800i32)
            .flat_map(|n| if n / 4 % 2 == 0 { 20_000i16 } else { -20_000 }.to_le_bytes())
            .collect();
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((36 + samples.len() as u32).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16u32.to_le_bytes());
        for field in [1u16, 1] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(8000u32.to_le_bytes());
        bytes.extend(16_000u32.to_le_bytes());
        for field in [2u16, 16] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(b"data");
        bytes.extend((samples.len() as u32).to_le_bytes());
        bytes.extend(samples);
        let path = folder.join("a file ! with=words.wav");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn a_tone_is_heard_and_is_not_only_silence() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let sound = Sound::start(None, &into_file(&out)).unwrap();
        wait_for_bytes(&sound, &out, 200_000);
        drop(sound);
        let bytes = std::fs::read(&out).unwrap();
        assert!(bytes.iter().filter(|byte| **byte != 0).count() > 1000);
    }

    #[test]
    fn a_file_begins_anew_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let wav = wav(folder.path());
        // Real time, so that the end comes, again and again.
        let sound = Sound::start(Some(&wav), &Sink::Element("fakesink sync=true name=out".into())).unwrap();
        let begin = Instant::now();
        let mut rounds = 0;
        while rounds < 3 {
            let bus = sound.pipeline.bus().unwrap();
            if bus
                .peek()
                .is_some_and(|message| message.type_() == gst::MessageType::Eos)
            {
                rounds += 1;
            }
            sound.look().unwrap();
            assert!(begin.elapsed() < Duration::from_secs(30), "{rounds} ends");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn it_has_begun_when_it_plays() {
        let sound = Sound::start(None, &Sink::Element("fakesink sync=true".into())).unwrap();
        assert_eq!(sound.pipeline.current_state(), gst::State::Playing);
        // Nothing ever arrives.
        let nothing = Sink::Element("valve drop=true ! fakesink".into());
        let error = Sound::start_within(None, &nothing, Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().ends_with("it does not play within 100ms"), "{error}");
    }

    #[test]
    fn a_machine_that_cannot_be_heard_says_so() {
        match Sound::start(None, &Sink::Auto) {
            // Whoever runs this has a sound server.
            Ok(sound) => assert!(!sound.plays_nowhere()),
            Err(error) => assert!(error.to_string().contains("no sound card"), "{error}"),
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let error = Sound::start(None, &Sink::Element("nosuchsink".into())).unwrap_err();
        assert!(error.to_string().contains("nosuchsink"), "{error}");
        let error = Sound::start(None, &Sink::Alsa("nosuchcard".into())).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("'nosuchcard': No such file or directory"), "{text}");
        let missing = folder.path().join("missing.wav");
        let started = Sound::start(Some(&missing), &Sink::Element("fakesink".into()));
        let error = match started {
            Err(error) => error,
            Ok(sound) => {
                let begin = Instant::now();
                loop {
                    if let Err(error) = sound.look() {
                        break error;
                    }
                    assert!(begin.elapsed() < Duration::from_secs(30), "no error");
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        };
        assert!(error.to_string().contains("sounding failed"), "{error}");
    }
}
