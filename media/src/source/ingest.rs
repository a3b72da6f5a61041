//! The threads that bring media in, away from actors and web.

use std::{
    future::Future,
    io,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::JoinHandle,
};
use vigie_config::StreamId;

use super::SourceError;

/// Single-threaded runtimes, each on a thread of its own named `ingest-<n>`.
///
/// A task that panics ends alone: its handle says so. Dropping this ends the threads, and with
/// them all tasks.
pub struct Ingest {
    threads: Vec<Thread>,
    next: AtomicUsize,
}

struct Thread {
    handle: Handle,
    /// Dropped to end the thread.
    _end: oneshot::Sender<()>,
}

impl Ingest {
    /// `threads` is taken as at least 1.
    pub fn new(threads: usize) -> io::Result<Self> {
        let threads = (0..threads.max(1)).map(Thread::start).collect::<io::Result<_>>()?;
        Ok(Self {
            threads,
            next: AtomicUsize::new(0),
        })
    }

    /// Runs a stream's source on the next thread in turn.
    pub fn spawn<F>(&self, stream: &StreamId, source: F) -> JoinHandle<SourceError>
    where
        F: Future<Output = SourceError> + Send + 'static,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len().max(1);
        let stream = stream.clone();
        let named = async move {
            let error = source.await;
            tracing::debug!(camera = %stream.camera, stream = %stream.stream, %error, "source ended");
            error
        };
        match self.threads.get(turn) {
            Some(thread) => thread.handle.spawn(named),
            None => tokio::spawn(named),
        }
    }
}

impl Thread {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            // Only name resolution blocks.
            .max_blocking_threads(4)
            .thread_keep_alive(std::time::Duration::from_secs(5))
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name(format!("ingest-{number}")).spawn(move || {
            let _ = runtime.block_on(ended);
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _end: end })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use vigie_config::{CameraId, ErrorKind, GapCause, StreamName};

    use super::*;

    fn end(text: &str) -> SourceError {
        SourceError {
            kind: ErrorKind::Unavailable,
            cause: GapCause::CameraOffline,
            text: text.into(),
        }
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_own_task() {
        let ingest = Ingest::new(1).unwrap();
        let stream = StreamId::new(CameraId::new("gate").unwrap(), StreamName::Main);
        let (go, wait) = oneshot::channel::<()>();
        let neighbour = ingest.spawn(&stream, async move {
            wait.await.unwrap();
            end(thread::current().name().unwrap())
        });
        let broken = ingest.spawn(&stream, async { panic!("on purpose") });
        assert!(broken.await.unwrap_err().is_panic());
        go.send(()).unwrap();
        assert_eq!(neighbour.await.unwrap().text, "ingest-0");
    }
}
