//! What requests say in queries, headers and small bodies, read and refused alike on every route.

use actix_web::{HttpRequest, error::PayloadError, http::header::HeaderName, web};
use vigie_config::{StreamName, Utc};

use crate::problem::Problem;

/// A body of a few words.
pub(crate) async fn small(body: web::Payload, most: usize) -> Result<web::Bytes, Problem> {
    let bytes = body.to_bytes_limited(most).await;
    let bytes = bytes.map_err(|_| Problem::BadRequest(format!("more than {most} bytes")))?;
    bytes.map_err(|error| match error.as_error::<PayloadError>() {
        Some(error) => Problem::unread(error),
        None => Problem::BadRequest(error.to_string()),
    })
}

/// The tag in such a header; `None` also for `*`.
pub fn tag_of(request: &HttpRequest, header: HeaderName) -> Option<String> {
    let value = request.headers().get(header)?.to_str().ok()?;
    let tag = value.trim().trim_start_matches("W/").trim_matches('"');
    (tag != "*").then(|| tag.to_owned())
}

/// `main` when not given.
pub(crate) fn stream_name(text: Option<&str>) -> Result<StreamName, Problem> {
    text.unwrap_or("main").parse().map_err(|_| {
        Problem::BadRequest(format!(
            "stream: {:?} is neither main nor sub",
            text.unwrap_or_default()
        ))
    })
}

/// A span that a query must name.
pub fn span(from: &str, to: &str) -> Result<(Utc, Utc), Problem> {
    let (Some(from), Some(to)) = (time("from", Some(from))?, time("to", Some(to))?) else {
        return Err(Problem::BadRequest("from and to are needed".into()));
    };
    match from < to {
        true => Ok((from, to)),
        false => Err(Problem::BadRequest(format!("from {from} is not before to {to}"))),
    }
}

/// What a query lists with commas between.
pub fn list_of<T, E: std::fmt::Display>(
    name: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, Problem> {
    let words = text.into_iter().flat_map(|text| text.split(',')).map(str::trim);
    let words = words.filter(|word| !word.is_empty());
    let read = |word| read(word).map_err(|error| Problem::BadRequest(format!("{name}: {error}")));
    words.map(read).collect()
}

/// One thing that a query may name.
pub fn one<T, E: std::fmt::Display>(
    name: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    let read = text.map(|text| read(text.trim()));
    read.transpose()
        .map_err(|error| Problem::BadRequest(format!("{name}: {error}")))
}

/// A time in a query, RFC 3339.
pub fn time(name: &str, text: Option<&str>) -> Result<Option<Utc>, Problem> {
    one(name, text, str::parse::<Utc>)
}
