//! Why bytes are no fingerprint database.

use super::signature::SignatureError;
use super::source::Unreadable;
use crate::network::NetworkError;

/// Why bytes are no fingerprint database. Offsets count bytes from the beginning of the file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FormatError {
    /// The first bytes are not those of a database.
    #[error("not a fingerprint database: expected the 16 bytes of the signature at byte 0, got {found:02x?}")]
    NotADatabase {
        /// The first bytes, at most 16.
        found: Vec<u8>,
    },
    /// The file went through a transfer that changes line ends or strips bits.
    #[error(
        "the signature at byte 0 was damaged by a transfer in text mode: expected byte {at} to be {expected:#04x}, got {found:#04x}"
    )]
    TextMode {
        /// Which byte.
        at: usize,
        /// What it should be.
        expected: u8,
        /// What it is.
        found: u8,
    },
    /// The format has another version.
    #[error("expected format version 1 to {expected} at byte 16, got {found}")]
    Version {
        /// The newest version that can be read.
        expected: u32,
        /// The version of the file.
        found: u32,
    },
    /// The end is missing.
    #[error("truncated: expected {expected} bytes, got {found}")]
    Truncated {
        /// Bytes that there should be at least.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// Something follows the end.
    #[error("expected {expected} bytes, got {found}: something was appended")]
    TooLong {
        /// Bytes that there should be.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// The header is damaged.
    #[error("expected check sum {expected:#010x} of the header at byte {offset}, got {found:#010x}")]
    HeaderChecksum {
        /// Where the check sum is stored.
        offset: u64,
        /// The stored check sum.
        expected: u32,
        /// The check sum of the bytes.
        found: u32,
    },
    /// The bytes cannot be read, or are not there any more.
    #[error("{length} bytes at byte {offset} cannot be read: {reason}")]
    Unreadable {
        /// Where they should be.
        offset: u64,
        /// How many.
        length: u64,
        /// What the system says.
        reason: Unreadable,
    },
    /// A section is damaged.
    #[error(
        "expected digest {expected}… of section `{section}` ({length} bytes at byte {offset}), got {found}…"
    )]
    SectionDigest {
        /// Name of the section.
        section: &'static str,
        /// Where it begins.
        offset: u64,
        /// How long it is.
        length: u64,
        /// The beginning of the stored digest.
        expected: String,
        /// The beginning of the digest of the bytes.
        found: String,
    },
    /// A value is not one that may stand there.
    #[error("expected {expected} at byte {offset} (section `{section}`), got {found}")]
    Value {
        /// Name of the section.
        section: &'static str,
        /// Where the value is.
        offset: u64,
        /// What may stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The ways do not make a network.
    #[error("the ways of section `roads` make no network: {0}")]
    Roads(#[from] NetworkError),
    /// Roads of two regions hang together.
    #[error(
        "expected regions whose roads are apart, got {expected} directed edges in them and {found} together"
    )]
    RegionsMeet {
        /// Directed edges of all regions, one by one.
        expected: usize,
        /// Directed edges of their ways together.
        found: usize,
    },
    /// The signature is not the one asked for.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}
