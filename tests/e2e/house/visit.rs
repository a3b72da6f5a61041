//! Visits of the pages in a real browser, by the scripts of `tests/browser`.

use std::{path::Path, process::Command};

/// Which one they run in: `VIGIE_BROWSER=firefox` chooses the other, for what every browser has to do.
pub fn browser() -> &'static str {
    match std::env::var("VIGIE_BROWSER").as_deref() {
        Ok("firefox") => "Firefox",
        _ => "Chromium",
    }
}

/// Runs one of `tests/browser`: what it saw, and whether it was content. `more`: of its environment.
pub fn visit(script: &str, url: &str, user: &str, password: &str, more: &[(&str, String)]) -> (String, bool) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(
        tests.join("node_modules").is_dir(),
        "no {}/node_modules: run make setup-test",
        tests.display()
    );
    let visit = Command::new("node")
        .arg(script)
        .current_dir(&tests)
        .env("VIGIE_URL", url)
        .env("VIGIE_USER", user)
        .env("VIGIE_PASSWORD", password)
        .envs(more.iter().map(|(name, value)| (name, value)))
        .output()
        .expect("node");
    let seen = String::from_utf8_lossy(&visit.stdout).into_owned();
    if !visit.status.success() {
        eprintln!(
            "{seen}{}{script}: {}",
            String::from_utf8_lossy(&visit.stderr),
            visit.status
        );
    }
    (seen, visit.status.success())
}
