//! Writes what the Kotlin, Swift and Python packages are built and tested with: `prepare [FOLDER]`, by default `fin-ffi/prepared`.

#![allow(clippy::unwrap_used, reason = "a build step fails by panicking, as tests do")]

#[path = "../tests/workshop/mod.rs"]
mod workshop;

use std::path::Path;

fn main() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("prepared");
    let out = std::env::args_os().nth(1).map_or(default, Into::into);
    workshop::prepare(&workshop::built_library(), &out);
    println!("{}", out.display());
}
