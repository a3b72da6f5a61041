//! A relay of a test, over HTTP: it answers when the test says so.

#![allow(clippy::unwrap_used)]

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

pub(crate) struct Relay {
    pub address: String,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// One request that waits for its answer.
pub(crate) struct Call {
    pub path: String,
    stream: TcpStream,
}

impl Relay {
    pub async fn new() -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (told, calls) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let told = told.clone();
                tokio::spawn(async move { told.send(Call::read(stream).await).ok() });
            }
        });
        Relay { address, calls }
    }

    /// Waits for the next call.
    pub async fn call(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// Answers the next call, and says its path.
    pub async fn answer(&mut self, status: &str) -> String {
        let call = self.call().await;
        let path = call.path.clone();
        call.answer(status).await;
        path
    }
}

impl Call {
    async fn read(mut stream: TcpStream) -> Call {
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(stream.read_u8().await.unwrap());
        }
        let seen = String::from_utf8(seen).unwrap();
        let path = seen.split(' ').nth(1).unwrap().to_owned();
        Call { path, stream }
    }

    /// `status` such as `200 OK`; more lines of the head may follow it.
    pub async fn answer(mut self, status: &str) {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        // Whoever asked may have hung up.
        drop(self.stream.write_all(answer.as_bytes()).await);
    }
}
