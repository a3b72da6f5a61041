//! The front end: files built by Vite, inside the binary. A binary built without them serves a
//! page that says how to build them.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    http::{Method, header},
    middleware, web,
};
use rust_embed::Embed;

use crate::{api, arrival, problem::Problem};

#[derive(Embed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Vigie</title>\
<h1>Vigie is running, without its pages</h1>\
<p>This binary was built without the front end. Build it with <code>make ui</code>, then build Vigie again \
(<code>make build</code> does both).</p>\
<p>The API works: <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p></html>";

pub fn routes(config: &mut web::ServiceConfig) {
    config.default_service(web::to(serve).wrap(middleware::Compress::default()));
}

async fn serve(request: HttpRequest) -> impl Responder {
    let asked = request.path();
    let allow = api::methods(asked);
    if allow.is_some() || *request.method() != Method::GET {
        return Err(Problem::MethodNotAllowed {
            path: asked.chars().take(200).collect(),
            allow: allow.unwrap_or_else(|| "GET, HEAD".into()),
        });
    }
    let path = asked.trim_start_matches('/');
    if path.starts_with("api/") || path == "metrics" {
        return Err(Problem::NotFound(asked.to_string()));
    }
    if let Some(file) = Files::get(path) {
        return Ok(answer(&request, path, file));
    }
    // Addresses of the pages themselves, e.g. /cameras/gate: the front end finds its way.
    if path.rsplit('/').next().is_some_and(|last| last.contains('.')) {
        return Err(Problem::NotFound(request.path().to_string()));
    }
    Ok(match Files::get("index.html") {
        Some(file) => answer(&request, "index.html", below(file, &arrival::of(&request).base)),
        None => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .body(NOT_BUILT),
    })
}

/// The front page says where everything is: `<base>` stands in it, for a recorder at the top of its address.
fn below(mut file: rust_embed::EmbeddedFile, base: &str) -> rust_embed::EmbeddedFile {
    if !base.is_empty() {
        let page = String::from_utf8_lossy(&file.data);
        let moved = page.replacen("<base href=\"/\"", &format!("<base href=\"{base}/\""), 1);
        file.data = moved.into_bytes().into();
    }
    file
}

fn answer(request: &HttpRequest, path: &str, file: rust_embed::EmbeddedFile) -> HttpResponse {
    let digest = hex::encode(file.metadata.sha256_hash().get(..16).unwrap_or_default());
    let etag = format!("\"{digest}{}\"", arrival::of(request).base);
    // Vite puts a hash into the names below assets/.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok());
    if known == Some(etag.as_str()) {
        return HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish();
    }
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    HttpResponse::Ok()
        .content_type(kind.as_ref())
        .insert_header((header::ETAG, etag))
        .insert_header((header::CACHE_CONTROL, cache))
        .body(file.data.into_owned())
}
