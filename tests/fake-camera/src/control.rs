//! Steering from another process: one JSON object a line over TCP, one line back.
//!
//! `{"do":"log"}` · `{"do":"lie","camera":"c","lies":{"loss_percent":5}}` ·
//! `{"do":"die","camera":"c","seconds":10}` · `{"do":"jump","camera":"c","seconds":7200}` ·
//! `{"do":"ssrc","camera":"c"}` · `{"do":"clip","camera":"c","stream":"main","clip":1}` ·
//! `{"do":"urls"}`

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{FakeCameras, Lies};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Order {
    Log,
    Urls,
    Lie {
        camera: String,
        lies: Lies,
    },
    Die {
        camera: String,
        seconds: f64,
    },
    Jump {
        camera: String,
        seconds: f64,
    },
    Ssrc {
        camera: String,
    },
    Clip {
        camera: String,
        stream: String,
        clip: usize,
    },
}

/// Serves orders for ever, each connection on a thread of its own.
pub fn serve(cameras: Arc<FakeCameras>, listener: TcpListener) {
    for client in listener.incoming().flatten() {
        let cameras = cameras.clone();
        std::thread::spawn(move || talk(&cameras, client));
    }
}

fn talk(cameras: &FakeCameras, client: TcpStream) -> Result<()> {
    let mut answers = client.try_clone()?;
    for line in BufReader::new(client).lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(order) => obey(cameras, order),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(answers, "{answer}")?;
    }
    Ok(())
}

fn obey(cameras: &FakeCameras, order: Order) -> Value {
    match order {
        Order::Log => return json!(cameras.logs()),
        Order::Urls => {
            let logs = cameras.logs();
            return logs.iter().map(|l| cameras.url(&l.camera, &l.stream)).collect();
        }
        Order::Lie { camera, lies } => cameras.lie(&camera, move |l| *l = lies),
        Order::Die { camera, seconds } => cameras.die(&camera, Duration::from_secs_f64(seconds.max(0.0))),
        Order::Jump { camera, seconds } => cameras.jump(&camera, seconds),
        Order::Ssrc { camera } => cameras.new_ssrc(&camera),
        Order::Clip { camera, stream, clip } => cameras.switch_clip(&camera, &stream, clip),
    }
    json!({})
}
