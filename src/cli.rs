//! The command line as the operator types it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ulid::Ulid;
use vigie_config::{CameraId, DiskId, Utc};
use vigie_storage::accounts::GroupName;

/// A supervised network video recorder.
///
/// Exit codes: 0 done, 1 failed, 2 bad configuration or usage.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record, in the foreground. SIGTERM ends in order, a second one at once; SIGHUP reloads
    Run {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Say everything that is wrong with a configuration
    Check {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Record two synthetic cameras into a new folder, to see what Vigie does. Prints address, user and
    /// password: a new one at each start
    Demo {
        /// Where to put configuration, footage and state; a temporary folder otherwise. What was set up
        /// there stays for the next time
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Manage who may sign in
    User {
        #[command(subcommand)]
        what: UserCommand,
    },
    /// Write everything that is set up into one encrypted file, while the recorder does not run
    Backup {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Must not be there yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Put back what such a file holds, while the recorder does not run
    Restore {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[arg(long = "in", value_name = "FILE")]
        from: PathBuf,
        /// Say what would become another, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Forget users and everything that is set up, while the recorder does not run. Footage, disks, events
    /// and the addresses by which it is reached stay
    Reset {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Do it: there is no way back but a backup
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Compare the index with the footage, or make it anew from it
    Index {
        #[command(subcommand)]
        what: IndexCommand,
    },
    /// See the disks, and put them into service and out of it
    Disk {
        #[command(subcommand)]
        what: DiskCommand,
    },
    /// See what is to be deleted, and why
    Retention {
        #[command(subcommand)]
        what: RetentionCommand,
    },
    /// See what footage there is, and delete some of it
    Footage {
        #[command(subcommand)]
        what: FootageCommand,
    },
    /// Protect footage from being deleted
    Lock {
        #[command(subcommand)]
        what: LockCommand,
    },
    /// Say how many days the disks hold, by what was recorded during the last day
    Capacity {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Say also how much room so many days take
        #[arg(long, value_name = "N")]
        days: Option<f64>,
    },
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user
    Add {
        #[command(flatten)]
        user: Named,
        /// administrator, advanced, ordinary, or one of your own
        #[arg(long, default_value_t = GroupName::ordinary())]
        group: GroupName,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Change a password
    Passwd {
        #[command(flatten)]
        user: Named,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Remove a user
    Remove {
        #[command(flatten)]
        user: Named,
    },
    /// Let a user who lost the authenticator sign in with the password alone
    TotpOff {
        #[command(flatten)]
        user: Named,
    },
    /// List users and their groups
    List {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct Named {
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    #[arg(long)]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct PasswordSource {
    /// Read the password from the first line of standard input (the only way there is: a
    /// password on the command line is seen by everyone on the machine)
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Exit 1 if the index differs from the footage
    Check {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Make the index anew from the volumes
    Rebuild {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum DiskCommand {
    /// One line for each disk: id, group, state, free bytes, total bytes, bytes of footage, path
    List {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Take a disk into use that holds nothing to keep
    Prepare {
        #[command(flatten)]
        disk: OneDisk,
        /// Delete the footage that is on it, whoever's it is
        #[arg(long)]
        erase: bool,
    },
    /// Take over a disk with its footage: another recorder's, one of before a reinstall, one
    /// without its marker; or take back a retired or released one
    Adopt {
        #[command(flatten)]
        disk: OneDisk,
    },
    /// Begin nothing new on a disk; its footage stays until retention takes it
    Retire {
        #[command(flatten)]
        disk: OneDisk,
    },
    /// Stop recording on a disk, sync and close it, so that it can be unmounted and pulled
    Release {
        #[command(flatten)]
        disk: OneDisk,
    },
}

#[derive(Debug, Args)]
pub struct OneDisk {
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// As in the configuration
    #[arg(long, value_name = "ID")]
    pub id: DiskId,
}

#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// List what would be deleted now, file by file, without deleting it
    Plan {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum FootageCommand {
    /// One line for each stream: camera, stream, oldest, newest; "removed" where the camera is no
    /// longer configured
    List {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Delete a camera's footage between two times: every file that touches them. Written down
    /// for good
    Delete {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[arg(long, value_name = "ID")]
        camera: CameraId,
        /// RFC 3339, such as 2026-11-20T09:41:00Z
        #[arg(long, value_name = "TIME")]
        from: Utc,
        /// RFC 3339
        #[arg(long, value_name = "TIME")]
        to: Utc,
        /// Why, for those who come after
        #[arg(long, default_value = "")]
        note: String,
    },
    /// What people have deleted: id, camera, from, to, by, at, files, bytes, note
    Deletions {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum LockCommand {
    /// Protect a camera's footage between two times; prints the id
    Add {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[arg(long, value_name = "ID")]
        camera: CameraId,
        /// RFC 3339, such as 2026-11-20T09:41:00Z
        #[arg(long)]
        from: Utc,
        #[arg(long)]
        to: Utc,
        /// Why, for those who come after
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List what is protected: id, camera, from, to, who, note
    List {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Let footage go again when its time comes
    Release {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[arg(long)]
        id: Ulid,
    },
}
