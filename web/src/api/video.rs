//! Footage of any range as one MP4, with Range requests (RFC 9110 §14).

use std::{io::Read, ops::Range};

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use serde::Deserialize;
use vigie_actors::Recorder;
use vigie_config::{Kind, StreamId};
use vigie_storage::clip::{Clip, ClipError, ClipReader};

use super::{blocking, known_camera, span, stream_name};
use crate::{arrival, problem::Problem, sign_in::Viewer};

/// One piece of the body; what a slow client costs in memory is a few of these.
const PIECE: usize = 256 << 10;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct VideoQuery {
    /// `main` (default) or `sub`
    stream: Option<String>,
    /// RFC 3339
    from: String,
    /// RFC 3339; in the future: up to the newest stored access unit
    to: String,
    /// As a file to keep: needs `export` instead of `playback`
    download: Option<bool>,
}

/// Footage as one MP4
///
/// Media time is wall-clock time: over a gap the last picture stays. `Content-Location` names the
/// resolved times.
#[utoipa::path(get, path = "/api/v1/cameras/{id}/video.mp4", params(("id" = String, Path), VideoQuery),
    responses((status = 200, content_type = "video/mp4"), (status = 206, content_type = "video/mp4"),
              (status = 404, body = crate::problem::ProblemDocument), (status = 409, body = crate::problem::ProblemDocument)))]
#[get("/api/v1/cameras/{id}/video.mp4")]
pub async fn video(
    viewer: Viewer,
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<VideoQuery>,
    recorder: web::Data<Recorder>,
) -> Result<HttpResponse, Problem> {
    let camera = known_camera(&recorder, &viewer, &id)?;
    let stream = StreamId::new(camera, stream_name(query.stream.as_deref())?);
    let (from, to) = span(&query.from, &query.to)?;
    let asked = stream.clone();
    let clip = blocking(move || recorder.storage().clip(&asked, from, to))
        .await?
        .map_err(no_clip)?;
    let (from, to) = clip.resolved();
    let location = format!(
        "{}/api/v1/cameras/{}/video.mp4?stream={}&from={from}&to={to}",
        arrival::of(&request).base,
        stream.camera,
        stream.stream
    );
    let mut answer = answer(&request, clip, location);
    if query.download == Some(true) {
        // Of letters, digits, - and _ only.
        let file = format!(
            "attachment; filename=\"{}-{}.mp4\"",
            stream.camera,
            from.strftime("%Y%m%dT%H%M%SZ")
        );
        if let Ok(file) = file.parse() {
            answer.headers_mut().insert(header::CONTENT_DISPOSITION, file);
        }
    }
    Ok(answer)
}

/// Why footage cannot be had.
pub(super) fn no_clip(error: ClipError) -> Problem {
    match error {
        ClipError::NoFootage { .. } => Problem::NoFootage(error.to_string()),
        ClipError::MixedFormats { cuts, .. } => Problem::MixedFormats { cut_at: cuts },
        other => Problem::of_kind(other.kind(), other),
    }
}

fn answer(request: &HttpRequest, clip: Clip, location: String) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|v| v.to_str().ok());
    let etag = clip.etag().to_string();
    let head = |status| {
        let mut answer = HttpResponse::build(status);
        answer
            .content_type("video/mp4")
            .insert_header((header::ACCEPT_RANGES, "bytes"))
            .insert_header((header::ETAG, etag.clone()))
            .insert_header((header::CACHE_CONTROL, "private, no-cache"))
            .insert_header((header::CONTENT_LOCATION, location.clone()));
        answer
    };
    if header(header::IF_NONE_MATCH).is_some_and(|known| known.split(',').any(|t| t.trim() == etag)) {
        return head(StatusCode::NOT_MODIFIED).finish();
    }
    // A range of something that has changed since is answered with the whole (RFC 9110 §13.1.5).
    let current = header(header::IF_RANGE).is_none_or(|known| known.trim() == etag);
    let asked = header(header::RANGE)
        .filter(|_| current)
        .map(|text| byte_range(text, clip.len()));
    match asked {
        Some(Asked::Unsatisfiable) => head(StatusCode::RANGE_NOT_SATISFIABLE)
            .insert_header((header::CONTENT_RANGE, format!("bytes */{}", clip.len())))
            .finish(),
        Some(Asked::Range(range)) => {
            let shown = format!("bytes {}-{}/{}", range.start, range.end - 1, clip.len());
            let len = range.end - range.start;
            head(StatusCode::PARTIAL_CONTENT)
                .insert_header((header::CONTENT_RANGE, shown))
                .no_chunking(len)
                .streaming(body(clip.reader(range)))
        }
        Some(Asked::Whole) | None => {
            let len = clip.len();
            head(StatusCode::OK)
                .no_chunking(len)
                .streaming(body(clip.reader(0..len)))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Range(Range<u64>),
    /// Several ranges, or a unit we do not know: RFC 9110 §14.2 lets a server ignore these.
    Whole,
    Unsatisfiable,
}

fn byte_range(text: &str, len: u64) -> Asked {
    let Some(spec) = text.trim().strip_prefix("bytes=") else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return Asked::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    if spec.contains(',') {
        return Asked::Whole;
    }
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(len),
        (Ok(first), Err(_)) if last.is_empty() => first..len,
        (Err(_), Ok(suffix)) if first.is_empty() => len.saturating_sub(suffix)..len,
        _ => return Asked::Whole,
    };
    if range.start >= range.end {
        Asked::Unsatisfiable
    } else {
        Asked::Range(range)
    }
}

/// Reads on a blocking thread, one piece ahead of the client at most.
fn body(reader: ClipReader) -> impl stream::Stream<Item = Result<Bytes, actix_web::Error>> {
    stream::try_unfold(reader, |reader| async move {
        let read = web::block(move || read_piece(reader)).await?;
        let (piece, reader) = read.inspect_err(|error| tracing::warn!(%error, "a clip ended early"))?;
        Ok((!piece.is_empty()).then_some((piece, reader)))
    })
}

fn read_piece(mut reader: ClipReader) -> std::io::Result<(Bytes, ClipReader)> {
    let mut piece = BytesMut::zeroed(PIECE);
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest)? {
            0 => break,
            n => filled += n,
        }
    }
    piece.truncate(filled);
    Ok((piece.freeze(), reader))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_clients_write_them() {
        assert_eq!(byte_range("bytes=0-99", 1000), Asked::Range(0..100));
        assert_eq!(byte_range("bytes=500-", 1000), Asked::Range(500..1000));
        assert_eq!(byte_range("bytes=-100", 1000), Asked::Range(900..1000));
        assert_eq!(byte_range("bytes=-5000", 1000), Asked::Range(0..1000));
        assert_eq!(byte_range("bytes=900-5000", 1000), Asked::Range(900..1000));
        assert_eq!(byte_range("bytes=1000-", 1000), Asked::Unsatisfiable);
        assert_eq!(byte_range("bytes=-0", 1000), Asked::Unsatisfiable);
        for whole in ["bytes=0-1,5-6", "items=0-1", "bytes=b-a", "bytes=5-2", "bytes", ""] {
            assert_eq!(byte_range(whole, 1000), Asked::Whole, "{whole}");
        }
    }
}
