//! Writing a file so that it is there whole or not at all, whatever ends the program meanwhile.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The temporary file that is being written, for [`end_cleanly`].
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Writes `bytes` to `path` by way of a temporary file beside it, so that a failure leaves what was there before.
///
/// The bytes are on the disk before the file gets its name. Of two programs that write to one path at once the later one wins;
/// the file is one of theirs, never a mixture.
///
/// # Errors
/// What the system says; the temporary file is removed again.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let temporary = temporary_beside(path)?;
    *unfinished() = Some(temporary.clone());
    let written = write_synced(&temporary, bytes);
    // Nobody ends the program between the last byte and the name.
    let mut unfinished = unfinished();
    let done = written
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| {
            // The first error is the one to tell of.
            let _ = fs::remove_file(&temporary);
        });
    *unfinished = None;
    done?;
    sync_folder(path);
    Ok(())
}

fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(
        path.file_name()
            .ok_or_else(|| io::Error::other("the path has no file name"))?,
    );
    name.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(name))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the new name last. Not every system lets folders be synced, and the file is whole either way.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
}

fn unfinished() -> MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets Ctrl-C and the like end the program with exit code 1, no half-written file left behind.
///
/// # Errors
/// When the system does not allow it.
pub fn end_cleanly() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        let unfinished = unfinished();
        if let Some(temporary) = unfinished.as_deref() {
            let _ = fs::remove_file(temporary);
        }
        eprintln!("error: interrupted");
        std::process::exit(1);
    })
}
