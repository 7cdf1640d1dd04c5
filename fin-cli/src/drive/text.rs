//! The text of a file, plain or gzipped.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::TableError;

/// The largest file that is read, in bytes after decompression (about 100 hours of cell scans).
pub const MAX_BYTES: u64 = 256 << 20;

/// The text of a file, and where it came from.
#[derive(Clone, Debug)]
pub struct TextFile {
    path: PathBuf,
    text: String,
}

impl TextFile {
    /// The text of the file at `path`, decompressed when its name ends in `.gz`, without a byte order mark.
    ///
    /// # Errors
    /// When it cannot be read, is a damaged gzip stream, holds more than [`MAX_BYTES`] or is not UTF-8.
    pub fn load(path: &Path) -> Result<Self, TableError> {
        let io_error = |source| TableError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io_error)?;
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
            let gzip_error = |source| TableError::Gzip {
                path: path.to_owned(),
                source,
            };
            Self::from_reader(path, MultiGzDecoder::new(io::BufReader::new(file)), gzip_error)
        } else {
            Self::from_reader(path, file, io_error)
        }
    }

    fn from_reader(
        path: &Path,
        reader: impl Read,
        error: impl Fn(io::Error) -> TableError,
    ) -> Result<Self, TableError> {
        let mut bytes = Vec::new();
        reader
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(error)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(TableError::TooLarge {
                path: path.to_owned(),
                limit: MAX_BYTES,
            });
        }
        Self::from_bytes(path, bytes)
    }

    /// The text in `bytes`, which `path` names in errors.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, TableError> {
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            TableError::NotUtf8 {
                path: path.to_owned(),
                line: line_at(bytes, at),
                byte: bytes[at],
            }
        })?;
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// The first line that is not blank, without its end.
    pub fn first_line(&self) -> &str {
        self.text.trim_start().lines().next().unwrap_or_default()
    }

    /// Whether the text ends inside the line of this number, from 1: it is the last one and has no end.
    pub fn breaks_off_in(&self, line: u64) -> bool {
        !self.text.ends_with('\n') && line_at(self.text.as_bytes(), self.text.len()) == line
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the text came from.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The number, from 1, of the line that holds the byte `at`.
pub(super) fn line_at(bytes: &[u8], at: usize) -> u64 {
    let before = &bytes[..at.min(bytes.len())];
    1 + before.iter().filter(|&&b| b == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_named() {
        let error = TextFile::from_bytes(Path::new("x.csv"), b"a,b\n1,\xff\n".to_vec()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x.csv line 2: expected UTF-8 text, found the byte 0xff"
        );
    }
}
