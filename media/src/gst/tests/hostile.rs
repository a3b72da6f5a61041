//! Peers that refuse or send nonsense, again and again: nothing may be left of an attempt.

use std::{
    io::{Read, Write},
    net::TcpListener,
    time::{Duration, Instant},
};

use super::{Peer, free_port, network, start, start_when_up};
use crate::gst::wait_for_stopped;

fn descriptors() -> Vec<String> {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .map(|target| target.display().to_string())
        .collect()
}

/// Tries a source again and again; afterwards as many descriptors are open as after the first few attempts.
async fn retried(url: &str) {
    let config = network(url);
    for _ in 0..3 {
        start(&config).end().await;
    }
    let few = settled(descriptors().len()).await;
    for _ in 0..30 {
        let error = start(&config).end().await;
        assert!(!error.text.contains("SECRET"), "{error}");
    }
    let many = settled(few.len()).await;
    assert!(wait_for_stopped(Duration::from_secs(20)));
    assert!(
        many.len() <= few.len() + 3,
        "{} and then {}:\n{}",
        few.len(),
        many.len(),
        many.join("\n")
    );
}

/// Pipelines end on threads of their own, sockets of SRT after a while.
async fn settled(wanted: usize) -> Vec<String> {
    let begin = Instant::now();
    loop {
        let open = descriptors();
        if open.len() <= wanted || begin.elapsed() > Duration::from_secs(15) {
            return open;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_refused_passphrase_leaves_nothing_open() {
    let port = free_port();
    let pipeline = format!(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! x264enc tune=zerolatency \
         speed-preset=ultrafast key-int-max=15 ! h264parse config-interval=-1 ! mpegtsmux alignment=7 ! srtsink \
         uri=srt://127.0.0.1:{port}?mode=listener&passphrase=correct-horse&pbkeylen=16 wait-for-connection=true"
    );
    let child = std::process::Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .spawn();
    let _peer = Peer(child.unwrap());
    let url = format!("srt://127.0.0.1:{port}?passphrase=correct-horse&pbkeylen=16");
    start_when_up(&network(&url)).await.close().await;
    retried(&format!("srt://127.0.0.1:{port}?passphrase=SECRET-battery&pbkeylen=16")).await;
}

#[tokio::test]
async fn rtmp_garbage_leaves_nothing_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtmp://{}/live/stream", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(&[0x47; 8192]);
            // Closed here: rtmp2src keeps the socket of a peer that goes silent in the middle of
            // connecting (GStreamer 1.22), whatever becomes of the pipeline.
        }
    });
    retried(&url).await;
}
