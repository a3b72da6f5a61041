//! The HTTP client of everything that calls out: alarm outputs, and what is told to others.

use std::{error::Error, sync::OnceLock};

/// One for the whole process: connections are shared. It goes nowhere else than where it is sent: a
/// redirected POST would arrive as a GET, and a page to sign in at would be taken for a yes.
pub fn strict_client() -> reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let strict = || reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    CLIENT.get_or_init(|| build(strict())).clone()
}

pub fn build(builder: reqwest::ClientBuilder) -> reqwest::Client {
    // Refused when there is one already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    builder.build().unwrap_or_default()
}

/// The outermost error only says that something failed.
pub fn root_of(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
