//! What cameras do that they should not.

use tokio::net::TcpListener;
use vigie_config::{ErrorKind, GapCause, Transport, Utc};

use super::{check, script::Listener, start};
use crate::hub::Wake;

fn tcp(url: &str) -> super::Running {
    start(url, Transport::Tcp, Wake::EachBatch)
}

#[tokio::test]
async fn plays_and_keeps_every_unit_until_the_camera_closes() {
    let listener = Listener::bind().await;
    let mut running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.play().await;
    peer.pictures(20).await;
    let units = running.units(20).await;
    check(&units);
    assert!(units.iter().all(|u| u.epoch == units[0].epoch));
    assert_eq!(units[0].format.video.as_ref().unwrap().width, 1920);
    assert!(running.told("Connected"));
    drop(peer);
    let error = running.end().await;
    assert_eq!(
        (error.kind, error.cause),
        (ErrorKind::Unavailable, GapCause::CameraOffline)
    );
}

/// Recorders and relays send the pictures they keep at once to whoever connects.
#[tokio::test]
async fn what_a_server_kept_is_of_the_time_before() {
    let listener = Listener::bind().await;
    let mut running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.play().await;
    let before = Utc::now();
    // Of 3.2 s.
    peer.pictures(81).await;
    let units = running.units(81).await;
    check(&units);
    let (first, last) = (&units[0], &units[80]);
    assert_eq!(first.epoch, last.epoch);
    assert_eq!(last.utc.micros_since(first.utc), 3_200_000);
    assert!(before <= last.utc && last.utc <= Utc::now(), "{}", last.utc);
    assert!(!running.told("TimestampJump"));
}

#[tokio::test]
async fn track_addresses_follow_the_base_with_its_query() {
    let listener = Listener::bind().await;
    let running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.answer("OPTIONS", "405 Not Allowed", "").await;
    peer.answer("DESCRIBE", "200 OK", &super::script::describe()).await;
    let first = peer.answer("SETUP", "404 Not Found", "").await;
    assert!(first.uri().ends_with("/live?x=1/trackID=0"), "{}", first.uri());
    let second = peer.answer("SETUP", "200 OK", "Session: 9\r\n").await;
    assert!(second.uri().ends_with("/live/trackID=0?x=1"), "{}", second.uri());
    let play = peer.answer("PLAY", "200 OK", "").await;
    assert_eq!(play.header("Session"), Some("9"));
    drop(running);
}

#[tokio::test]
async fn digest_after_401_and_refusal_of_a_wrong_password() {
    let listener = Listener::bind().await;
    let challenge = "WWW-Authenticate: Digest realm=\"c\", nonce=\"n1\", algorithm=MD5\r\n";
    let running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.answer("OPTIONS", "401 Unauthorized", challenge).await;
    let again = peer.answer("OPTIONS", "200 OK", "").await;
    let authorization = again.header("Authorization").unwrap();
    assert!(authorization.starts_with("Digest username=\"viewer\"") && !authorization.contains("geheim"));
    peer.answer("DESCRIBE", "401 Unauthorized", &challenge.replace("n1", "n2"))
        .await;
    peer.answer("DESCRIBE", "401 Unauthorized", &challenge.replace("n1", "n3"))
        .await;
    let error = running.end().await;
    assert_eq!((error.kind, error.cause), (ErrorKind::Refused, GapCause::Refused));
    assert!(!error.text.contains("geheim"));
}

#[tokio::test]
async fn not_found_is_a_refusal_and_a_server_error_is_not() {
    for (status, kind) in [("404 Not Found", ErrorKind::Refused), ("503", ErrorKind::Unavailable)] {
        let listener = Listener::bind().await;
        let running = tcp(&listener.url());
        let mut peer = listener.accept().await;
        peer.answer("OPTIONS", "200 OK", "").await;
        peer.answer("DESCRIBE", status, "").await;
        assert_eq!(running.end().await.kind, kind);
    }
}

#[tokio::test]
async fn follows_a_redirect() {
    let (listener, other) = (Listener::bind().await, Listener::bind().await);
    let mut running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.answer("OPTIONS", "200 OK", "").await;
    peer.answer("DESCRIBE", "302 Moved", &format!("Location: {}\r\n", other.url()))
        .await;
    let mut peer = other.accept().await;
    peer.play().await;
    peer.pictures(3).await;
    running.units(3).await;
}

#[tokio::test]
async fn accepted_but_silent_is_a_timeout() {
    let listener = Listener::bind().await;
    let running = tcp(&listener.url());
    let _peer = listener.accept().await;
    let error = running.end().await;
    assert_eq!(
        (error.kind, error.cause),
        (ErrorKind::Timeout, GapCause::CameraOffline),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtsp://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = tcp(&url).end().await;
    assert_eq!(
        (error.kind, error.cause),
        (ErrorKind::Unavailable, GapCause::CameraOffline),
        "{error}"
    );
}

#[tokio::test]
async fn packets_before_the_answer_to_play_are_kept() {
    let listener = Listener::bind().await;
    let mut running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.set_up().await;
    let play = peer.request().await;
    peer.pictures(5).await;
    peer.reply(&play, "200 OK", "").await;
    let later: Vec<u8> = (0..5).flat_map(|_| peer.video.picture(false)).collect();
    peer.send(&later).await;
    check(&running.units(10).await);
}

#[tokio::test]
async fn other_channels_than_asked_for_are_used() {
    let listener = Listener::bind().await;
    let mut running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.answer("OPTIONS", "200 OK", "").await;
    peer.answer("DESCRIBE", "200 OK", &super::script::describe()).await;
    peer.answer(
        "SETUP",
        "200 OK",
        "Session: 5\r\nTransport: RTP/AVP/TCP;interleaved=8-9\r\n",
    )
    .await;
    peer.answer("PLAY", "200 OK", "").await;
    peer.video.channel = 8;
    peer.pictures(3).await;
    running.units(3).await;
}

#[tokio::test]
async fn garbage_between_packets_costs_nothing_but_itself() {
    let listener = Listener::bind().await;
    let mut running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.play().await;
    peer.pictures(5).await;
    peer.send(b"\xde\xad$\x05 nonsense R$").await;
    peer.pictures(5).await;
    check(&running.units(10).await);
    assert!(running.told("skipped"));
}

#[tokio::test]
async fn endless_garbage_is_corrupt() {
    let listener = Listener::bind().await;
    let running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.play().await;
    peer.send(&vec![b'z'; 600 << 10]).await;
    assert_eq!(running.end().await.kind, ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_new_ssrc_is_a_new_epoch_and_loses_nothing() {
    let listener = Listener::bind().await;
    let mut running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.play().await;
    peer.pictures(5).await;
    let before = running.units(5).await;
    peer.video = super::script::Rtp::new(99);
    peer.video.sequence = 100;
    peer.pictures(5).await;
    let after = running.units(5).await;
    assert!(after[0].epoch > before[0].epoch && after[0].rap);
    check(&[before, after].concat());
    assert!(running.told("SsrcChanged"));
}

#[tokio::test]
async fn a_timestamp_jump_is_a_new_epoch_and_loses_nothing() {
    for leap in [7200 * 90_000u32, 0u32.wrapping_sub(7200 * 90_000)] {
        let listener = Listener::bind().await;
        let mut running = tcp(&listener.url());
        let mut peer = listener.accept().await;
        peer.play().await;
        peer.pictures(10).await;
        peer.video.timestamp = peer.video.timestamp.wrapping_add(leap);
        peer.pictures(10).await;
        let units = running.units(20).await;
        check(&units);
        assert!(units[9].epoch < units[10].epoch && units[10].epoch == units[19].epoch);
        assert!(units[19].utc.since(units[0].utc) < std::time::Duration::from_secs(10));
        assert!(running.told("TimestampJump"));
    }
}

#[tokio::test]
async fn requests_of_the_server_are_answered_and_teardown_ends() {
    let listener = Listener::bind().await;
    let mut running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.play().await;
    peer.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").await;
    assert!(peer.request().await.0.starts_with("RTSP/1.0 200 OK\r\nCSeq: 1\r\n"));
    peer.pictures(3).await;
    running.units(3).await;
    peer.send(b"TEARDOWN * RTSP/1.0\r\nCSeq: 2\r\n\r\n").await;
    assert_eq!(running.end().await.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn is_kept_alive_by_the_method_the_server_knows() {
    let listener = Listener::bind().await;
    let running = tcp(&listener.url());
    let mut peer = listener.accept().await;
    peer.answer("OPTIONS", "200 OK", "Public: OPTIONS, GET_PARAMETER\r\n")
        .await;
    peer.answer("DESCRIBE", "200 OK", &super::script::describe()).await;
    peer.answer("SETUP", "200 OK", "Session: 5;timeout=2\r\n").await;
    peer.answer("PLAY", "200 OK", "").await;
    peer.pictures(2).await;
    peer.answer("GET_PARAMETER", "501 Not Implemented", "").await;
    peer.answer("OPTIONS", "200 OK", "").await;
    drop(running);
    let teardown = peer.request().await;
    assert_eq!((teardown.method(), teardown.header("Session")), ("TEARDOWN", Some("5")));
}
