//! Fingerprint databases as bytes: the `.fin` format. `docs/format.md` has it byte by byte.
//!
//! A file is a header, a table of contents and, region by region, sections of roads, cells, profiles and statistics. The table
//! tells which tunnels there are and where; a region's sections are read when something is wanted of it ([`Atlas`]). Every
//! section's digest stands in the table and is checked before a value is looked at, every value before it is used.

mod atlas;
mod bits;
mod blocks;
mod cells;
mod contents;
mod error;
pub mod patch;
mod profiles;
mod regions;
mod roads;
mod signature;
mod source;
mod statistics;
mod tiles;
mod wire;

pub use atlas::Atlas;
pub use contents::{Contents, DatabaseSum, Region, TunnelEntry};
pub use error::FormatError;
pub(super) use roads::rounded;
pub use signature::{PublicKey, SecretKey, SignatureError};
pub use source::{Source, Unreadable};

use super::profile::{EdgeProfile, FingerprintDb};

/// What a database begins with. As in PNG (W3C PNG 3rd ed., 5.2), a byte with the high bit, both kinds of line end and an
/// end-of-file mark show transfers that treat it as text.
pub const SIGNATURE: [u8; 16] = *b"\x89FINDB\r\n\x1a\n\0tunl\n";
/// The newest version of the format; all before it are read, too.
pub const VERSION: u32 = 2;
/// The version without usual speeds.
const VERSION_WITHOUT_SPEEDS: u32 = 1;
/// Signature, version, lengths of the table of contents and of the file, check sums of the table and of the header.
const HEADER_BYTES: usize = SIGNATURE.len() + 4 + 4 + 8 + 4 + 4;
/// What signatures of databases are about.
const SIGNATURE_KIND: &str = "fin database\0";

impl FingerprintDb {
    /// The database as a `.fin` file without a signature, of the first version of the format that can hold it.
    ///
    /// Levels are stored in steps of 0.5 dB, spreads in steps of 1/8 dB; what the builder makes has these steps already.
    /// Cells without a profile are left out. The same database gives the same bytes, and so does the one that
    /// [`from_bytes`](Self::from_bytes) makes of them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (contents, sections) = regions::split(self);
        let contents = contents.to_bytes();
        let length = HEADER_BYTES + contents.len() + sections.iter().map(Vec::len).sum::<usize>();
        let knows_speeds = self.profiles.iter().flatten().any(EdgeProfile::knows_speeds);
        let version = if knows_speeds {
            VERSION
        } else {
            VERSION_WITHOUT_SPEEDS
        };
        let mut out = contents::write_header(version, &contents, length as u64);
        out.reserve_exact(length - out.len());
        out.extend(contents);
        sections.iter().for_each(|section| out.extend(section));
        out
    }

    /// What tells the database from others, once it is a file; takes as long as [`to_bytes`](Self::to_bytes).
    pub fn sum(&self) -> DatabaseSum {
        let header = contents::read_header(&self.to_bytes());
        header.expect("a header that was just written can be read").sum()
    }

    /// The database in `bytes`, the whole of a `.fin` file; an [`Atlas`] reads it region by region.
    ///
    /// # Errors
    /// As [`Atlas::open`] and [`Atlas::whole`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        Atlas::open(bytes)?.whole()
    }
}

/// The `.fin` file in `bytes` with the signature of `key`, in place of the one that it has, if any.
///
/// # Errors
/// As [`Atlas::open`] and [`Atlas::whole`]: what is damaged is not signed.
pub fn sign(bytes: &[u8], key: &SecretKey) -> Result<Vec<u8>, FormatError> {
    FingerprintDb::from_bytes(bytes)?;
    let header = contents::read_header(&bytes[..HEADER_BYTES])?;
    let mut signed = bytes[..header.length as usize].to_vec();
    let message = &bytes[..HEADER_BYTES + header.contents_bytes as usize];
    signed.extend(signature::block(SIGNATURE_KIND, message, key));
    Ok(signed)
}

#[cfg(test)]
mod tests;
