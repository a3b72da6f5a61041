//! Fragments of one access unit each, for viewers that want every picture at once.

use std::sync::Arc;

use super::{Fragment, FragmentBuilder, Last};
use crate::{AccessUnit, StreamFormat, Track};

/// Turns units into fragments as they come. Units before the first video RAP are left out, for
/// there is nothing yet to place them by.
#[derive(Default)]
pub struct LiveFragments {
    line: Option<(Arc<StreamFormat>, FragmentBuilder)>,
}

impl LiveFragments {
    pub fn new() -> LiveFragments {
        LiveFragments::default()
    }

    /// The unit's format is not that of the units before it: a new init segment goes first.
    /// Also true before the first unit.
    pub fn needs_init(&self, unit: &AccessUnit) -> bool {
        match &self.line {
            Some((format, _)) => !Arc::ptr_eq(format, &unit.format) && **format != *unit.format,
            None => true,
        }
    }

    /// A fragment with this unit alone, of the duration of the unit before it. A unit under a
    /// new format begins a new time line at 0; `None` until a video RAP of the format has come.
    pub fn push(&mut self, unit: Arc<AccessUnit>) -> Option<Fragment> {
        if self.needs_init(&unit) {
            self.line = None;
            if !(unit.track == Track::Video && unit.rap) {
                return None;
            }
            self.line = Some((unit.format.clone(), FragmentBuilder::new(&unit)));
        }
        let (_, builder) = self.line.as_mut()?;
        builder.push(unit);
        builder.cut(Last::Assume)
    }
}
