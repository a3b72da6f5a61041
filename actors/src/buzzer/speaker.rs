//! The speaker of a PC, by its input device: `struct input_event` of `linux/input.h`, written as
//! bytes, for a file is all that is needed.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// `linux/input-event-codes.h`.
const EV_SND: u16 = 0x12;
const SND_TONE: u16 = 0x02;
const HERTZ: i32 = 2000;

/// Sounds until it is dropped.
pub struct Tone(File);

/// The kernel's `long` twice (a time that it ignores), type, code, value; each in the machine's own
/// order of bytes.
fn event(hertz: i32) -> Vec<u8> {
    let time = [0u8; 2 * size_of::<usize>()];
    [
        &time[..],
        &EV_SND.to_ne_bytes(),
        &SND_TONE.to_ne_bytes(),
        &hertz.to_ne_bytes(),
    ]
    .concat()
}

/// Ends whatever sounds there.
pub fn silence(device: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(device)?.write_all(&event(0))
}

impl Tone {
    pub fn start(device: &Path) -> io::Result<Tone> {
        let mut file = OpenOptions::new().write(true).open(device)?;
        file.write_all(&event(HERTZ))?;
        Ok(Tone(file))
    }
}

impl Drop for Tone {
    fn drop(&mut self) {
        if let Err(error) = self.0.write_all(&event(0)) {
            tracing::warn!(%error, "the PC speaker cannot be switched off");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_before_left_on_is_silenced() {
        let file = tempfile::NamedTempFile::new().unwrap();
        silence(file.path()).unwrap();
        assert!(std::fs::read(file.path()).unwrap() == event(0));
        assert!(silence(Path::new("/nowhere/event0")).is_err());
    }

    #[test]
    fn a_tone_begins_and_ends_as_the_kernel_wants_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let tone = Tone::start(file.path()).unwrap();
        let size = event(0).len();
        let of = |bytes: &[u8]| bytes.iter().rev().take(8).rev().copied().collect::<Vec<u8>>();
        let begun = std::fs::read(file.path()).unwrap();
        assert_eq!(begun.len(), size);
        let expected = [
            &[0x12u16.to_ne_bytes(), 2u16.to_ne_bytes()].concat()[..],
            &2000i32.to_ne_bytes(),
        ]
        .concat();
        assert_eq!(of(&begun), expected);
        drop(tone);
        let ended = std::fs::read(file.path()).unwrap();
        assert_eq!(ended.len(), 2 * size);
        assert!(ended.ends_with(&0i32.to_ne_bytes()));
        #[cfg(target_pointer_width = "64")]
        assert_eq!(size, 24);
    }
}
