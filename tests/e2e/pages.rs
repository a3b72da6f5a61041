//! `vigie demo` as a newcomer meets it, and its pages in a real browser.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::house::{PATIENCE, binary, shown, wait_for};

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

#[test]
fn the_first_page_of_the_demo_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(
        tests.join("node_modules").is_dir(),
        "no {}/node_modules: run make setup-test",
        tests.display()
    );
    let visit = Command::new("node")
        .arg("first-page.mjs")
        .current_dir(&tests)
        .env("VIGIE_URL", &demo.url)
        .env("VIGIE_USER", &demo.user)
        .env("VIGIE_PASSWORD", &demo.password)
        .output()
        .expect("node");
    let seen = String::from_utf8_lossy(&visit.stdout);
    if !visit.status.success() {
        eprintln!("{seen}{}", String::from_utf8_lossy(&visit.stderr));
    }
    let ended = demo.interrupt();
    let steps = seen.lines().count().saturating_sub(1);
    shown(
        11,
        &format!("first page of the demo in Chromium at 1440 and 390 px: {steps} steps"),
        visit.status.success() && ended && steps > 0,
    );
}
