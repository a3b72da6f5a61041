//! What the binding of the RTSP server has no accessor for.
#![allow(unsafe_code)] // each function reads fields or strings of a structure that its argument keeps alive

use std::{
    ffi::{CStr, CString, c_char},
    net::IpAddr,
    ptr,
};

use gstreamer_rtsp_server::{
    self as rtsp, RTSPClient, RTSPContext,
    glib::{self, translate::ToGlibPtr},
    gst_rtsp::{self, RTSPAuthParam},
};

/// The value of a parameter if it has this name.
pub(super) fn value_of(param: &RTSPAuthParam, name: &CStr) -> Option<String> {
    let param: *const gst_rtsp::ffi::GstRTSPAuthParam = param.to_glib_none().0;
    // SAFETY: the binding has no accessor for these two fields. `param` is borrowed, so the
    // structure lives; its strings are NUL-terminated or null (gst_rtsp_message_parse_auth_credentials).
    unsafe {
        let (key, value) = ((*param).name, (*param).value);
        if key.is_null() || value.is_null() || CStr::from_ptr(key) != name {
            return None;
        }
        CStr::from_ptr(value).to_str().ok().map(str::to_owned)
    }
}

/// Where the request comes from.
pub(super) fn peer(context: &RTSPContext) -> Option<IpAddr> {
    address_of(context.client()?)
}

/// Where a client is.
pub(super) fn address_of(client: &RTSPClient) -> Option<IpAddr> {
    // SAFETY: the client is borrowed, and keeps its connection and that its text for as long; both
    // may be null.
    let ip = unsafe {
        let connection = rtsp::ffi::gst_rtsp_client_get_connection(client.to_glib_none().0);
        if connection.is_null() {
            return None;
        }
        text(gst_rtsp::ffi::gst_rtsp_connection_get_ip(connection))?
    };
    read(&ip)
}

/// An address of a link names the link too: `fe80::1%eth0` (RFC 4007 §11).
fn read(ip: &str) -> Option<IpAddr> {
    let address = ip.split_once('%').map_or(ip, |(address, _)| address);
    address.parse().ok()
}

/// Whether the answer of a Digest was made with this HA1, for whatever nonce (RFC 2617, 3.2.2.1).
pub(super) fn is_made_with(context: &RTSPContext, params: &[RTSPAuthParam], ha1: &str) -> bool {
    let param = |name| params.iter().find_map(|param| value_of(param, name));
    let as_c = |text: Option<String>| CString::new(text?).ok();
    let (Some(uri), Some(nonce), Some(response)) = (as_c(param(c"uri")), as_c(param(c"nonce")), param(c"response"))
    else {
        return false;
    };
    let (Some(request), Ok(ha1)) = (context.request(), CString::new(ha1)) else {
        return false;
    };
    let mut method = 0;
    // SAFETY: the request is borrowed; what is not asked for may be null. All texts given are
    // NUL-terminated, no algorithm is MD5, and the answer is the caller's to free.
    let expected = unsafe {
        let request: *mut gst_rtsp::ffi::GstRTSPMessage = request.to_glib_none().0;
        let none = ptr::null_mut();
        gst_rtsp::ffi::gst_rtsp_message_parse_request(request, &mut method, ptr::null_mut(), none);
        let made = gst_rtsp::ffi::gst_rtsp_generate_digest_auth_response_from_md5(
            ptr::null(),
            gst_rtsp::ffi::gst_rtsp_method_as_text(method),
            ha1.as_ptr(),
            uri.as_ptr(),
            nonce.as_ptr(),
        );
        let expected = text(made);
        glib::ffi::g_free(made.cast());
        expected
    };
    expected.is_some_and(|expected| expected.eq_ignore_ascii_case(&response))
}

/// # Safety
/// `text` is null, or NUL-terminated and valid during the call.
unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_links_are_addresses() {
        for (text, expected) in [
            ("192.0.2.7", Some("192.0.2.7")),
            ("2001:db8::7", Some("2001:db8::7")),
            ("fe80::7%eth0", Some("fe80::7")),
            ("", None),
            ("%eth0", None),
        ] {
            assert_eq!(read(text), expected.and_then(|text| text.parse().ok()), "{text}");
        }
    }
}
