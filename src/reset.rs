//! `vigie reset`, of a recorder that does not run.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use vigie_actors::reset;
use vigie_config::{
    Config,
    edit::{self, Edit},
};
use vigie_storage::{Storage, StorageOptions};

use crate::exit;

pub fn main(path: &Path) -> ExitCode {
    let (config, _, text) = match Config::load_with_text(path) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return exit::misconfigured();
        }
    };
    let opened = Storage::open(&config.server.state_dir, StorageOptions::default());
    let done = opened.map_err(anyhow::Error::from).and_then(|storage| {
        let done = forget(path, &text, &storage);
        storage.close();
        done
    });
    match done {
        Ok(()) => {
            println!("everything that was set up is forgotten; vigie run prints the link for the next owner");
            exit::DONE
        }
        Err(error) => {
            eprintln!("{error:#}");
            exit::FAILED
        }
    }
}

fn forget(path: &Path, text: &str, storage: &Storage) -> anyhow::Result<()> {
    let new = reset::configuration(&Edit::new(text)?)?.text();
    edit::replace(path, &new).with_context(|| format!("cannot write {}", path.display()))?;
    reset::forget(storage, &new)?;
    Ok(())
}
