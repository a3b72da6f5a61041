//! `vigie check`: everything that is wrong with the text; a disk that is not there is a warning.

use std::{path::Path, process::ExitCode};

use vigie_config::Config;

use crate::exit;

pub fn main(path: &Path) -> ExitCode {
    match Config::load(path) {
        Ok((config, warnings)) => {
            for warning in warnings {
                eprintln!("warning: {}: {warning}", path.display());
            }
            for disk in &config.disks {
                if let Err(error) = vigie_storage::inspect(&config.server.state_dir, disk) {
                    eprintln!("warning: {error}");
                }
            }
            println!(
                "{}: ok, {} cameras, {} disks",
                path.display(),
                config.cameras.len(),
                config.disks.len()
            );
            exit::DONE
        }
        Err(error) => {
            eprintln!("{error}");
            exit::misconfigured()
        }
    }
}
