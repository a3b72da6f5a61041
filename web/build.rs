//! The front end is embedded: a new build of it means a new binary.

fn main() {
    println!("cargo:rerun-if-changed=ui/dist");
}
