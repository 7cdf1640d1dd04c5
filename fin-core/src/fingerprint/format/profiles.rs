//! Section `profiles`.

use super::VERSION_WITHOUT_SPEEDS;
use super::bits::{BitReader, BitWriter};
use super::error::FormatError;
use super::wire::{Reader, Writer};
use crate::fingerprint::cells::CellIx;
use crate::fingerprint::profile::{
    CellProfile, EdgeProfile, mean_code, mean_from_code, speed_code, speed_from_code, spread_code,
    spread_from_code,
};
use crate::network::{EdgeId, RoadNetwork};

/// Edge, whether there are days, number of points, one run of passes, number of cells.
const MIN_PROFILE_BYTES: usize = 6;
/// Cell, first point, number of points, two rows of twelve bits, two runs of five.
const MIN_CELL_BYTES: usize = 8;
/// Grid points of all profiles of a region together: 20,000 km of road. Runs make many points of few bytes, so there has
/// to be an end.
const MAX_POINTS: usize = 1 << 22;

/// The profile of an edge, with the days of its surveys.
pub(super) type Dated<P> = (u32, P, Option<(i32, i32)>);

/// The section for `profiles`, by ascending edge; `cell_of` gives the number of each cell in the region.
pub(super) fn write(profiles: &[Dated<&EdgeProfile>], cell_of: impl Fn(CellIx) -> u32) -> Vec<u8> {
    let mut out = Writer::default();
    out.count(profiles.len());
    let mut next_edge = 0;
    for &(edge, profile, days) in profiles {
        out.varint(u64::from(edge - next_edge));
        next_edge = edge + 1;
        out.day(days.map(|(first, _)| first));
        days.iter()
            .for_each(|&(first, last)| out.zigzag(i64::from(last) - i64::from(first)));
        out.varint(u64::from(profile.points));
        out.runs(&profile.passes);
        out.count(profile.cells.len());
        let mut cells: Vec<(u32, &CellProfile)> = profile
            .cells
            .iter()
            .map(|cell| (cell_of(cell.cell), cell))
            .collect();
        cells.sort_by_key(|&(number, _)| number);
        let mut next_cell = 0;
        for (number, cell) in cells {
            out.varint(u64::from(number - next_cell));
            next_cell = number + 1;
            out.varint(u64::from(cell.first));
            out.count(cell.mean_dbm.len());
            let codes = |values: &[f32], code: fn(f64) -> u8| {
                values.iter().map(|&db| code(f64::from(db))).collect::<Vec<u8>>()
            };
            let mut bits = BitWriter::default();
            bits.row(&codes(&cell.mean_dbm, mean_code));
            bits.row(&codes(&cell.spread_db, spread_code));
            bits.runs(&cell.passes);
            bits.runs(&cell.serving);
            bits.finish(&mut out);
        }
    }
    write_speeds(profiles, &mut out);
    out.bytes
}

/// Goes on with the usual speeds of all profiles, where any is known.
fn write_speeds(profiles: &[Dated<&EdgeProfile>], out: &mut Writer) {
    if !profiles.iter().any(|(_, profile, _)| profile.knows_speeds()) {
        return;
    }
    let mut bits = BitWriter::default();
    for (_, profile, _) in profiles {
        bits.bit(profile.knows_speeds());
        if profile.knows_speeds() {
            let codes: Vec<u8> = profile.usual_mps.iter().copied().map(speed_code).collect();
            bits.row(&codes);
        }
    }
    bits.finish(out);
}

/// Reads those, where the section goes on.
fn read_speeds(
    section: &mut Reader<'_>,
    profiles: &mut [Dated<EdgeProfile>],
    network: &RoadNetwork,
) -> Result<(), FormatError> {
    if section.is_at_end() {
        return Ok(());
    }
    let mut bits = BitReader::new(section);
    for (edge, profile, _) in profiles {
        if bits.bit("whether usual speeds are known")? {
            let places = EdgeProfile::speed_places(network.edge(EdgeId(*edge)).length_m);
            let codes = bits.row(places, "usual speeds")?;
            profile.usual_mps = codes.into_iter().map(speed_from_code).collect();
        }
    }
    bits.finish("usual speeds")
}

/// The profiles in `section` of a file of this version, by ascending edge of `network`; `cells` is how many cells there are.
pub(super) fn read(
    mut section: Reader<'_>,
    network: &RoadNetwork,
    cells: usize,
    version: u32,
) -> Result<Vec<Dated<EdgeProfile>>, FormatError> {
    let count = section.count(MIN_PROFILE_BYTES, "a number of profiles")?;
    let mut profiles = Vec::with_capacity(count);
    let (mut next_edge, mut points_left) = (0, MAX_POINTS);
    for _ in 0..count {
        let last = network.edge_count().checked_sub(next_edge + 1);
        let Some(last) = last else {
            return Err(section.error(0, "no more profiles than edges", count));
        };
        let edge = next_edge + section.up_to(last as u64, "an edge of the roads")? as usize;
        next_edge = edge + 1;
        let days = read_days(&mut section)?;
        let (points, step_m) = EdgeProfile::grid(network.edge(EdgeId(edge as u32)).length_m);
        let told = section.varint("the number of points on the edge's grid")?;
        if told != u64::from(points) {
            let found = format!("{told}, not {points}");
            return Err(section.error(1, "the number of points on the edge's grid", found));
        }
        points_left = match points_left.checked_sub(points as usize) {
            Some(left) => left,
            None => return Err(section.error(1, "fewer points in all profiles", points)),
        };
        let passes = section.runs(points as usize, "runs of passes")?;
        let cells = read_cells(&mut section, points, cells)?;
        let profile = EdgeProfile {
            points,
            step_m,
            passes,
            cells,
            usual_mps: Vec::new(),
        };
        profiles.push((edge as u32, profile, days));
    }
    if version > VERSION_WITHOUT_SPEEDS {
        read_speeds(&mut section, &mut profiles, network)?;
    }
    section.finish()?;
    Ok(profiles)
}

fn read_days(section: &mut Reader<'_>) -> Result<Option<(i32, i32)>, FormatError> {
    let Some(first) = section.day()? else {
        return Ok(None);
    };
    let span = section.zigzag("days from the first survey to the last")?;
    let last = i64::from(first)
        .checked_add(span)
        .and_then(|last| i32::try_from(last).ok());
    match last.filter(|&last| last >= first) {
        Some(last) => Ok(Some((first, last))),
        None => Err(section.error(1, "a last day not before the first", span)),
    }
}

fn read_cells(section: &mut Reader<'_>, points: u32, cells: usize) -> Result<Vec<CellProfile>, FormatError> {
    let count = section.count(MIN_CELL_BYTES, "a number of cells")?;
    let mut found = Vec::with_capacity(count);
    let mut next_cell = 0;
    for _ in 0..count {
        let cell = section.next_cell(&mut next_cell, cells)?;
        let first = section.up_to(u64::from(points) - 1, "a point on the edge's grid")? as u32;
        let length =
            section.up_to(u64::from(points - first), "a length that ends on the edge's grid")? as usize;
        if length == 0 {
            return Err(section.error(1, "a length of at least one point", length));
        }
        let mut bits = BitReader::new(section);
        let means = bits.row(length, "mean levels")?;
        let spreads = bits.row(length, "spreads")?;
        let passes = bits.runs(length, "runs of passes")?;
        let serving = bits.runs(length, "runs of serving passes")?;
        bits.finish("levels and passes")?;
        if spreads.contains(&0) {
            return Err(section.error(0, "spreads above zero", 0));
        }
        found.push(CellProfile {
            cell: CellIx(cell),
            first,
            mean_dbm: means.iter().map(|&code| mean_from_code(code)).collect(),
            spread_db: spreads.iter().map(|&code| spread_from_code(code)).collect(),
            passes,
            serving,
        });
    }
    Ok(found)
}
