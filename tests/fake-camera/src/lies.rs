//! What a camera does wrong, on purpose. Everything is off by default.

use serde::{Deserialize, Serialize};

/// Standing misbehaviour of one camera. One-time events (dying, a jump, a new SSRC) are methods
/// of [`crate::FakeCameras`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lies {
    /// Accepts connections and never answers a request.
    pub accept_silent: bool,
    /// Answers PLAY and sends no media; switched on later: media stops, the connection stays.
    pub silent_after_play: bool,
    /// Refuses every credential.
    pub always_401: bool,
    /// Knows no stream.
    pub always_404: bool,
    /// No `sprop-…` in the SDP.
    pub no_parameter_sets_in_sdp: bool,
    /// No parameter sets in the stream.
    pub no_parameter_sets_in_band: bool,
    /// Timestamps run this much too fast (parts per million).
    pub drift_ppm: f64,
    /// Packets that are never sent (their sequence numbers are used up).
    pub loss_percent: f64,
    /// Packets sent after their successor.
    pub reorder_percent: f64,
    /// Packets sent twice.
    pub duplicate_percent: f64,
    /// Packets with a few payload bytes overwritten.
    pub corrupt_percent: f64,
    /// TCP: access units followed by bytes that belong to no frame.
    pub garbage_percent: f64,
    /// TCP: no more than so many bytes a second leave; the rest waits in memory.
    pub trickle_bytes_per_s: Option<u64>,
    /// Media before the answer to PLAY.
    pub data_before_play_reply: bool,
    /// `a=control:` as whole URLs.
    pub absolute_control: bool,
    /// No `Content-Base` in the answer to DESCRIBE.
    pub no_content_base: bool,
    /// The marker bit is never set.
    pub no_markers: bool,
    /// Starts in the middle of a GOP instead of at a random access point.
    pub start_mid_gop: bool,
    /// Its wall clock, as sender reports tell it, is so far ahead.
    pub clock_ahead_s: i64,
    /// No RTCP sender reports.
    pub no_sender_reports: bool,
}

impl Lies {
    /// Something happens to single packets, so the buffer cannot be sent as it is.
    pub(crate) fn touch_packets(&self) -> bool {
        self.loss_percent > 0.0
            || self.reorder_percent > 0.0
            || self.duplicate_percent > 0.0
            || self.corrupt_percent > 0.0
            || self.garbage_percent > 0.0
    }
}
