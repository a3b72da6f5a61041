//! Configurations as text, as an operator would write them.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use vigie_fake_camera::FakeCameras;

/// One `[[camera]]`.
#[derive(Debug, Clone)]
pub struct Cam {
    pub id: String,
    pub main: String,
    pub sub: Option<String>,
    pub transport: &'static str,
    pub segment: &'static str,
    pub account: Option<(&'static str, &'static str)>,
    pub rtsp_anonymous: bool,
    pub group: &'static str,
    /// Keys of `[camera.record]` beside streams and segment.
    pub record: &'static str,
    /// Keys of `[camera.motion]`.
    pub motion: &'static str,
}

impl Cam {
    pub fn new(id: &str, main: String) -> Self {
        Self {
            id: id.to_owned(),
            main,
            sub: None,
            transport: "tcp",
            segment: "60s",
            account: None,
            rtsp_anonymous: false,
            group: "default",
            record: "mode = \"always\"",
            motion: "",
        }
    }

    /// The fake camera of the same name, its stream `main`.
    pub fn of(cameras: &FakeCameras, name: &str) -> Self {
        Self::new(name, cameras.url(name, "main"))
    }

    pub fn sub(mut self, url: String) -> Self {
        self.sub = Some(url);
        self
    }

    pub fn udp(mut self) -> Self {
        self.transport = "udp";
        self
    }

    pub fn segment(mut self, time: &'static str) -> Self {
        self.segment = time;
        self
    }

    pub fn account(mut self, name: &'static str, password: &'static str) -> Self {
        self.account = Some((name, password));
        self
    }

    /// Of disks.
    pub fn group(mut self, name: &'static str) -> Self {
        self.group = name;
        self
    }

    /// Keys of `[camera.record]` in place of `mode = "always"`.
    pub fn record(mut self, keys: &'static str) -> Self {
        self.record = keys;
        self
    }

    /// Keys of `[camera.motion]`.
    pub fn motion(mut self, keys: &'static str) -> Self {
        self.motion = keys;
        self
    }

    pub fn anonymous(mut self) -> Self {
        self.rtsp_anonymous = true;
        self
    }
}

/// A whole configuration: one disk and some cameras.
#[derive(Debug, Clone)]
pub struct Setup {
    pub cameras: Vec<Cam>,
    /// How often the disk is synced.
    pub tick: Option<String>,
    /// `d2` beside `d1`.
    pub two_disks: bool,
    /// `when_full` of the disks.
    pub when_full: Option<&'static str>,
    pub disk_groups: [&'static str; 2],
    pub alarm_after: Option<&'static str>,
    /// A value of TOML: where HTTP is served.
    pub http: String,
    /// Further keys of `[server]`, and tables below it.
    pub server: String,
    /// Of the house; `None`: the machine's.
    pub time_zone: Option<&'static str>,
    /// Of the recorder's environment.
    pub variables: Vec<(&'static str, PathBuf)>,
    /// Further tables.
    pub more: String,
    /// There is a user before the start.
    pub user: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            cameras: Vec::new(),
            tick: None,
            two_disks: false,
            when_full: None,
            disk_groups: ["default"; 2],
            alarm_after: None,
            http: "\"127.0.0.1:0\"".into(),
            server: String::new(),
            time_zone: None,
            variables: Vec::new(),
            more: String::new(),
            user: true,
        }
    }
}

impl Setup {
    pub fn new(cameras: impl IntoIterator<Item = Cam>) -> Self {
        Self {
            cameras: cameras.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The `main` streams of all fake cameras.
    pub fn of(cameras: &FakeCameras) -> Self {
        Self::new(cameras.names().map(|name| Cam::of(cameras, name)))
    }

    pub fn text(&self, root: &Path) -> String {
        let state = root.join("state");
        let mut text = format!(
            "[server]\nname = \"e2e\"\nstate_dir = {state:?}\nhttp = {}\nrtsp = \"127.0.0.1:0\"\n",
            self.http
        );
        if let Some(zone) = self.time_zone {
            writeln!(text, "time_zone = {zone:?}").unwrap();
        }
        writeln!(text, "{}", self.server).unwrap();
        for number in 1..=if self.two_disks { 2 } else { 1 } {
            let disk = root.join(format!("disk{number}"));
            let group = self.disk_groups[number - 1];
            std::fs::create_dir_all(&disk).unwrap();
            write!(
                text,
                "\n[[disk]]\nid = \"d{number}\"\npath = {disk:?}\ngroup = {group:?}\nkeep_free = \"10 MiB\"\n"
            )
            .unwrap();
            if let Some(tick) = &self.tick {
                writeln!(text, "tick = {tick:?}").unwrap();
            }
            if let Some(when_full) = self.when_full {
                writeln!(text, "when_full = {when_full:?}").unwrap();
            }
        }
        for cam in &self.cameras {
            let Cam {
                id,
                main,
                transport,
                segment,
                rtsp_anonymous,
                group,
                record,
                ..
            } = cam;
            write!(
                text,
                "\n[[camera]]\nid = {id:?}\nrtsp_anonymous = {rtsp_anonymous}\ndisk_group = {group:?}\n"
            )
            .unwrap();
            if let Some((name, password)) = cam.account {
                write!(text, "username = {name:?}\npassword = {password:?}\n").unwrap();
            }
            let stream = |url: &str| {
                let rtsp = url.starts_with("rtsp");
                let transport = if rtsp {
                    format!("transport = {transport:?}\n")
                } else {
                    String::new()
                };
                format!("url = {url:?}\n{transport}")
            };
            write!(text, "[camera.main]\n{}", stream(main)).unwrap();
            let mut streams = "\"main\"".to_owned();
            if let Some(sub) = &cam.sub {
                write!(text, "[camera.sub]\n{}", stream(sub)).unwrap();
                streams += ", \"sub\"";
            }
            write!(
                text,
                "[camera.record]\n{record}\nstreams = [{streams}]\nsegment = {segment:?}\n"
            )
            .unwrap();
            if let Some(time) = self.alarm_after {
                writeln!(text, "alarm_after = {time:?}").unwrap();
            }
            if !cam.motion.is_empty() {
                writeln!(text, "[camera.motion]\n{}", cam.motion).unwrap();
            }
        }
        text += &self.more;
        text
    }
}
