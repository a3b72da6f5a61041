//! `vigie lock …`

use std::process::ExitCode;

use vigie_actors::control::Request;

use crate::{
    cli::LockCommand,
    offline::{Needs, execute},
};

pub fn main(what: LockCommand) -> ExitCode {
    match what {
        LockCommand::Add {
            config,
            camera,
            from,
            to,
            note,
        } => {
            let request = Request::LockAdd { camera, from, to, note };
            execute(&config, request, Needs::State)
        }
        LockCommand::List { config } => execute(&config, Request::LockList, Needs::State),
        LockCommand::Release { config, id } => execute(&config, Request::LockRelease { id }, Needs::State),
    }
}
