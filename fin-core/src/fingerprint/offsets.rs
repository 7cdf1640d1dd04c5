//! The level offset of each drive's phone against the mean phone.

use super::coarse::{CoarseField, OtherDrives};
use super::placed::PlacedScan;

/// Offsets are tied to other drives by no fewer readings than this.
const MIN_READINGS: usize = 20;
/// Rounds over all drives at most, and the change below which there is no need for another, dB.
const MAX_ROUNDS: usize = 8;
const SETTLED_DB: f64 = 0.05;

/// The level offset of each of `drives`, dB: positive for a phone that reads high. The mean over drives that are tied to
/// each other by common cells is zero.
///
/// Each drive in turn is set to the weighted median difference from the field of the others, until nothing moves. Where
/// there is an earlier database, it is the last of `drives`, and its offset is zero instead of the mean.
pub(super) fn level_offsets(drives: &[Vec<PlacedScan<'_>>], has_former: bool) -> Vec<f64> {
    let mut offsets_db = vec![0.0; drives.len()];
    let mut field = CoarseField::new(drives, &offsets_db);
    for _ in 0..MAX_ROUNDS {
        let mut moved_db: f64 = 0.0;
        for (drive, offset_db) in drives.iter().zip(&mut offsets_db) {
            let others = field.without(drive, *offset_db);
            let mut differences = differences(drive, &others);
            if differences.len() < MIN_READINGS {
                continue;
            }
            let Some(found_db) = weighted_median(&mut differences) else {
                continue;
            };
            field.shift_level(drive, found_db - *offset_db);
            moved_db = moved_db.max((found_db - *offset_db).abs());
            *offset_db = found_db;
        }
        if moved_db < SETTLED_DB {
            break;
        }
    }
    centred(&field, drives, offsets_db, has_former)
}

/// Readings of `drive` minus what the others read there, with their weights.
fn differences(drive: &[PlacedScan<'_>], others: &OtherDrives) -> Vec<(f64, f64)> {
    let all = drive.iter().flat_map(|scan| {
        scan.scan.readings.iter().filter_map(|reading| {
            let expected = others.at(scan.place.chain, scan.place.x_m, reading.cell)?;
            Some((reading.level_dbm? - expected.level_dbm, 1.0 / scan.variance_db2))
        })
    });
    all.collect()
}

/// The value below and above which lies half of the weight of `values` (value, weight ≥ 0); `None` without any. Sorts them.
pub(super) fn weighted_median(values: &mut [(f64, f64)]) -> Option<f64> {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * values.iter().map(|v| v.1).sum::<f64>();
    let mut below = 0.0;
    values
        .iter()
        .find(|v| {
            below += v.1;
            below >= half
        })
        .map(|v| v.0)
}

fn centred(
    field: &CoarseField,
    drives: &[Vec<PlacedScan<'_>>],
    mut offsets_db: Vec<f64>,
    has_former: bool,
) -> Vec<f64> {
    let mut group: Vec<usize> = (0..drives.len()).collect();
    let mut first_on: Vec<Option<usize>> = vec![None; field.line_count()];
    for (index, drive) in drives.iter().enumerate() {
        for line in field.lines_of(drive) {
            match first_on[line] {
                None => first_on[line] = Some(index),
                Some(other) => {
                    let (a, b) = (root(&group, other), root(&group, index));
                    group[a.max(b)] = a.min(b);
                }
            }
        }
    }
    let roots: Vec<usize> = (0..drives.len()).map(|i| root(&group, i)).collect();
    for group in 0..drives.len() {
        let members: Vec<usize> = (0..drives.len()).filter(|&i| roots[i] == group).collect();
        let zero_db = match members.last() {
            Some(&last) if has_former && last + 1 == drives.len() => offsets_db[last],
            _ => members.iter().map(|&i| offsets_db[i]).sum::<f64>() / members.len().max(1) as f64,
        };
        members.iter().for_each(|&i| offsets_db[i] -= zero_db);
    }
    offsets_db
}

fn root(group: &[usize], mut at: usize) -> usize {
    while group[at] != at {
        at = group[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_follows_the_weights() {
        assert_eq!(weighted_median(&mut []), None);
        assert_eq!(
            weighted_median(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]),
            Some(2.0)
        );
        assert_eq!(
            weighted_median(&mut [(3.0, 5.0), (1.0, 1.0), (2.0, 1.0)]),
            Some(3.0)
        );
    }
}
