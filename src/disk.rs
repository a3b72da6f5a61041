//! `vigie disk …`

use std::process::ExitCode;

use vigie_actors::control::{DiskRequest, Request};

use crate::{
    cli::{DiskCommand, OneDisk},
    offline::{Needs, execute},
};

pub fn main(what: DiskCommand) -> ExitCode {
    let (config, request) = match what {
        DiskCommand::List { config } => (config, DiskRequest::List),
        DiskCommand::Prepare {
            disk: OneDisk { config, id },
            erase,
        } => (config, DiskRequest::Prepare { id, erase }),
        DiskCommand::Adopt {
            disk: OneDisk { config, id },
        } => (config, DiskRequest::Adopt { id }),
        DiskCommand::Retire {
            disk: OneDisk { config, id },
        } => (config, DiskRequest::Retire { id }),
        DiskCommand::Release {
            disk: OneDisk { config, id },
        } => (config, DiskRequest::Release { id }),
    };
    // Nothing is opened for it: a disk must not be in use.
    execute(&config, Request::Disk(request), Needs::State)
}
