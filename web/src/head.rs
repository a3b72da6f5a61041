//! HEAD is GET without the body (RFC 9110 §9.3.2): the same handlers, and nothing is read for it.

use actix_web::{
    Error,
    body::{BodySize, BodyStream, BoxBody, MessageBody, SizedStream},
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
};
use futures_util::stream;

/// For `middleware::from_fn`.
pub async fn as_get(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let head = *request.method() == Method::HEAD;
    if head {
        request.head_mut().method = Method::GET;
    }
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| if head { without(body.size()) } else { body.boxed() }))
}

/// A body that says its size and has nothing in it.
fn without(size: BodySize) -> BoxBody {
    let nothing = || stream::empty::<Result<bytes::Bytes, Error>>();
    match size {
        BodySize::None => ().boxed(),
        BodySize::Sized(len) => SizedStream::new(len, nothing()).boxed(),
        BodySize::Stream => BodyStream::new(nothing()).boxed(),
    }
}
