//! `vigie index …`

use std::process::ExitCode;

use vigie_actors::control::Request;

use crate::{
    cli::IndexCommand,
    offline::{Needs, execute},
};

pub fn main(what: IndexCommand) -> ExitCode {
    match what {
        IndexCommand::Check { config } => execute(&config, Request::IndexCheck, Needs::Volumes),
        IndexCommand::Rebuild { config } => execute(&config, Request::IndexRebuild, Needs::Volumes),
    }
}
