//! One viewer: an actor with a bounded mailbox that owns the WebSocket.
//!
//! The feed offers messages with `try_send`; a viewer whose mailbox is full is slow, and the feed
//! skips to a RAP. A viewer that takes nothing for [`SEND_TIMEOUT`] is gone.

use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, StreamHandler, WrapFuture,
};
use actix_ws::{CloseReason, MessageStream, ProtocolError, Session};
use bytes::Bytes;

/// Messages waiting for a viewer: about a second of video.
const MAILBOX: usize = 32;
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long somebody may go on watching after they were signed out, at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const SILENT_FOR: Duration = Duration::from_secs(35);

/// What the feed gives a viewer.
#[derive(Message)]
#[rtype(result = "()")]
pub enum Chunk {
    /// `{mime}` or `{code, detail}`
    Json(String),
    Binary(Bytes),
    /// Nothing more comes.
    End,
}

impl Chunk {
    /// Bytes of media in it.
    pub fn len(&self) -> usize {
        match self {
            Chunk::Binary(bytes) => bytes.len(),
            Chunk::Json(_) | Chunk::End => 0,
        }
    }
}

pub struct Viewer {
    session: Session,
    heard: Instant,
    may_stay: Box<dyn Fn() -> bool>,
}

/// `feed` offers messages as long as the viewer is there; it ends with it. The viewer is sent away
/// once they may not stay.
pub fn start<F: Future<Output = ()> + 'static>(
    session: Session,
    messages: MessageStream,
    may_stay: impl Fn() -> bool + 'static,
    feed: impl FnOnce(Addr<Viewer>) -> F,
) {
    Viewer::create(|context| {
        context.set_mailbox_capacity(MAILBOX);
        context.add_stream(messages);
        let viewer = Viewer {
            session,
            heard: Instant::now(),
            may_stay: Box::new(may_stay),
        };
        context.spawn(feed(context.address()).into_actor(&viewer));
        viewer
    });
}

impl Actor for Viewer {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(LOOK_EVERY, |viewer, context| {
            if viewer.heard.elapsed() > SILENT_FOR || !(viewer.may_stay)() {
                context.stop();
            }
        });
        context.run_interval(PING_EVERY, |viewer, context| {
            let mut session = viewer.session.clone();
            let ping = async move { tokio::time::timeout(SEND_TIMEOUT, session.ping(b"")).await };
            context.spawn(
                ping.into_actor(viewer)
                    .map(|sent, _, context| stop_unless_sent(sent, context)),
            );
        });
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        let session = self.session.clone();
        actix::spawn(async move { drop(session.close(None::<CloseReason>).await) });
    }
}

fn stop_unless_sent<E>(sent: Result<Result<(), actix_ws::Closed>, E>, context: &mut Context<Viewer>) {
    if !matches!(sent, Ok(Ok(()))) {
        context.stop();
    }
}

impl Handler<Chunk> for Viewer {
    type Result = ();

    fn handle(&mut self, chunk: Chunk, context: &mut Context<Self>) {
        let mut session = self.session.clone();
        let send = async move {
            let send = async {
                match chunk {
                    Chunk::Json(text) => session.text(text).await,
                    Chunk::Binary(bytes) => session.binary(bytes).await,
                    Chunk::End => Err(actix_ws::Closed),
                }
            };
            tokio::time::timeout(SEND_TIMEOUT, send).await
        };
        // The next message is taken when this one is out: that is what fills a slow viewer's mailbox.
        context.wait(
            send.into_actor(self)
                .map(|sent, _, context| stop_unless_sent(sent, context)),
        );
    }
}

impl StreamHandler<Result<actix_ws::Message, ProtocolError>> for Viewer {
    fn handle(&mut self, message: Result<actix_ws::Message, ProtocolError>, context: &mut Context<Self>) {
        self.heard = Instant::now();
        match message {
            Ok(actix_ws::Message::Ping(bytes)) => {
                let mut session = self.session.clone();
                let pong = async move { tokio::time::timeout(SEND_TIMEOUT, session.pong(&bytes)).await };
                context.spawn(
                    pong.into_actor(self)
                        .map(|sent, _, context| stop_unless_sent(sent, context)),
                );
            }
            Ok(actix_ws::Message::Close(_)) | Err(_) => context.stop(),
            Ok(_) => {}
        }
    }

    fn finished(&mut self, context: &mut Context<Self>) {
        context.stop();
    }
}
