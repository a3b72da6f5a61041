//! The HTTP client of everything that calls out: alarm outputs, and what is told to others.

use std::sync::OnceLock;

/// One for the whole process: connections are shared.
pub fn client() -> reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        // Refused when there is one already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        reqwest::Client::new()
    });
    made.clone()
}
