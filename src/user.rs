//! `vigie user …`

use std::{io::BufRead, process::ExitCode};

use vigie_actors::control::Request;

use crate::{
    cli::UserCommand,
    exit,
    offline::{Needs, execute},
};

pub fn main(what: UserCommand) -> ExitCode {
    match what {
        UserCommand::Add { user, group, .. } => match password() {
            Ok(password) => {
                let request = Request::UserAdd {
                    name: user.name,
                    group,
                    password,
                };
                execute(&user.config, request, Needs::State)
            }
            Err(code) => code,
        },
        UserCommand::Passwd { user, .. } => match password() {
            Ok(password) => execute(
                &user.config,
                Request::UserPasswd {
                    name: user.name,
                    password,
                },
                Needs::State,
            ),
            Err(code) => code,
        },
        UserCommand::Remove { user } => execute(&user.config, Request::UserRemove { name: user.name }, Needs::State),
        UserCommand::TotpOff { user } => execute(&user.config, Request::UserTotpOff { name: user.name }, Needs::State),
        UserCommand::List { config } => execute(&config, Request::UserList, Needs::State),
    }
}

/// The first line of standard input, without its end.
pub fn password() -> Result<String, ExitCode> {
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(n) if n > 0 => Ok(line.trim_end_matches(['\n', '\r']).to_string()),
        Ok(_) => {
            eprintln!("no password on standard input: give it as the first line");
            Err(exit::misconfigured())
        }
        Err(error) => {
            eprintln!("cannot read the password from standard input: {error}");
            Err(exit::FAILED)
        }
    }
}
