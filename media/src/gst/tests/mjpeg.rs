//! HTTP servers of our own: JPEGs in parts, as cameras write them.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use vigie_config::ErrorKind;

use super::{network, start};
use crate::VideoCodec;

/// How a camera writes its parts.
#[derive(Debug, Clone, Copy)]
struct Manner {
    /// In the header of the answer, and at the head of every part.
    boundary: (&'static str, &'static str),
    length: bool,
    /// Between the last byte of a picture and the next boundary.
    end: &'static str,
}

const USUAL: Manner = Manner {
    boundary: ("frame", "--frame"),
    length: true,
    end: "\r\n",
};

/// Answers one request on each connection with `body`, on threads that end with their sockets.
pub(super) fn serve(
    content_type: &str,
    body: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/video", listener.local_addr().unwrap());
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n");
    let body = Arc::new(body);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, head, body) = (socket.unwrap(), head.clone(), body.clone());
            std::thread::spawn(move || {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    socket.read_exact(&mut byte)?;
                    request.push(byte[0]);
                }
                socket.write_all(head.as_bytes())?;
                body(&mut socket)
            });
        }
    });
    url
}

/// A JPEG with the standard tables.
fn picture() -> Vec<u8> {
    let output = std::process::Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x240",
            "-frames:v",
            "1",
        ])
        .args(["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "image2pipe", "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

#[tokio::test]
async fn mjpeg_over_http_in_the_manners_of_cameras() {
    let picture = picture();
    for manner in [
        USUAL,
        Manner { length: false, ..USUAL },
        Manner { end: "", ..USUAL },
        Manner {
            boundary: ("--frame", "--frame"),
            ..USUAL
        },
        Manner {
            boundary: ("--frame", "----frame"),
            length: false,
            ..USUAL
        },
        Manner {
            boundary: ("\"frame\"", "--frame"),
            end: "\r\n\r\n",
            ..USUAL
        },
        Manner {
            boundary: ("other", "--frame"),
            ..USUAL
        },
    ] {
        let kind = format!("multipart/x-mixed-replace; boundary={}", manner.boundary.0);
        let data = picture.clone();
        let url = serve(&kind, move |socket| {
            loop {
                write!(socket, "{}\r\nContent-Type: image/jpeg\r\n", manner.boundary.1)?;
                if manner.length {
                    write!(socket, "Content-Length: {}\r\n", data.len())?;
                }
                socket.write_all(b"\r\n")?;
                socket.write_all(&data)?;
                socket.write_all(manner.end.as_bytes())?;
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let mut running = start(&network(&url));
        let units = tokio::time::timeout(Duration::from_secs(20), running.units(20, 0)).await;
        let units = units.unwrap_or_else(|_| panic!("{manner:?}"));
        let format = running.hub.format().unwrap();
        let video = format.video.as_ref().unwrap();
        assert_eq!((video.codec, video.width, video.height), (VideoCodec::Mjpeg, 320, 240));
        for unit in &units {
            let end = picture.len();
            assert!(unit.rap && unit.data.get(..end) == Some(&picture), "{manner:?}");
        }
    }
}

/// What a peer that never ends its part can make us take.
#[tokio::test]
async fn a_part_without_end_is_not_taken_for_ever() {
    const ENOUGH: u64 = 512 << 20;
    for head in [
        // The part never ends, its head never ends, it claims a length, it is no picture.
        &b"--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8"[..],
        b"--frame\r\nContent-Type: image/jpeg\r\nX: ",
        b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4000000000\r\n\r\n",
        b"--frame\r\nContent-Type: text/plain\r\n\r\n",
    ] {
        let name = String::from_utf8_lossy(head);
        let sent = Arc::new(AtomicU64::new(0));
        let counted = sent.clone();
        let url = serve("multipart/x-mixed-replace; boundary=frame", move |socket| {
            socket.write_all(head)?;
            let block = vec![0x55; 64 << 10];
            while counted.fetch_add(block.len() as u64, Ordering::Relaxed) < ENOUGH {
                socket.write_all(&block)?;
            }
            Ok(())
        });
        let error = start(&network(&url)).end().await;
        assert!(
            sent.load(Ordering::Relaxed) < ENOUGH / 8,
            "{name:?}: {} bytes, {error}",
            sent.load(Ordering::Relaxed)
        );
        assert_eq!(error.kind, ErrorKind::Corrupt, "{name:?}: {error}");
        assert!(error.text.contains("16 MiB"), "{error}");
    }
}
