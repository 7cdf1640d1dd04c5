//! Database files on disk: opened without being read, checked against a key when one is given.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::format::{Atlas, PublicKey, SecretKey, Source, Unreadable};

/// A file, read at places: it may shrink while it is open, which is an error then and nothing worse.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    byte_count: u64,
}

impl FileSource {
    /// The file at `path`.
    ///
    /// # Errors
    /// What the system says; folders are no files.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        let byte_count = metadata.len();
        Ok(Self { file, byte_count })
    }
}

impl Source for FileSource {
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

/// The database file at `path`, of which nothing but the table of contents has been read. With a `key`, the path of a public
/// key, it has to be signed with that.
///
/// # Errors
/// The file cannot be read, is no database, or is not signed as it should be.
pub fn open(path: &Path, key: Option<&Path>) -> anyhow::Result<Atlas<FileSource>> {
    let shown = || path.display().to_string();
    let key = key.map(public_key).transpose()?;
    let source = FileSource::open(path).with_context(shown)?;
    match key {
        Some(key) => Atlas::open_signed(source, &key).with_context(shown),
        None => Atlas::open(source).with_context(shown),
    }
}

/// All of the database in the file at `path`.
///
/// # Errors
/// As [`open`], and when a section is damaged.
pub fn read(path: &Path, key: Option<&Path>) -> anyhow::Result<FingerprintDb> {
    open(path, key)?
        .whole()
        .with_context(|| path.display().to_string())
}

/// The public key in the file at `path`, as `fin keygen` writes it.
///
/// # Errors
/// The file cannot be read or holds none.
pub fn public_key(path: &Path) -> anyhow::Result<PublicKey> {
    let shown = || path.display().to_string();
    let text = read_key(path)?;
    PublicKey::from_hex(&text).with_context(shown)
}

/// The secret key in the file at `path`, as `fin keygen` writes it.
///
/// # Errors
/// The file cannot be read or holds none.
pub fn secret_key(path: &Path) -> anyhow::Result<SecretKey> {
    let text = read_key(path)?;
    SecretKey::from_hex(&text).with_context(|| {
        format!(
            "{}: expected a secret key of 64 hexadecimal digits, got something else",
            path.display()
        )
    })
}

fn read_key(path: &Path) -> anyhow::Result<String> {
    const MOST_BYTES: u64 = 1 << 12;
    let shown = || path.display().to_string();
    let source = FileSource::open(path).with_context(shown)?;
    let mut bytes = vec![0; source.byte_count().min(MOST_BYTES) as usize];
    source.read_at(0, &mut bytes).with_context(shown)?;
    String::from_utf8(bytes).with_context(shown)
}

/// All bytes of the file at `path`.
///
/// # Errors
/// What the system says.
pub fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}
