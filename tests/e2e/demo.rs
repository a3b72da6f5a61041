//! `vigie demo` as a newcomer starts it: once, twice at a time, and again another day.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::house::{PATIENCE, binary, client_builder, first_line, wait_for};

/// The demo, interrupted as from a terminal when it is dropped.
pub struct Demo {
    child: Child,
    pub url: String,
    pub user: String,
    pub password: String,
}

impl Demo {
    pub fn start(folder: &Path) -> Self {
        let mut child = Command::new(binary())
            .args(["demo", "--dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = first_line(&mut child);
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

    pub fn interrupt(&mut self) -> bool {
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

impl Demo {
    /// Its cameras, when all of them are live.
    fn live(&self, count: usize) -> Vec<Value> {
        let client = client_builder().build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        wait_for("cameras that are live", PATIENCE, || {
            let asked = client.get(format!("{}/api/v1/cameras", self.url));
            let asked = asked.basic_auth(&self.user, Some(&self.password));
            let all: Vec<Value> = runtime.block_on(async { asked.send().await.unwrap().json().await.unwrap() });
            let live = all.iter().filter(|camera| camera["state"] == "live").count();
            (live == count).then_some(all)
        })
    }
}

#[test]
fn a_second_demo_in_a_folder_that_is_in_use_changes_nothing_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let file = folder.path().join("vigie.toml");
    let before = fs::read_to_string(&file).unwrap();
    let second = Command::new(binary())
        .args(["demo", "--dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("is in use by another vigie"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    // Nor has the password become another.
    demo.live(2);
    assert!(demo.interrupt());
}

#[test]
fn the_demo_keeps_what_its_user_has_set_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let own = demo.live(2).len();
    assert!(demo.interrupt());
    let file = folder.path().join("vigie.toml");
    let mine =
        "\n# mine\n[[camera]]\nid = \"mine\"\nname = \"My own\"\nmain.url = \"test://?width=320&height=180&fps=5\"\n";
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("name = \"Yard\"", "name = \"Garden\"")
        + mine;
    fs::write(&file, &text).unwrap();
    let mut again = Demo::start(folder.path());
    // Those of the demo are found where they are this time.
    let cameras = again.live(own + 1);
    let names: Vec<&str> = cameras.iter().filter_map(|camera| camera["name"].as_str()).collect();
    assert_eq!(names, ["Gate", "Garden", "My own"]);
    let now = fs::read_to_string(&file).unwrap();
    let changed: Vec<(&str, &str)> = text.lines().zip(now.lines()).filter(|(old, new)| old != new).collect();
    assert_eq!(text.lines().count(), now.lines().count());
    assert!(changed.iter().all(|(_, new)| new.contains("127.0.0.1:")), "{changed:?}");
    assert!(now.ends_with(mine));
    assert!(again.interrupt());
}
