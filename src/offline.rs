//! Commands that work whether the recorder runs or not: ask it, or do the work here.

use std::{path::Path, process::ExitCode};

use vigie_actors::control::{self, Answer, House, Request};
use vigie_config::Config;
use vigie_storage::{Storage, StorageOptions};

use crate::exit;

/// Which volumes a request needs when no recorder runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    State,
    Volumes,
}

pub fn execute(config: &Path, request: Request, needs: Needs) -> ExitCode {
    let config = match Config::load(config) {
        Ok((config, _)) => config,
        Err(error) => {
            eprintln!("{error}");
            return exit::misconfigured();
        }
    };
    match answer(&config, request, needs) {
        Ok(answer) => {
            for line in &answer.lines {
                if answer.ok {
                    println!("{line}")
                } else {
                    eprintln!("{line}")
                }
            }
            if answer.ok { exit::DONE } else { exit::FAILED }
        }
        Err(error) => {
            eprintln!("{error:#}");
            exit::FAILED
        }
    }
}

fn answer(config: &Config, request: Request, needs: Needs) -> anyhow::Result<Answer> {
    if let Some(answer) = control::ask(&config.server.state_dir, &request)? {
        return Ok(answer);
    }
    let storage = Storage::open(&config.server.state_dir, StorageOptions::default())?;
    if needs == Needs::Volumes {
        for disk in &config.disks {
            if let Err(error) = storage.add_volume(disk) {
                eprintln!("warning: {error}");
            }
        }
    }
    let house = House {
        storage: &storage,
        config,
        disks: None,
    };
    let answer = control::perform(request, &house);
    storage.close();
    Ok(answer)
}
