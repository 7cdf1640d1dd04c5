//! A database file, of which nothing is read but what is asked for.

use std::fs::File;
use std::path::Path;

use fin_core::fingerprint::format::{Source, Unreadable};

/// A file that stays open. One that is replaced by another under its name is read on as it was; one that shrinks or is
/// written over gives an error.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    file: File,
    byte_count: u64,
}

impl DatabaseFile {
    /// The file at `path`.
    ///
    /// # Errors
    /// What the system says; folders are no files.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        let byte_count = metadata.len();
        Ok(Self { file, byte_count })
    }
}

impl Source for DatabaseFile {
    fn byte_count(&self) -> u64 {
        self.byte_count
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        read_exact_at(&self.file, offset, into).map_err(|reason| Unreadable(reason.to_string()))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, into: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut into: &mut [u8]) -> std::io::Result<()> {
    while !into.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, into, offset)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        (offset, into) = (offset + count as u64, &mut into[count..]);
    }
    Ok(())
}
