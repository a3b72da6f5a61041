//! Access units out of NAL units, for H.264 and H.265: where one ends, and which to drop.
//!
//! The payload formats (`h264`, `h265`) say where NAL units begin, continue and end; this says
//! which access unit they belong to. By the RFCs the marker bit and a new timestamp end a unit.
//! Cameras break both rules, so both are checked against the order of NAL units
//! (H.264 7.4.1.2.3, H.265 7.4.2.4.4):
//!
//! - a marker on a unit without a picture (SPS, PPS, SEI alone) ends nothing;
//! - parameter sets and SEI carry over to the picture after them, whatever their timestamp;
//! - a first marker that proves wrong makes all further ones ignored;
//! - a missing marker is made up for by the next timestamp or the next picture's first NAL unit;
//! - a slice that continues a picture does so even under another timestamp.
//!
//! Every NAL unit is kept as it was sent, parameter sets included.

mod syntax;
mod wait;

use std::{collections::VecDeque, marker::PhantomData};

pub(in crate::codec) use syntax::{Inspected, Role, Syntax};
use wait::Wait;

use crate::{
    codec::{Depacketized, FormatChange, nal, unit_buffer::UnitBuffer},
    format::VideoFormat,
};

/// Larger than any picture (8K intra); what grows beyond it is not one.
const MAX_UNIT: usize = 16 * 1024 * 1024;
/// The same for what comes before the first slice.
const MAX_PREFIX: usize = 1024 * 1024;
/// State of the access unit being assembled.
#[derive(Debug, Clone, Copy, Default)]
struct Current {
    timestamp: u32,
    slices: bool,
    rap: bool,
    prefixes: bool,
    damaged: bool,
    /// Something is missing after the prefixes: perhaps the picture they belong to.
    hole: bool,
    /// Begins right after a hole: must prove to be whole by a first slice.
    after_hole: bool,
    /// Offset of the prefix NAL units that follow the last slice: the next access unit's, unless
    /// another slice of this picture comes.
    tail: Option<usize>,
    open: bool,
}

#[derive(Debug)]
pub(super) struct Assembler<S> {
    buffer: UnitBuffer,
    current: Current,
    /// Where the NAL unit being assembled begins (its length field), and the state before it.
    nal: Option<(usize, Current)>,
    /// Timestamp at which the last unit was ended by a marker, until proven right.
    ended_by_marker: Option<u32>,
    markers_lie: bool,
    /// The last packet had a marker although its NAL unit did not end with it.
    marked: bool,
    /// Start codes were seen inside NAL units: look for them everywhere.
    annex_b: bool,
    wait: Wait,
    /// The format last handed out.
    published: Option<VideoFormat>,
    ready: VecDeque<Depacketized>,
    dropped: u64,
    syntax: PhantomData<S>,
}

impl<S: Syntax> Assembler<S> {
    pub(super) fn new() -> Self {
        Self {
            buffer: UnitBuffer::default(),
            current: Current {
                after_hole: true,
                ..Current::default()
            },
            nal: None,
            ended_by_marker: None,
            markers_lie: false,
            marked: false,
            annex_b: false,
            wait: Wait::at_start(),
            published: None,
            ready: VecDeque::with_capacity(4),
            dropped: 0,
            syntax: PhantomData,
        }
    }

    pub(super) fn next(&mut self) -> Option<Depacketized> {
        self.ready.pop_front()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether something is known to be missing, so that no oddity need be told.
    pub(super) fn damaged(&self) -> bool {
        self.current.damaged || self.current.after_hole || self.current.hole
    }

    /// A hole in the sequence of packets, before what comes next.
    pub(super) fn lost(&mut self) {
        if self.current.open && (self.current.slices || self.nal.is_some()) {
            self.damage();
        } else {
            self.current.hole = self.current.open;
            self.current.after_hole = true;
        }
        self.ended_by_marker = None;
    }

    /// The unit being assembled is not whole: it will be dropped at its end.
    fn damage(&mut self) {
        if let Some((start, _)) = self.nal.take() {
            self.buffer.truncate(start);
        }
        self.marked = false;
        self.current.damaged = true;
    }

    /// A NAL unit (or a part of one) of which the beginning is missing belongs to the unit at
    /// `timestamp`: that unit is damaged. `rap`: the fragment says it is of a RAP.
    pub(super) fn orphan(&mut self, syntax: &mut S, timestamp: u32, rap: bool) {
        self.damage_at(syntax, timestamp);
        self.current.slices = true;
        self.current.rap |= rap;
    }

    /// A packet of the unit at `timestamp` cannot be read.
    pub(super) fn damage_at(&mut self, syntax: &mut S, timestamp: u32) {
        if self.current.open && self.current.timestamp != timestamp && self.current.slices {
            let tail = self.current.tail;
            self.finish(syntax, tail);
        }
        self.open(timestamp);
        self.damage();
    }

    /// A whole NAL unit. Returns false if it is foreign and was left out.
    pub(super) fn whole(&mut self, syntax: &mut S, timestamp: u32, unit: &[u8]) -> bool {
        if self.annex_b
            || starts_with_start_code(unit)
            || (S::role(unit) == Role::Prefix && nal::start_code(unit).is_some())
        {
            self.annex_b = true;
            let foreign = nal::annex_b(unit)
                .filter(|unit| !self.one(syntax, timestamp, unit))
                .count();
            return foreign == 0;
        }
        self.one(syntax, timestamp, unit)
    }

    fn one(&mut self, syntax: &mut S, timestamp: u32, unit: &[u8]) -> bool {
        if !self.begin(syntax, timestamp, unit) {
            return false;
        }
        self.append(unit);
        self.close();
        true
    }

    /// Begins a NAL unit whose first bytes are `head`, which is not stored by this call.
    /// Returns false if it is foreign.
    pub(super) fn begin(&mut self, syntax: &mut S, timestamp: u32, head: &[u8]) -> bool {
        let role = S::role(head);
        if role == Role::Foreign {
            return false;
        }
        if self.marked {
            // A last fragment that forgot its end bit.
            self.close();
            self.marker(syntax);
        } else if self.nal.is_some() {
            self.damage();
        }
        self.place(syntax, timestamp, role);
        let before = self.current;
        match role {
            Role::Slice { first, rap } => {
                if self.current.after_hole && !self.current.slices && !first {
                    self.current.damaged = true;
                }
                self.current.slices = true;
                self.current.rap |= rap;
                self.current.tail = None;
            }
            Role::Prefix => {
                self.current.prefixes = true;
                if self.current.slices {
                    self.current.tail.get_or_insert(self.buffer.len());
                }
            }
            Role::Other | Role::Foreign => {}
        }
        if !self.current.damaged {
            self.buffer.expect(self.current.rap);
            self.nal = Some((self.buffer.len(), before));
            self.buffer.append(&[0; 4]);
        }
        true
    }

    /// Decides which access unit a NAL unit goes to: ends the current one if it is not this.
    fn place(&mut self, syntax: &mut S, timestamp: u32, role: Role) {
        let continues = matches!(role, Role::Slice { first: false, .. });
        if !self.current.open {
            if continues && self.ended_by_marker == Some(timestamp) {
                self.markers_lie = true;
            }
            self.ended_by_marker = None;
            self.open(timestamp);
            return;
        }
        let c = &self.current;
        if c.timestamp != timestamp {
            if !c.slices && !c.hole && !c.damaged {
                self.current.timestamp = timestamp;
            } else if !c.slices {
                self.damage();
                self.finish(syntax, None);
                self.open(timestamp);
            } else if !continues || c.damaged {
                let tail = c.tail;
                self.finish(syntax, tail);
                self.open(timestamp);
            }
        } else if let (Some(tail), Role::Slice { first: true, .. }) = (c.tail, role) {
            self.finish(syntax, Some(tail));
            self.open(timestamp);
        } else if c.slices && S::FIRST_SLICE_SEPARATES && matches!(role, Role::Slice { first: true, .. }) {
            self.finish(syntax, None);
            self.open(timestamp);
        }
    }

    fn open(&mut self, timestamp: u32) {
        self.current.open = true;
        self.current.timestamp = timestamp;
    }

    /// The next bytes of the NAL unit begun.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if self.nal.is_none() {
            return;
        }
        self.marked = false;
        let most = if self.current.slices { MAX_UNIT } else { MAX_PREFIX };
        if self.buffer.len() + bytes.len() > most {
            self.damage();
            self.buffer.discard(self.buffer.len());
            self.current.tail = None;
            return;
        }
        self.buffer.append(bytes);
    }

    /// Ends the NAL unit begun.
    pub(super) fn close(&mut self) {
        let Some((start, _)) = self.nal.take() else {
            return;
        };
        self.marked = false;
        let length = self.buffer.len() - start - 4;
        self.buffer.overwrite(start, &(length as u32).to_be_bytes());
    }

    /// Ends a NAL unit that came in fragments: start codes inside it split it.
    pub(super) fn close_fragmented(&mut self, syntax: &mut S) {
        let Some((start, before)) = self.nal else {
            return;
        };
        let unit = self.buffer.as_slice().get(start + 4..).unwrap_or_default();
        let suspicious = self.annex_b || S::role(unit) == Role::Prefix;
        if suspicious && nal::start_code(unit).is_some() {
            self.annex_b = true;
            let unit = unit.to_vec();
            self.nal = None;
            self.buffer.truncate(start);
            self.current = before;
            let timestamp = self.current.timestamp;
            for unit in nal::annex_b(&unit) {
                self.one(syntax, timestamp, unit);
            }
        } else {
            self.close();
        }
    }

    /// The packet just taken had its marker bit set.
    pub(super) fn marker(&mut self, syntax: &mut S) {
        if self.nal.is_some() {
            self.marked = true;
        } else if self.current.slices && !self.markers_lie {
            self.ended_by_marker = Some(self.current.timestamp);
            self.finish(syntax, None);
        }
    }

    /// Ends the current unit; what stands from `tail` on becomes the beginning of the next.
    fn finish(&mut self, syntax: &mut S, tail: Option<usize>) {
        if self.nal.is_some() {
            self.damage();
        }
        let unit = self.current;
        let len = tail.unwrap_or(self.buffer.len());
        self.current = Current {
            prefixes: tail.is_some(),
            ..Current::default()
        };
        if unit.damaged {
            self.drop_damaged(syntax, unit, len);
            self.current.after_hole = tail.is_none();
            return;
        }
        if len == 0 {
            return;
        }
        let rap = if unit.rap || unit.prefixes {
            let data = self.buffer.as_slice().get(..len).unwrap_or_default();
            syntax.inspect(data, unit.rap).rap
        } else {
            false
        };
        if syntax.format().is_none() || !self.wait.passes(unit.timestamp, rap) {
            self.dropped += 1;
            self.buffer.discard(len);
            return;
        }
        let format = (rap || self.published.is_none())
            .then(|| syntax.format())
            .flatten()
            .filter(|&now| self.published.as_ref() != Some(now))
            .cloned();
        if format.is_some() {
            self.published.clone_from(&format);
        }
        self.ready.push_back(Depacketized {
            rtp_timestamp: unit.timestamp,
            data: self.buffer.take(len, rap),
            rap,
            format: format.map(FormatChange::Video),
            samples: 0,
        });
    }

    fn drop_damaged(&mut self, syntax: &mut S, unit: Current, len: usize) {
        self.dropped += 1;
        let data = self.buffer.as_slice().get(..len).unwrap_or_default();
        // Complete parameter sets are taken over: they may not come again.
        if unit.prefixes && syntax.inspect(data, unit.rap).changed {
            self.wait.sets_lost();
        } else if unit.rap {
            self.wait.rap_lost(unit.timestamp);
        }
        self.buffer.discard(len);
    }
}

fn starts_with_start_code(unit: &[u8]) -> bool {
    unit.starts_with(&[0, 0, 1]) || unit.starts_with(&[0, 0, 0, 1])
}
