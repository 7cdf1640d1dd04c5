//! Section `statistics`: what the profiles rest on.

use super::bits::{BitReader, BitWriter};
use super::error::FormatError;
use super::wire::{Reader, Writer};
use crate::fingerprint::cells::CellIx;
use crate::fingerprint::evidence::{
    Bin, CellEvidence, EdgeEvidence, POINTS_PER_BIN, scatter_code, scatter_from_code, weight_code,
    weight_from_code,
};
use crate::fingerprint::profile::{EdgeProfile, mean_code, mean_from_code};

/// Cell, number of bins, a run of five bits, three rows of twelve.
const MIN_CELL_BYTES: usize = 8;
/// Number of cells.
const MIN_EDGE_BYTES: usize = 1;

/// The section for what the profiles of a region rest on; `cell_of` gives the number of each cell in the region.
pub(super) fn write(edges: &[&EdgeEvidence], cell_of: impl Fn(CellIx) -> u32) -> Vec<u8> {
    let mut out = Writer::default();
    out.count(edges.len());
    for edge in edges {
        out.count(edge.cells.len());
        let mut cells: Vec<(u32, &CellEvidence)> =
            edge.cells.iter().map(|cell| (cell_of(cell.cell), cell)).collect();
        cells.sort_by_key(|&(number, _)| number);
        let mut next_cell = 0;
        for (number, cell) in cells {
            out.varint(u64::from(number - next_cell));
            next_cell = number + 1;
            out.count(cell.bins.len());
            let mut next = 0;
            let gaps: Vec<u16> = cell
                .bins
                .iter()
                .map(|bin| {
                    let gap = bin.index - next;
                    next = bin.index + 1;
                    gap.min(u32::from(u16::MAX)) as u16
                })
                .collect();
            let mut bits = BitWriter::default();
            bits.runs(&gaps);
            let row = |code: fn(&Bin) -> u8| cell.bins.iter().map(code).collect::<Vec<u8>>();
            bits.row(&row(|bin| weight_code(bin.weight_per_db2)));
            bits.row(&row(|bin| mean_code(bin.mean_dbm)));
            bits.row(&row(|bin| scatter_code(bin.scatter_db)));
            bits.finish(&mut out);
        }
    }
    out.bytes
}

/// What `profiles` of a region rest on, in their order; `cells` is how many cells there are.
pub(super) fn read(
    mut section: Reader<'_>,
    profiles: &[&EdgeProfile],
    cells: usize,
) -> Result<Vec<Vec<CellEvidence>>, FormatError> {
    let count = section.count(MIN_EDGE_BYTES, "a number of edges")?;
    if count != profiles.len() {
        return Err(section.error(
            1,
            "as many edges as profiles",
            format!("{count}, not {}", profiles.len()),
        ));
    }
    let mut edges = Vec::with_capacity(count);
    for profile in profiles {
        edges.push(read_edge(&mut section, profile.points, cells)?);
    }
    section.finish()?;
    Ok(edges)
}

fn read_edge(section: &mut Reader<'_>, points: u32, cells: usize) -> Result<Vec<CellEvidence>, FormatError> {
    let most_bins = points.div_ceil(POINTS_PER_BIN);
    let count = section.count(MIN_CELL_BYTES, "a number of cells")?;
    let mut found = Vec::with_capacity(count);
    let mut next_cell = 0;
    for _ in 0..count {
        let cell = section.next_cell(&mut next_cell, cells)?;
        let bins = section.up_to(u64::from(most_bins), "a number of pieces of the edge")? as usize;
        if bins == 0 {
            return Err(section.error(1, "at least one piece of the edge", bins));
        }
        let mut bits = BitReader::new(section);
        let gaps = bits.runs(bins, "runs of gaps between pieces")?;
        let weights = bits.row(bins, "weights")?;
        let means = bits.row(bins, "mean levels")?;
        let scatters = bits.row(bins, "scatters")?;
        bits.finish("statistics")?;
        let mut next = 0;
        let mut list = Vec::with_capacity(bins);
        for (((gap, weight), mean), scatter) in gaps.into_iter().zip(weights).zip(means).zip(scatters) {
            let index = next + u32::from(gap);
            if index >= most_bins {
                return Err(section.error(0, "pieces of the edge", format!("piece {index} of {most_bins}")));
            }
            next = index + 1;
            list.push(Bin {
                index,
                weight_per_db2: weight_from_code(weight),
                mean_dbm: f64::from(mean_from_code(mean)),
                scatter_db: scatter_from_code(scatter),
            });
        }
        found.push(CellEvidence {
            cell: CellIx(cell),
            bins: list,
        });
    }
    Ok(found)
}
