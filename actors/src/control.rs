//! The local socket by which the command line reaches a running recorder: one JSON line in,
//! one JSON line out. Only the owner of `state_dir` can open it.
//!
//! The index and the accounts admit one process. So `vigie user …` asks the running one, and
//! does the same work itself ([`perform`]) when none runs.

mod disks;
mod footage;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream as StdUnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};
use ulid::Ulid;
use vigie_config::{CameraId, Config, Utc};
use vigie_storage::{
    Reason, Storage,
    accounts::GroupName,
    audit::{Entry, Kind},
    locks::Protection,
};

pub use disks::{DiskRequest, DiskWish};

use crate::{
    capacity::capacity,
    disks::{Assignment, Disks, assignment},
    recorder::Recorder,
    retention::rules_of,
    supervise::{ChildSpec, worker_child},
};

/// A request longer than this is not one of ours.
const MAX_LINE: u64 = 64 << 10;
/// `index rebuild` reads every file's headers: this is for volumes of many terabytes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    UserAdd {
        name: String,
        group: GroupName,
        password: String,
    },
    UserPasswd {
        name: String,
        password: String,
    },
    UserRemove {
        name: String,
    },
    UserList,
    /// The password alone is enough again.
    UserTotpOff {
        name: String,
    },
    IndexCheck,
    IndexRebuild,
    /// How long the disks last; room for so many days.
    Capacity {
        days: Option<f64>,
    },
    /// What retention would delete now.
    RetentionPlan,
    LockAdd {
        camera: CameraId,
        from: Utc,
        to: Utc,
        note: String,
    },
    LockList,
    LockRelease {
        id: Ulid,
    },
    Disk(DiskRequest),
    /// Every stream with footage.
    FootageList,
    FootageDelete {
        camera: CameraId,
        from: Utc,
        to: Utc,
        note: String,
    },
    /// What people deleted.
    FootageDeletions,
}

/// Who is named where something is done on the command line.
pub(crate) const OPERATOR: &str = "command line";

/// What to print, and whether it went well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub ok: bool,
    pub lines: Vec<String>,
}

impl Answer {
    fn done(line: impl Into<String>) -> Self {
        Self {
            ok: true,
            lines: vec![line.into()],
        }
    }
    fn failed(error: impl ToString) -> Self {
        Self {
            ok: false,
            lines: vec![error.to_string()],
        }
    }
}

pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// Where a request is carried out.
pub struct House<'a> {
    pub storage: &'a Arc<Storage>,
    pub config: &'a Config,
    /// Of a running recorder.
    pub disks: Option<&'a Disks>,
}

/// Does what was asked, in whichever process holds the storage. Blocks.
pub fn perform(request: Request, house: &House<'_>) -> Answer {
    let House { storage, config, .. } = *house;
    let accounts = storage.accounts();
    let result = match request {
        Request::UserAdd { name, group, password } => accounts
            .operator()
            .add(&name, group, None, &password)
            .map(|_| format!("user {name} added")),
        Request::UserPasswd { name, password } => accounts
            .passwd(&name, &password)
            .map(|()| format!("password of {name} changed")),
        Request::UserRemove { name } => accounts
            .operator()
            .remove(&name)
            .map(|()| format!("user {name} removed")),
        Request::UserTotpOff { name } => accounts
            .drop_factor(&name)
            .map(|()| format!("user {name} signs in without a code")),
        Request::UserList => {
            let lines = accounts
                .list()
                .iter()
                .map(|u| format!("{}\t{}", u.name, u.group))
                .collect();
            return Answer { ok: true, lines };
        }
        Request::IndexCheck => return index_check(storage),
        Request::IndexRebuild => return index_rebuild(storage),
        Request::RetentionPlan => return retention_plan(storage, config),
        Request::LockAdd { camera, from, to, note } => {
            let locked = storage.locks().protect(camera, from, to, &note, OPERATOR);
            return locked.map_or_else(Answer::failed, |lock| Answer::done(lock.id.to_string()));
        }
        Request::LockRelease { id } => {
            let released = storage.locks().release(id, OPERATOR);
            return released.map_or_else(Answer::failed, |()| Answer::done(format!("{id} released")));
        }
        Request::LockList => {
            let all = storage.locks().list();
            let line = |lock: &Protection| {
                let Protection {
                    id,
                    camera,
                    from,
                    to,
                    by,
                    note,
                    ..
                } = lock;
                format!("{id}\t{camera}\t{from}\t{to}\t{by}\t{note}")
            };
            return Answer {
                ok: true,
                lines: all.iter().map(line).collect(),
            };
        }
        Request::Capacity { days } => {
            let now = Utc::now();
            let assigned = match house.disks {
                Some(disks) => disks.assignments(),
                None => assignment(config, storage, &Assignment::new(), now),
            };
            let groups = capacity(config, storage, &assigned, days, now);
            let lines = groups.iter().flat_map(|group| {
                let text = group.to_string();
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            });
            return Answer {
                ok: true,
                lines: lines.collect(),
            };
        }
        Request::Disk(request) => return disks::perform(request, house),
        Request::FootageList => return footage::list(house),
        Request::FootageDelete { camera, from, to, note } => {
            return footage::delete(house, &camera, from, to, &note);
        }
        Request::FootageDeletions => return footage::deletions(storage),
    };
    if let Ok(done) = &result {
        let entry = Entry::new(Kind::Users, done.as_str());
        storage.audit().tell(entry.by(OPERATOR));
    }
    result.map_or_else(Answer::failed, Answer::done)
}

/// One line for each file: disk, stream or snapshot, start, bytes, reason; then the sums.
fn retention_plan(storage: &Arc<Storage>, config: &Config) -> Answer {
    let plan = match storage.retention_plan(&rules_of(config), Utc::now()) {
        Ok(plan) => plan,
        Err(error) => return Answer::failed(error),
    };
    let mut sums: BTreeMap<Reason, (usize, u64)> = BTreeMap::new();
    let mut lines = Vec::new();
    for file in &plan {
        let sum = sums.entry(file.reason).or_default();
        *sum = (sum.0 + 1, sum.1 + file.bytes);
        lines.push(format!(
            "{}\t{}\t{}\t{}\t{}",
            file.disk,
            file.what,
            file.what.start(),
            file.bytes,
            file.reason
        ));
    }
    lines.extend(
        sums.iter()
            .map(|(reason, (files, bytes))| format!("{files} files, {bytes} bytes: {reason}")),
    );
    if plan.is_empty() {
        lines.push("nothing is to go".into());
    }
    Answer { ok: true, lines }
}

fn index_check(storage: &Arc<Storage>) -> Answer {
    let report = match storage.index_check() {
        Ok(report) => report,
        Err(error) => return Answer::failed(error),
    };
    let found = &report.differences;
    let mut lines = found.examples.clone();
    let unreadable = report
        .unreadable
        .iter()
        .map(|(path, why)| format!("unreadable: {}: {why}", path.display()));
    lines.extend(unreadable);
    lines.extend(report.absent.values().map(|why| format!("not compared: {why}")));
    if report.holes > 0 {
        lines.push(format!(
            "footage is gone in {} place(s) that no gap told of: they are gaps now, of cause disk",
            report.holes
        ));
    }
    lines.push(format!(
        "{} segments, {} gaps on the volumes; index: {} missing, {} surplus, {} different, {} corrupt; {} ms",
        report.segments,
        report.gaps,
        found.missing,
        found.surplus,
        found.different,
        found.corrupt,
        report.took.as_millis()
    ));
    Answer {
        ok: found.is_empty() && report.holes == 0,
        lines,
    }
}

fn index_rebuild(storage: &Arc<Storage>) -> Answer {
    match storage.index_rebuild() {
        Ok(report) => {
            let unreadable = report
                .unreadable
                .iter()
                .map(|(path, why)| format!("unreadable: {}: {why}", path.display()));
            let mut lines: Vec<String> = unreadable.collect();
            lines.extend(
                report
                    .absent
                    .values()
                    .map(|why| format!("left out until it is back: {why}")),
            );
            lines.push(format!(
                "{} segments, {} gaps, {} bytes, {} ms",
                report.segments,
                report.gaps,
                report.bytes,
                report.took.as_millis()
            ));
            Answer { ok: true, lines }
        }
        Err(error) => Answer::failed(error),
    }
}

/// Asks the running recorder; `None`: none runs on this state folder.
pub fn ask(state_dir: &Path, request: &Request) -> std::io::Result<Option<Answer>> {
    let mut socket = match StdUnixStream::connect(socket_path(state_dir)) {
        Ok(socket) => socket,
        Err(e)
            if matches!(
                e.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    socket.write_all(&line)?;
    let mut text = String::new();
    BufReader::new(socket).read_line(&mut text)?;
    if !text.ends_with('\n') {
        let ended = "the recorder ended before it had answered: whether it did what was asked is in its log";
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, ended));
    }
    Ok(Some(serde_json::from_str(&text)?))
}

impl Recorder {
    /// What the command line asks for, in the recorder that runs. Blocks.
    pub fn carry_out(&self, request: Request) -> Answer {
        let house = House {
            storage: self.storage(),
            config: &self.config(),
            disks: Some(self.disks()),
        };
        perform(request, &house)
    }
}

/// The socket as a child of the root.
pub fn control_child(recorder: Arc<Recorder>) -> ChildSpec {
    let state_dir = recorder.config().server.state_dir.clone();
    worker_child("control", "control", move |context| {
        let (path, recorder) = (socket_path(&state_dir), recorder.clone());
        Box::pin(async move {
            // Left over from a crash: the lock on the state folder says that nobody listens there.
            drop(std::fs::remove_file(&path));
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (socket, _) = accepted?;
                        let recorder = recorder.clone();
                        tokio::spawn(async move {
                            if let Err(error) = serve(socket, recorder).await {
                                tracing::warn!(%error, "a command line request failed");
                            }
                        });
                    }
                    () = context.stopping() => {
                        drop(std::fs::remove_file(&path));
                        return Ok(());
                    }
                }
            }
        })
    })
}

async fn serve(socket: UnixStream, recorder: Arc<Recorder>) -> std::io::Result<()> {
    let (read, mut write) = socket.into_split();
    let mut line = String::new();
    let mut read = tokio::io::BufReader::new(read.take(MAX_LINE));
    tokio::time::timeout(Duration::from_secs(10), read.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => tokio::task::spawn_blocking(move || recorder.carry_out(request))
            .await
            .unwrap_or_else(|_| Answer::failed("the request panicked; see the log")),
        Err(error) => Answer::failed(format!("not a request: {error}")),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    write.write_all(&text).await
}
