//! One thread that serves all cameras of a [`FakeCameras`]: one epoll, no thread a camera.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::fd::OwnedFd,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use rand::{SeedableRng, rngs::StdRng};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    camera::{Cache, Camera, CameraSpec, Stream},
    lies::Lies,
    sent::SentLog,
    session::{Now, Session},
};

const WAKE: u64 = u64::MAX;
const LISTENER: u64 = 1 << 32;

/// The kernel's buffer of each connection: what a receiver may be late by without a stall.
const SEND_BUFFER: usize = 1 << 20;

/// The least that is slept. Waking up costs more than sending: at 1 ms, sixteen cameras cost more
/// than the floor of the benchmark that records them; at 4 ms less, and the floor falls too.
const TICK_MS: u64 = 4;

type Command = Box<dyn FnOnce(&mut Server) + Send>;

/// Cameras that play until this value is dropped.
pub struct FakeCameras {
    commands: mpsc::Sender<Command>,
    wake: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    host: IpAddr,
    ports: Vec<(String, u16)>,
}

impl FakeCameras {
    /// Starts cameras on 127.0.0.1.
    pub fn start(specs: Vec<CameraSpec>) -> Result<Self> {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), specs)
    }

    /// Starts cameras on the given local address.
    pub fn start_on(host: IpAddr, specs: Vec<CameraSpec>) -> Result<Self> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (commands, receiver) = mpsc::channel();
        let (ready, started) = mpsc::channel();
        let for_thread = wake.clone();
        let thread = std::thread::Builder::new().name("fake-cameras".into()).spawn(move || {
            match Server::new(host, specs, receiver, for_thread) {
                Ok(mut server) => {
                    let ports = server.cameras.iter().map(|c| (c.name.clone(), c.port)).collect();
                    ready.send(Ok(ports)).ok();
                    server.run();
                }
                Err(error) => {
                    ready.send(Err(error)).ok();
                }
            }
        })?;
        let ports = started.recv().context("fake cameras did not start")??;
        Ok(Self {
            commands,
            wake,
            thread: Some(thread),
            host,
            ports,
        })
    }

    /// Address of a stream, without credentials.
    pub fn url(&self, camera: &str, stream: &str) -> String {
        let port = self.port(camera);
        format!("rtsp://{}/{camera}/{stream}", SocketAddr::new(self.host, port))
    }

    /// The port a camera listens on; 0 for an unknown camera.
    pub fn port(&self, camera: &str) -> u16 {
        self.ports
            .iter()
            .find(|(name, _)| name == camera)
            .map_or(0, |(_, port)| *port)
    }

    /// Names, in the order of the specifications.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ports.iter().map(|(name, _)| name.as_str())
    }

    fn ask<T: Send + 'static>(&self, f: impl FnOnce(&mut Server) -> T + Send + 'static) -> T {
        let (answer, answered) = mpsc::channel();
        let command: Command = Box::new(move |server| {
            answer.send(f(server)).ok();
        });
        self.commands.send(command).ok();
        rustix::io::write(&self.wake, &1u64.to_ne_bytes()).ok();
        answered.recv().expect("the thread of the fake cameras has ended")
    }

    /// What every stream has sent so far.
    pub fn logs(&self) -> Vec<SentLog> {
        self.ask(|s| {
            s.cameras
                .iter()
                .flat_map(|c| c.streams.iter().map(|s| s.log.clone()))
                .collect()
        })
    }

    /// What one stream has sent so far.
    pub fn log(&self, camera: &str, stream: &str) -> Option<SentLog> {
        self.logs()
            .into_iter()
            .find(|l| l.camera == camera && l.stream == stream)
    }

    /// How often a camera was connected to so far.
    pub fn connections(&self, camera: &str) -> u64 {
        let name = camera.to_owned();
        self.ask(move |s| s.camera_mut(&name).map_or(0, |c| c.sessions))
    }

    /// Changes a camera's standing lies.
    pub fn lie(&self, camera: &str, change: impl FnOnce(&mut Lies) + Send + 'static) {
        let name = camera.to_owned();
        self.ask(move |s| s.camera_mut(&name).map(|c| change(&mut c.lies)));
    }

    /// Closes all connections of a camera and refuses new ones for a while.
    pub fn die(&self, camera: &str, time: Duration) {
        let name = camera.to_owned();
        self.ask(move |s| s.die(&name, time));
    }

    /// Closes all connections of a camera; new ones are welcome.
    pub fn hang_up(&self, camera: &str) {
        self.die(camera, Duration::ZERO);
    }

    /// All timestamps leap by so many seconds, forward or back.
    pub fn jump(&self, camera: &str, seconds: f64) {
        let name = camera.to_owned();
        self.ask(move |s| {
            if let Some(camera) = s.camera_mut(&name) {
                camera.streams.iter_mut().for_each(|s| s.jump_s += seconds);
            }
        });
    }

    /// Every running session gets new SSRCs, sequence numbers and timestamps.
    pub fn new_ssrc(&self, camera: &str) {
        let name = camera.to_owned();
        self.ask(move |s| s.new_ssrc(&name));
    }

    /// Goes on with another clip of the stream's specification, from its start.
    pub fn switch_clip(&self, camera: &str, stream: &str, clip: usize) {
        let (name, stream) = (camera.to_owned(), stream.to_owned());
        self.ask(move |s| {
            let camera = s.camera_mut(&name)?;
            let stream = camera.streams.iter_mut().find(|s| s.log.stream == stream)?;
            stream.current = clip.min(stream.clips.len() - 1);
            Some(())
        });
    }
}

impl Drop for FakeCameras {
    fn drop(&mut self) {
        self.commands.send(Box::new(|s| s.stopped = true)).ok();
        rustix::io::write(&self.wake, &1u64.to_ne_bytes()).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

pub(crate) struct Server {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    commands: mpsc::Receiver<Command>,
    host: IpAddr,
    start: Instant,
    start_us: u64,
    cameras: Vec<Camera>,
    sessions: Vec<Option<Session>>,
    /// When each session has something to send; beside them because it is looked through often.
    due: Vec<u64>,
    rng: StdRng,
    stopped: bool,
}

impl Server {
    fn new(
        host: IpAddr,
        specs: Vec<CameraSpec>,
        commands: mpsc::Receiver<Command>,
        wake: Arc<OwnedFd>,
    ) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        let start_us = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
        let mut server = Self {
            epoll,
            wake,
            commands,
            host,
            start: Instant::now(),
            start_us,
            cameras: Vec::new(),
            sessions: Vec::new(),
            due: Vec::new(),
            rng: StdRng::seed_from_u64(1),
            stopped: false,
        };
        let mut cache = Cache::new();
        let mut source = 0;
        for spec in specs {
            let mut streams = Vec::new();
            for stream in &spec.streams {
                source += 1;
                streams.push(Stream::new(stream, &spec.name, source, start_us, &mut cache)?);
            }
            server.cameras.push(Camera {
                name: spec.name,
                account: spec.account,
                lies: spec.lies,
                spread_raps: spec.spread_raps,
                port: spec.port,
                listener: None,
                back_at: None,
                streams,
                sessions: 0,
            });
            server.listen(server.cameras.len() - 1)?;
        }
        Ok(server)
    }

    fn camera_mut(&mut self, name: &str) -> Option<&mut Camera> {
        self.cameras.iter_mut().find(|c| c.name == name)
    }

    fn listen(&mut self, place: usize) -> Result<()> {
        let Some(camera) = self.cameras.get_mut(place) else {
            bail!("no camera {place}")
        };
        let address = SocketAddr::new(self.host, camera.port);
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket
            .bind(&address.into())
            .with_context(|| format!("cannot listen on {address}"))?;
        socket.listen(16)?;
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from(socket);
        camera.port = listener.local_addr()?.port();
        let data = epoll::EventData::new_u64(LISTENER + place as u64);
        epoll::add(&self.epoll, &listener, data, epoll::EventFlags::IN)?;
        camera.listener = Some(listener);
        camera.back_at = None;
        Ok(())
    }

    fn now(&self) -> Now {
        let elapsed = self.start.elapsed();
        Now {
            ns: elapsed.as_nanos() as u64,
            us: self.start_us + elapsed.as_micros() as u64,
        }
    }

    fn run(&mut self) {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
        while !self.stopped {
            let wait = self.wait();
            events.clear();
            let got = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), wait.as_ref());
            if !matches!(got, Ok(_) | Err(rustix::io::Errno::INTR)) {
                return;
            }
            for event in &events {
                let (flags, data) = (event.flags, event.data.u64());
                match data {
                    WAKE => self.obey(),
                    data if data >= LISTENER => self.accept((data - LISTENER) as usize),
                    slot => self.session_ready(slot as usize, flags),
                }
            }
            self.revive();
            let now = self.now();
            for slot in 0..self.due.len() {
                if self.due.get(slot).is_some_and(|due| *due <= now.ns) {
                    self.with_session(slot, |session, camera, rng| session.service(camera, now, rng));
                }
            }
        }
    }

    /// Until the next unit is due; never less than a tick, so that neighbours go together.
    fn wait(&self) -> Option<Timespec> {
        let back = self.cameras.iter().filter_map(|c| c.back_at).min().unwrap_or(u64::MAX);
        let due = self.due.iter().copied().min().unwrap_or(u64::MAX).min(back);
        if due == u64::MAX {
            return None;
        }
        let ms = due.saturating_sub(self.now().ns).div_ceil(1_000_000).max(TICK_MS);
        Timespec::try_from(Duration::from_millis(ms)).ok()
    }

    fn obey(&mut self) {
        let mut count = [0u8; 8];
        rustix::io::read(&self.wake, &mut count).ok();
        while let Ok(command) = self.commands.try_recv() {
            command(self);
        }
        for slot in 0..self.sessions.len() {
            self.with_session(slot, |_, _, _| {});
        }
    }

    fn accept(&mut self, place: usize) {
        let Some(camera) = self.cameras.get_mut(place) else {
            return;
        };
        let Some(listener) = &camera.listener else {
            return;
        };
        let Ok((socket, peer)) = listener.accept() else {
            return;
        };
        socket.set_nonblocking(true).ok();
        socket.set_nodelay(true).ok();
        socket2::SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER).ok();
        camera.sessions += 1;
        let slot = self
            .sessions
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.sessions.len());
        let data = epoll::EventData::new_u64(slot as u64);
        if epoll::add(&self.epoll, &socket, data, epoll::EventFlags::IN).is_err() {
            return;
        }
        let session = Session::new(socket, peer, place, camera.sessions, &mut self.rng);
        if slot == self.sessions.len() {
            self.sessions.push(None);
            self.due.push(u64::MAX);
        }
        self.sessions[slot] = Some(session);
    }

    fn session_ready(&mut self, slot: usize, flags: epoll::EventFlags) {
        let now = self.now();
        self.with_session(slot, |session, camera, rng| {
            if flags.contains(epoll::EventFlags::OUT) {
                session.flush(usize::MAX);
            }
            if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
                session.readable(camera, now, rng);
            }
        });
    }

    /// Lets `f` work on a session, then brings its due time, its interest and its life up to date.
    fn with_session(&mut self, slot: usize, f: impl FnOnce(&mut Session, &mut Camera, &mut StdRng)) {
        let Some(place) = self.sessions.get_mut(slot) else {
            return;
        };
        let Some(mut session) = place.take() else {
            return;
        };
        let Some(camera) = self.cameras.get_mut(session.camera) else {
            return;
        };
        let wanted = session.wants_write();
        f(&mut session, camera, &mut self.rng);
        if session.close {
            session.flush(usize::MAX);
            session.stop(camera);
            self.due[slot] = u64::MAX;
            return;
        }
        let wants = session.wants_write() && camera.lies.trickle_bytes_per_s.is_none();
        if wants != wanted {
            let flags = epoll::EventFlags::IN
                | if wants {
                    epoll::EventFlags::OUT
                } else {
                    epoll::EventFlags::empty()
                };
            epoll::modify(
                &self.epoll,
                &session.socket,
                epoll::EventData::new_u64(slot as u64),
                flags,
            )
            .ok();
        }
        self.due[slot] = session.due_ns(camera);
        self.sessions[slot] = Some(session);
    }

    fn die(&mut self, name: &str, time: Duration) {
        let Some(place) = self.cameras.iter().position(|c| c.name == name) else {
            return;
        };
        let back = self.now().ns + time.as_nanos() as u64;
        for slot in 0..self.sessions.len() {
            if self
                .sessions
                .get(slot)
                .is_some_and(|s| s.as_ref().is_some_and(|s| s.camera == place))
            {
                self.with_session(slot, |session, _, _| session.close = true);
            }
        }
        if let (Some(camera), false) = (self.cameras.get_mut(place), time.is_zero()) {
            camera.listener = None;
            camera.back_at = Some(back);
        }
    }

    fn revive(&mut self) {
        let now = self.now().ns;
        for place in 0..self.cameras.len() {
            let due = self
                .cameras
                .get(place)
                .and_then(|c| c.back_at)
                .is_some_and(|at| at <= now);
            if due && self.listen(place).is_err() {
                // Somebody else has the port for the moment: try again soon.
                self.cameras[place].back_at = Some(now + 50_000_000);
            }
        }
    }

    fn new_ssrc(&mut self, name: &str) {
        let Some(place) = self.cameras.iter().position(|c| c.name == name) else {
            return;
        };
        for session in self.sessions.iter_mut().flatten().filter(|s| s.camera == place) {
            session.new_ssrc(&mut self.rng);
        }
    }
}
