//! From a hub's access units to a viewer's messages.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix::{Addr, prelude::SendError};
use bytes::Bytes;
use vigie_actors::stream::{StreamHandle, StreamState};
use vigie_media::{
    AccessUnit, Track, VideoCodec,
    fmp4::{self, LiveFragments},
    hub::{Item, Policy, Wake},
    transcode::Mp4Units,
};

use super::viewer::{Chunk, Viewer};

/// Units a viewer may lag behind within the hub before it skips.
const RING: usize = 1024;
/// What may wait for a viewer: the cached GOP it starts with, and a little more. Beyond it the
/// viewer is slow and goes on at the next RAP.
const MAX_PENDING: usize = 20 << 20;
/// How soon a full mailbox is tried again.
const RETRY: Duration = Duration::from_millis(5);
/// A viewer of a stream without media is told so after this long.
const NO_MEDIA: Duration = Duration::from_secs(5);

/// Feeds one viewer until it or the stream is gone.
pub async fn run(handle: Arc<StreamHandle>, viewer: Addr<Viewer>) {
    let mut units = handle.hub.subscribe(Policy::SkipToRap, Wake::EachBatch, RING);
    let mut line = Line::default();
    loop {
        let patience = if line.pending.is_empty() { NO_MEDIA } else { RETRY };
        let step = match tokio::time::timeout(patience, units.next()).await {
            Ok(Some(Item::Unit(unit))) => line.take(unit),
            Ok(Some(Item::Lost { .. })) => {
                line.skip_to_rap();
                Ok(())
            }
            Ok(None) => Err(End::Said("ended".into(), "the camera was removed or changed".into())),
            Err(_) if !line.pending.is_empty() || handle.status().state == StreamState::Live => Ok(()),
            Err(_) => Err(no_media(&handle)),
        };
        match step.and_then(|()| line.flush(&viewer)) {
            Ok(()) => {}
            Err(End::Gone) => return,
            Err(End::Said(code, detail)) => return send_last(&viewer, &code, &detail).await,
        }
    }
}

fn no_media(handle: &StreamHandle) -> End {
    let status = handle.status();
    let code = serde_json::to_value(status.state).ok();
    let code = code.as_ref().and_then(|c| c.as_str()).unwrap_or("offline");
    End::Said(code.to_string(), status.error.unwrap_or_else(|| "no media yet".into()))
}

/// The last words; these may wait for room in the mailbox.
async fn send_last(viewer: &Addr<Viewer>, code: &str, detail: &str) {
    let text = serde_json::json!({ "code": code, "detail": detail }).to_string();
    if viewer.send(Chunk::Json(text)).await.is_ok() {
        let _ = viewer.send(Chunk::End).await;
    }
}

enum End {
    Gone,
    /// Code and detail of the last message.
    Said(String, String),
}

/// What a viewer has seen so far, and what waits for it.
#[derive(Default)]
struct Line {
    playable: Mp4Units,
    fragments: LiveFragments,
    announced_jpeg: bool,
    pending: VecDeque<Chunk>,
    pending_bytes: usize,
    /// Too slow, or units were lost: nothing until the next RAP.
    skipping: bool,
}

impl Line {
    fn skip_to_rap(&mut self) {
        self.skipping = true;
        self.announced_jpeg = false;
        // A new time line: players then have no hole to wait at.
        self.fragments = LiveFragments::new();
        self.pending.clear();
        self.pending_bytes = 0;
    }

    fn take(&mut self, unit: Arc<AccessUnit>) -> Result<(), End> {
        if self.skipping && !(unit.rap && unit.track == Track::Video) {
            return Ok(());
        }
        self.skipping = false;
        let mut playable = Vec::new();
        self.playable.push(unit, |unit| playable.push(unit));
        for unit in playable {
            let video = unit.format.video.as_ref();
            match video.is_some_and(|v| v.codec == VideoCodec::Mjpeg) {
                true => self.take_jpeg(&unit),
                false => self.take_fragment(unit)?,
            }
        }
        if self.pending_bytes > MAX_PENDING {
            self.skip_to_rap();
        }
        Ok(())
    }

    fn take_fragment(&mut self, unit: Arc<AccessUnit>) -> Result<(), End> {
        let (starts, format) = (self.fragments.needs_init(&unit), unit.format.clone());
        let Some(fragment) = self.fragments.push(unit) else {
            return Ok(());
        };
        if starts {
            let init = fmp4::init_segment(&format, &[]).map_err(|e| End::Said("unplayable".into(), e.to_string()))?;
            self.announce(&fmp4::mime(&format));
            self.binary(init);
        }
        self.binary(fragment.to_bytes());
        Ok(())
    }

    fn take_jpeg(&mut self, unit: &AccessUnit) {
        if unit.track == Track::Audio {
            return;
        }
        if !self.announced_jpeg {
            self.announce("image/jpeg");
            self.announced_jpeg = true;
        }
        self.binary(unit.data.clone());
    }

    fn announce(&mut self, mime: &str) {
        self.pending
            .push_back(Chunk::Json(serde_json::json!({ "mime": mime }).to_string()));
    }

    fn binary(&mut self, bytes: Bytes) {
        self.pending_bytes += bytes.len();
        self.pending.push_back(Chunk::Binary(bytes));
    }

    /// Offers what waits; never waits itself. What a full mailbox does not take stays.
    fn flush(&mut self, viewer: &Addr<Viewer>) -> Result<(), End> {
        while let Some(chunk) = self.pending.pop_front() {
            let bytes = chunk.len();
            match viewer.try_send(chunk) {
                Ok(()) => self.pending_bytes = self.pending_bytes.saturating_sub(bytes),
                Err(SendError::Full(chunk)) => {
                    self.pending.push_front(chunk);
                    return Ok(());
                }
                Err(SendError::Closed(_)) => return Err(End::Gone),
            }
        }
        Ok(())
    }
}
