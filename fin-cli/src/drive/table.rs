//! Delimited text with a header row: columns by name, fields by type, errors by file, line and column.

use std::fs::File;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use flate2::read::MultiGzDecoder;

/// The largest file that is read, in bytes after decompression (about 100 hours of cell scans).
pub const MAX_BYTES: u64 = 256 << 20;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or read.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The gzip stream is damaged or cut off.
    #[error("{}: expected a whole gzip stream, found a damaged one: {source}", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// The file is larger than [`MAX_BYTES`].
    #[error("{}: expected at most {limit} bytes of text, found more", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, bytes.
        limit: u64,
    },
    /// The file is not UTF-8.
    #[error("{} line {line}: expected UTF-8 text, found the byte {byte:#04x}", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first wrong byte, from 1.
        line: u64,
        /// That byte.
        byte: u8,
    },
    /// The file has no header row.
    #[error("{} line 1: expected a header row with the column {column}, found an empty file", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The first column it has to have.
        column: &'static str,
    },
    /// A column is missing.
    #[error("{} line {line}: expected the column {column}, found the columns {found}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// Line of the header, from 1.
        line: u64,
        /// The missing column.
        column: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// Two columns have the same name.
    #[error("{} line {line}: expected one column {column}, found two of that name", path.display())]
    TwoColumns {
        /// The file.
        path: PathBuf,
        /// Line of the header, from 1.
        line: u64,
        /// The name.
        column: &'static str,
    },
    /// A row has more or fewer fields than the header.
    #[error("{} line {line}: expected {expected} fields as in the header, found {found}", path.display())]
    FieldCount {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// Fields of the header.
        expected: usize,
        /// Fields of the row.
        found: usize,
    },
    /// A field does not hold what its column is for.
    #[error("{} line {line}, column {column}: expected {expected}, found {found}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What the column holds.
        expected: String,
        /// The field, quoted and shortened.
        found: String,
    },
}

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

    /// Where the text came from.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The number, from 1, of the line that holds the byte `at`.
fn line_at(bytes: &[u8], at: usize) -> u64 {
    let before = &bytes[..at.min(bytes.len())];
    1 + before.iter().filter(|&&b| b == b'\n').count() as u64
}

/// A column of a table; one that is not there reads as "not known" in every row.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    name: &'static str,
    index: Option<usize>,
}

impl Column {
    /// Whether the table has this column.
    pub fn is_present(self) -> bool {
        self.index.is_some()
    }
}

/// A header and the rows below it.
pub struct Table<'a> {
    file: &'a TextFile,
    reader: csv::Reader<&'a [u8]>,
    header: StringRecord,
    header_line: u64,
}

impl<'a> Table<'a> {
    /// The table in `file`, its fields divided by `delimiter`; `first_column` names a column in the error for an
    /// empty file. Fields may be quoted where commas divide them.
    ///
    /// # Errors
    /// When there is no header row.
    pub fn new(file: &'a TextFile, delimiter: u8, first_column: &'static str) -> Result<Self, TableError> {
        let text = file.text.as_str();
        let Some(start) = text.find(|c: char| !c.is_whitespace()) else {
            return Err(TableError::Empty {
                path: file.path.clone(),
                column: first_column,
            });
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .quoting(delimiter == b',')
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(csv_error(file, error)),
        };
        Ok(Self {
            file,
            reader,
            header,
            header_line: line_at(text.as_bytes(), start),
        })
    }

    /// The column `name`.
    ///
    /// # Errors
    /// When it is missing or there twice.
    pub fn required(&self, name: &'static str) -> Result<Column, TableError> {
        let column = self.optional(name)?;
        if column.is_present() {
            return Ok(column);
        }
        Err(TableError::MissingColumn {
            path: self.file.path.clone(),
            line: self.header_line,
            column: name,
            found: shortened(&self.header.iter().collect::<Vec<_>>().join(","), 200),
        })
    }

    /// The column `name`, which need not be there.
    ///
    /// # Errors
    /// When it is there twice.
    pub fn optional(&self, name: &'static str) -> Result<Column, TableError> {
        let mut found = self
            .header
            .iter()
            .enumerate()
            .filter(|(_, field)| *field == name)
            .map(|(i, _)| i);
        let index = found.next();
        if found.next().is_some() {
            return Err(TableError::TwoColumns {
                path: self.file.path.clone(),
                line: self.header_line,
                column: name,
            });
        }
        Ok(Column { name, index })
    }

    /// The next row, or `None` after the last one. Blank lines are no rows; empty fields beyond the header's last one
    /// do not count.
    ///
    /// # Errors
    /// When the row has another number of fields than the header.
    pub fn next_row(&mut self) -> Result<Option<Row<'a>>, TableError> {
        let mut record = StringRecord::new();
        if !self
            .reader
            .read_record(&mut record)
            .map_err(|error| csv_error(self.file, error))?
        {
            return Ok(None);
        }
        let row = Row {
            file: self.file,
            record,
        };
        let (expected, found) = (self.header.len(), row.record.len());
        if found < expected || row.fields().skip(expected).any(|field| !field.is_empty()) {
            let path = self.file.path.clone();
            return Err(TableError::FieldCount {
                path,
                line: row.line(),
                expected,
                found,
            });
        }
        Ok(Some(row))
    }
}

/// `error` in our words. Reading text in memory that was checked to be UTF-8 does not fail.
fn csv_error(file: &TextFile, error: csv::Error) -> TableError {
    TableError::Io {
        path: file.path.clone(),
        source: io::Error::other(error),
    }
}

/// The line, from 1, of the record that starts at `position`, which may point at the line ends before it.
fn line_of(file: &TextFile, position: Option<&csv::Position>) -> u64 {
    let bytes = file.text.as_bytes();
    let start = position.map_or(0, |p| p.byte() as usize).min(bytes.len());
    let skipped = bytes[start..]
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .count();
    line_at(bytes, start + skipped)
}

/// A row of a [`Table`].
pub struct Row<'a> {
    file: &'a TextFile,
    record: StringRecord,
}

impl Row<'_> {
    /// The line of the row in its file, from 1.
    pub fn line(&self) -> u64 {
        line_of(self.file, self.record.position())
    }

    /// The file of the row.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// All fields in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.record.iter()
    }

    /// The field in `column`, or `None` when it is empty.
    pub fn text(&self, column: Column) -> Option<&str> {
        self.record.get(column.index?).filter(|field| !field.is_empty())
    }

    /// The number in `column`, or `None` when the field is empty.
    ///
    /// # Errors
    /// When it is no finite number within `range`, which `expected` describes.
    pub fn number(
        &self,
        column: Column,
        range: RangeInclusive<f64>,
        expected: &str,
    ) -> Result<Option<f64>, TableError> {
        let Some(field) = self.text(column) else {
            return Ok(None);
        };
        match field.parse::<f64>() {
            Ok(value) if value.is_finite() && range.contains(&value) => Ok(Some(value)),
            _ => Err(self.error(column, expected)),
        }
    }

    /// The integer in `column`, or `None` when the field is empty.
    ///
    /// # Errors
    /// When it is no integer within `range`, which `expected` describes.
    pub fn integer(
        &self,
        column: Column,
        range: RangeInclusive<i64>,
        expected: &str,
    ) -> Result<Option<i64>, TableError> {
        let Some(field) = self.text(column) else {
            return Ok(None);
        };
        match field.parse::<i64>() {
            Ok(value) if range.contains(&value) => Ok(Some(value)),
            _ => Err(self.error(column, expected)),
        }
    }

    /// The error that `column` of this row is not `expected`.
    pub fn error(&self, column: Column, expected: &str) -> TableError {
        let found = match self.text(column) {
            Some(field) => format!("\"{}\"", shortened(field, 40)),
            None => "an empty field".to_owned(),
        };
        TableError::Field {
            path: self.file.path.clone(),
            line: self.line(),
            column: column.name,
            expected: expected.to_owned(),
            found,
        }
    }
}

/// `text` on one line, cut after `max_chars`.
fn shortened(text: &str, max_chars: usize) -> String {
    let line: String = text.escape_debug().take(max_chars).collect();
    if line.len() < text.len() {
        format!("{line}…")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> TextFile {
        TextFile::from_bytes(Path::new("x.csv"), text.as_bytes().to_vec()).unwrap()
    }

    fn lines(text: &str) -> Vec<u64> {
        let file = file(text);
        let mut table = Table::new(&file, b',', "a").unwrap();
        std::iter::from_fn(|| table.next_row().unwrap().map(|row| row.line())).collect()
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        assert_eq!(lines("a,b\n1,2\n3,4"), [2, 3]);
        assert_eq!(lines("a,b\r\n1,2\r\n3,4\r\n"), [2, 3]);
        assert_eq!(lines("\u{feff}a,b\n\n1,2\r\n\r\n\n3,4\n"), [3, 6]);
        assert_eq!(lines("\n\na,b\n1,2\n"), [4]);
    }

    #[test]
    fn a_row_that_is_too_short_is_named() {
        let file = file("a,b\n1,2\n3\n");
        let mut table = Table::new(&file, b',', "a").unwrap();
        table.next_row().unwrap();
        let error = table.next_row().err().unwrap();
        assert_eq!(
            error.to_string(),
            "x.csv line 3: expected 2 fields as in the header, found 1"
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_named() {
        let error = TextFile::from_bytes(Path::new("x.csv"), b"a,b\n1,\xff\n".to_vec()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x.csv line 2: expected UTF-8 text, found the byte 0xff"
        );
    }

    #[test]
    fn a_column_has_to_be_there_once() {
        let file = file("a,b,a\n");
        let table = Table::new(&file, b',', "a").unwrap();
        assert_eq!(
            table.required("a").unwrap_err().to_string(),
            "x.csv line 1: expected one column a, found two of that name"
        );
        assert_eq!(
            table.required("c").unwrap_err().to_string(),
            "x.csv line 1: expected the column c, found the columns a,b,a"
        );
    }
}
