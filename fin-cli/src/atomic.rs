//! Writing a file so that it is there whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

/// Writes `bytes` to `path` by way of a temporary file beside it, so that a failure leaves what was there before.
///
/// # Errors
/// What the system says; the temporary file is removed again.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(
        path.file_name()
            .ok_or_else(|| io::Error::other("the path has no file name"))?,
    );
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| {
            // The first error is the one to tell of.
            let _ = fs::remove_file(&temporary);
        })
}
