//! The binary that is packaged has no hooks for tests.

use std::fs;

use crate::house::{House, Setup, binary};

#[test]
fn no_fault_hooks() {
    let bytes = fs::read(binary()).unwrap();
    let hook = b"/api/v1/test/panic";
    assert!(!bytes.windows(hook.len()).any(|w| w == hook), "built with fault-hooks");
    let house = House::start(&Setup::default());
    assert!(matches!(
        house.post("/api/v1/test/panic?actor=cameras").status,
        404 | 405
    ));
}
