//! The levels of one cell along one edge, as a patch tells what became of them: by how much each value changed.
//!
//! Values are packed in bits, so that a change moves all bits behind it; nothing of a changed block is left to be copied.

use std::collections::BTreeMap;

use super::FormatError;
use super::atlas::Atlas;
use super::bits::{BitReader, BitWriter};
use super::wire::{Reader, Writer};

/// Which of a region's sections has blocks.
const PROFILES: usize = 2;
/// A difference of nothing: they are stored as bytes.
const SAME: u8 = 128;

/// Where the bits of one cell along one edge stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The first byte.
    pub(super) at: usize,
    /// Grid points that it has values for.
    pub(super) points: usize,
    /// Bytes that it takes.
    pub(super) length: usize,
}

/// Region, edge, cell and first point of a block.
type Name = (usize, u64, u64, u64);

/// The blocks of `new` that have a namesake in `old` of as many points and other bytes, in their order, each after the block that
/// it was; none where one of the files is no database.
pub(super) fn changed(old: &[u8], new: &[u8]) -> Vec<(Block, Block)> {
    let (Some(before), Some(after)) = (blocks(old), blocks(new)) else {
        return Vec::new();
    };
    let bytes = |file: &[u8], block: &Block| file[block.at..][..block.length].to_vec();
    let pair = |(name, block): (&Name, &Block)| before.get(name).map(|was| (*was, *block));
    let mut found: Vec<_> = after.iter().filter_map(pair).collect();
    found.retain(|(was, is)| was.points == is.points && bytes(old, was) != bytes(new, is));
    found.sort_by_key(|(_, is)| is.at);
    found
}

/// The blocks of a database; `None` when it is none.
fn blocks(file: &[u8]) -> Option<BTreeMap<Name, Block>> {
    let atlas = Atlas::open(file).ok()?;
    let mut found = BTreeMap::new();
    for (index, region) in atlas.contents().regions.iter().enumerate() {
        let section = region.sections[PROFILES];
        let (from, length) = (
            usize::try_from(section.offset).ok()?,
            usize::try_from(section.length).ok()?,
        );
        let bytes = file.get(from..)?.get(..length)?;
        walk(bytes, |name, block| {
            let block = Block {
                at: from + block.at,
                ..block
            };
            found.insert((index, name.0, name.1, name.2), block);
        })
        .ok()?;
    }
    Some(found)
}

/// Tells of every block of a section of profiles, with its place in the section.
fn walk(bytes: &[u8], mut found: impl FnMut((u64, u64, u64), Block)) -> Result<(), FormatError> {
    const WHAT: &str = "a section of profiles";
    let mut section = Reader::new("profiles", 0, bytes);
    let mut edge = 0_u64;
    for _ in 0..section.count(1, WHAT)? {
        edge = edge.wrapping_add(section.varint(WHAT)?).wrapping_add(1);
        if section.day()?.is_some() {
            section.zigzag(WHAT)?;
        }
        let points = section.up_to(1 << 22, WHAT)? as usize;
        section.runs(points, WHAT)?;
        let mut cell = 0_u64;
        for _ in 0..section.count(1, WHAT)? {
            cell = cell.wrapping_add(section.varint(WHAT)?).wrapping_add(1);
            let first = section.varint(WHAT)?;
            let points = section.up_to(points as u64, WHAT)?.max(1) as usize;
            let at = section.position();
            Values::read(&mut section, points)?;
            let length = section.position() - at;
            found((edge, cell, first), Block { at, points, length });
        }
    }
    Ok(())
}

/// What became of a block: bits from which [`decode`] makes `new` of `old`; `None` when it cannot.
pub(super) fn encode(old: &[u8], new: &[u8], points: usize) -> Option<Vec<u8>> {
    let read = |bytes| Values::read(&mut Reader::new("block", 0, bytes), points).ok();
    let (was, is) = (read(old)?, read(new)?);
    if is.to_bytes() != new {
        return None;
    }
    let difference = |old: &[u8], new: &[u8]| -> Vec<u8> {
        let pairs = old.iter().zip(new);
        pairs
            .map(|(old, new)| new.wrapping_sub(*old).wrapping_add(SAME))
            .collect()
    };
    let mut bits = BitWriter::default();
    bits.row(&difference(&was.mean, &is.mean));
    bits.row(&difference(&was.spread, &is.spread));
    for (was, is) in [(&was.passes, &is.passes), (&was.serving, &is.serving)] {
        bits.bit(was != is);
        if was != is {
            bits.runs(is);
        }
    }
    let mut out = Writer::default();
    bits.finish(&mut out);
    Some(out.bytes)
}

/// The block that becomes of the one that `old` is at, by what `patch` is at; both end up behind what they told.
///
/// # Errors
/// When either is no such thing. Nothing is reserved on the word of `points` that the bytes cannot hold.
pub(super) fn decode(
    old: &mut Reader<'_>,
    patch: &mut Reader<'_>,
    points: usize,
) -> Result<Vec<u8>, FormatError> {
    let was = Values::read(old, points)?;
    let mut bits = BitReader::new(patch);
    let mut sum = |old: &[u8]| -> Result<Vec<u8>, FormatError> {
        let mut values = bits.row(points, "differences of levels")?;
        for (value, old) in values.iter_mut().zip(old) {
            *value = value.wrapping_sub(SAME).wrapping_add(*old);
        }
        Ok(values)
    };
    let (mean, spread) = (sum(&was.mean)?, sum(&was.spread)?);
    let mut runs = |old: Vec<u16>| {
        if bits.bit("whether passes changed")? {
            bits.runs(points, "runs of passes")
        } else {
            Ok(old)
        }
    };
    let (passes, serving) = (runs(was.passes)?, runs(was.serving)?);
    bits.finish("differences of levels and passes")?;
    let is = Values {
        mean,
        spread,
        passes,
        serving,
    };
    Ok(is.to_bytes())
}

/// What a block says, in codes.
struct Values {
    mean: Vec<u8>,
    spread: Vec<u8>,
    passes: Vec<u16>,
    serving: Vec<u16>,
}

impl Values {
    fn read(section: &mut Reader<'_>, points: usize) -> Result<Self, FormatError> {
        let mut bits = BitReader::new(section);
        let values = Self {
            mean: bits.row(points, "mean levels")?,
            spread: bits.row(points, "spreads")?,
            passes: bits.runs(points, "runs of passes")?,
            serving: bits.runs(points, "runs of serving passes")?,
        };
        bits.finish("levels and passes")?;
        Ok(values)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let (mut bits, mut out) = (BitWriter::default(), Writer::default());
        bits.row(&self.mean);
        bits.row(&self.spread);
        bits.runs(&self.passes);
        bits.runs(&self.serving);
        bits.finish(&mut out);
        out.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(points: usize, seed: u8) -> Values {
        let wave = |at: usize, by: usize| (at * by + usize::from(seed)) % 11;
        Values {
            mean: (0..points).map(|at| 90 + wave(at, 1) as u8).collect(),
            spread: (0..points).map(|at| 20 + wave(at, 3) as u8).collect(),
            passes: (0..points)
                .map(|at| (at / 20 + usize::from(seed)) as u16)
                .collect(),
            serving: vec![2; points],
        }
    }

    proptest! {
        #[test]
        fn what_became_of_a_block_makes_it_again(
            points in 1..150_usize, seed in 0..6_u8, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 1..9_u16), 0..20),
        ) {
            let was = values(points, seed);
            let mut is = values(points, seed);
            for (at, code, passes) in changes {
                let at = at.index(points);
                (is.mean[at], is.spread[at], is.passes[at]) = (code, code / 2, passes);
            }
            let (old, new) = (was.to_bytes(), is.to_bytes());
            let difference = encode(&old, &new, points).unwrap();
            let mut old = Reader::new("old", 0, &old);
            let mut patch = Reader::new("patch", 0, &difference);
            prop_assert_eq!(decode(&mut old, &mut patch, points).unwrap(), new);
            prop_assert!(old.is_done() && patch.is_done());
        }

        #[test]
        fn any_bytes_make_a_block_or_an_error(
            old in prop::collection::vec(any::<u8>(), 0..60), patch in prop::collection::vec(any::<u8>(), 0..60), points in 1..400_usize,
        ) {
            let (mut old, mut patch) = (Reader::new("old", 0, &old), Reader::new("patch", 0, &patch));
            if let Ok(block) = decode(&mut old, &mut patch, points) {
                prop_assert!(Values::read(&mut Reader::new("new", 0, &block), points).is_ok());
            }
        }
    }

    #[test]
    fn a_level_that_rose_everywhere_takes_a_bit_a_point_at_most() {
        let (was, mut is) = (values(160, 0), values(160, 0));
        is.mean.iter_mut().for_each(|code| *code += 3);
        let difference = encode(&was.to_bytes(), &is.to_bytes(), 160).unwrap();
        assert!(difference.len() <= 2 * (160 / 8 + 2), "{}", difference.len());
    }
}
