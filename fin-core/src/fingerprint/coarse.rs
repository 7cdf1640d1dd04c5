//! A coarse level field from which any one drive can be taken out: the rest is what that drive is judged against.

use std::collections::BTreeMap;

use super::placed::PlacedScan;

/// Width of a bin, metres.
const BIN_M: f64 = 5.0;
/// Bins on each side that inform a bin, with weights falling off linearly: 20 m.
const KERNEL_BINS: usize = 4;
/// Drives are counted over this many bins: further than a scan a second at motorway speed.
const BINS_PER_COUNT: usize = 10;
/// A bin counts as heard from this weight on, 1/dB²: a single reading at speed, two bins away.
const MIN_WEIGHT: f64 = 0.04;

/// A cell along a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    chain: u32,
    cell: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    weight: f64,
    weighted_dbm: f64,
    /// Of how many drives it is, where it is what one recording or one earlier database adds.
    drives: u32,
}

#[derive(Clone, Debug, PartialEq)]
struct Strip {
    line: Line,
    first_bin: usize,
    bins: Vec<Sum>,
    /// How many drives heard the cell, per [`BINS_PER_COUNT`] bins from the line's beginning.
    drives: Vec<u32>,
}

/// What one drive adds to a bin.
#[derive(Clone, Copy, Debug)]
struct Share {
    line: Line,
    bin: usize,
    weight: f64,
    level_dbm: f64,
    drives: u32,
}

/// Levels of every cell along every chain, summed over all drives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CoarseField {
    strips: Vec<Strip>,
}

/// The field as it is looked up, usually that of all drives but one, where that one drove.
#[derive(Clone, Debug)]
pub(super) struct OtherDrives {
    strips: Vec<Strip>,
}

/// What the other drives say of a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    /// Mean level, dBm.
    pub(super) level_dbm: f64,
    /// How many other drives heard the cell within some 50 m.
    pub(super) drives: u32,
}

fn bin_of(x_m: f64) -> usize {
    (x_m.max(0.0) / BIN_M) as usize
}

fn shares<'a>(drive: &'a [PlacedScan<'_>], offset_db: f64) -> impl Iterator<Item = Share> + 'a {
    drive.iter().flat_map(move |scan| {
        scan.scan.readings.iter().filter_map(move |reading| {
            Some(Share {
                line: Line {
                    chain: scan.place.chain,
                    cell: reading.cell,
                },
                bin: bin_of(scan.place.x_m),
                weight: 1.0 / scan.variance_db2,
                level_dbm: reading.level_dbm? - offset_db,
                drives: scan.drives(),
            })
        })
    })
}

/// What one drive adds, with one entry per line and bin, in their order.
fn merged(drive: &[PlacedScan<'_>], offset_db: f64) -> Vec<(Line, usize, Sum)> {
    let mut all: Vec<Share> = shares(drive, offset_db).collect();
    all.sort_by_key(|share| (share.line, share.bin));
    let chunks = all.chunk_by(|a, b| (a.line, a.bin) == (b.line, b.bin));
    let summed = chunks.map(|chunk| {
        let mut sum = Sum::default();
        for share in chunk {
            sum.weight += share.weight;
            sum.weighted_dbm += share.weight * share.level_dbm;
            sum.drives = sum.drives.max(share.drives);
        }
        (chunk[0].line, chunk[0].bin, sum)
    });
    summed.collect()
}

impl CoarseField {
    /// The field of `drives`, each with its level offset (dB) removed.
    pub(super) fn new(drives: &[Vec<PlacedScan<'_>>], offsets_db: &[f64]) -> Self {
        let parts: Vec<_> = drives
            .iter()
            .zip(offsets_db)
            .map(|(drive, &offset)| merged(drive, offset))
            .collect();
        let mut spans: BTreeMap<Line, (usize, usize)> = BTreeMap::new();
        for &(line, bin, _) in parts.iter().flatten() {
            let span = spans.entry(line).or_insert((bin, bin));
            *span = (span.0.min(bin), span.1.max(bin));
        }
        let empty = |(line, (first_bin, last)): (Line, (usize, usize))| Strip {
            line,
            first_bin,
            bins: vec![Sum::default(); last - first_bin + 1],
            drives: vec![0; last / BINS_PER_COUNT + 1],
        };
        let mut field = Self {
            strips: spans.into_iter().map(empty).collect(),
        };
        parts.iter().for_each(|part| field.add(part, 1.0));
        field
    }

    /// Adds (`sign` 1) or takes out (`sign` −1) what a drive tells.
    fn add(&mut self, part: &[(Line, usize, Sum)], sign: f64) {
        for chunk in part.chunk_by(|a, b| a.0 == b.0) {
            let Some(strip) = find(&self.strips, chunk[0].0) else {
                continue;
            };
            add_to(&mut self.strips[strip], chunk, sign);
        }
    }

    /// Follows a change of the offset of `drive` by `change_db`.
    pub(super) fn shift_level(&mut self, drive: &[PlacedScan<'_>], change_db: f64) {
        for share in shares(drive, 0.0) {
            let Some(strip) = find(&self.strips, share.line) else {
                continue;
            };
            let strip = &mut self.strips[strip];
            strip.bins[share.bin - strip.first_bin].weighted_dbm -= share.weight * change_db;
        }
    }

    /// The field without `drive`, whose offset was removed as `offset_db`, for the cells it heard on the chains it drove.
    pub(super) fn without(&self, drive: &[PlacedScan<'_>], offset_db: f64) -> OtherDrives {
        let own = merged(drive, offset_db);
        let sorted = |mut list: Vec<u32>| {
            list.sort_unstable();
            list.dedup();
            list
        };
        let cells = sorted(own.iter().map(|part| part.0.cell).collect());
        let chains = sorted(drive.iter().map(|scan| scan.place.chain).collect());
        let is_near = |strip: &&Strip| {
            chains.binary_search(&strip.line.chain).is_ok() && cells.binary_search(&strip.line.cell).is_ok()
        };
        let mut rest = CoarseField {
            strips: self.strips.iter().filter(is_near).cloned().collect(),
        };
        rest.add(&own, -1.0);
        OtherDrives {
            strips: rest.strips.into_iter().map(smoothed).collect(),
        }
    }

    /// The whole field, for what is compared with it without being part of it.
    pub(super) fn whole(self) -> OtherDrives {
        OtherDrives {
            strips: self.strips.into_iter().map(smoothed).collect(),
        }
    }

    /// Indices of the cells along chains that `drive` heard: drives that share one have their offsets tied to each other.
    pub(super) fn lines_of(&self, drive: &[PlacedScan<'_>]) -> Vec<usize> {
        let mut lines: Vec<usize> = shares(drive, 0.0)
            .filter_map(|s| find(&self.strips, s.line))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// How many cells along chains there are.
    pub(super) fn line_count(&self) -> usize {
        self.strips.len()
    }
}

impl OtherDrives {
    /// What the others say of `cell` at `x_m` along `chain`; `None` where none of them heard it near.
    pub(super) fn at(&self, chain: u32, x_m: f64, cell: u32) -> Option<Expected> {
        let strip = &self.strips[find(&self.strips, Line { chain, cell })?];
        let bin = bin_of(x_m);
        let sum = strip.bins.get(bin.checked_sub(strip.first_bin)?)?;
        let drives = *strip.drives.get(bin / BINS_PER_COUNT)?;
        let level_dbm = sum.weighted_dbm / sum.weight;
        (sum.weight >= MIN_WEIGHT).then_some(Expected { level_dbm, drives })
    }
}

fn find(strips: &[Strip], line: Line) -> Option<usize> {
    strips.binary_search_by_key(&line, |strip| strip.line).ok()
}

fn add_to(strip: &mut Strip, part: &[(Line, usize, Sum)], sign: f64) {
    for (_, bin, sum) in part {
        let into = &mut strip.bins[bin - strip.first_bin];
        into.weight += sign * sum.weight;
        into.weighted_dbm += sign * sum.weighted_dbm;
    }
    for group in part.chunk_by(|a, b| a.1 / BINS_PER_COUNT == b.1 / BINS_PER_COUNT) {
        let count = &mut strip.drives[group[0].1 / BINS_PER_COUNT];
        let drives = group.iter().map(|part| part.2.drives).max().unwrap_or(0);
        *count = if sign > 0.0 {
            *count + drives
        } else {
            *count - drives
        };
    }
}

fn smoothed(strip: Strip) -> Strip {
    let mut bins = vec![Sum::default(); strip.bins.len()];
    for (from, sum) in strip.bins.iter().enumerate() {
        // A bin may hold nothing but what rounding left of the drive that was taken out.
        if sum.weight < 1e-9 {
            continue;
        }
        let near = from.saturating_sub(KERNEL_BINS)..(from + KERNEL_BINS + 1).min(bins.len());
        for to in near {
            let share = 1.0 - from.abs_diff(to) as f64 / (KERNEL_BINS + 1) as f64;
            bins[to].weight += share * sum.weight;
            bins[to].weighted_dbm += share * sum.weighted_dbm;
        }
    }
    Strip { bins, ..strip }
}
