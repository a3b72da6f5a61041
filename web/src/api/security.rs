//! How the description of the API says that nearly everything needs a sign-in.

use utoipa::{
    Modify,
    openapi::{
        OpenApi, RefOr, Response, ResponseBuilder,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    cookie,
    rights::{self, Need},
};

const SCHEMES: [&str; 3] = ["basic", "bearer", "session"];

/// Names the ways to sign in, and what becomes of requests without.
pub struct SignIn;

impl Modify for SignIn {
    fn modify(&self, openapi: &mut OpenApi) {
        let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookie::NAME)));
        let components = openapi.components.get_or_insert_default();
        let schemes = [http(HttpAuthScheme::Basic), http(HttpAuthScheme::Bearer), cookie];
        for (name, scheme) in SCHEMES.into_iter().zip(schemes) {
            components.add_security_scheme(name, scheme);
        }
        for (path, item) in &mut openapi.paths.paths {
            let operations = [
                ("GET", &mut item.get),
                ("PUT", &mut item.put),
                ("POST", &mut item.post),
                ("DELETE", &mut item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                if rights::need(method, path) == Some(Need::Nobody) {
                    continue;
                }
                guard(operation);
            }
        }
    }
}

fn guard(operation: &mut Operation) {
    let empty: [&str; 0] = [];
    operation.security = Some(SCHEMES.map(|name| SecurityRequirement::new(name, empty)).into());
    for (status, text) in [("401", "not signed in"), ("403", "not this user's to ask")] {
        let answer: RefOr<Response> = ResponseBuilder::new().description(text).build().into();
        operation.responses.responses.entry(status.into()).or_insert(answer);
    }
}
