//! What Vigie watches of itself and of its own network: failed sign-ins, addresses used twice.

use std::{
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    time::Instant,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use nix::sched::{CloneFlags, unshare};
use rustix::thread::{CapabilitySet, capabilities, remove_capability_from_bounding_set, set_capabilities};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::{House, PATIENCE, Setup, USER, wait_for};

const RULES: &str = "
[[input]]
id = \"door\"
kind = \"http\"
token = \"0123456789abcdef\"

[[rule]]
id = \"watch\"
on = [\"illegal_access\", \"ip_conflict\", \"network_down\"]
popup_message = true
";

fn house() -> House {
    let setup = Setup {
        more: RULES.into(),
        ..Setup::new([])
    };
    House::start(&setup)
}

fn events(house: &House, kind: &str) -> Vec<Value> {
    let page = house.event_page(&format!("kind={kind}&limit=500"));
    page["events"].as_array().unwrap().clone()
}

/// The event with this text, once its rule's action is done.
fn wait_acted_on(house: &House, kind: &str, text: &str) -> Value {
    wait_for(text, PATIENCE, || {
        let seen = events(house, kind);
        let of_text = |event: &&Value| event["text"].as_str().unwrap().contains(text);
        let event = seen.iter().find(of_text)?;
        let action = &event["actions"][0];
        let done = action["rule"] == "watch" && action["what"] == "popup_message" && action["state"] == "done";
        done.then(|| event.clone())
    })
}

/// Status of a DESCRIBE from one of this machine's own addresses.
fn describe(house: &House, from: Ipv4Addr, user: &str, password: &str) -> String {
    let url = house.rtsp("gate", "main");
    let server: std::net::SocketAddr = url[7..].split('/').next().unwrap().parse().unwrap();
    let credentials = STANDARD.encode(format!("{user}:{password}"));
    let request = format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic {credentials}\r\n\r\n");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut socket = socket.connect(server).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[9..]).into_owned()
    })
}

#[test]
fn failed_sign_ins_are_told_acted_on_and_counted() {
    let mut house = house();
    let begin = Instant::now();
    // A browser's first request, and one whose session has ended.
    assert_eq!(house.get_signed_in(None, "/api/v1/cameras").status, 401);
    assert_eq!(
        house.get_signed_in(Some((USER, "wrong")), "/api/v1/cameras").status,
        401
    );
    let first = wait_acted_on(
        &house,
        "illegal_access",
        "1 failed sign-in as \"tester\" from 127.0.0.1",
    );
    assert_eq!(
        (&first["severity"], &first["source"]),
        (&"warning".into(), &"house".into())
    );
    assert_eq!(events(&house, "illegal_access").len(), 1);
    assert_eq!(describe(&house, Ipv4Addr::new(127, 0, 0, 2), "<b>root", "wrong"), "401");
    wait_acted_on(
        &house,
        "illegal_access",
        "1 failed sign-in as \"?b?root\" from 127.0.0.2",
    );
    // 200 tries in all.
    for number in 0..198 {
        let name = format!("guest{number}");
        let status = match number % 20 {
            0 => house.get_signed_in(Some((&name, "wrong")), "/api/v1/cameras").status,
            1 => describe(&house, Ipv4Addr::LOCALHOST, &name, "wrong").parse().unwrap(),
            _ => {
                let path = "/api/v1/inputs/door";
                house.post_with_token(path, "fedcba9876543210", "").status
            }
        };
        assert_eq!(status, 401);
    }
    // What is not told yet is told at the end.
    house.terminate();
    let minutes = begin.elapsed().as_secs() / 60;
    house.run();
    let told = events(&house, "illegal_access");
    let count: u64 = told
        .iter()
        .map(|event| event["payload"]["count"].as_u64().unwrap())
        .sum();
    assert_eq!(count, 200, "{told:?}");
    let most = 2 + minutes + 1;
    assert!(
        told.len() as u64 <= most,
        "{} events in {minutes} minutes: {told:?}",
        told.len()
    );
    let lines = house
        .log()
        .lines()
        .filter(|line| line.contains("failed sign-in"))
        .count();
    assert_eq!(lines, told.len(), "the log tells as often");
    assert!(!house.log().contains("<b>"));
    let last = told
        .iter()
        .find(|event| event["payload"]["count"].as_u64() > Some(100))
        .unwrap();
    let text = last["text"].as_str().unwrap();
    assert!(
        text.contains("others and with an unknown token from 127.0.0.1 within") && text.len() < 300,
        "{text}"
    );
}

/// What an actor shows of itself.
fn detail(house: &House, actor: &str) -> Value {
    let tree = house.get("/api/v1/system/tree").json();
    let actors = tree["children"].as_array().unwrap();
    actors.iter().find(|one| one["name"] == actor).unwrap()["detail"].clone()
}

/// Runs a test on a thread of its own: networks and rights are a thread's, and its children's.
fn apart(test: impl FnOnce() + Send + 'static) {
    if let Err(panic) = std::thread::spawn(test).join() {
        std::panic::resume_unwind(panic);
    }
}

/// Another machine; ends when dropped, its network with it.
struct Machine(Child);

impl Machine {
    fn new() -> Self {
        let mut sleep = Command::new("unshare");
        sleep.args(["--net", "sleep", "600"]).stdin(Stdio::null());
        Self(sleep.spawn().unwrap())
    }

    fn run(&self, command: &str) -> bool {
        let pid = self.0.id().to_string();
        let mut entered = Command::new("nsenter");
        entered.args(["--net", "--target", &pid, "bash", "-c", command]);
        entered.output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn sh(command: &str) {
    let output = Command::new("bash").args(["-ec", command]).output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
}

#[test]
fn another_machine_with_our_address_is_told_once() {
    apart(|| {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            eprintln!("left out: no root, so no network of its own");
            return;
        }
        if !Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status()
            .is_ok_and(|set| set.success())
        {
            eprintln!("left out: root of a container that may not set up networks");
            return;
        }
        let other = Machine::new();
        // Until it has left this network for its own.
        let ours = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        wait_for("the other machine", PATIENCE, || {
            let theirs = std::fs::read_link(format!("/proc/{}/ns/net", other.0.id())).ok()?;
            (theirs != ours).then_some(())
        });
        sh(&format!(
            "ip link add ours type veth peer name theirs netns {}
             ip addr add 192.0.2.1/24 dev ours; ip addr add 192.0.2.2/24 dev ours; ip link set ours up",
            other.0.id()
        ));
        assert!(other.run("ip link set theirs address 02:00:00:00:00:09 up && ip addr add 192.0.2.9/24 dev theirs"));
        let house = house();
        assert_eq!(detail(&house, "addresses")["watching"], true);
        // It asks for somebody who is not there: a broadcast that names itself as the sender.
        let claim = |address: &str| {
            assert!(other.run(&format!(
                "ip addr flush dev theirs; ip addr add {address}/24 dev theirs; echo > /dev/udp/192.0.2.77/9"
            )));
        };
        claim("192.0.2.9");
        wait_for("an event", PATIENCE, || {
            claim("192.0.2.1");
            events(&house, "ip_conflict").first().map(drop)
        });
        let text = "192.0.2.1 (link ours) is used by another machine too, with the MAC address 02:00:00:00:00:09";
        let event = wait_acted_on(&house, "ip_conflict", text);
        assert_eq!(event["severity"], "alarm");
        assert_eq!(event["payload"]["mac"], "02:00:00:00:00:09");
        claim("192.0.2.1");
        wait_for("the second address", PATIENCE, || {
            claim("192.0.2.2");
            (events(&house, "ip_conflict").len() == 2).then_some(())
        });
        wait_acted_on(&house, "ip_conflict", "192.0.2.2 (link ours)");
    });
}

#[test]
fn without_the_right_to_hear_arp_that_is_said_and_all_else_works() {
    apart(|| {
        // Without root it is not there anyway.
        remove_capability_from_bounding_set(CapabilitySet::NET_RAW).ok();
        // What is inherited comes through all the same.
        let mut own = capabilities(None).unwrap();
        own.inheritable.remove(CapabilitySet::NET_RAW);
        set_capabilities(None, own).ok();
        let house = house();
        let shown = detail(&house, "addresses");
        assert_eq!(shown["watching"], false);
        assert!(shown["error"].as_str().unwrap().contains("CAP_NET_RAW"), "{shown}");
        assert_eq!(house.log().matches("would not be noticed").count(), 1);
        assert!(events(&house, "ip_conflict").is_empty());
    });
}
