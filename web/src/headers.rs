//! What every answer tells browsers: what a page may load and do, who may frame it, how to come back.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
};

use crate::arrival;

/// Nothing inline, nothing from elsewhere. Styles are set by our scripts through the object model,
/// which the policy lets pass.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; \
     object-src 'none'; frame-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
     hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), \
     autoplay=(self), fullscreen=(self), picture-in-picture=(self)";

const ALWAYS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("permissions-policy", PERMISSIONS),
    ("content-security-policy", POLICY),
    ("cross-origin-resource-policy", "same-origin"),
];

/// For `middleware::from_fn`. The outermost: refusals have them too.
pub async fn secure<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let arrival = arrival::of(response.request());
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        put(headers, name, HeaderValue::from_static(value));
    }
    if arrival.secure {
        // Browsers complain of these two in their log where the address is not encrypted.
        put(
            headers,
            "cross-origin-opener-policy",
            HeaderValue::from_static("same-origin"),
        );
        let hsts = arrival.hsts.map(|time| format!("max-age={}", time.as_secs()));
        if let Some(value) = hsts.and_then(|text| HeaderValue::try_from(text).ok()) {
            put(headers, "strict-transport-security", value);
        }
    }
    Ok(response)
}

/// What a handler said of its own answer stays.
fn put(headers: &mut HeaderMap, name: &'static str, value: HeaderValue) {
    let name = HeaderName::from_static(name);
    if !headers.contains_key(&name) {
        headers.insert(name, value);
    }
}
