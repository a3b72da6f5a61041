//! From a hub's access units to a viewer's messages.

use std::{sync::Arc, time::Duration};

use actix::Addr;
use vigie_actors::stream::{StreamHandle, StreamState};
use vigie_media::{
    AccessUnit, AudioCodec, StreamFormat, Track, VideoCodec,
    fmp4::{self, LiveFragments},
    hub::{Item, Policy, Wake},
};

use super::viewer::{Chunk, Viewer};

/// Units a viewer may lag behind within the hub before it skips.
const RING: usize = 256;
/// A viewer of a stream without media is told so after this long.
const NO_MEDIA: Duration = Duration::from_secs(5);

/// Feeds one viewer until it or the stream is gone.
pub async fn run(handle: Arc<StreamHandle>, viewer: Addr<Viewer>) {
    let mut units = handle.hub.subscribe(Policy::SkipToRap, Wake::EachBatch, RING);
    let mut line = Line::default();
    loop {
        let next = tokio::time::timeout(NO_MEDIA, units.next());
        let item = match next.await {
            Ok(Some(item)) => item,
            Ok(None) => {
                send_last(&viewer, "ended", "the camera was removed or changed").await;
                return;
            }
            Err(_) if handle.status().state == StreamState::Live => continue,
            Err(_) => {
                let status = handle.status();
                let code = serde_json::to_value(status.state).ok();
                let code = code.as_ref().and_then(|c| c.as_str()).unwrap_or("offline");
                let detail = status.error.unwrap_or_else(|| "no media yet".into());
                send_last(&viewer, code, &detail).await;
                return;
            }
        };
        let delivered = match item {
            Item::Unit(unit) => line.deliver(unit, &viewer),
            Item::Lost { .. } => {
                line.skip_to_rap();
                Ok(())
            }
        };
        match delivered {
            Ok(()) => {}
            Err(End::Gone) => return,
            Err(End::Unplayable(detail)) => {
                send_last(&viewer, "unplayable", &detail).await;
                return;
            }
        }
    }
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
    Unplayable(String),
}

/// What a viewer has seen so far.
#[derive(Default)]
struct Line {
    fragments: LiveFragments,
    /// The hub's format and what a browser is given of it.
    format: Option<(Arc<StreamFormat>, Arc<StreamFormat>)>,
    announced_jpeg: bool,
    /// The mailbox was full or units were lost: nothing until the next RAP.
    skipping: bool,
}

impl Line {
    fn skip_to_rap(&mut self) {
        self.skipping = true;
    }

    fn deliver(&mut self, unit: Arc<AccessUnit>, viewer: &Addr<Viewer>) -> Result<(), End> {
        if self.skipping {
            if !(unit.rap && unit.track == Track::Video) {
                return Ok(());
            }
            // A new time line: players then have no hole to wait at.
            self.fragments = LiveFragments::new();
            self.skipping = false;
        }
        let format = self.playable(&unit.format);
        if unit.track == Track::Audio && format.audio.is_none() {
            return Ok(());
        }
        let jpeg = format.video.as_ref().is_some_and(|v| v.codec == VideoCodec::Mjpeg);
        if jpeg {
            return self.deliver_jpeg(&unit, viewer);
        }
        let unit = if Arc::ptr_eq(&format, &unit.format) {
            unit
        } else {
            Arc::new(AccessUnit {
                format: format.clone(),
                ..AccessUnit::clone(&unit)
            })
        };
        let starts = self.fragments.needs_init(&unit);
        let Some(fragment) = self.fragments.push(unit) else {
            return Ok(());
        };
        if starts {
            let init = fmp4::init_segment(&format, &[]).map_err(|e| End::Unplayable(e.to_string()))?;
            let mime = serde_json::json!({ "mime": fmp4::mime(&format) }).to_string();
            self.offer(viewer, Chunk::Json(mime))?;
            self.offer(viewer, Chunk::Binary(init))?;
        }
        self.offer(viewer, Chunk::Binary(fragment.to_bytes()))
    }

    fn deliver_jpeg(&mut self, unit: &AccessUnit, viewer: &Addr<Viewer>) -> Result<(), End> {
        if unit.track == Track::Audio {
            return Ok(());
        }
        if !self.announced_jpeg {
            self.offer(
                viewer,
                Chunk::Json(serde_json::json!({ "mime": "image/jpeg" }).to_string()),
            )?;
            self.announced_jpeg = !self.skipping;
        }
        self.offer(viewer, Chunk::Binary(unit.data.clone()))
    }

    /// Browsers have no G.711 in MP4: such a stream is shown without its sound.
    fn playable(&mut self, format: &Arc<StreamFormat>) -> Arc<StreamFormat> {
        if let Some((known, playable)) = &self.format
            && Arc::ptr_eq(known, format)
        {
            return playable.clone();
        }
        let silent = format
            .audio
            .as_ref()
            .is_some_and(|a| matches!(a.codec, AudioCodec::Pcmu | AudioCodec::Pcma));
        let playable = match silent {
            true => Arc::new(StreamFormat {
                video: format.video.clone(),
                audio: None,
            }),
            false => format.clone(),
        };
        self.format = Some((format.clone(), playable.clone()));
        playable
    }

    /// Never waits: a full mailbox is a slow viewer, which goes on at the next RAP.
    fn offer(&mut self, viewer: &Addr<Viewer>, chunk: Chunk) -> Result<(), End> {
        if self.skipping {
            return Ok(());
        }
        match viewer.try_send(chunk) {
            Ok(()) => Ok(()),
            Err(actix::prelude::SendError::Full(_)) => {
                self.skipping = true;
                Ok(())
            }
            Err(actix::prelude::SendError::Closed(_)) => Err(End::Gone),
        }
    }
}
