//! What leads from one version of a file to the next: copies of stretches of the old one, bytes of their own, and what became of
//! levels that changed.
//!
//! A patch names the digests of both, so that it is applied to the right file and known to have given the right one. It can
//! be signed as a database can. `docs/format.md` has it byte by byte.

use std::collections::BTreeMap;
use std::ops::Range;

use super::blocks;
use super::regions::digest;
use super::signature::{self, PublicKey, SecretKey, SignatureError};
use super::wire::{Reader, Writer};
use super::{FormatError, contents::Digest};

/// What a patch begins with.
pub const PATCH_SIGNATURE: [u8; 16] = *b"\x89FINDP\r\n\x1a\n\0tunl\n";
/// Version of patches that is written and read.
pub const PATCH_VERSION: u32 = 1;
/// Signature, version, length of the steps, lengths and digests of the old and the new file.
const HEADER_BYTES: usize = PATCH_SIGNATURE.len() + 4 + 8 + 2 * (8 + 32);
/// What signatures of patches are about.
const SIGNATURE_KIND: &str = "fin patch\0";

/// Stretches of the old file are looked up by this many bytes…
const KEY_BYTES: usize = 12;
/// …at every so many of its bytes…
const KEY_EVERY: usize = 4;
/// …and a stretch is worth a step when it has this many.
const LEAST_COPY_BYTES: usize = 14;
/// Points of one cell along one edge: no edge is longer than the road that all of a region may have.
const MOST_POINTS: u64 = 1 << 22;
/// Of stretches that begin alike so many are tried.
const MOST_CANDIDATES: usize = 8;

/// Why a patch cannot be applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// The first bytes are not those of a patch.
    #[error("not a patch: expected the 16 bytes of its signature at byte 0, got {found:02x?}")]
    NotAPatch {
        /// The first bytes, at most 16.
        found: Vec<u8>,
    },
    /// The patch has another version.
    #[error("expected patch version {expected} at byte 16, got {found}")]
    Version {
        /// The version that can be read.
        expected: u32,
        /// The version of the patch.
        found: u32,
    },
    /// The end is missing or something follows it.
    #[error("expected a patch of {expected} bytes, with or without a signature, got {found} bytes")]
    Length {
        /// Bytes that there should be.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// It is for another file.
    #[error("the patch is for another file: expected {expected}, got {found}")]
    OtherFile {
        /// The file that it is for.
        expected: FileSum,
        /// The file that it was to be applied to.
        found: FileSum,
    },
    /// It did not give what it should have.
    #[error("the patch is damaged: expected it to give {expected}, got {found}")]
    OtherResult {
        /// What it should have given.
        expected: FileSum,
        /// What it gave.
        found: FileSum,
    },
    /// A step of it makes no sense.
    #[error(transparent)]
    Step(#[from] FormatError),
    /// The signature is not the one asked for.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// What tells versions of a file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSum {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the bytes.
    pub sha256: Digest,
}

impl FileSum {
    /// The sum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len() as u64,
            sha256: digest(bytes),
        }
    }

    fn write(&self, out: &mut Writer) {
        out.bytes.extend(self.length.to_le_bytes());
        out.bytes.extend(self.sha256);
    }

    /// The sum in `bytes`, of which there are 40.
    fn read(bytes: &[u8]) -> Self {
        let (length, sha256) = bytes.split_at(8);
        Self {
            length: u64_of(length),
            sha256: sha256.try_into().expect("32 of the 40 bytes are left"),
        }
    }
}

impl std::fmt::Display for FileSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes with SHA-256 ", self.length)?;
        self.sha256[..8]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

/// The patch that makes `new` of `old`, signed when there is a `key`.
pub fn diff(old: &[u8], new: &[u8], key: Option<&SecretKey>) -> Vec<u8> {
    let mut steps = steps(old, new);
    if new.len() as u64 > most_bytes(old.len(), steps.len()) {
        // It repeats stretches of the old file more often than may be asked for.
        let mut all = Writer::default();
        let whole = Step {
            own: new,
            copy: 0..0,
            became: None,
        };
        whole.write(&mut all, 0);
        steps = all.bytes;
    }
    let mut out = Writer {
        bytes: PATCH_SIGNATURE.to_vec(),
    };
    out.bytes.extend(PATCH_VERSION.to_le_bytes());
    out.bytes.extend((steps.len() as u64).to_le_bytes());
    FileSum::of(old).write(&mut out);
    FileSum::of(new).write(&mut out);
    out.bytes.extend(steps);
    if let Some(key) = key {
        let block = signature::block(SIGNATURE_KIND, &out.bytes, key);
        out.bytes.extend(block);
    }
    out.bytes
}

/// What `patch` makes of `old`. With a `key` the patch has to be signed with it.
///
/// The result is whole and right or there is none. It takes no more memory than `old` and `patch` together, some times over.
///
/// # Errors
/// When the patch is none, is damaged, is not signed as it should be, or is for another file than `old`.
pub fn apply(old: &[u8], patch: &[u8], key: Option<&PublicKey>) -> Result<Vec<u8>, PatchError> {
    let Patch { before, after, steps } = open(patch, key)?;
    let found = FileSum::of(old);
    if found != before {
        return Err(PatchError::OtherFile {
            expected: before,
            found,
        });
    }
    let mut section = Reader::new("steps", HEADER_BYTES as u64, steps);
    if after.length > most_bytes(old.len(), steps.len()) {
        let found = format!("{} bytes", after.length);
        return Err(section
            .error(
                0,
                "a file of at most four times the size of the old one and the patch",
                found,
            )
            .into());
    }
    let mut new = Vec::with_capacity(after.length as usize);
    let mut old_at = 0_u64;
    while !section.is_done() {
        let room = after.length - new.len() as u64;
        let own = section.up_to(room, "bytes within the new file")?;
        new.extend(section.take(own as usize, "bytes of the new file")?);
        let room = room - own;
        let length = section.up_to(room, "a copy within the new file")?;
        let from = old_at.wrapping_add_signed(section.zigzag("where to copy from")?);
        let stretch = usize::try_from(from)
            .ok()
            .and_then(|from| old.get(from..)?.get(..length as usize));
        let Some(stretch) = stretch else {
            let found = format!("{length} bytes from byte {from} on");
            return Err(section.error(0, "a copy from within the old file", found).into());
        };
        new.extend(stretch);
        old_at = from + length;
        let points = section.up_to(MOST_POINTS, "a number of points")? as usize;
        if points > 0 {
            let mut block = Reader::new("old file", old_at, &old[old_at as usize..]);
            let became = blocks::decode(&mut block, &mut section, points)?;
            if became.len() as u64 > after.length - new.len() as u64 {
                return Err(section
                    .error(0, "levels within the new file", became.len())
                    .into());
            }
            new.extend(became);
            old_at += block.position() as u64;
        }
    }
    let found = FileSum::of(&new);
    if found != after {
        return Err(PatchError::OtherResult {
            expected: after,
            found,
        });
    }
    Ok(new)
}

/// How large a file may come of so many bytes: who copies over and over would make much of little.
fn most_bytes(old: usize, steps: usize) -> u64 {
    4 * (old as u64 + steps as u64)
}

/// A patch whose frame is right.
struct Patch<'a> {
    before: FileSum,
    after: FileSum,
    steps: &'a [u8],
}

fn open<'a>(patch: &'a [u8], key: Option<&PublicKey>) -> Result<Patch<'a>, PatchError> {
    if !patch.starts_with(&PATCH_SIGNATURE) {
        let found = patch[..patch.len().min(PATCH_SIGNATURE.len())].to_vec();
        return Err(PatchError::NotAPatch { found });
    }
    let found = patch.len() as u64;
    let Some((header, rest)) = patch.split_at_checked(HEADER_BYTES) else {
        let expected = HEADER_BYTES as u64;
        return Err(PatchError::Length { expected, found });
    };
    let version = u32::from_le_bytes(header[16..20].try_into().expect("four bytes"));
    if version != PATCH_VERSION {
        let expected = PATCH_VERSION;
        return Err(PatchError::Version {
            expected,
            found: version,
        });
    }
    let length = u64_of(&header[20..28]);
    let split = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length));
    let expected = (HEADER_BYTES as u64).saturating_add(length);
    let (steps, block) = split.ok_or(PatchError::Length { expected, found })?;
    let block = match block.len() {
        0 => None,
        signature::BLOCK_BYTES => Some(block),
        _ => return Err(PatchError::Length { expected, found }),
    };
    if let Some(block) = block {
        signature::named_key(block, expected)?;
    }
    if let Some(key) = key {
        let message = &patch[..HEADER_BYTES + steps.len()];
        signature::check(SIGNATURE_KIND, message, block, expected, key)?;
    }
    Ok(Patch {
        before: FileSum::read(&header[28..68]),
        after: FileSum::read(&header[68..108]),
        steps,
    })
}

fn u64_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("callers pass eight bytes"))
}

/// Bytes of its own, a copy of a stretch of the old file, and what became of the levels behind that stretch, if anything.
struct Step<'a> {
    own: &'a [u8],
    copy: Range<usize>,
    became: Option<(usize, Vec<u8>)>,
}

impl Step<'_> {
    /// Writes the step, which comes after one that ended at `old_at` of the old file.
    fn write(&self, out: &mut Writer, old_at: usize) {
        out.count(self.own.len());
        out.bytes.extend(self.own);
        out.count(self.copy.len());
        out.zigzag(self.copy.start as i64 - old_at as i64);
        out.count(self.became.as_ref().map_or(0, |(points, _)| *points));
        out.bytes.extend(self.became.iter().flat_map(|(_, bits)| bits));
    }
}

/// The steps from `old` to `new`.
fn steps(old: &[u8], new: &[u8]) -> Vec<u8> {
    let places = places_by_key(old);
    let mut out = Writer::default();
    let (mut done, mut old_at) = (0, 0);
    let mut write = |steps: Vec<Step<'_>>, old_at: usize| {
        steps.iter().fold(old_at, |old_at, step| {
            step.write(&mut out, old_at);
            step.copy.end
        })
    };
    for (was, is) in blocks::changed(old, new) {
        let (was_bytes, is_bytes) = (&old[was.at..][..was.length], &new[is.at..][..is.length]);
        let Some(became) = blocks::encode(was_bytes, is_bytes, is.points) else {
            continue;
        };
        let mut found = copies(&places, old, &new[done..is.at], old_at);
        // The last of these steps has to end at the block.
        match found.last_mut() {
            Some(last) if last.copy.is_empty() => last.copy = was.at..was.at,
            Some(last) if last.copy.end == was.at => {}
            _ => found.push(Step {
                own: &[],
                copy: was.at..was.at,
                became: None,
            }),
        }
        if let Some(last) = found.last_mut() {
            last.became = Some((is.points, became));
        }
        write(found, old_at);
        (done, old_at) = (is.at + is.length, was.at + was.length);
    }
    write(copies(&places, old, &new[done..], old_at), old_at);
    out.bytes
}

/// Steps without levels that give `new`; only the last may copy nothing.
fn copies<'a>(places: &Places, old: &[u8], new: &'a [u8], mut old_at: usize) -> Vec<Step<'a>> {
    let mut found = Vec::new();
    let (mut own_from, mut at) = (0, 0);
    while at < new.len() {
        let Some((from, length)) = best_copy(places, old, new, at, old_at) else {
            at += 1;
            continue;
        };
        // A stretch may begin before the bytes by which it was found.
        let back = (0..(at - own_from).min(from))
            .take_while(|&i| old[from - 1 - i] == new[at - 1 - i])
            .count();
        found.push(Step {
            own: &new[own_from..at - back],
            copy: from - back..from + length,
            became: None,
        });
        at += length;
        (own_from, old_at) = (at, from + length);
    }
    if own_from < new.len() {
        found.push(Step {
            own: &new[own_from..],
            copy: old_at..old_at,
            became: None,
        });
    }
    found
}

fn key_at(bytes: &[u8], at: usize) -> Option<[u8; KEY_BYTES]> {
    bytes.get(at..at + KEY_BYTES)?.try_into().ok()
}

/// Where stretches of the old file begin, by their first bytes.
type Places = BTreeMap<[u8; KEY_BYTES], Vec<usize>>;

fn places_by_key(old: &[u8]) -> Places {
    let mut places = Places::new();
    for at in (0..old.len()).step_by(KEY_EVERY) {
        let Some(key) = key_at(old, at) else { break };
        let list = places.entry(key).or_default();
        if list.len() < MOST_CANDIDATES {
            list.push(at);
        }
    }
    places
}

/// The longest stretch of `old` that stands in `new` at `at`: going on after the last copy, or found by its beginning.
fn best_copy(places: &Places, old: &[u8], new: &[u8], at: usize, old_at: usize) -> Option<(usize, usize)> {
    let key = key_at(new, at)?;
    let found = places.get(&key).into_iter().flatten().copied();
    let length = |from: usize| {
        old[from..]
            .iter()
            .zip(&new[at..])
            .take_while(|(a, b)| a == b)
            .count()
    };
    let candidates = std::iter::once(old_at)
        .filter(|&from| from < old.len())
        .chain(found);
    let longest = candidates
        .map(|from| (length(from), from))
        .max_by_key(|&(length, from)| (length, from == old_at))?;
    (longest.0 >= LEAST_COPY_BYTES).then_some((longest.1, longest.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_leads(old: &[u8], new: &[u8]) -> Vec<u8> {
        let patch = diff(old, new, None);
        assert_eq!(apply(old, &patch, None).unwrap(), new);
        patch
    }

    proptest! {
        #[test]
        fn a_patch_leads_from_one_file_to_the_other(
            old in prop::collection::vec(0..4_u8, 0..600),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, prop::collection::vec(any::<u8>(), 0..20)), 0..6),
        ) {
            let mut new = old.clone();
            for (at, removed, added) in edits {
                let at = at.index(new.len() + 1);
                let end = (at + removed).min(new.len());
                new.splice(at..end, added);
            }
            assert_leads(&old, &new);
            assert_leads(&new, &old);
        }

        #[test]
        fn a_damaged_patch_gives_an_error_or_the_right_file(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let old: Vec<u8> = (0..500_u32).map(|i| (i * i / 7) as u8).collect();
            let mut new = old.clone();
            new.splice(100..120, *b"something else");
            let mut patch = diff(&old, &new, None);
            for (at, value) in changes {
                let at = at.index(patch.len());
                patch[at] = value;
            }
            if let Ok(found) = apply(&old, &patch, None) {
                prop_assert_eq!(found, new);
            }
        }
    }

    #[test]
    fn what_stayed_is_not_sent() {
        let old: Vec<u8> = (0..20_000_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let mut new = old.clone();
        new.splice(5000..5010, *b"other");
        new.splice(9000..9000, *b"and more");
        assert!(assert_leads(&old, &new).len() < HEADER_BYTES + 60);
        assert!(assert_leads(&old, &old).len() < HEADER_BYTES + 8);
        assert_leads(&[1; 20], &[1; 5000]);
        assert_leads(&[], &new);
        assert_leads(&new, &[]);
    }

    #[test]
    fn patches_for_other_files_are_refused() {
        let patch = diff(b"the old file", b"the new file", None);
        let error = apply(b"another file", &patch, None).unwrap_err().to_string();
        assert!(
            error.starts_with("the patch is for another file: expected 12 bytes with SHA-256 "),
            "{error}"
        );
        assert!(matches!(
            apply(b"", b"no patch", None),
            Err(PatchError::NotAPatch { .. })
        ));
        for length in 16..patch.len() {
            assert!(
                matches!(
                    apply(b"the old file", &patch[..length], None),
                    Err(PatchError::Length { .. })
                ),
                "{length}"
            );
        }
        let mut newer = patch;
        newer[16] = 9;
        let error = apply(b"the old file", &newer, None).unwrap_err().to_string();
        assert_eq!(error, "expected patch version 1 at byte 16, got 9");
    }

    #[test]
    fn a_patch_is_signed_as_a_whole() {
        let (key, other) = (SecretKey::from_bytes(&[3; 32]), SecretKey::from_bytes(&[4; 32]));
        let (old, new) = (vec![7; 100], vec![8; 100]);
        let signed = diff(&old, &new, Some(&key));
        let apply = |patch: &[u8], key: &SecretKey| apply(&old, patch, Some(&key.public()));
        assert_eq!(apply(&signed, &key).unwrap(), new);
        let unsigned = apply(&diff(&old, &new, None), &key).unwrap_err();
        assert!(matches!(
            unsigned,
            PatchError::Signature(SignatureError::Unsigned { .. })
        ));
        let wrong = apply(&signed, &other).unwrap_err();
        assert!(matches!(
            wrong,
            PatchError::Signature(SignatureError::OtherKey { .. })
        ));
        for at in 0..signed.len() {
            let mut altered = signed.clone();
            altered[at] ^= 1;
            assert!(apply(&altered, &key).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_small_patch_cannot_make_a_large_file() {
        let old = vec![0; 1000];
        let mut patch = diff(&old, &old, None);
        patch[68..76].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        let error = super::apply(&old, &patch, None).unwrap_err().to_string();
        assert!(error.contains("at most four times"), "{error}");
    }
}
