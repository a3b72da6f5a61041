//! Tells when a file may have changed: its folder is watched, for editors replace files.

use std::path::Path;

use inotify::{Inotify, WatchMask};
use tokio::io::unix::AsyncFd;

pub(super) struct Watch {
    inotify: AsyncFd<Inotify>,
    name: std::ffi::OsString,
}

impl Watch {
    pub fn new(path: &Path) -> std::io::Result<Self> {
        let folder = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let inotify = Inotify::init()?;
        let mask = WatchMask::CLOSE_WRITE | WatchMask::MOVED_TO | WatchMask::CREATE;
        inotify.watches().add(folder, mask)?;
        let name = path.file_name().unwrap_or_default().to_os_string();
        // Deprecated for descriptors that are closed behind its back; this one it owns.
        #[allow(deprecated)]
        let inotify = AsyncFd::new(inotify)?;
        Ok(Self { inotify, name })
    }

    /// Resolves when it may have.
    pub async fn changed(&mut self) -> std::io::Result<()> {
        let mut buffer = [0u8; 4096];
        loop {
            let mut guard = self.inotify.readable_mut().await?;
            let ours = match guard.get_inner_mut().read_events(&mut buffer) {
                Ok(events) => events.filter_map(|e| e.name).any(|n| n == self.name),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    guard.clear_ready();
                    continue;
                }
                Err(e) => return Err(e),
            };
            if ours {
                return Ok(());
            }
        }
    }
}
