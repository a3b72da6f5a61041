//! Small counts by default, the acceptance list's with `VIGIE_SHOWN=1`; one line of result each.

use std::{fs, io::Write, path::Path};

/// Whether the full counts are asked for.
fn full() -> bool {
    std::env::var_os("VIGIE_SHOWN").is_some_and(|v| v == "1")
}

/// The small count, or the full one.
pub fn pick<T>(small: T, full_count: T) -> T {
    if full() { full_count } else { small }
}

/// Reports what a test has shown, then fails if it did not hold.
pub fn shown(line: u32, figure: &str, holds: bool) {
    let verdict = if holds { "pass" } else { "FAIL" };
    let text = format!("{line}: {figure} … {verdict}\n");
    print!("{text}");
    if full() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/shown");
        fs::create_dir_all(&folder).unwrap();
        // Which list: tests/shown/2.sh and its neighbours.
        let list = std::env::var("VIGIE_SHOWN_LIST").unwrap_or_else(|_| "2".into());
        let results = folder.join(format!("{list}.txt"));
        let file = fs::File::options().create(true).append(true).open(results);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }
    assert!(holds, "{figure}");
}
