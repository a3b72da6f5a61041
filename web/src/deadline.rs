//! A request's body has a time to be there whole: one that never ends holds a connection. What the
//! recorder does once it has it takes as long as it takes.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
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

/// A body that its handler may leave unread; `None` once it is at its end.
type Unread = Rc<RefCell<Option<Payload>>>;

/// For `middleware::from_fn`.
pub async fn for_bodies<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Answered>, Error> {
    let unread = Unread::default();
    if *request.method() != Method::GET {
        unread.replace(Some(request.take_payload()));
        let deadline = Box::pin(tokio::time::sleep(WITHIN));
        let body = unread.clone();
        let body: Pin<Box<dyn Stream<Item = _>>> = Box::pin(Timed { body, deadline });
        request.set_payload(Payload::from(body));
    }
    let answer = next.call(request).await?;
    Ok(answer.map_body(|_, body| Answered {
        body: body.boxed(),
        _unread: unread,
    }))
}

/// A body that fails when its time is over.
struct Timed {
    body: Unread,
    deadline: Pin<Box<Sleep>>,
}

impl Stream for Timed {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let read = match self.body.borrow_mut().as_mut() {
            Some(body) => Pin::new(body).poll_next(context),
            None => Poll::Ready(None),
        };
        if let Poll::Ready(chunk) = read {
            if chunk.is_none() {
                self.body.replace(None);
            }
            return Poll::Ready(chunk);
        }
        ready!(self.deadline.as_mut().poll(context));
        Poll::Ready(Some(Err(PayloadError::Io(std::io::ErrorKind::TimedOut.into()))))
    }
}

/// An answer that keeps what was not read of the question: actix hangs up on that, but reads on for as
/// long as it comes in pieces (RFC 9112, 7.1) if nobody has it any more.
pub struct Answered {
    body: BoxBody,
    _unread: Unread,
}

impl MessageBody for Answered {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// Whether that is why a body could not be read.
pub fn is_over(error: &PayloadError) -> bool {
    matches!(error, PayloadError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut)
}
