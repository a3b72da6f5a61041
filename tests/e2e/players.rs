//! The recorder's own RTSP server, with players that are not ours.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Output},
    time::Duration,
};

use futures_util::StreamExt;
use vigie_fake_camera::{AudioCodec, CameraSpec, FakeCameras, Recipe, audio};

use crate::{
    house::{Cam, House, PASSWORD, Setup, USER, pick, shown},
    recording::{clip, settle},
};

fn gate() -> FakeCameras {
    let gate = CameraSpec::new("gate")
        .stream("main", clip())
        .audio(audio(AudioCodec::Aac).unwrap())
        .stream("sub", Recipe::tiny().clip().unwrap());
    let open = CameraSpec::new("open").stream("main", clip());
    FakeCameras::start(vec![gate, open]).unwrap()
}

fn house(cameras: &FakeCameras) -> House {
    let gate = Cam::of(cameras, "gate").sub(cameras.url("gate", "sub"));
    let house = House::start(&Setup::new([gate, Cam::of(cameras, "open").anonymous()]));
    for (camera, stream) in [("gate", "main"), ("gate", "sub"), ("open", "main")] {
        house.wait_recording(camera, stream);
    }
    house
}

fn run(program: &str, args: &[&str]) -> Output {
    Command::new("timeout")
        .args(["40", program])
        .args(args)
        .output()
        .unwrap()
}

fn ffmpeg(url: &str, transport: &str) -> Output {
    let args = ["-v", "error", "-nostdin", "-rtsp_transport", transport, "-i", url];
    run(
        "ffmpeg",
        &[
            &args[..],
            &["-map", "0", "-c", "copy", "-frames:v", "30", "-f", "null", "-"],
        ]
        .concat(),
    )
}

/// Plays so many access units with retina.
async fn retina(url: String, udp: bool, units: usize) -> Result<(), retina::Error> {
    use retina::client::{
        Credentials, InitialSequenceNumberPolicy, PlayOptions, Session, SessionOptions, SetupOptions, Transport,
    };
    let creds = Credentials {
        username: USER.into(),
        password: PASSWORD.into(),
    };
    let options = SessionOptions::default().creds(Some(creds));
    let mut session = Session::describe(url::Url::parse(&url).unwrap(), options).await?;
    let transport = if udp {
        Transport::Udp(Default::default())
    } else {
        Transport::Tcp(Default::default())
    };
    let video = session
        .streams()
        .iter()
        .position(|s| s.media() == "video")
        .expect("video");
    session
        .setup(video, SetupOptions::default().transport(transport))
        .await?;
    // Whoever joins between two packets of a picture gets the rest of it, with numbers before the
    // one that gst-rtsp-server names in RTP-Info.
    let options = PlayOptions::default().initial_seq(InitialSequenceNumberPolicy::Ignore);
    let mut session = session.play(options).await?.demuxed()?;
    let mut seen = 0;
    while seen < units {
        let item = session.next().await.expect("media")?;
        seen += usize::from(matches!(item, retina::codec::CodecItem::VideoFrame(_)));
    }
    Ok(())
}

/// rtspsrc of GStreamer 1.22, when its pipeline ends after the last buffer, may send its PAUSE
/// behind its own TEARDOWN and then complains that the server has closed. `gst_rtspsrc_pause` is
/// called on no other occasion here.
fn ended_by_itself(output: &Output) -> bool {
    String::from_utf8_lossy(&output.stderr).contains("gst_rtspsrc_pause ()")
}

/// Every buffer that fakesink took is a line.
fn has_taken(output: &Output, buffers: usize) -> bool {
    String::from_utf8_lossy(&output.stdout)
        .matches("last-message = chain")
        .count()
        >= buffers
}

fn in_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(40), future)
            .await
            .expect("in time")
    })
}

#[test]
fn players_play_main_and_sub_over_tcp_and_udp() {
    let cameras = gate();
    let house = house(&cameras);
    let mut failed = Vec::new();
    for stream in ["main", "sub"] {
        let url = house.rtsp("gate", stream);
        let signed_in = house.rtsp_signed_in("gate", stream);
        for transport in ["tcp", "udp"] {
            let name = |player: &str| format!("{player} {stream} {transport}");
            let mut check = |player: &str, output: Output| {
                if !output.status.success() && !ended_by_itself(&output) {
                    failed.push(format!("{}: {}", name(player), String::from_utf8_lossy(&output.stderr)));
                }
            };
            check("ffmpeg", ffmpeg(&signed_in, transport));
            let location = format!("location={url}");
            let (user, password) = (format!("user-id={USER}"), format!("user-pw={PASSWORD}"));
            let protocols = format!("protocols={transport}");
            let source = ["-v", "rtspsrc", &location, &user, &password, &protocols];
            let sink = ["!", "fakesink", "silent=false", "num-buffers=60"];
            let seen = run("gst-launch-1.0", &[&source[..], &sink].concat());
            assert!(has_taken(&seen, 60), "{}: {seen:?}", name("gst"));
            check("gst", seen);
            let rtsp = format!("--rtsp-transport={transport}");
            let mpv = [
                "--no-config",
                "--vo=null",
                "--ao=null",
                "--frames=30",
                &rtsp,
                &signed_in,
            ];
            check("mpv", run("mpv", &mpv));
            if let Err(error) = in_time(retina(url.clone(), transport == "udp", 30)) {
                failed.push(format!("{}: {error}", name("retina")));
            }
        }
    }
    for log in cameras.logs() {
        assert_eq!(
            log.ranges.len(),
            1,
            "{}/{} has more than one connection",
            log.camera,
            log.stream
        );
    }
    if !failed.is_empty() {
        eprintln!("{}", failed.join("\n"));
    }
    shown(
        8,
        "ffmpeg, mpv, GStreamer and retina play main and sub over TCP and UDP",
        failed.is_empty(),
    );
}

#[test]
fn thirty_viewers_of_one_camera_cost_it_one_connection() {
    let viewers = pick(8, 30);
    let cameras = gate();
    let house = house(&cameras);
    let url = house.rtsp("gate", "main");
    let played = in_time(async {
        let all = (0..viewers).map(|_| retina(url.clone(), false, 100));
        futures_util::future::join_all(all).await
    });
    let failed: Vec<_> = played.into_iter().filter_map(Result::err).collect();
    settle(&house, &cameras);
    let log = cameras.log("gate", "main").unwrap();
    let balance = house.footage("gate", "main").balance(&log, &[], 0);
    let whole = balance.holds() && balance.on_disk == balance.sent && log.ranges.len() == 1;
    if !whole || !failed.is_empty() {
        eprintln!("{failed:?} {balance:?}");
    }
    shown(
        8,
        &format!("{viewers} viewers of one camera over one connection, recording whole"),
        whole && failed.is_empty(),
    );
}

#[test]
fn strangers_are_refused() {
    let cameras = gate();
    let house = house(&cameras);
    let url = house.rtsp("gate", "main");
    for who in ["", "tester:wrong@", "nobody:nothing@"] {
        let output = ffmpeg(&url.replace("rtsp://", &format!("rtsp://{who}")), "tcp");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains("401"), "{who:?}: {text}");
    }
    let unknown = ffmpeg(&house.rtsp_signed_in("nowhere", "main"), "tcp");
    assert!(!unknown.status.success());
    let open = ffmpeg(&house.rtsp("open", "main"), "tcp");
    shown(
        8,
        "wrong password and no password refused, an open camera is open",
        open.status.success(),
    );
}

#[test]
fn vlc_asks_in_its_own_order() {
    let cameras = gate();
    let house = house(&cameras);
    let url = house.rtsp("open", "main");
    let host = url.trim_start_matches("rtsp://").split('/').next().unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut cseq = 1;
    let mut ask = |socket: &mut TcpStream, method: &str, url: &str, more: &str| {
        cseq += 1;
        let agent = "User-Agent: LibVLC/3.0.18 (LIVE555 Streaming Media v2016.11.28)";
        write!(
            socket,
            "{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\n{agent}\r\n{more}\r\n"
        )
        .unwrap();
        answer(socket)
    };
    assert!(ask(&mut socket, "OPTIONS", &url, "").starts_with("RTSP/1.0 200"));
    let described = ask(&mut socket, "DESCRIBE", &url, "Accept: application/sdp\r\n");
    assert!(described.contains("m=video"), "{described}");
    let base = described
        .lines()
        .find_map(|l| l.strip_prefix("Content-Base: "))
        .unwrap_or(&url)
        .trim();
    let media = described.split("m=video").nth(1).unwrap();
    let control = media.lines().find_map(|l| l.strip_prefix("a=control:")).unwrap().trim();
    let track = match control.starts_with("rtsp://") {
        true => control.to_owned(),
        false => format!("{}/{control}", base.trim_end_matches('/')),
    };
    let set_up = ask(
        &mut socket,
        "SETUP",
        &track,
        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
    );
    let session = set_up.lines().find_map(|l| l.strip_prefix("Session: ")).expect(&set_up);
    let session = format!("Session: {}\r\n", session.split(';').next().unwrap().trim());
    let played = ask(&mut socket, "PLAY", &url, &format!("{session}Range: npt=0.000-\r\n"));
    assert!(played.contains("200 OK"), "{played}");
    let alive = ask(&mut socket, "GET_PARAMETER", &url, &session);
    assert!(alive.contains("200 OK"), "{alive}");
    let ended = ask(&mut socket, "TEARDOWN", &url, &session);
    shown(8, "VLC's request sequence is served", ended.contains("200 OK"));
}

/// The next RTSP answer with its body; interleaved media in between is passed over.
fn answer(socket: &mut TcpStream) -> String {
    let mut one = [0u8; 1];
    let mut text = Vec::new();
    loop {
        socket.read_exact(&mut one).unwrap();
        if text.is_empty() && one[0] == b'$' {
            let mut head = [0u8; 3];
            socket.read_exact(&mut head).unwrap();
            let mut packet = vec![0u8; usize::from(u16::from_be_bytes([head[1], head[2]]))];
            socket.read_exact(&mut packet).unwrap();
            continue;
        }
        text.push(one[0]);
        if text.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(text).unwrap();
    let length = head
        .lines()
        .find_map(|l| {
            l.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(|v| v.trim().parse().unwrap())
        })
        .unwrap_or(0usize);
    let mut body = vec![0u8; length];
    socket.read_exact(&mut body).unwrap();
    head + &String::from_utf8_lossy(&body)
}
