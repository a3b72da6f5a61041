//! The threads that decode for motion: as many as there are cores, for all cameras together, and
//! nicer than all others, so that recording goes first on a machine that is too slow.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, task::JoinHandle};

/// The kernel then gives a thread of ours a tenth of what it gives to others that want the same core.
const NICE: i32 = 10;

/// That they are too slow is told once in so long, whatever the number of cameras.
const NEWS: Duration = Duration::from_secs(600);

static TOLD: Mutex<Option<Instant>> = Mutex::new(None);
static THREADS: OnceLock<Runtime> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

/// Runs a job there; jobs wait for each other.
pub(super) fn run<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, std::io::Error> {
    let threads = match THREADS.get() {
        Some(threads) => threads,
        None => {
            // One that is made and not needed could not be dropped here: that blocks.
            let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            match THREADS.get() {
                Some(threads) => threads,
                None => {
                    let made = start()?;
                    THREADS.get_or_init(|| made)
                }
            }
        }
    };
    Ok(threads.spawn_blocking(job))
}

/// Whether it is to be told now that they are too slow; the caller then tells it.
pub(super) fn too_slow_is_news(now: Instant) -> bool {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let news = told.is_none_or(|told| now.duration_since(told) >= NEWS);
    if news {
        *told = Some(now);
    }
    news
}

fn start() -> Result<Runtime, std::io::Error> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_current_thread()
        .thread_name("motion")
        .max_blocking_threads(cores)
        .on_thread_start(|| {
            // On Linux this is the thread's own. Without it they are as nice as the others.
            let own = Some(rustix::thread::gettid());
            rustix::process::setpriority_process(own, NICE).ok();
        })
        .build()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Barrier};

    #[tokio::test(flavor = "multi_thread", worker_threads = 16)]
    async fn many_may_be_the_first() {
        let barrier = Arc::new(Barrier::new(16));
        let first = (0..16).map(|number| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                barrier.wait();
                super::run(move || number).unwrap().await.unwrap()
            })
        });
        for (number, told) in first.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(told.await.unwrap(), number);
        }
    }
}
