//! `vigie-fake-camera`: fake cameras from the command line. Prints one address a line, then
//! `ready`, and plays until it is stopped.

use std::{io::Write, net::IpAddr, net::TcpListener, sync::Arc};

use anyhow::Result;
use clap::Parser;
use vigie_fake_camera::{
    Account, AudioCodec, CameraSpec, FakeCameras, Recipe, Scheme, VideoCodec, audio, serve_control,
};

#[derive(Parser)]
struct Options {
    /// How many cameras.
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Local address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port of the first camera, the others follow; 0: any.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address of the control channel (JSON lines).
    #[arg(long)]
    control: Option<String>,
    /// h264, h265 or mjpeg.
    #[arg(long, default_value = "h264")]
    codec: String,
    /// aac, pcmu or pcma.
    #[arg(long)]
    audio: Option<String>,
    /// 640 × 360 instead of 1920 × 1080.
    #[arg(long)]
    small: bool,
    /// NAME:PASSWORD to ask for, by Digest.
    #[arg(long)]
    account: Option<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut recipe = if options.small {
        Recipe::small()
    } else {
        Recipe::full_hd()
    };
    recipe.codec = match options.codec.as_str() {
        "h265" => VideoCodec::H265,
        "mjpeg" => VideoCodec::Mjpeg,
        _ => VideoCodec::H264,
    };
    let clip = recipe.clip()?;
    let sub = Recipe::tiny().clip()?;
    let sound = match options.audio.as_deref() {
        Some("aac") => Some(audio(AudioCodec::Aac)?),
        Some("pcmu") => Some(audio(AudioCodec::Pcmu)?),
        Some("pcma") => Some(audio(AudioCodec::Pcma)?),
        _ => None,
    };
    let specs = (0..options.count).map(|i| {
        let mut spec = CameraSpec::new(format!("cam{}", i + 1)).stream("main", clip.clone());
        if let Some(sound) = &sound {
            spec = spec.audio(sound.clone());
        }
        spec = spec.stream("sub", sub.clone());
        if options.port != 0 {
            spec.port = options.port + i as u16;
        }
        if let Some((name, password)) = options.account.as_deref().and_then(|a| a.split_once(':')) {
            let (name, password) = (name.to_owned(), password.to_owned());
            spec = spec.account(Account {
                name,
                password,
                scheme: Scheme::Digest,
            });
        }
        spec
    });
    let cameras = Arc::new(FakeCameras::start_on(options.host, specs.collect())?);
    let mut out = std::io::stdout().lock();
    for name in cameras.names() {
        writeln!(out, "{}", cameras.url(name, "main"))?;
    }
    let control = options.control.map(TcpListener::bind).transpose()?;
    if let Some(control) = &control {
        writeln!(out, "control {}", control.local_addr()?)?;
    }
    writeln!(out, "ready")?;
    out.flush()?;
    match control {
        Some(control) => serve_control(cameras, control),
        None => loop {
            std::thread::park();
        },
    }
    Ok(())
}
