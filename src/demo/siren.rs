//! The demo's siren: a device that is switched over HTTP, as a relay in a cupboard would be.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

/// For a question and its answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Lines of a question's head; there is nothing in it that matters but the first.
const MOST_LINES: usize = 64;

/// Answers at the address it returns for as long as the process lives.
pub fn start() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::Builder::new().name("demo-siren".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Err(error) = answer(&stream) {
                tracing::debug!(%error, "demo siren: a call broke off");
            }
        }
    })?;
    Ok(address)
}

fn answer(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(stream).lines().take(MOST_LINES);
    let first = head.next().transpose()?.unwrap_or_default();
    for line in head {
        if line?.is_empty() {
            break;
        }
    }
    match first.split_whitespace().nth(1) {
        Some("/on") => tracing::info!("the demo's siren howls"),
        Some("/off") => tracing::info!("the demo's siren is silent"),
        _ => {}
    }
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}
