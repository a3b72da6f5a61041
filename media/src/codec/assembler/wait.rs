//! Which whole units cannot be decoded and are dropped until a RAP comes. See [`crate::codec`] on
//! what a loss costs.

/// Ticks for which units are dropped while waiting for a RAP after a loss. Smart codecs send one
/// every few minutes: beyond this, artefacts are better than nothing.
const PATIENCE_AFTER_LOSS: u32 = 2 * 90_000;
/// The same at the start of a session: intra-refresh streams never send a RAP.
const PATIENCE_AT_START: u32 = 10 * 90_000;

#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    /// Units flow.
    No,
    /// Drop what is no RAP; `since`: timestamp of the first unit dropped.
    ForRap { patience: u32, since: Option<u32> },
    /// The parameter sets changed in a unit that was lost: nothing decodes before the next RAP.
    ForParameterSets,
}

impl Wait {
    pub(super) fn at_start() -> Self {
        Wait::ForRap {
            patience: PATIENCE_AT_START,
            since: None,
        }
    }

    pub(super) fn rap_lost(&mut self, timestamp: u32) {
        if matches!(self, Wait::No) {
            *self = Wait::ForRap {
                patience: PATIENCE_AFTER_LOSS,
                since: Some(timestamp),
            };
        }
    }

    pub(super) fn sets_lost(&mut self) {
        *self = Wait::ForParameterSets;
    }

    /// Whether a whole unit is handed out, which ends the wait.
    pub(super) fn passes(&mut self, timestamp: u32, rap: bool) -> bool {
        if !rap {
            match self {
                Wait::No => {}
                Wait::ForParameterSets => return false,
                Wait::ForRap { patience, since } => {
                    let since = *since.get_or_insert(timestamp);
                    // A jump either way ends the wait.
                    if (timestamp.wrapping_sub(since) as i32).unsigned_abs() < *patience {
                        return false;
                    }
                }
            }
        }
        *self = Wait::No;
        true
    }
}
