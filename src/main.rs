//! The binary: command line, start order, signals, telemetry, systemd. Nothing else.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backup;
mod check;
mod cli;
mod demo;
mod disk;
mod footage;
mod index;
mod lock;
mod log_layer;
mod offline;
mod reset;
mod run;
mod systemd;
mod telemetry;
mod user;

use std::process::ExitCode;

use clap::Parser;
use vigie_actors::control::Request;

use cli::{Cli, Command, RetentionCommand};

/// Exit codes of every command.
mod exit {
    use std::process::ExitCode;

    pub const DONE: ExitCode = ExitCode::SUCCESS;
    pub const FAILED: ExitCode = ExitCode::FAILURE;
    /// Bad configuration or usage: starting again will not help.
    pub fn misconfigured() -> ExitCode {
        ExitCode::from(2)
    }
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run { config } => run::main(&config),
        Command::Check { config } => check::main(&config),
        Command::Demo { dir } => demo::main(dir),
        Command::Backup { config, out, .. } => backup::save(&config, &out),
        Command::Restore {
            config, from, dry_run, ..
        } => backup::restore(&config, &from, dry_run),
        Command::Reset { config, .. } => reset::main(&config),
        Command::User { what } => user::main(what),
        Command::Index { what } => index::main(what),
        Command::Disk { what } => disk::main(what),
        Command::Footage { what } => footage::main(what),
        Command::Lock { what } => lock::main(what),
        Command::Retention {
            what: RetentionCommand::Plan { config },
        } => offline::execute(&config, Request::RetentionPlan, offline::Needs::Volumes),
        Command::Capacity { config, days } => {
            offline::execute(&config, Request::Capacity { days }, offline::Needs::Volumes)
        }
    }
}
