//! What a file says before its sections: header and table of contents.

use super::error::FormatError;
use super::tiles::Tile;
use super::wire::{Reader, Writer};
use super::{HEADER_BYTES, SIGNATURE, VERSION};
use crate::fingerprint::profile::Provenance;

/// A SHA-256 digest (FIPS 180-4).
pub(super) type Digest = [u8; 32];

/// The sections of a region, in their order.
pub(super) const SECTIONS: [&str; 4] = ["roads", "cells", "profiles", "statistics"];
/// Which of [`SECTIONS`] a file may do without.
const STATISTICS: usize = 3;

/// A table of contents is no longer than this: a million tunnels.
pub(super) const MAX_CONTENTS_BYTES: u32 = 64 << 20;
/// Tiles, tunnels, and three sections of a length and a digest.
const MIN_REGION_BYTES: usize = 1 + 1 + 3 * 33 + 1;
/// Name, length, passes, whether there is a day.
const MIN_TUNNEL_BYTES: usize = 4;

/// What a database holds, known without reading any of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Where the database comes from and until when it is good.
    pub provenance: Provenance,
    /// Its parts, far enough from each other that a car is in one at most.
    pub regions: Vec<Region>,
}

/// One part of a database: tunnels whose approaches meet or nearly meet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// Its tunnels.
    pub tunnels: Vec<TunnelEntry>,
    pub(super) tiles: Vec<Tile>,
    pub(super) sections: [Section; SECTIONS.len()],
}

impl Region {
    /// Bytes that it takes in the file.
    pub fn byte_count(&self) -> u64 {
        self.sections.iter().map(|section| section.length).sum()
    }

    /// Whether new drives can be merged into it.
    pub fn has_statistics(&self) -> bool {
        self.sections[STATISTICS].length > 0
    }
}

/// What is known of a tunnel without reading its region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TunnelEntry {
    /// Its name.
    pub name: String,
    /// Length of its ways together, metres, to 0.1 m.
    pub length_m: f64,
    /// Most survey passes that any place in it has.
    pub passes: u16,
    /// The last day on which it was surveyed, days since 1970-01-01; `None` when that is not known or it never was.
    pub last_day: Option<i32>,
}

impl TunnelEntry {
    /// Days from its last survey to `today` (days since 1970-01-01); `None` when the last survey is not known.
    pub fn age_days(&self, today: i32) -> Option<i64> {
        self.last_day.map(|day| i64::from(today) - i64::from(day))
    }
}

/// Where a section is and what its bytes have to hash to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Section {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) digest: Digest,
}

/// The header for a table of contents and a file of `length` bytes and a version of the format.
pub(super) fn write_header(version: u32, contents: &[u8], length: u64) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    out.extend(version.to_le_bytes());
    out.extend((contents.len() as u32).to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(crc32fast::hash(contents).to_le_bytes());
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out
}

/// What tells databases apart: the length of the file, without a signature, and the check sum of its table of contents, which
/// has the digests of everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseSum {
    /// Length of the database's file, without the block of a signature, bytes.
    pub length: u64,
    /// CRC-32 (ISO 3309) of its table of contents.
    pub crc32: u32,
}

impl std::fmt::Display for DatabaseSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes with check sum {:#010x}", self.length, self.crc32)
    }
}

/// What a header says of the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) contents_bytes: u32,
    pub(super) length: u64,
    pub(super) contents_sum: u32,
}

impl Header {
    /// What tells the file from others.
    pub(super) fn sum(&self) -> DatabaseSum {
        DatabaseSum {
            length: self.length,
            crc32: self.contents_sum,
        }
    }
}

/// The header in `bytes`, the first [`HEADER_BYTES`] of a file or fewer when it has no more.
pub(super) fn read_header(bytes: &[u8]) -> Result<Header, FormatError> {
    check_signature(bytes)?;
    let version = u32_at(bytes, SIGNATURE.len())?;
    if !(1..=VERSION).contains(&version) {
        return Err(FormatError::Version {
            expected: VERSION,
            found: version,
        });
    }
    let sum_at = HEADER_BYTES - 4;
    let expected = u32_at(bytes, sum_at)?;
    let found = crc32fast::hash(&bytes[..sum_at]);
    if expected != found {
        let offset = sum_at as u64;
        return Err(FormatError::HeaderChecksum {
            offset,
            expected,
            found,
        });
    }
    let header = Header {
        version,
        contents_bytes: u32_at(bytes, 20)?,
        length: u64::from(u32_at(bytes, 24)?) | u64::from(u32_at(bytes, 28)?) << 32,
        contents_sum: u32_at(bytes, 32)?,
    };
    let room = header
        .length
        .saturating_sub(HEADER_BYTES as u64)
        .min(u64::from(MAX_CONTENTS_BYTES));
    if u64::from(header.contents_bytes) > room {
        return Err(FormatError::Value {
            section: "header",
            offset: 20,
            expected: "a table of contents within the file and 64 MiB",
            found: format!("one of {} bytes", header.contents_bytes),
        });
    }
    Ok(header)
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
    let letters = |bytes: &[u8]| {
        let letters = bytes.iter().copied().filter(u8::is_ascii_alphabetic);
        letters.take(5).collect::<Vec<u8>>()
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

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, FormatError> {
    let found = bytes.get(at..at + 4).and_then(|slice| slice.try_into().ok());
    found.map(u32::from_le_bytes).ok_or(FormatError::Truncated {
        expected: HEADER_BYTES as u64,
        found: bytes.len() as u64,
    })
}

impl Contents {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        let provenance = &self.provenance;
        out.text(&provenance.tool);
        out.varint(u64::from(provenance.drives));
        out.u8(u8::from(provenance.days.is_some()));
        for day in provenance.days.iter().flat_map(|(first, last)| [first, last]) {
            out.zigzag(i64::from(*day));
        }
        out.day(provenance.expires);
        out.varint(u64::from(provenance.min_passes));
        out.count(self.regions.len());
        for region in &self.regions {
            out.count(region.tiles.len());
            let mut next = 0;
            for tile in &region.tiles {
                out.varint(u64::from(tile.index() - next));
                next = tile.index() + 1;
            }
            out.count(region.tunnels.len());
            for tunnel in &region.tunnels {
                out.text(&tunnel.name);
                out.varint(libm::round(tunnel.length_m * 10.0) as u64);
                out.varint(u64::from(tunnel.passes));
                out.day(tunnel.last_day);
            }
            for section in &region.sections {
                out.varint(section.length);
                if section.length > 0 {
                    out.bytes.extend(section.digest);
                }
            }
        }
        out.bytes
    }

    /// The table of contents in `bytes`, of a file of `length` bytes.
    pub(super) fn from_bytes(bytes: &[u8], length: u64) -> Result<Self, FormatError> {
        let mut section = Reader::new("contents", HEADER_BYTES as u64, bytes);
        let provenance = read_provenance(&mut section)?;
        let count = section.count(MIN_REGION_BYTES, "a number of regions")?;
        let mut regions = Vec::with_capacity(count);
        let mut offset = HEADER_BYTES as u64 + bytes.len() as u64;
        for _ in 0..count {
            regions.push(read_region(&mut section, &mut offset, length)?);
        }
        if offset != length {
            let found = format!("sections up to byte {offset} of {length}");
            return Err(section.error(0, "sections that fill the file", found));
        }
        section.finish()?;
        Ok(Self { provenance, regions })
    }
}

fn read_provenance(section: &mut Reader<'_>) -> Result<Provenance, FormatError> {
    let tool = section.text("the name of a program")?;
    let drives = section.up_to(u64::from(u32::MAX), "a number of drives")? as u32;
    let days = match section.u8("0 or 1 for days")? {
        0 => None,
        1 => Some((section.bare_day()?, section.bare_day()?)),
        other => return Err(section.error(1, "0 or 1 for days", other)),
    };
    if let Some((first, last)) = days.filter(|(first, last)| first > last) {
        let found = format!("{last} after {first}");
        return Err(section.error(0, "a last day not before the first", found));
    }
    let expires = section.day()?;
    let min_passes = section.up_to(u64::from(u16::MAX), "a number of passes")? as u16;
    Ok(Provenance {
        tool,
        drives,
        days,
        expires,
        min_passes,
    })
}

fn read_region(section: &mut Reader<'_>, offset: &mut u64, length: u64) -> Result<Region, FormatError> {
    let count = section.count(1, "a number of tiles")?;
    let mut tiles = Vec::with_capacity(count);
    let mut next = 0_u64;
    for _ in 0..count {
        let most = u64::from(Tile::MAX_INDEX).checked_sub(next);
        let Some(most) = most else {
            return Err(section.error(0, "tiles of the world", "more of them"));
        };
        let index = next + section.up_to(most, "a tile of the world")?;
        tiles.push(Tile::from_index(index as u32));
        next = index + 1;
    }
    let count = section.count(MIN_TUNNEL_BYTES, "a number of tunnels")?;
    let mut tunnels = Vec::with_capacity(count);
    for _ in 0..count {
        tunnels.push(TunnelEntry {
            name: section.text("the name of a tunnel")?,
            length_m: section.up_to(u64::from(u32::MAX), "the length of a tunnel")? as f64 / 10.0,
            passes: section.up_to(u64::from(u16::MAX), "a number of passes")? as u16,
            last_day: section.day()?,
        });
    }
    let mut sections = [Section::default(); SECTIONS.len()];
    for (index, entry) in sections.iter_mut().enumerate() {
        let bytes = section.up_to(length - *offset, "a section within the file")?;
        if bytes == 0 && index != STATISTICS {
            return Err(section.error(1, "a section of at least one byte", 0));
        }
        entry.offset = *offset;
        entry.length = bytes;
        if bytes > 0 {
            let digest = section.take(entry.digest.len(), "a digest")?;
            entry.digest.copy_from_slice(digest);
        }
        *offset += bytes;
    }
    Ok(Region {
        tunnels,
        tiles,
        sections,
    })
}
