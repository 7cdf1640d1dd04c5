//! Sections `profiles` and `origin`.

use super::error::FormatError;
use super::wire::{Reader, Writer};
use crate::fingerprint::cells::CellIx;
use crate::fingerprint::profile::{
    CellProfile, EdgeProfile, Provenance, mean_code, mean_from_code, spread_code, spread_from_code,
};
use crate::network::{EdgeId, RoadNetwork};

/// Edge, number of points, one run of passes, number of cells.
const MIN_PROFILE_BYTES: usize = 5;
/// Cell, first point, number of points, one mean, one spread, one run each of passes and serving passes.
const MIN_CELL_BYTES: usize = 9;
/// Grid points of all profiles together: 160,000 km of road. Runs make many points of few bytes, so there has to be an end.
const MAX_POINTS: usize = 1 << 25;

/// The section for `profiles`, one entry per edge.
pub(super) fn write(profiles: &[Option<EdgeProfile>]) -> Vec<u8> {
    let mut out = Writer::default();
    out.count(profiles.iter().flatten().count());
    let mut next_edge = 0;
    for (edge, profile) in profiles.iter().enumerate() {
        let Some(profile) = profile else { continue };
        out.count(edge - next_edge);
        next_edge = edge + 1;
        out.varint(u64::from(profile.points));
        out.runs(&profile.passes);
        out.count(profile.cells.len());
        let mut next_cell = 0;
        for cell in &profile.cells {
            out.varint(u64::from(cell.cell.0 - next_cell));
            next_cell = cell.cell.0 + 1;
            out.varint(u64::from(cell.first));
            out.count(cell.mean_dbm.len());
            cell.mean_dbm
                .iter()
                .for_each(|&mean_dbm| out.u8(mean_code(f64::from(mean_dbm))));
            cell.spread_db
                .iter()
                .for_each(|&spread_db| out.u8(spread_code(f64::from(spread_db))));
            out.runs(&cell.passes);
            out.runs(&cell.serving);
        }
    }
    out.bytes
}

/// The profiles in `section`, one entry per edge of `network`; `cells` is how many cells there are.
pub(super) fn read(
    mut section: Reader<'_>,
    network: &RoadNetwork,
    cells: usize,
) -> Result<Vec<Option<EdgeProfile>>, FormatError> {
    let mut profiles = vec![None; network.edge_count()];
    let count = section.count(MIN_PROFILE_BYTES, "a number of profiles")?;
    let (mut next_edge, mut points_left) = (0, MAX_POINTS);
    for _ in 0..count {
        let last = network.edge_count().checked_sub(next_edge + 1);
        let Some(last) = last else {
            return Err(section.error(0, "no more profiles than edges", count));
        };
        let edge = next_edge + section.up_to(last as u64, "an edge of the roads")? as usize;
        next_edge = edge + 1;
        let (points, step_m) = EdgeProfile::grid(network.edge(EdgeId(edge as u32)).length_m);
        let told = section.varint("the number of points on the edge's grid")?;
        if told != u64::from(points) {
            return Err(section.error(
                1,
                "the number of points on the edge's grid",
                format!("{told}, not {points}"),
            ));
        }
        points_left = match points_left.checked_sub(points as usize) {
            Some(left) => left,
            None => return Err(section.error(1, "fewer points in all profiles", points)),
        };
        let passes = section.runs(points as usize, "runs of passes")?;
        let cells = read_cells(&mut section, points, cells)?;
        profiles[edge] = Some(EdgeProfile {
            points,
            step_m,
            passes,
            cells,
        });
    }
    section.finish()?;
    Ok(profiles)
}

fn read_cells(section: &mut Reader<'_>, points: u32, cells: usize) -> Result<Vec<CellProfile>, FormatError> {
    let count = section.count(MIN_CELL_BYTES, "a number of cells")?;
    let mut found = Vec::with_capacity(count);
    let mut next_cell = 0;
    for _ in 0..count {
        let Some(last) = cells.checked_sub(next_cell + 1) else {
            return Err(section.error(0, "no more profiles than cells", count));
        };
        let cell = next_cell + section.up_to(last as u64, "a cell of the list")? as usize;
        next_cell = cell + 1;
        let first = section.up_to(u64::from(points) - 1, "a point on the edge's grid")? as u32;
        let length =
            section.up_to(u64::from(points - first), "a length that ends on the edge's grid")? as usize;
        if length == 0 {
            return Err(section.error(1, "a length of at least one point", length));
        }
        let means = section.take(length, "mean levels")?;
        let spreads = section.take(length, "spreads")?;
        if let Some(at) = spreads.iter().position(|&code| code == 0) {
            return Err(section.error(length - at, "a spread above zero", 0));
        }
        found.push(CellProfile {
            cell: CellIx(cell as u32),
            first,
            mean_dbm: means.iter().map(|&code| mean_from_code(code)).collect(),
            spread_db: spreads.iter().map(|&code| spread_from_code(code)).collect(),
            passes: section.runs(length, "runs of passes")?,
            serving: section.runs(length, "runs of serving passes")?,
        });
    }
    Ok(found)
}

/// The section for `provenance`.
pub(super) fn write_origin(provenance: &Provenance) -> Vec<u8> {
    let mut out = Writer::default();
    out.text(&provenance.tool);
    out.varint(u64::from(provenance.drives));
    out.u8(u8::from(provenance.days.is_some()));
    if let Some((first, last)) = provenance.days {
        out.zigzag(i64::from(first));
        out.zigzag(i64::from(last));
    }
    out.bytes
}

/// The provenance in `section`.
pub(super) fn read_origin(mut section: Reader<'_>) -> Result<Provenance, FormatError> {
    let tool = section.text("the name of a program")?;
    let drives = section.up_to(u64::from(u32::MAX), "a number of drives")? as u32;
    let days = match section.u8("0 or 1 for days")? {
        0 => None,
        1 => Some((read_day(&mut section)?, read_day(&mut section)?)),
        other => return Err(section.error(1, "0 or 1 for days", other)),
    };
    if let Some((first, last)) = days.filter(|(first, last)| first > last) {
        return Err(section.error(
            0,
            "a last day not before the first",
            format!("{last} after {first}"),
        ));
    }
    section.finish()?;
    Ok(Provenance { tool, drives, days })
}

fn read_day(section: &mut Reader<'_>) -> Result<i32, FormatError> {
    let day = section.zigzag("a day")?;
    i32::try_from(day).map_err(|_| section.error(1, "a day of 32 bits", day))
}
