//! A camera as its maker describes it ([`CameraSpec`]) and as the server keeps it.

use std::{cell::RefCell, net::TcpListener, rc::Rc, sync::Arc};

use anyhow::{Result, ensure};

use crate::{
    auth::Account,
    clip::{AudioClip, VideoClip},
    lies::Lies,
    packet::{self, Packets},
    sent::SentLog,
};

/// One stream of a camera, for example `main`.
#[derive(Debug, Clone)]
pub struct StreamSpec {
    pub name: String,
    /// The first one is played; the others wait for [`crate::FakeCameras::switch_clip`].
    /// All have the same frame rate.
    pub clips: Vec<Arc<VideoClip>>,
    pub audio: Option<Arc<AudioClip>>,
}

/// One camera: a name, streams, perhaps an account, perhaps lies.
#[derive(Debug, Clone, Default)]
pub struct CameraSpec {
    pub name: String,
    pub streams: Vec<StreamSpec>,
    pub account: Option<Account>,
    pub lies: Lies,
    /// 0: any free port, kept for the camera's life.
    pub port: u16,
    /// Cuts the first GOP short by chance, so that the random access points of cameras that
    /// were connected together do not stay together.
    pub spread_raps: bool,
}

impl CameraSpec {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Adds a stream.
    pub fn stream(mut self, name: &str, clip: Arc<VideoClip>) -> Self {
        self.streams.push(StreamSpec {
            name: name.into(),
            clips: vec![clip],
            audio: None,
        });
        self
    }

    /// Adds sound to the stream added last.
    pub fn audio(mut self, audio: Arc<AudioClip>) -> Self {
        if let Some(stream) = self.streams.last_mut() {
            stream.audio = Some(audio);
        }
        self
    }

    /// Adds another clip to the stream added last.
    pub fn other_clip(mut self, clip: Arc<VideoClip>) -> Self {
        if let Some(stream) = self.streams.last_mut() {
            stream.clips.push(clip);
        }
        self
    }

    pub fn account(mut self, account: Account) -> Self {
        self.account = Some(account);
        self
    }

    pub fn lies(mut self, lies: Lies) -> Self {
        self.lies = lies;
        self
    }
}

/// How many bytes of RTP payload go into one packet.
pub const MTU: usize = 1400;

pub(crate) struct Prepared {
    pub clip: Arc<VideoClip>,
    pub packets: RefCell<Vec<Packets>>,
    pub without_parameter_sets: RefCell<Option<Vec<Packets>>>,
}

impl Prepared {
    pub fn new(clip: Arc<VideoClip>) -> Result<Self> {
        let packets = RefCell::new(packet::video(&clip, MTU, true)?);
        Ok(Self {
            clip,
            packets,
            without_parameter_sets: RefCell::default(),
        })
    }

    /// Lends the packets of one unit.
    pub fn with<T>(&self, unit: usize, parameter_sets: bool, f: impl FnOnce(&mut Packets) -> T) -> Option<T> {
        if parameter_sets {
            return self.packets.borrow_mut().get_mut(unit).map(f);
        }
        let mut slot = self.without_parameter_sets.borrow_mut();
        let packets = slot.get_or_insert_with(|| packet::video(&self.clip, MTU, false).unwrap_or_default());
        packets.get_mut(unit).map(f)
    }
}

pub(crate) struct Stream {
    pub clips: Vec<Rc<Prepared>>,
    pub current: usize,
    pub audio: Option<(Arc<AudioClip>, Vec<Packets>)>,
    /// When unit 0 of both tracks is due, in ns of the server's clock.
    pub phase_ns: u64,
    pub interval_ns: u64,
    pub audio_interval_ns: u64,
    /// Added to all timestamps, in seconds.
    pub jump_s: f64,
    pub log: SentLog,
}

impl Stream {
    pub fn video(&self) -> &Rc<Prepared> {
        &self.clips[self.current.min(self.clips.len() - 1)]
    }
}

pub(crate) struct Camera {
    pub name: String,
    pub account: Option<Account>,
    pub lies: Lies,
    pub spread_raps: bool,
    pub port: u16,
    pub listener: Option<TcpListener>,
    /// Dead until then, in ns of the server's clock.
    pub back_at: Option<u64>,
    pub streams: Vec<Stream>,
    pub sessions: u64,
}

/// Prepared clips are shared by all streams that play them.
pub(crate) type Cache = Vec<Rc<Prepared>>;

pub(crate) fn prepare(cache: &mut Cache, clip: &Arc<VideoClip>) -> Result<Rc<Prepared>> {
    if let Some(known) = cache.iter().find(|p| Arc::ptr_eq(&p.clip, clip)) {
        return Ok(known.clone());
    }
    let prepared = Rc::new(Prepared::new(clip.clone())?);
    cache.push(prepared.clone());
    Ok(prepared)
}

impl Stream {
    pub fn new(spec: &StreamSpec, camera: &str, source: u32, start_us: u64, cache: &mut Cache) -> Result<Self> {
        let ticks = spec.clips.first().map_or(0, |c| c.frame_ticks);
        ensure!(ticks > 0, "stream {camera}/{} has no clip", spec.name);
        ensure!(
            spec.clips.iter().all(|c| c.frame_ticks == ticks),
            "clips of {camera} differ in frame rate"
        );
        let interval_ns = u64::from(ticks) * 1_000_000_000 / 90_000;
        // Spread over the frame interval, never two neighbours together.
        let phase_ns = (f64::from(source) * 0.618_034).fract() * interval_ns as f64;
        let phase_ns = phase_ns as u64;
        let clips = spec.clips.iter().map(|c| prepare(cache, c)).collect::<Result<_>>()?;
        Ok(Self {
            clips,
            current: 0,
            audio: spec.audio.as_ref().map(|a| (a.clone(), packet::audio(a))),
            phase_ns,
            interval_ns,
            audio_interval_ns: spec.audio.as_ref().map_or(0, |a| {
                u64::from(a.unit_samples) * 1_000_000_000 / u64::from(a.sample_rate)
            }),
            jump_s: 0.0,
            log: SentLog {
                camera: camera.to_owned(),
                stream: spec.name.clone(),
                source,
                epoch_us: start_us + phase_ns / 1000,
                interval_us: interval_ns / 1000,
                ranges: Vec::new(),
                damaged: Vec::new(),
                audio_units: 0,
                stalls: 0,
                overflows: 0,
                bytes: 0,
                playing: 0,
            },
        })
    }
}
