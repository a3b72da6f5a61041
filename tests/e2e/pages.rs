//! `vigie demo` as a newcomer meets it, and its pages in a real browser.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    house::{House, PASSWORD, PATIENCE, Setup, USER, binary, shown, wait_for},
    recording::cameras,
};

/// The demo, interrupted as from a terminal when it is dropped.
struct Demo {
    child: Child,
    url: String,
    user: String,
    password: String,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(binary())
            .args(["demo", "--dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["ready", url, "user", user, "password", password] = words[..] else {
            child.kill().ok();
            panic!("not what README promises: {line:?}");
        };
        Self {
            url: url.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
            child,
        }
    }

    fn interrupt(&mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let status = wait_for("the demo's end", PATIENCE, || self.child.try_wait().unwrap());
        status.success()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs one of `tests/browser`: what it saw, and whether it was content.
fn visit(script: &str, url: &str, user: &str, password: &str) -> (String, bool) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(
        tests.join("node_modules").is_dir(),
        "no {}/node_modules: run make setup-test",
        tests.display()
    );
    let visit = Command::new("node")
        .arg(script)
        .current_dir(&tests)
        .env("VIGIE_URL", url)
        .env("VIGIE_USER", user)
        .env("VIGIE_PASSWORD", password)
        .output()
        .expect("node");
    let seen = String::from_utf8_lossy(&visit.stdout).into_owned();
    if !visit.status.success() {
        eprintln!("{seen}{}", String::from_utf8_lossy(&visit.stderr));
    }
    (seen, visit.status.success())
}

#[test]
fn the_first_page_of_the_demo_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let (seen, content) = visit("first-page.mjs", &demo.url, &demo.user, &demo.password);
    let ended = demo.interrupt();
    let steps = seen.lines().count().saturating_sub(1);
    shown(
        11,
        &format!("first page of the demo in Chromium at 1440 and 390 px: {steps} steps"),
        content && ended && steps > 0,
    );
}

#[test]
fn a_page_of_a_recorder_without_a_usable_disk_says_so() {
    let cameras = cameras(1);
    let mut house = House::prepare(&Setup::of(&cameras), None);
    std::fs::write(house.root.join("disk1/holiday.jpg"), b"somebody's").unwrap();
    house.run();
    house.wait_state("cam0", "main", "live", PATIENCE);
    let (_, content) = visit("no-disk.mjs", house.http(), USER, PASSWORD);
    assert!(content);
}
