//! The least that makes a camera (or Vigie's own RTSP server) send: DESCRIBE, SETUP of the first
//! track over TCP, PLAY. What follows on the socket is the caller's.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

/// Plays the first track of `url`. Gives the socket and the media that came with the last answer.
pub fn play(url: &str) -> Result<(TcpStream, Vec<u8>)> {
    let rest = url.strip_prefix("rtsp://").context("not an rtsp address")?;
    let host = rest.split('/').next().unwrap_or_default();
    let mut socket = TcpStream::connect(host).with_context(|| url.to_owned())?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut buffer = Vec::new();
    let (_, sdp) = ask(
        &mut socket,
        &mut buffer,
        &format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"),
    )?;
    let media = sdp.split("\nm=").nth(1).context("no media in the description")?;
    let control = media
        .lines()
        .find_map(|l| l.strip_prefix("a=control:"))
        .unwrap_or("trackID=0")
        .trim();
    let track = if control.contains("://") {
        control.to_owned()
    } else {
        format!("{url}/{control}")
    };
    let setup = format!("SETUP {track} RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n");
    let (headers, _) = ask(&mut socket, &mut buffer, &setup)?;
    let session = headers
        .lines()
        .find_map(|l| l.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case("session")))
        .map(|(_, v)| v.split(';').next().unwrap_or_default().trim().to_owned())
        .context("no session")?;
    ask(
        &mut socket,
        &mut buffer,
        &format!("PLAY {url} RTSP/1.0\r\nCSeq: 3\r\nSession: {session}\r\n\r\n"),
    )?;
    socket.set_read_timeout(None)?;
    Ok((socket, buffer))
}

/// Sends a request and reads the answer; media before it is dropped, media behind it stays.
fn ask(socket: &mut TcpStream, buffer: &mut Vec<u8>, request: &str) -> Result<(String, String)> {
    socket.write_all(request.as_bytes())?;
    loop {
        while let [b'$', _, high, low, ..] = **buffer {
            let len = 4 + usize::from(u16::from_be_bytes([high, low]));
            if buffer.len() < len {
                break;
            }
            buffer.drain(..len);
        }
        if buffer.starts_with(b"RTSP")
            && let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n")
        {
            let headers = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).into_owned();
            let length = headers
                .lines()
                .find_map(|l| {
                    l.split_once(':')
                        .filter(|(n, _)| n.eq_ignore_ascii_case("content-length"))
                })
                .map_or(Ok(0), |(_, v)| v.trim().parse::<usize>())?;
            if let Some(body) = buffer.get(end + 4..end + 4 + length) {
                let body = String::from_utf8_lossy(body).into_owned();
                buffer.drain(..end + 4 + length);
                if !headers.starts_with("RTSP/1.0 200") {
                    bail!("{} for {request}", headers.lines().next().unwrap_or_default());
                }
                return Ok((headers, body));
            }
        }
        let mut part = [0u8; 4096];
        let len = socket.read(&mut part)?;
        ensure!(len > 0, "connection closed during {request}");
        buffer.extend_from_slice(part.get(..len).unwrap_or_default());
    }
}
