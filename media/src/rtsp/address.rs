//! Addresses inside a session: base, aggregate and track control (RFC 2326 C.1.1), redirects.

use url::Url;

use super::message::Headers;

/// The address that control attributes are relative to: what the DESCRIBE answer says, else what
/// was asked for.
pub fn base(asked: &Url, answer: &Headers) -> String {
    for name in ["Content-Base", "Content-Location"] {
        let Some(value) = answer.get(name).map(str::trim).filter(|v| !v.is_empty()) else {
            continue;
        };
        if is_absolute(value) {
            return without_user_info(value);
        }
        if let Ok(url) = asked.join(value) {
            return url.into();
        }
    }
    asked.to_string()
}

/// A control attribute, absolute: `*` or nothing is the base itself.
///
/// A relative one is appended after a slash, query string or not, as the clients do that cameras
/// are tested with; see [`before_query`].
pub fn control(base: &str, attribute: Option<&str>) -> String {
    match attribute.map(str::trim) {
        None | Some("" | "*") => base.to_owned(),
        Some(text) if is_absolute(text) => without_user_info(text),
        Some(text) => append(base, text),
    }
}

/// The other reading of a relative control attribute, where the base has a query string.
pub fn before_query(base: &str, attribute: Option<&str>) -> Option<String> {
    let text = attribute
        .map(str::trim)
        .filter(|t| !t.is_empty() && *t != "*" && !is_absolute(t))?;
    let (path, query) = base.split_once('?')?;
    Some(format!("{}?{query}", append(path, text)))
}

/// Where a redirect leads; `None` when that is no address of plain RTSP.
pub fn redirect(from: &Url, location: &str) -> Option<Url> {
    let mut to = from.join(location.trim()).ok()?;
    if to.scheme() != "rtsp" || to.host().is_none() {
        return None;
    }
    // Neither credentials of ours nor somebody else's travel in an address.
    to.set_username("").ok()?;
    to.set_password(None).ok()?;
    Some(to)
}

fn append(base: &str, text: &str) -> String {
    let text = text.trim_start_matches('/');
    if base.ends_with('/') {
        format!("{base}{text}")
    } else {
        format!("{base}/{text}")
    }
}

fn is_absolute(text: &str) -> bool {
    text.get(..7).is_some_and(|s| s.eq_ignore_ascii_case("rtsp://"))
        || text.get(..8).is_some_and(|s| s.eq_ignore_ascii_case("rtsps://"))
}

fn without_user_info(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            let _ = (url.set_username(""), url.set_password(None));
            url.into()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn control_attributes_of_many_makers() {
        for (base, attribute, expected) in [
            ("rtsp://h/s", Some("*"), "rtsp://h/s"),
            ("rtsp://h/s", None, "rtsp://h/s"),
            ("rtsp://h/s/", Some("trackID=1"), "rtsp://h/s/trackID=1"),
            ("rtsp://h/s", Some("/trackID=1"), "rtsp://h/s/trackID=1"),
            ("rtsp://h/s?c=1", Some("track1?x=2"), "rtsp://h/s?c=1/track1?x=2"),
            ("rtsp://h/s", Some("RTSP://u:p@h/t"), "rtsp://h/t"),
        ] {
            assert_eq!(control(base, attribute), expected);
        }
        assert_eq!(
            before_query("rtsp://h/s?c=1", Some("t")).as_deref(),
            Some("rtsp://h/s/t?c=1")
        );
        assert_eq!(before_query("rtsp://h/s", Some("t")), None);
    }

    #[test]
    fn redirects_never_leave_plain_rtsp_nor_carry_credentials() {
        let from = Url::parse("rtsp://h:1/a/b").unwrap();
        assert_eq!(
            redirect(&from, "rtsp://u:p@other:5/c").unwrap().as_str(),
            "rtsp://other:5/c"
        );
        assert_eq!(redirect(&from, "/c").unwrap().as_str(), "rtsp://h:1/c");
        assert_eq!(redirect(&from, "http://other/"), None);
    }
}
