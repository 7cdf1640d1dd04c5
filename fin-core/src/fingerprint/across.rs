//! Where what is heard in one direction of a road is heard in the other.
//!
//! Scans tell of where the car was a moment before, fixes may be late or early, and a phone hears better ahead than behind: so the
//! levels of one direction lie some metres off those of the other. By how much is measured.

use super::chain::Chains;
use super::coarse::{CoarseField, OtherDrives};
use super::placed::{KnownReading, PlacedScan};

/// Shifts that are tried, metres: the first, the distance between them, and how many.
const FIRST_SHIFT_M: f64 = -20.0;
const SHIFT_STEP_M: f64 = 5.0;
const SHIFTS: usize = 15;
/// Differences above this count as this, dB.
const MOST_DIFFERENCE_DB: f64 = 15.0;
/// Scans further apart than this tell of no change, metres.
const MOST_APART_M: f64 = 70.0;
/// No judgement on fewer readings than this at any of the shifts.
const LEAST_READINGS: usize = 300;

/// How much further on than on the same spot of the road, in the direction of driving, levels of the other direction go up and down:
/// the shift at which the changes from scan to scan differ least (mean of capped differences, vertex of the parabola through the
/// least three), metres; 0 where no road was driven in both directions, or hardly any.
///
/// Changes are compared and not levels, since a phone that hears better ahead than behind differs over hundreds of metres.
pub(super) fn shift_m(chains: &Chains, drives: &[Vec<PlacedScan<'_>>], offsets_db: &[f64]) -> f64 {
    let field = CoarseField::new(drives, offsets_db).whole();
    let mut differences = [Difference::default(); SHIFTS];
    for pair in drives.iter().flat_map(|drive| drive.windows(2)) {
        let across = |scan: &PlacedScan<'_>| chains.across(scan.at).and_then(|at| chains.place(at));
        let (Some(before), Some(here)) = (across(&pair[0]), across(&pair[1])) else {
            continue;
        };
        if before.chain != here.chain || (before.x_m - here.x_m).abs() > MOST_APART_M {
            continue;
        }
        for (index, difference) in differences.iter_mut().enumerate() {
            let shift_m = shift_at(index as f64);
            difference.add(
                (&pair[0], before.x_m + shift_m),
                (&pair[1], here.x_m + shift_m),
                here.chain,
                &field,
            );
        }
    }
    if differences
        .iter()
        .any(|difference| difference.readings < LEAST_READINGS)
    {
        return 0.0;
    }
    let means = differences.map(|difference| difference.sum_db / difference.weight);
    let least = (1..SHIFTS - 1).min_by(|&a, &b| means[a].total_cmp(&means[b]));
    least.map_or(0.0, |at| {
        shift_at(at as f64 + vertex([means[at - 1], means[at], means[at + 1]]))
    })
}

fn shift_at(index: f64) -> f64 {
    FIRST_SHIFT_M + SHIFT_STEP_M * index
}

/// Where the parabola through three values at −1, 0 and 1 is least, held to −1…1; 0 when it is nowhere.
fn vertex([before, here, after]: [f64; 3]) -> f64 {
    let bend = before - 2.0 * here + after;
    if bend > 0.0 {
        (0.5 * (before - after) / bend).clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// Weighted sum of what readings differ from the other direction.
#[derive(Clone, Copy, Debug, Default)]
struct Difference {
    readings: usize,
    weight: f64,
    sum_db: f64,
}

impl Difference {
    /// Adds what the change of levels from one scan to the next, put at two places of `chain`, differs from that of `field`.
    fn add(
        &mut self,
        (before, before_m): (&PlacedScan<'_>, f64),
        (here, here_m): (&PlacedScan<'_>, f64),
        chain: u32,
        field: &OtherDrives,
    ) {
        let off_db = |reading: &KnownReading, x_m: f64| {
            let expected = field.at(chain, x_m, reading.cell)?;
            Some(reading.level_dbm? - expected.level_dbm)
        };
        let weight = 1.0 / (before.variance_db2 + here.variance_db2);
        for reading in &here.scan.readings {
            let earlier = before
                .scan
                .readings
                .iter()
                .find(|earlier| earlier.cell == reading.cell);
            let Some(earlier) = earlier else { continue };
            let Some((now_db, then_db)) = off_db(reading, here_m).zip(off_db(earlier, before_m)) else {
                continue;
            };
            self.readings += 1;
            self.weight += weight;
            self.sum_db += weight * (now_db - then_db).abs().min(MOST_DIFFERENCE_DB);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::placed::KnownScan;
    use crate::fingerprint::testing::two_way_road;
    use crate::network::{EdgeId, EdgePosition};
    use crate::time::Time;

    const SPACING_M: f64 = 19.0;

    /// What two cells' levels are along a road.
    fn level_dbm(cell: u32, x_m: f64) -> f64 {
        let shape = |length_m: f64| libm::sin(x_m / length_m + f64::from(cell));
        -85.0 + 4.0 * shape(17.0) + 4.0 * shape(31.0) + 6.0 * shape(140.0)
    }

    /// Scans of a road of `length_m` each way, whose levels are those of `late_m` before and one way 4 dB higher.
    fn scans(length_m: f64, late_m: f64) -> [Vec<KnownScan>; 2] {
        [(1.0, 0.0), (-1.0, 4.0)].map(|(ahead, higher_db)| {
            let start_m = if ahead > 0.0 { 0.0 } else { length_m };
            let heard_at = (0..(length_m / SPACING_M) as usize)
                .map(|scan| start_m + ahead * (SPACING_M * scan as f64 - late_m));
            let scan = |x_m: f64| KnownScan {
                time: Time::default(),
                readings: [0, 1]
                    .map(|cell| known(cell, level_dbm(cell, x_m) + higher_db))
                    .to_vec(),
            };
            heard_at.map(scan).collect()
        })
    }

    fn known(cell: u32, level_dbm: f64) -> KnownReading {
        KnownReading {
            cell,
            level_dbm: Some(level_dbm),
            serving: cell == 0,
        }
    }

    fn placed<'a>(chains: &Chains, edge: EdgeId, scans: &'a [KnownScan]) -> Vec<PlacedScan<'a>> {
        let at = (0..scans.len()).map(|scan| EdgePosition {
            edge,
            offset_m: SPACING_M * scan as f64,
        });
        let placed = at.zip(scans).map(|(at, scan)| PlacedScan {
            place: chains.place(at).unwrap(),
            at,
            reach_back_m: 0.5 * SPACING_M,
            reach_ahead_m: 0.5 * SPACING_M,
            noise_db2: 2.25,
            variance_db2: 8.5,
            scan,
            summary: None,
        });
        placed.collect()
    }

    #[test]
    fn the_shift_is_found_though_one_direction_reads_higher() {
        let network = two_way_road(&[8_000.0]);
        let chains = Chains::new(&network, &[true; 2]);
        for late_m in [-4.0, 0.0, 3.0, 9.0] {
            let both = scans(network.edge(EdgeId(0)).length_m, late_m);
            let drives = [0, 1].map(|way| placed(&chains, EdgeId(way), &both[way as usize]));
            let found_m = shift_m(&chains, &drives, &[0.0; 2]);
            assert!((found_m - 2.0 * late_m).abs() < 1.5, "{found_m} for {late_m}");
        }
    }

    #[test]
    fn one_direction_alone_has_no_shift() {
        let network = two_way_road(&[8_000.0]);
        let chains = Chains::new(&network, &[true, false]);
        let both = scans(network.edge(EdgeId(0)).length_m, 3.0);
        let drives = [placed(&chains, EdgeId(0), &both[0])];
        assert_eq!(shift_m(&chains, &drives, &[0.0]), 0.0);
    }

    #[test]
    fn a_parabola_is_least_at_its_vertex() {
        let parabola = |x: f64| 3.0 + 0.7 * (x - 0.3) * (x - 0.3);
        assert!((vertex([parabola(-1.0), parabola(0.0), parabola(1.0)]) - 0.3).abs() < 1e-12);
        assert_eq!(vertex([2.0, 2.0, 2.0]), 0.0);
        assert_eq!(vertex([3.0, 1.0, 0.0]), 1.0);
    }
}
