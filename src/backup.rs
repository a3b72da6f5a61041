//! `vigie backup` and `vigie restore`, of a recorder that does not run.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use vigie_actors::backup;
use vigie_config::{
    Config, diff,
    edit::{self, Edit},
    variables_of,
};
use vigie_storage::{
    Storage, StorageOptions,
    backup::{Contents, MOST_BYTES},
};

use crate::{exit, user};

pub fn save(path: &Path, out: &Path) -> ExitCode {
    with_recorder(path, |text, config, storage, password| {
        let contents = backup::contents(storage, &Edit::new(text)?, &config.server.name)?;
        let file = contents.sealed(password)?;
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(out);
        let mut opened = opened.with_context(|| format!("cannot create {}", out.display()))?;
        let written = opened.write_all(&file).and_then(|()| opened.sync_all());
        if let Err(error) = written {
            // Half of it is of no use; the first error says why.
            let _ = fs::remove_file(out);
            return Err(error).with_context(|| format!("cannot write {}", out.display()));
        }
        println!("{} bytes in {}", file.len(), out.display());
        Ok(())
    })
}

pub fn restore(path: &Path, from: &Path, dry_run: bool) -> ExitCode {
    with_recorder(path, |text, config, storage, password| {
        let mut file = Vec::new();
        fs::File::open(from)
            .and_then(|opened| opened.take(MOST_BYTES as u64 + 1).read_to_end(&mut file))
            .with_context(|| format!("cannot read {}", from.display()))?;
        let (head, contents) = Contents::open(&file, password)?;
        println!("of {}, {}, by vigie {}", head.name, head.saved, head.version);
        let (new, notes) = backup::configuration(storage, &contents, &Edit::new(text)?, &variables_of(text))?;
        let new = new.text();
        let (next, warnings) = Config::parse(&new, &variables_of(&new))?;
        let people = backup::changes(storage, &contents)?;
        let changes = diff(config, &next).words();
        for line in changes.iter().chain(&people) {
            println!("{line}");
        }
        if changes.is_empty() && people.is_empty() {
            println!("nothing becomes another");
        }
        for warning in warnings {
            eprintln!("warning: {warning}");
        }
        for note in notes {
            eprintln!("warning: {note}");
        }
        for (disk, error) in backup::absent_disks(&next) {
            eprintln!("warning: {disk}: {error}");
        }
        if dry_run {
            return Ok(());
        }
        // To go back to, also where the recorder has never run with it.
        storage.history().put(text, None, Vec::new())?;
        edit::replace(path, &new).with_context(|| format!("cannot write {}", path.display()))?;
        backup::restore(storage, contents)?;
        Ok(())
    })
}

/// `work` has the text of the file, what it means, the state, and the password on standard input.
fn with_recorder(path: &Path, work: impl FnOnce(&str, &Config, &Arc<Storage>, &str) -> anyhow::Result<()>) -> ExitCode {
    let (config, _, text) = match Config::load_sparing(path, &|_| true) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return exit::misconfigured();
        }
    };
    let password = match user::password() {
        Ok(password) => password,
        Err(code) => return code,
    };
    let opened = Storage::open(&config.server.state_dir, StorageOptions::default());
    let done = opened.map_err(anyhow::Error::from).and_then(|storage| {
        let done = work(&text, &config, &storage, &password);
        storage.close();
        done
    });
    match done {
        Ok(()) => exit::DONE,
        Err(error) => {
            eprintln!("{error:#}");
            exit::FAILED
        }
    }
}
