//! A sound card that is none: ALSA's `file` device writes what would be heard into a pipe.

use std::{
    fs::File,
    io::Read,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{PATIENCE, now_us, wait_for};

pub struct Speaker {
    folder: tempfile::TempDir,
    heard: Arc<Mutex<Vec<i64>>>,
    /// Somebody has it open.
    open: Arc<AtomicBool>,
}

impl Speaker {
    pub fn start() -> Speaker {
        let folder = tempfile::Builder::new().prefix("vigie-speaker-").tempdir().unwrap();
        let pipe = folder.path().join("samples");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let heard = Arc::<Mutex<Vec<i64>>>::default();
        let open = Arc::<AtomicBool>::default();
        let (into, opened) = (heard.clone(), open.clone());
        // Ends with the test's process.
        std::thread::spawn(move || {
            let mut samples = vec![0; 16 << 10];
            // Opens when somebody sounds, and ends with the sound.
            while let Ok(mut sound) = File::open(&pipe) {
                opened.store(true, Ordering::SeqCst);
                let mut silent = true;
                while let Ok(read) = sound.read(&mut samples) {
                    if read == 0 {
                        break;
                    }
                    if silent && samples[..read].iter().any(|sample| *sample != 0) {
                        into.lock().unwrap().push(now_us() as i64);
                        silent = false;
                    }
                    // A card takes its time.
                    std::thread::sleep(Duration::from_millis(20));
                }
                opened.store(false, Ordering::SeqCst);
            }
        });
        Speaker { folder, heard, open }
    }

    /// `device` of the table `[buzzer]`.
    pub fn device(&self) -> String {
        format!("file:'{}/samples',raw", self.folder.path().display())
    }

    /// When each sound was first more than silence, Unix time in microseconds.
    pub fn heard(&self) -> Vec<i64> {
        self.heard.lock().unwrap().clone()
    }

    /// Of the sound that goes on; the next one would be taken for a part of it.
    pub fn wait_end(&self) {
        wait_for("the end of the sound", PATIENCE, || {
            (!self.open.load(Ordering::SeqCst)).then_some(())
        });
    }
}
