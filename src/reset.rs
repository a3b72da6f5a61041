//! `vigie reset`, of a recorder that does not run.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use vigie_actors::reset;
use vigie_config::{
    Config, diff,
    edit::{self, Edit},
    variables_of,
};
use vigie_storage::{
    Storage, StorageOptions,
    audit::{Entry, Kind},
    subscriptions::Subscriptions,
};

use crate::exit;

pub fn main(path: &Path) -> ExitCode {
    let (config, _, text) = match Config::load_sparing(path, &|_| true) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return exit::misconfigured();
        }
    };
    match carry_out(path, &config, &text) {
        Ok(()) => exit::DONE,
        Err(error) => {
            eprintln!("{error:#}");
            exit::FAILED
        }
    }
}

fn carry_out(path: &Path, config: &Config, text: &str) -> anyhow::Result<()> {
    let storage = Storage::open(&config.server.state_dir, StorageOptions::default())?;
    let new = reset::configuration(&Edit::new(text)?)?.text();
    let (next, _) = Config::parse(&new, &variables_of(&new))?;
    edit::replace(path, &new).with_context(|| format!("cannot write {}", path.display()))?;
    let subscriptions = Subscriptions::open(&config.server.state_dir);
    let forgotten = reset::forget(&storage, &subscriptions, &new, None);
    if forgotten.is_ok() {
        let told = "set back to a new recorder: everybody and everything that was set up is forgotten";
        storage
            .audit()
            .tell(Entry::new(Kind::Configuration, told).by("command line"));
    }
    storage.close();
    forgotten?;
    for line in diff(config, &next).words() {
        println!("{line}");
    }
    println!("nobody is known any more: the next start prints the link that sets up the first user");
    Ok(())
}
