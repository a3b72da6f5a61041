//! A request's body has a time to be there whole: one that never ends holds a connection. What the
//! recorder does once it has it takes as long as it takes.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::Method,
    middleware::Next,
    web::Bytes,
};
use futures_util::Stream;
use tokio::time::Sleep;

/// From the head to the last byte of the body.
pub const WITHIN: Duration = Duration::from_secs(20);

/// For `middleware::from_fn`.
pub async fn for_bodies<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if *request.method() != Method::GET {
        let body = request.take_payload();
        let deadline = Box::pin(tokio::time::sleep(WITHIN));
        let body: Pin<Box<dyn Stream<Item = _>>> = Box::pin(Timed { body, deadline });
        request.set_payload(Payload::from(body));
    }
    next.call(request).await
}

/// A body that fails when its time is over.
struct Timed {
    body: Payload,
    deadline: Pin<Box<Sleep>>,
}

impl Stream for Timed {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(chunk) = Pin::new(&mut self.body).poll_next(context) {
            return Poll::Ready(chunk);
        }
        ready!(self.deadline.as_mut().poll(context));
        Poll::Ready(Some(Err(PayloadError::Io(std::io::ErrorKind::TimedOut.into()))))
    }
}

/// Whether that is why a body could not be read.
pub fn is_over(error: &PayloadError) -> bool {
    matches!(error, PayloadError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut)
}
