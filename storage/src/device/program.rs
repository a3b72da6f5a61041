//! Runs `smartctl` and `zpool`: by fixed path, without a shell, for a limited time.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use vigie_config::{ErrorKind, Kind};

/// A program that has not ended after this is killed.
const LONGEST: Duration = Duration::from_secs(30);
/// Output beyond this is not read.
const MOST: usize = 1 << 20;
/// How often an end is looked for once the output has ended.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Of smartmontools.
    Smartctl,
    /// Of OpenZFS.
    Zpool,
}

impl Program {
    /// Nothing of it comes from a configuration or the environment.
    fn paths(self) -> [&'static str; 2] {
        match self {
            Program::Smartctl => ["/usr/sbin/smartctl", "/sbin/smartctl"],
            Program::Zpool => ["/usr/sbin/zpool", "/sbin/zpool"],
        }
    }

    fn package(self) -> &'static str {
        match self {
            Program::Smartctl => "smartmontools",
            Program::Zpool => "zfsutils-linux",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{path} is not installed: install the package {package}")]
    Absent { path: &'static str, package: &'static str },
    #[error("cannot run {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} did not end in {} s and was killed: the device may hang", path.display(), limit.as_secs())]
    TooSlow { path: PathBuf, limit: Duration },
}

impl Kind for RunError {
    fn kind(&self) -> ErrorKind {
        match self {
            RunError::Absent { .. } | RunError::Io { .. } => ErrorKind::Unavailable,
            RunError::TooSlow { .. } => ErrorKind::Timeout,
        }
    }
}

/// What it prints, whatever its exit status says (smartctl's is in its output).
///
/// Does not return before the program has ended: one that hangs in the kernel holds the calling
/// thread even after it was killed.
pub fn run(program: Program, arguments: &[&str]) -> Result<Vec<u8>, RunError> {
    let [path, other] = program.paths();
    let found = [path, other].into_iter().map(Path::new).find(|path| path.exists());
    let absent = RunError::Absent {
        path,
        package: program.package(),
    };
    run_at(found.ok_or(absent)?, arguments, LONGEST)
}

fn run_at(path: &Path, arguments: &[&str], limit: Duration) -> Result<Vec<u8>, RunError> {
    let failed = |error: io::Error| RunError::Io {
        path: path.to_owned(),
        error,
    };
    let (mut output, into) = io::pipe().map_err(failed)?;
    let mut command = Command::new(path);
    command
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null());
    command.stderr(into.try_clone().map_err(failed)?).stdout(into);
    let mut child = command.spawn().map_err(failed)?;
    // Its ends of the pipe are the child's alone from here on.
    drop(command);
    let end = Instant::now() + limit;
    let in_time = read(&mut output, end).and_then(|bytes| {
        drop(output);
        while child.try_wait()?.is_none() {
            if Instant::now() >= end {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(LOOK);
        }
        Ok(bytes)
    });
    if in_time.is_err() {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
        child.wait().map_err(failed)?;
    }
    in_time.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => RunError::TooSlow {
            path: path.to_owned(),
            limit,
        },
        _ => failed(error),
    })
}

/// Until it ends, or `MOST` bytes are there.
fn read(from: &mut io::PipeReader, end: Instant) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0u8; 4096];
    while bytes.len() < MOST {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
        match poll(&mut [PollFd::new(&*from, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let read = from.read(&mut buffer)?;
        bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if read == 0 {
            break;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Vec<u8>, RunError> {
        run_at(Path::new("/bin/sh"), &["-c", script], limit)
    }

    #[test]
    fn output_is_read_whatever_the_exit_status() {
        let text = shell("echo out; echo err >&2; exit 3", LONGEST).unwrap();
        assert_eq!(text, b"out\nerr\n");
    }

    #[test]
    fn nothing_of_our_environment_is_passed_on() {
        assert_eq!(shell("echo $HOME$LC_ALL; pwd", LONGEST).unwrap(), b"C\n/\n");
    }

    #[test]
    fn one_that_does_not_end_is_killed() {
        for script in ["exec sleep 600", "exec >&- 2>&-; exec sleep 600"] {
            let begun = Instant::now();
            let error = shell(script, Duration::from_millis(200)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
            assert!(begun.elapsed() < Duration::from_secs(300), "it was waited for");
        }
    }

    #[test]
    fn endless_output_is_cut() {
        let bytes = shell("exec cat /dev/zero", LONGEST).unwrap();
        assert!((MOST..MOST + 4096).contains(&bytes.len()), "{}", bytes.len());
    }

    #[test]
    fn one_that_is_not_there() {
        let error = run_at(Path::new("/no/such/program"), &[], LONGEST).unwrap_err();
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }
}
