//! A request with a body has a time to be there whole: one that never ends holds a connection.

use std::time::Duration;

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
};

use crate::problem::Problem;

/// For reading the body and for the answer to it.
const WITH_BODY: Duration = Duration::from_secs(20);

/// For `middleware::from_fn`.
pub async fn for_bodies(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if *request.method() == Method::GET {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    match tokio::time::timeout(WITH_BODY, next.call(request)).await {
        Ok(answer) => answer.map(ServiceResponse::map_into_boxed_body),
        Err(_) => Err(Problem::Slow(WITH_BODY).into()),
    }
}
