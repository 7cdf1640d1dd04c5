//! Fingerprint databases as bytes: the `.fin` format, version 1. `docs/format.md` has it byte by byte.
//!
//! A file is a signature, a header with a table of sections, and the sections, each with a check sum. Reading checks all
//! sums before it looks at a value, and every value before it is used.

mod cells;
mod error;
mod profiles;
mod roads;
mod wire;

use std::sync::Arc;

pub use error::FormatError;
pub(super) use roads::rounded;
use wire::{Reader, Writer};

use super::profile::FingerprintDb;

/// What a database begins with. As in PNG (W3C PNG 3rd ed., 5.2), a byte with the high bit, both kinds of line end and an
/// end-of-file mark show transfers that treat it as text.
pub const SIGNATURE: [u8; 16] = *b"\x89FINDB\r\n\x1a\n\0tunl\n";
/// Version of the format that is written and read.
pub const VERSION: u32 = 1;
/// Names of the sections, in their order.
const SECTIONS: [&str; 4] = ["roads", "cells", "profiles", "origin"];

const NAME_BYTES: usize = 8;
const ENTRY_BYTES: usize = NAME_BYTES + 8 + 8 + 4;
const TABLE_AT: usize = SIGNATURE.len() + 4 + 4 + 8;
const HEADER_SUM_AT: usize = TABLE_AT + SECTIONS.len() * ENTRY_BYTES;
const HEADER_BYTES: usize = HEADER_SUM_AT + 4;

impl FingerprintDb {
    /// The database as a `.fin` file.
    ///
    /// Levels are stored in steps of 0.5 dB, spreads in steps of 1/8 dB; what the builder makes has these steps already, so
    /// that [`from_bytes`](Self::from_bytes) gives it back unchanged.
    pub fn to_bytes(&self) -> Vec<u8> {
        let sections = [
            roads::write(self.network.ways()),
            cells::write(self.cells.cells()),
            profiles::write(&self.profiles),
            profiles::write_origin(&self.provenance),
        ];
        let length = HEADER_BYTES + sections.iter().map(Vec::len).sum::<usize>();
        let mut out = Writer::default();
        out.bytes.reserve_exact(length);
        out.bytes.extend(SIGNATURE);
        out.bytes.extend(VERSION.to_le_bytes());
        out.bytes.extend((SECTIONS.len() as u32).to_le_bytes());
        out.bytes.extend((length as u64).to_le_bytes());
        let mut offset = HEADER_BYTES;
        for (name, section) in SECTIONS.iter().zip(&sections) {
            out.bytes.extend(padded(name));
            out.bytes.extend((offset as u64).to_le_bytes());
            out.bytes.extend((section.len() as u64).to_le_bytes());
            out.bytes.extend(crc32fast::hash(section).to_le_bytes());
            offset += section.len();
        }
        out.bytes.extend(crc32fast::hash(&out.bytes).to_le_bytes());
        sections.iter().for_each(|section| out.bytes.extend(section));
        out.bytes
    }

    /// The database in `bytes`, the whole of a `.fin` file.
    ///
    /// # Errors
    /// When the bytes are not a database of this version, not all of it or more than it, when a check sum differs or a value
    /// is out of its range. Nothing is allocated on the word of a count that the bytes cannot hold.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        check_signature(bytes)?;
        let version = u32_at(bytes, SIGNATURE.len())?;
        if version != VERSION {
            return Err(FormatError::Version {
                expected: VERSION,
                found: version,
            });
        }
        if bytes.len() < HEADER_BYTES {
            return Err(FormatError::Truncated {
                expected: HEADER_BYTES as u64,
                found: bytes.len() as u64,
            });
        }
        let expected = u32_at(bytes, HEADER_SUM_AT)?;
        let found = crc32fast::hash(&bytes[..HEADER_SUM_AT]);
        if expected != found {
            return Err(FormatError::HeaderChecksum {
                offset: HEADER_SUM_AT as u64,
                expected,
                found,
            });
        }
        let (expected, found) = (u64_at(bytes, SIGNATURE.len() + 8)?, bytes.len() as u64);
        match found.cmp(&expected) {
            std::cmp::Ordering::Less => return Err(FormatError::Truncated { expected, found }),
            std::cmp::Ordering::Greater => return Err(FormatError::TooLong { expected, found }),
            std::cmp::Ordering::Equal => {}
        }
        let [roads, cells, profiles, origin] = sections(bytes)?;
        let network = roads::read(roads)?;
        let cells = cells::read(cells)?;
        let profiles = profiles::read(profiles, &network, cells.cells().len())?;
        let provenance = profiles::read_origin(origin)?;
        Ok(Self {
            network: Arc::new(network),
            cells,
            profiles,
            provenance,
        })
    }
}

fn padded(name: &str) -> [u8; NAME_BYTES] {
    let mut padded = [0; NAME_BYTES];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    padded
}

fn check_signature(bytes: &[u8]) -> Result<(), FormatError> {
    if bytes.starts_with(&SIGNATURE) {
        return Ok(());
    }
    let found = &bytes[..bytes.len().min(SIGNATURE.len())];
    if SIGNATURE.starts_with(found) && !found.is_empty() {
        return Err(FormatError::Truncated {
            expected: HEADER_BYTES as u64,
            found: bytes.len() as u64,
        });
    }
    // The letters are those of a database, so something happened to the bytes around them.
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    let letters = |bytes: &[u8]| {
        bytes
            .iter()
            .copied()
            .filter(is_letter)
            .take(5)
            .collect::<Vec<u8>>()
    };
    let differs = SIGNATURE.iter().zip(found).position(|(a, b)| a != b);
    match differs {
        Some(at) if letters(found) == letters(&SIGNATURE) => Err(FormatError::TextMode {
            at,
            expected: SIGNATURE[at],
            found: found[at],
        }),
        _ => Err(FormatError::NotADatabase {
            found: found.to_vec(),
        }),
    }
}

/// The sections, which follow each other without gaps from the header to the end, with their check sums right.
fn sections(bytes: &[u8]) -> Result<[Reader<'_>; SECTIONS.len()], FormatError> {
    let count = u32_at(bytes, SIGNATURE.len() + 4)?;
    if count as usize != SECTIONS.len() {
        let (expected, found) = (format!("count {}", SECTIONS.len()), count.to_string());
        return Err(FormatError::SectionTable {
            offset: SIGNATURE.len() as u64 + 4,
            expected,
            found,
        });
    }
    let mut at = HEADER_BYTES as u64;
    let mut found = Vec::with_capacity(SECTIONS.len());
    for (index, name) in SECTIONS.into_iter().enumerate() {
        let entry = TABLE_AT + index * ENTRY_BYTES;
        let offset = u64_at(bytes, entry + NAME_BYTES)?;
        let length = u64_at(bytes, entry + NAME_BYTES + 8)?;
        let room = bytes.len() as u64 - at;
        let is_last = index + 1 == SECTIONS.len();
        if bytes[entry..entry + NAME_BYTES] != padded(name)
            || offset != at
            || length > room
            || (is_last && length != room)
        {
            let name_found = String::from_utf8_lossy(&bytes[entry..entry + NAME_BYTES]);
            return Err(FormatError::SectionTable {
                offset: entry as u64,
                expected: format!("`{name}` at byte {at} within {room} bytes"),
                found: format!(
                    "`{}` of {length} bytes at byte {offset}",
                    name_found.trim_end_matches('\0')
                ),
            });
        }
        let section = &bytes[at as usize..(at + length) as usize];
        let (expected, sum) = (u32_at(bytes, entry + NAME_BYTES + 16)?, crc32fast::hash(section));
        if sum != expected {
            return Err(FormatError::SectionChecksum {
                section: name,
                offset,
                length,
                expected,
                found: sum,
            });
        }
        found.push(Reader::new(name, at, section));
        at += length;
    }
    Ok(found.try_into().expect("one reader was made per section"))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], FormatError> {
    let found = bytes.get(at..at + N).and_then(|slice| slice.try_into().ok());
    found.ok_or(FormatError::Truncated {
        expected: HEADER_BYTES as u64,
        found: bytes.len() as u64,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, FormatError> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, FormatError> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
