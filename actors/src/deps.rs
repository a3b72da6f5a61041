//! What the branches of the tree are given: shared services that outlive every actor.

use std::sync::Arc;

use vigie_media::source::Ingest;
use vigie_storage::Storage;

use crate::{clock::ClockWatch, disks::Disks, motion::MotionRules, registry::Events, site::Site};

#[derive(Clone)]
pub struct Deps {
    pub events: Events,
    pub ingest: Arc<Ingest>,
    pub storage: Arc<Storage>,
    pub disks: Arc<Disks>,
    pub clock: Arc<ClockWatch>,
    pub site: Arc<Site>,
    pub motion_rules: Arc<MotionRules>,
}
