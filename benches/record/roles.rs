//! What runs in processes of its own, so that each has its own account of CPU time: the cameras,
//! the floor, viewers, and recording through the retina crate.

use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures_util::StreamExt;
use rustix::event::{Timespec, epoll};
use vigie_fake_camera::{CameraSpec, FakeCameras, Recipe, serve_control};

use crate::rtsp_client;

/// `count` cameras with one stream each. Prints the control address, then serves for ever.
pub fn cameras(count: usize) -> Result<()> {
    let clip = Recipe::full_hd().clip()?;
    let specs = (0..count).map(|i| {
        let mut spec = CameraSpec::new(format!("cam{i}")).stream("main", clip.clone());
        spec.spread_raps = true;
        spec
    });
    let cameras = Arc::new(FakeCameras::start(specs.collect())?);
    let control = TcpListener::bind("127.0.0.1:0")?;
    println!("ready {}", control.local_addr()?);
    serve_control(cameras, control);
    Ok(())
}

/// The least a recorder can do: one thread, one epoll, reads of 256 KiB, one write per read.
/// Without a folder what is read is thrown away (a viewer).
pub fn floor(urls: &[String], folder: Option<PathBuf>) -> Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut streams: Vec<(TcpStream, Option<File>)> = Vec::new();
    for (i, url) in urls.iter().enumerate() {
        let (socket, first) = rtsp_client::play(url)?;
        let mut file = match &folder {
            Some(folder) => Some(File::create(folder.join(format!("{i}.raw")))?),
            None => None,
        };
        if let Some(file) = &mut file {
            file.write_all(&first)?;
        }
        epoll::add(
            &epoll,
            &socket,
            epoll::EventData::new_u64(i as u64),
            epoll::EventFlags::IN,
        )?;
        streams.push((socket, file));
    }
    println!("ready");
    let mut buffer = vec![0u8; 256 * 1024];
    let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
    let mut alive = Instant::now();
    let second = Timespec::try_from(Duration::from_secs(1))?;
    loop {
        events.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&second))?;
        for event in &events {
            let Some((socket, file)) = streams.get_mut(event.data.u64() as usize) else {
                continue;
            };
            let len = socket.read(&mut buffer)?;
            if len == 0 {
                epoll::delete(&epoll, &*socket)?;
            } else if let Some(file) = file {
                file.write_all(buffer.get(..len).unwrap_or_default())?;
            }
        }
        // A server forgets a viewer that says nothing for a minute.
        if folder.is_none() && alive.elapsed() > Duration::from_secs(20) {
            alive = Instant::now();
            for (socket, _) in &mut streams {
                socket.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n").ok();
            }
        }
    }
}

/// Recording through the retina crate: one thread, each access unit written to a file as it is.
pub fn retina(urls: &[String], folder: PathBuf) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for (i, url) in urls.iter().enumerate() {
            let file = File::create(folder.join(format!("{i}.raw")))?;
            let url = url::Url::parse(url)?;
            let options = retina::client::SessionOptions::default();
            let mut session = retina::client::Session::describe(url, options).await?;
            session.setup(0, retina::client::SetupOptions::default()).await?;
            let session = session.play(retina::client::PlayOptions::default()).await?;
            tasks.push((session.demuxed()?, file));
        }
        println!("ready");
        let tasks = tasks.into_iter().map(|(mut session, mut file)| async move {
            while let Some(item) = session.next().await {
                if let retina::codec::CodecItem::VideoFrame(frame) = item? {
                    file.write_all(frame.data())?;
                }
            }
            anyhow::Ok(())
        });
        futures_util::future::try_join_all(tasks)
            .await
            .context("a stream ended")?;
        Ok(())
    })
}
