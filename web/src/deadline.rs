//! A request's body has a time to be there whole: one that never ends holds a connection. What the
//! recorder does once it has it takes as long as it takes.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, RequestHead, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::{
        Method,
        header::{TRANSFER_ENCODING, UPGRADE},
    },
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
    if !opens_a_socket(request.head()) {
        match request.take_payload() {
            Payload::None => {}
            payload => {
                unread.replace(Some(payload));
                let deadline = Box::pin(tokio::time::sleep(WITHIN));
                let body = unread.clone();
                let body: Pin<Box<dyn Stream<Item = _>>> = Box::pin(Timed { body, deadline });
                request.set_payload(Payload::from(body));
            }
        }
    }
    let answer = next.call(request).await?;
    Ok(answer.map_body(|_, body| Answered {
        body: body.boxed(),
        _unread: unread,
    }))
}

/// A WebSocket (RFC 6455 §4.1): what follows the head is no body, and has no end.
fn opens_a_socket(head: &RequestHead) -> bool {
    let protocol = head.headers.get(UPGRADE).and_then(|value| value.to_str().ok());
    let has_body = head.headers.contains_key(TRANSFER_ENCODING);
    let is_websocket = protocol.is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"));
    head.method == Method::GET && head.upgrade() && is_websocket && !has_body
}

/// A body that fails when its time is over.
struct Timed {
    body: Unread,
    deadline: Pin<Box<Sleep>>,
}

impl Stream for Timed {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // First: a body that always has more leaves no other time for it.
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(PayloadError::Io(std::io::ErrorKind::TimedOut.into()))));
        }
        let read = match self.body.borrow_mut().as_mut() {
            Some(body) => Pin::new(body).poll_next(context),
            None => Poll::Ready(None),
        };
        if matches!(read, Poll::Ready(None)) {
            self.body.replace(None);
        }
        read
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;
    use futures_util::{StreamExt, stream};

    use super::*;

    /// That always has more, read by somebody who takes all of it.
    #[actix_web::test]
    async fn a_body_that_never_falls_silent_ends_too() {
        let endless = stream::repeat_with(|| Ok(Bytes::from_static(b"x")));
        let endless: Pin<Box<dyn Stream<Item = _>>> = Box::pin(endless);
        let mut timed = Timed {
            body: Rc::new(RefCell::new(Some(Payload::from(endless)))),
            deadline: Box::pin(tokio::time::sleep(Duration::ZERO)),
        };
        let mut chunks = 0;
        let error = loop {
            match timed.next().await.unwrap() {
                Ok(_) => chunks += 1,
                Err(error) => break error,
            }
            assert!(chunks < 10_000, "read on and on");
            tokio::task::yield_now().await;
        };
        assert!(is_over(&error), "{error}");
    }

    #[test]
    fn what_opens_a_socket() {
        const SOCKET: [(&str, &str); 2] = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")];
        let opens = |method: Method, headers: &[(&'static str, &'static str)]| {
            let request = TestRequest::default().method(method);
            let request = headers
                .iter()
                .fold(request, |request, header| request.append_header(*header));
            opens_a_socket(request.to_http_request().head())
        };
        assert!(opens(Method::GET, &SOCKET));
        assert!(!opens(Method::POST, &SOCKET));
        assert!(!opens(Method::GET, &SOCKET[..1]) && !opens(Method::GET, &SOCKET[1..]));
        let with_body = [&SOCKET[..], &[("transfer-encoding", "chunked")]].concat();
        assert!(!opens(Method::GET, &with_body));
        let other = [("connection", "upgrade"), ("upgrade", "h2c")];
        assert!(!opens(Method::GET, &other));
    }
}
