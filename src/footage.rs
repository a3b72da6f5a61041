//! `vigie footage …`

use std::process::ExitCode;

use vigie_actors::control::Request;

use crate::{
    cli::FootageCommand,
    offline::{Needs, execute},
};

pub fn main(what: FootageCommand) -> ExitCode {
    match what {
        FootageCommand::List { config } => execute(&config, Request::FootageList, Needs::Volumes),
        FootageCommand::Delete {
            config,
            camera,
            from,
            to,
            note,
        } => {
            let request = Request::FootageDelete { camera, from, to, note };
            execute(&config, request, Needs::Volumes)
        }
        FootageCommand::Deletions { config } => execute(&config, Request::FootageDeletions, Needs::State),
    }
}
