//! A real broker (Mosquitto) of the test's own, and its own clients to talk past the recorder.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{PATIENCE, wait_for};

pub const BROKER_USER: &str = "vigie";
pub const BROKER_PASSWORD: &str = "tell nobody";

/// Its state is kept over an end and a new begin.
pub struct Broker {
    folder: tempfile::TempDir,
    pub port: u16,
    encrypted: bool,
    child: Option<Child>,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub topic: String,
    pub retained: bool,
    pub payload: String,
}

impl Broker {
    pub fn start() -> Broker {
        Self::begin(false)
    }

    /// With TLS: see [`Broker::authority`].
    pub fn start_encrypted() -> Broker {
        Self::begin(true)
    }

    fn begin(encrypted: bool) -> Broker {
        let folder = tempfile::Builder::new().prefix("vigie-broker-").tempdir().unwrap();
        // Mosquitto takes no port 0: the system's choice is given back just before.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut broker = Broker {
            folder,
            port,
            encrypted,
            child: None,
        };
        run(
            "mosquitto_passwd",
            &["-b", "-c", &broker.path("passwords"), BROKER_USER, BROKER_PASSWORD],
        );
        if encrypted {
            let (key, certificate) = (broker.path("key.pem"), broker.path("ca.pem"));
            let arguments =
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1";
            let mut arguments: Vec<&str> = arguments.split(' ').collect();
            arguments.extend(["-keyout", &key, "-out", &certificate]);
            // Of no authority, but its own.
            arguments.extend(["-addext", "basicConstraints=critical,CA:false"]);
            run("openssl", &arguments);
        }
        broker.run();
        broker
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The certificate that the broker shows.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Begins, or begins again with what it kept. Other brokers keep messages of QoS 0 for who is away, so this
    /// one is told to.
    pub fn run(&mut self) {
        let mut text = format!(
            "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {}\npersistence true\npersistence_location {}/\n\
             queue_qos0_messages true\nuser root\nlog_type all\nlog_dest file {}\n",
            self.port,
            self.path("passwords"),
            self.folder.path().display(),
            self.path("broker.log"),
        );
        if self.encrypted {
            text += &format!("certfile {}\nkeyfile {}\n", self.path("ca.pem"), self.path("key.pem"));
        }
        fs::write(self.path("mosquitto.conf"), text).unwrap();
        let program = Path::new("/usr/sbin/mosquitto");
        let program = if program.exists() {
            program
        } else {
            Path::new("mosquitto")
        };
        let child = Command::new(program)
            .args(["-c", &self.path("mosquitto.conf")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        wait_for("the broker", PATIENCE, || {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).ok().map(drop)
        });
    }

    /// In order: it keeps sessions and what is retained.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).ok();
            child.wait().unwrap();
        }
    }

    /// The table `[mqtt]` for it.
    pub fn table(&self) -> String {
        let scheme = if self.encrypted { "mqtts" } else { "mqtt" };
        format!(
            "\n[mqtt]\nbroker = \"{scheme}://127.0.0.1:{}\"\nusername = \"{BROKER_USER}\"\npassword = \"{BROKER_PASSWORD}\"\n",
            self.port
        )
    }

    /// Returns when the broker has taken it.
    pub fn publish(&self, topic: &str, payload: &str) {
        run("mosquitto_pub", &self.client(&["-q", "1", "-t", topic, "-m", payload]));
    }

    pub fn publish_retained(&self, topic: &str, payload: &str) {
        run(
            "mosquitto_pub",
            &self.client(&["-q", "1", "-r", "-t", topic, "-m", payload]),
        );
    }

    fn client(&self, more: &[&str]) -> Vec<String> {
        let port = self.port.to_string();
        let own = ["-h", "127.0.0.1", "-p", &port, "-u", BROKER_USER, "-P", BROKER_PASSWORD];
        own.iter().chain(more).map(|text| (*text).to_owned()).collect()
    }

    /// What it retains below a filter.
    pub fn retained(&self, filter: &str) -> Vec<Heard> {
        let more = ["-t", filter, "--retained-only", "-F", "%r|%t|%p", "-W", "2"];
        let output = Command::new("mosquitto_sub").args(self.client(&more)).output().unwrap();
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(heard)
            .collect()
    }

    /// Hears everything from now on, also what comes while it or the broker is away.
    pub fn listen(&self) -> Listener {
        let more = ["-t", "#", "-q", "1", "-F", "%r|%t|%p", "-i", "listener", "-c"];
        let mut child = Command::new("mosquitto_sub")
            .args(self.client(&more))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let all: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let (output, into) = (child.stdout.take().unwrap(), all.clone());
        // Ends with its client.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                into.lock().unwrap().extend(heard(&line));
            }
        });
        let listener = Listener { child, all };
        let mut tries = 0;
        wait_for("the listener", PATIENCE, || {
            tries += 1;
            self.publish("test/listener", &tries.to_string());
            (!listener.on("test/listener").is_empty()).then_some(())
        });
        listener
    }

    /// What it noted of its own work.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("broker.log")).unwrap_or_default()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            writeln!(
                std::io::stderr(),
                "---- log of the broker, newest first\n{}",
                tail.join("\n")
            )
            .ok();
        }
        self.stop();
    }
}

pub struct Listener {
    child: Child,
    all: Arc<Mutex<Vec<Heard>>>,
}

impl Listener {
    /// Payloads on a topic, in order.
    pub fn on(&self, topic: &str) -> Vec<String> {
        let all = self.all.lock().unwrap();
        all.iter()
            .filter(|heard| heard.topic == topic)
            .map(|heard| heard.payload.clone())
            .collect()
    }

    /// Waits until this is the last word on a topic.
    pub fn wait_last(&self, topic: &str, payload: &str) {
        wait_for(&format!("{payload} on {topic}"), PATIENCE, || {
            (self.on(topic).last()? == payload).then_some(())
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn heard(line: &str) -> Option<Heard> {
    let mut parts = line.splitn(3, '|');
    Some(Heard {
        retained: parts.next()? == "1",
        topic: parts.next()?.to_owned(),
        payload: parts.next().unwrap_or_default().to_owned(),
    })
}

fn run<S: AsRef<std::ffi::OsStr>>(program: &str, arguments: &[S]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
}

/// Long enough for a client that pauses between attempts.
pub const BACK: Duration = Duration::from_secs(90);
