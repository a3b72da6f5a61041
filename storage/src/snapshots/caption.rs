//! What a stored JPEG says of itself, in a comment segment (ITU-T T.81 B.2.4.5): the file tells
//! where it comes from wherever it is copied to.

use ulid::Ulid;
use vigie_config::{StreamId, Utc};

use crate::uuid::RecorderId;

const FIRST_LINE: &str = "vigie snapshot 1";
const SOI: [u8; 2] = [0xff, 0xd8];
const EOI: [u8; 2] = [0xff, 0xd9];
const COM: u8 = 0xfe;
const APP0: u8 = 0xe0;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    pub recorder: RecorderId,
    pub stream: StreamId,
    /// When the picture began to be shown.
    pub at: Utc,
    pub event: Option<Ulid>,
    /// Who took it by hand.
    pub by: Option<String>,
}

impl Caption {
    fn text(&self) -> String {
        let mut text = format!(
            "{FIRST_LINE}\nrecorder={}\nstream={}\ntime={}\n",
            self.recorder, self.stream, self.at
        );
        if let Some(event) = self.event {
            text += &format!("event={event}\n");
        }
        if let Some(by) = &self.by {
            text += &format!("by={}\n", by.replace(['\r', '\n'], " "));
        }
        text
    }

    /// Of a JPEG that a recorder stored; `None`: it says nothing of the kind.
    pub fn read(jpeg: &[u8]) -> Option<Caption> {
        let text = comment(jpeg)?;
        let mut lines = text.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let value = |key: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let (camera, stream) = value("stream")?.split_once('/')?;
        Some(Caption {
            recorder: value("recorder")?.parse().ok()?,
            stream: crate::layout::parse_stream(camera, stream)?,
            at: value("time")?.parse().ok()?,
            event: value("event").and_then(|event| event.parse().ok()),
            by: value("by").map(str::to_owned),
        })
    }

    /// The JPEG with this caption, ending where its picture does; `None`: it is no JPEG.
    pub fn onto(&self, jpeg: &[u8]) -> Option<Vec<u8>> {
        let rest = jpeg.strip_prefix(&SOI)?;
        // JFIF wants its own segment to be the first.
        let split = match segment(jpeg, SOI.len()) {
            Some((APP0, next)) if next <= jpeg.len() => next - SOI.len(),
            _ => 0,
        };
        let (first, picture) = rest.split_at_checked(split)?;
        // Cameras leave the end out, or pad behind it.
        let end = picture.windows(2).rposition(|two| two == EOI);
        let picture = end.map_or(picture, |end| picture.get(..end).unwrap_or(picture));
        let text = self.text();
        let length = u16::try_from(text.len() + 2).ok()?;
        let comment = [&[0xff, COM][..], &length.to_be_bytes(), text.as_bytes()].concat();
        Some([&SOI[..], first, &comment, picture, &EOI].concat())
    }
}

/// The segment at `at`: its marker, and where the next one begins.
fn segment(jpeg: &[u8], at: usize) -> Option<(u8, usize)> {
    let [0xff, marker, high, low] = *jpeg.get(at..)?.first_chunk::<4>()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    Some((marker, at + 2 + length.max(2)))
}

/// The first comment before the picture itself.
fn comment(jpeg: &[u8]) -> Option<&str> {
    let mut at = SOI.len();
    loop {
        let (marker, next) = segment(jpeg, at)?;
        match marker {
            COM => return std::str::from_utf8(jpeg.get(at + 4..next)?).ok(),
            // SOS: the picture begins.
            0xda => return None,
            _ => at = next,
        }
    }
}

/// It has its beginning and its end: a power cut leaves files without.
pub(crate) fn is_whole(jpeg: &[u8]) -> bool {
    jpeg.starts_with(&SOI) && jpeg.ends_with(&EOI)
}
