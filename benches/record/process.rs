//! Child processes and what the kernel says about them.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Ticks a second in `/proc/<pid>/stat`: the same on every Linux that Rust runs on.
const USER_HZ: f64 = 100.0;

/// A child that is killed when dropped.
pub struct Running {
    pub child: Child,
}

/// What one or more processes have used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub cpu_s: f64,
    /// Highest resident memory (VmHWM) and its anonymous part now (RssAnon), in KiB.
    pub peak_kib: u64,
    pub anon_kib: u64,
    pub threads: u64,
}

impl Running {
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        Ok(Self { child })
    }

    /// Starts a process and waits for its line that begins with `ready`; gives the rest of it.
    pub fn start_ready(command: &mut Command) -> Result<(Self, String)> {
        let mut running = Self::start(command.stdout(Stdio::piped()))?;
        let mut out = BufReader::new(running.child.stdout.take().context("stdout")?);
        let mut line = String::new();
        while out.read_line(&mut line)? > 0 {
            if let Some(rest) = line.strip_prefix("ready") {
                let rest = rest.trim().to_owned();
                std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
                return Ok((running, rest));
            }
            line.clear();
        }
        bail!("{command:?} ended before it was ready")
    }

    pub fn usage(&self) -> Result<Usage> {
        let pid = self.child.id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).context("stat");
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let status = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name))?;
            line.split_whitespace().find_map(|w| w.parse::<u64>().ok())
        };
        Ok(Usage {
            cpu_s: (ticks(11)? + ticks(12)?) as f64 / USER_HZ,
            peak_kib: status("VmHWM:").unwrap_or(0),
            anon_kib: status("RssAnon:").unwrap_or(0),
            threads: status("Threads:").unwrap_or(0),
        })
    }

    /// SIGTERM, then a wait.
    pub fn terminate(&mut self, patience: Duration) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            if start.elapsed() > patience {
                bail!("process {} does not stop", self.child.id());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sum over processes.
pub fn usage(all: &[Running]) -> Result<Usage> {
    let mut sum = Usage::default();
    for one in all {
        let usage = one.usage()?;
        sum.cpu_s += usage.cpu_s;
        sum.peak_kib += usage.peak_kib;
        sum.anon_kib += usage.anon_kib;
        sum.threads += usage.threads;
    }
    Ok(sum)
}
