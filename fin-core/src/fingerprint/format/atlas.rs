//! An opened file, of which regions are read when they are wanted.

use std::collections::BTreeMap;

use super::contents::{Contents, DatabaseSum, SECTIONS, Section, read_header};
use super::error::FormatError;
use super::regions::{Part, digest, join};
use super::signature::{self, PublicKey};
use super::source::Source;
use super::tiles::Tile;
use super::{HEADER_BYTES, SIGNATURE_KIND};
use crate::fingerprint::profile::FingerprintDb;
use crate::frame::LatLon;

/// Which of the sections are the statistics.
const STATISTICS: usize = 3;

/// A database file whose header and table of contents have been read, and nothing else.
#[derive(Clone, Debug)]
pub struct Atlas<S> {
    source: S,
    version: u32,
    contents: Contents,
    region_on: BTreeMap<Tile, u32>,
    sum: DatabaseSum,
    signed_by: Option<[u8; 32]>,
}

impl<S: Source> Atlas<S> {
    /// The database in `source`. Whoever signed it, or nobody: see [`open_signed`](Self::open_signed).
    ///
    /// # Errors
    /// When `source` cannot be read, is no database of this version, not all of it or more than it, or its header or table
    /// of contents are damaged. Nothing is allocated on the word of a count that the bytes cannot hold.
    pub fn open(source: S) -> Result<Self, FormatError> {
        Self::open_checked(source, None)
    }

    /// The database in `source`, signed with `key`. All that is read of it later is what was signed.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when it is not signed, signed with another key, or altered since.
    pub fn open_signed(source: S, key: &PublicKey) -> Result<Self, FormatError> {
        Self::open_checked(source, Some(key))
    }

    fn open_checked(source: S, key: Option<&PublicKey>) -> Result<Self, FormatError> {
        let found = source.byte_count();
        let mut signed = read(&source, 0, found.min(HEADER_BYTES as u64))?;
        let header = read_header(&signed)?;
        let expected = header.length;
        if found < expected {
            return Err(FormatError::Truncated { expected, found });
        }
        let block = match (found - expected) as usize {
            0 => None,
            signature::BLOCK_BYTES => Some(read(&source, expected, signature::BLOCK_BYTES as u64)?),
            _ => return Err(FormatError::TooLong { expected, found }),
        };
        let signed_by = block
            .as_ref()
            .map(|block| signature::named_key(block, expected))
            .transpose()?;
        let contents = read(&source, HEADER_BYTES as u64, u64::from(header.contents_bytes))?;
        let sum = crc32fast::hash(&contents);
        if sum != header.contents_sum {
            return Err(FormatError::HeaderChecksum {
                offset: 32,
                expected: header.contents_sum,
                found: sum,
            });
        }
        if let Some(key) = key {
            signed.extend(&contents);
            signature::check(SIGNATURE_KIND, &signed, block.as_deref(), expected, key)?;
        }
        let contents = Contents::from_bytes(&contents, header.length)?;
        let mut region_on = BTreeMap::new();
        for (number, region) in (0..).zip(&contents.regions) {
            region_on.extend(region.tiles.iter().map(|&tile| (tile, number)));
        }
        Ok(Self {
            source,
            version: header.version,
            contents,
            region_on,
            sum: header.sum(),
            signed_by,
        })
    }

    /// What is in the file, as told without reading it.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// What tells this database from others.
    pub fn sum(&self) -> DatabaseSum {
        self.sum
    }

    /// Bytes of the file.
    pub fn byte_count(&self) -> u64 {
        self.source.byte_count()
    }

    /// The key that is said to have signed the file, which nothing proves unless it was opened with
    /// [`open_signed`](Self::open_signed); `None` when it is not signed.
    pub fn signed_by(&self) -> Option<[u8; 32]> {
        self.signed_by
    }

    /// Index of the region whose roads are within about a kilometre of `position`; `None` where there is none.
    pub fn region_at(&self, position: LatLon) -> Option<usize> {
        let tile = Tile::of(position);
        let near = std::iter::once(tile).chain(tile.around());
        near.filter_map(|tile| self.region_on.get(&tile))
            .next()
            .map(|&region| region as usize)
    }

    /// The database of one region, without statistics: what positioning needs there.
    ///
    /// # Errors
    /// When it cannot be read, its digests differ, or a value is out of its range.
    ///
    /// # Panics
    /// When there is no region of that index in the [`contents`](Self::contents).
    pub fn region(&self, index: usize) -> Result<FingerprintDb, FormatError> {
        join(vec![self.part(index, false)?], self.contents.provenance.clone())
    }

    /// The database of all regions, with statistics where the file has them.
    ///
    /// # Errors
    /// As [`region`](Self::region), and when roads of two regions meet.
    pub fn whole(&self) -> Result<FingerprintDb, FormatError> {
        let parts = (0..self.contents.regions.len()).map(|index| self.part(index, true));
        join(parts.collect::<Result<_, _>>()?, self.contents.provenance.clone())
    }

    fn part(&self, index: usize, with_statistics: bool) -> Result<Part, FormatError> {
        let region = &self.contents.regions[index];
        let mut bytes: [Vec<u8>; SECTIONS.len()] = Default::default();
        for (index, section) in region.sections.iter().enumerate() {
            if index != STATISTICS || with_statistics {
                bytes[index] = self.section(SECTIONS[index], section)?;
            }
        }
        Part::read(self.version, region, &bytes)
    }

    fn section(&self, name: &'static str, section: &Section) -> Result<Vec<u8>, FormatError> {
        if section.length == 0 {
            return Ok(Vec::new());
        }
        let bytes = read(&self.source, section.offset, section.length)?;
        let found = digest(&bytes);
        if found != section.digest {
            let beginning = |digest: &[u8]| digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            return Err(FormatError::SectionDigest {
                section: name,
                offset: section.offset,
                length: section.length,
                expected: beginning(&section.digest),
                found: beginning(&found),
            });
        }
        Ok(bytes)
    }
}

/// `length` bytes from `offset` on, which are within the source.
fn read(source: &impl Source, offset: u64, length: u64) -> Result<Vec<u8>, FormatError> {
    let unreadable = |reason| FormatError::Unreadable {
        offset,
        length,
        reason,
    };
    let mut bytes = vec![0; length as usize];
    source.read_at(offset, &mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
