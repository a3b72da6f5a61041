//! The directory of configured cameras: who reads it never waits for an actor.

use std::sync::Arc;

use arc_swap::ArcSwap;
use vigie_config::{CameraId, StreamId};
use vigie_media::hub::Hub;

use crate::{camera::CameraHandle, stream::StreamHandle};

/// All cameras in the order of the configuration.
#[derive(Default)]
pub struct Cameras(ArcSwap<Vec<Arc<CameraHandle>>>);

impl Cameras {
    pub fn all(&self) -> Arc<Vec<Arc<CameraHandle>>> {
        self.0.load_full()
    }

    pub fn get(&self, id: &CameraId) -> Option<Arc<CameraHandle>> {
        self.0.load().iter().find(|c| c.config().id == *id).cloned()
    }

    pub fn stream(&self, id: &StreamId) -> Option<Arc<StreamHandle>> {
        self.get(&id.camera)?.streams.get(&id.stream).cloned()
    }

    pub fn hub(&self, id: &StreamId) -> Option<Arc<Hub>> {
        self.stream(id).map(|s| s.hub.clone())
    }

    pub fn replace_all(&self, cameras: Vec<Arc<CameraHandle>>) {
        self.0.store(Arc::new(cameras));
    }
}
