//! Builds from simulated drives, whose truth is known.

use std::sync::Arc;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

use super::builder::{Build, build, merge};
use super::pass::{Stretch, StretchPoint, SurveyPass};
use super::report::Refusal;
use super::runner::OneByOne;
use super::testing::{by_channel, straight_road};
use super::{CellIx, FingerprintDb};
use crate::network::{EdgeId, RoadNetwork, Route};
use crate::observation::{CellReading, CellScan};
use crate::time::Time;

const CELLS: u16 = 5;
const START_MS: i64 = 1_600_000_000_000;

fn normal(sigma: f64, rng: &mut impl Rng) -> f64 {
    Normal::new(0.0, sigma).unwrap().sample(rng)
}

/// Samples every metre of a wandering level that stays within `sigma_db` and changes by `db2_per_m` over short distances.
fn wander(length_m: usize, sigma_db: f64, db2_per_m: f64, rng: &mut impl Rng) -> Vec<f64> {
    let keep = (1.0 - db2_per_m / (sigma_db * sigma_db)).sqrt();
    let mut at_db = normal(sigma_db, rng);
    (0..=length_m)
        .map(|_| {
            at_db = keep * at_db + normal(db2_per_m.sqrt(), rng);
            at_db
        })
        .collect()
}

struct World {
    network: Arc<RoadNetwork>,
    length_m: usize,
    fields: Vec<Vec<f64>>,
}

impl World {
    fn new(rng: &mut impl Rng) -> Self {
        let lengths: Vec<f64> = (0..40).map(|i| [30.0, 150.0, 45.0, 75.0][i % 4]).collect();
        let network = Arc::new(straight_road(&lengths));
        let length_m = network.edges().map(|(_, edge)| edge.length_m).sum::<f64>() as usize;
        let fields = (0..CELLS).map(|_| wander(length_m, 8.0, 0.33, rng)).collect();
        Self {
            network,
            length_m,
            fields,
        }
    }

    /// A drive whose phone reads `offset_db` high and whose radio clock is `late_s` slow.
    fn drive(&self, index: i64, offset_db: f64, late_s: f64, rng: &mut impl Rng) -> SurveyPass {
        let shapes: Vec<_> = (0..CELLS).map(|_| wander(self.length_m, 2.5, 0.4, rng)).collect();
        let start = Time::from_millis(START_MS + 86_400_000 * index);
        let (mut x_m, mut speed_mps) = (0.0, rng.random_range(15.0..25.0));
        let mut points = Vec::new();
        let mut scans = Vec::new();
        for s in 0.. {
            if x_m >= self.length_m as f64 {
                break;
            }
            let time = start.plus_seconds(f64::from(s));
            points.push(StretchPoint {
                time,
                offset_m: x_m,
                sigma_m: 3.0,
            });
            let cells = (0..CELLS).filter_map(|cell| {
                let i = usize::from(cell);
                let level_dbm = -85.0 + self.fields[i][x_m as usize] + shapes[i][x_m as usize] + offset_db;
                let level_dbm = (level_dbm + normal(1.5, rng)).round();
                rng.random_bool(0.7).then_some(CellReading {
                    cell: by_channel(cell),
                    serving: cell == 0,
                    rsrp_dbm: Some(level_dbm.clamp(-139.0, -45.0)),
                    rsrq_db: None,
                })
            });
            scans.push(CellScan {
                time: time.plus_seconds(-late_s),
                cells: cells.collect(),
            });
            speed_mps = (speed_mps + normal(0.5, rng)).clamp(8.0, 28.0);
            x_m += speed_mps;
        }
        let route = Route::from_edges(&self.network, (0..self.network.edge_count() as u32).map(EdgeId));
        SurveyPass {
            name: format!("drive {index}"),
            track: vec![Stretch { route, points }],
            scans,
        }
    }

    fn drives(&self, offsets_db: &[f64], late_s: &[f64], rng: &mut impl Rng) -> Vec<SurveyPass> {
        (0..)
            .zip(offsets_db.iter().zip(late_s))
            .map(|(i, (&offset, &late))| self.drive(i, offset, late, rng))
            .collect()
    }

    fn build(&self, drives: &[SurveyPass]) -> Build {
        build(&self.network, drives, "test", &OneByOne)
    }
}

/// Root mean square difference between the database's means and the true field, dB, and that over the spread it tells.
fn errors(world: &World, database: &FingerprintDb, mean_offset_db: f64) -> (f64, f64) {
    let (mut square, mut count) = (0.0, 0.0);
    let mut start_m = 0.0;
    let mut normalised = 0.0;
    for (edge, _) in world.network.edges() {
        let profile = database.profile(edge).unwrap();
        for cell in 0..CELLS {
            let levels = profile.cell(CellIx(u32::from(cell))).unwrap();
            for (i, (&mean_dbm, &spread_db)) in levels.mean_dbm.iter().zip(&levels.spread_db).enumerate() {
                let x_m = start_m + profile.step_m * (levels.first as usize + i) as f64;
                let truth = world.fields[usize::from(cell)][(x_m as usize).min(world.length_m)] - 85.0;
                let error = f64::from(mean_dbm) - truth - mean_offset_db;
                square += error * error;
                normalised += error * error / f64::from(spread_db).powi(2);
                count += 1.0;
            }
        }
        start_m += world.network.edge(edge).length_m;
    }
    (f64::sqrt(square / count), f64::sqrt(normalised / count))
}

#[test]
fn levels_and_offsets_come_out_right() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let world = World::new(&mut rng);
    let offsets_db = [-4.0, 1.0, 6.0, 0.0, -3.0];
    let drives = world.drives(&offsets_db, &[0.0; 5], &mut rng);
    let Build { database, report } = world.build(&drives);
    for (drive, offset_db) in report.drives.iter().zip(offsets_db) {
        assert_eq!(
            (&drive.refused, drive.clock_shift_s),
            (&None, 0.0),
            "{}",
            drive.name
        );
        assert!(
            (drive.offset_db - offset_db).abs() < 1.0,
            "{} {offset_db}",
            drive.offset_db
        );
        assert_eq!(drive.tunnels.len(), 20);
    }
    assert!(
        report
            .drives
            .iter()
            .map(|drive| drive.offset_db)
            .sum::<f64>()
            .abs()
            < 1e-9
    );
    let database = database.unwrap();
    let (rms_db, normalised) = errors(&world, &database, 0.0);
    assert!(rms_db < 2.0, "{rms_db}");
    assert!(normalised < 0.9, "{normalised}");
    assert_eq!(database.provenance.drives, 5);
    assert_eq!(database.provenance.days, Some((18_518, 18_522)));
    let middle = database.profile(EdgeId(20)).unwrap();
    assert!(middle.passes.iter().all(|&passes| passes == 5));
    assert!(
        middle
            .cell(CellIx(0))
            .unwrap()
            .serving
            .iter()
            .any(|&passes| passes >= 4)
    );
    assert!(
        middle
            .cell(CellIx(1))
            .unwrap()
            .serving
            .iter()
            .all(|&passes| passes == 0)
    );
}

#[test]
fn ways_leave_no_trace_at_their_ends() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let world = World::new(&mut rng);
    let database = world
        .build(&world.drives(&[0.0; 3], &[0.0; 3], &mut rng))
        .database
        .unwrap();
    for edge in 1..world.network.edge_count() as u32 {
        let (before, after) = (
            database.profile(EdgeId(edge - 1)).unwrap(),
            database.profile(EdgeId(edge)).unwrap(),
        );
        for (a, b) in before.cells.iter().zip(&after.cells) {
            assert_eq!(
                (a.cell, a.mean_dbm.last(), a.spread_db.last()),
                (b.cell, b.mean_dbm.first(), b.spread_db.first())
            );
        }
    }
}

#[test]
fn the_order_of_the_drives_changes_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let world = World::new(&mut rng);
    let mut drives = world.drives(&[0.0, 2.0, -3.0, 1.0], &[0.0, 0.0, 6.0, 0.0], &mut rng);
    let database = world.build(&drives).database.unwrap();
    drives.reverse();
    drives.swap(0, 1);
    let other = world.build(&drives).database.unwrap();
    assert_eq!(database.profiles, other.profiles);
    assert_eq!(database.cells, other.cells);
}

#[test]
fn the_drive_with_the_faulty_clock_is_found_and_set_right() {
    for (seed, late_s) in [2.0, -5.0, 18.0, -18.0, 7.3].into_iter().enumerate() {
        let mut rng = ChaCha8Rng::seed_from_u64(10 + seed as u64);
        let world = World::new(&mut rng);
        for drives in [3, 5] {
            let mut late = vec![0.0; drives];
            late[1] = late_s;
            let report = world
                .build(&world.drives(&vec![0.0; drives], &late, &mut rng))
                .report;
            for (drive, late_s) in report.drives.iter().zip(late) {
                assert_eq!(drive.refused, None);
                assert!(
                    (drive.clock_shift_s - late_s).abs() <= 0.5,
                    "{} for {late_s}",
                    drive.clock_shift_s
                );
            }
        }
    }
}

#[test]
fn several_faulty_clocks_among_more_good_ones_are_set_right() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let world = World::new(&mut rng);
    let late = [0.0, 18.0, 0.0, -4.0, 0.0, 0.0, 2.5];
    let report = world.build(&world.drives(&[1.0; 7], &late, &mut rng)).report;
    for (drive, late_s) in report.drives.iter().zip(late) {
        assert!(
            (drive.clock_shift_s - late_s).abs() <= 0.5,
            "{} for {late_s}",
            drive.clock_shift_s
        );
    }
}

#[test]
fn good_clocks_are_left_alone() {
    for seed in 0..50 {
        let mut rng = ChaCha8Rng::seed_from_u64(100 + seed);
        let world = World::new(&mut rng);
        let drives = 2 + (seed as usize % 4);
        let offsets_db: Vec<f64> = (0..drives).map(|_| normal(3.0, &mut rng)).collect();
        let report = world
            .build(&world.drives(&offsets_db, &vec![0.0; drives], &mut rng))
            .report;
        for drive in &report.drives {
            assert_eq!(
                (&drive.refused, drive.clock_shift_s),
                (&None, 0.0),
                "{} of seed {seed}",
                drive.name
            );
        }
    }
}

#[test]
fn of_two_drives_neither_is_called_wrong() {
    let mut rng = ChaCha8Rng::seed_from_u64(30);
    let world = World::new(&mut rng);
    let report = world
        .build(&world.drives(&[0.0; 2], &[0.0, 18.0], &mut rng))
        .report;
    assert!(
        report
            .drives
            .iter()
            .all(|drive| drive.clock_shift_s == 0.0 && drive.refused.is_none())
    );
}

#[test]
fn drives_that_cannot_be_used_are_refused_with_the_reason() {
    let mut rng = ChaCha8Rng::seed_from_u64(40);
    let world = World::new(&mut rng);
    let mut drives = world.drives(
        &[0.0; 9],
        &[0.0, 0.0, 0.0, 0.0, 0.0, 45.0, 0.0, 0.0, 0.0],
        &mut rng,
    );
    drives[6].scans.clear();
    drives[7].track.clear();
    drives[8] = SurveyPass {
        name: "again".to_owned(),
        ..drives[2].clone()
    };
    let Build { database, report } = world.build(&drives);
    let reason = |i: usize| report.drives[i].refused.as_ref();
    assert!((0..5).all(|i| i == 2 || reason(i).is_none()));
    assert!(
        matches!(reason(5), Some(Refusal::Disagrees { .. })),
        "{:?}",
        reason(5)
    );
    assert_eq!(reason(6), Some(&Refusal::NoScans));
    assert!(matches!(reason(7), Some(Refusal::NotOnRoads { .. })));
    assert!(matches!(
        [reason(2), reason(8)],
        [None, Some(Refusal::SameAs { .. })]
    ));
    assert_eq!(database.unwrap().provenance.drives, 5);

    let none = world.build(&drives[6..8]);
    assert!(none.database.is_none());
    assert_eq!(none.report.refused().count(), 2);
}

/// Root mean square difference between the means of two databases of one network, dB, where both have them.
fn difference_db(a: &FingerprintDb, b: &FingerprintDb) -> f64 {
    let (mut square, mut count) = (0.0, 0.0);
    for (edge, _) in a.network.edges() {
        let (of_a, of_b) = (a.profile(edge).unwrap(), b.profile(edge).unwrap());
        assert_eq!(of_a.passes, of_b.passes);
        for cell in 0..u32::from(CELLS) {
            let (of_a, of_b) = (of_a.cell(CellIx(cell)).unwrap(), of_b.cell(CellIx(cell)).unwrap());
            let point = |of: &crate::fingerprint::CellProfile, point: u32| {
                let at = point.checked_sub(of.first)? as usize;
                of.mean_dbm.get(at).map(|&mean| f64::from(mean))
            };
            for at in 0..of_a.first + of_a.mean_dbm.len() as u32 {
                if let (Some(mean_a), Some(mean_b)) = (point(of_a, at), point(of_b, at)) {
                    square += (mean_a - mean_b) * (mean_a - mean_b);
                    count += 1.0;
                }
            }
        }
    }
    f64::sqrt(square / count)
}

fn merged(world: &World, former: &FingerprintDb, drives: &[SurveyPass]) -> Build {
    let stored = FingerprintDb::from_bytes(&former.to_bytes()).unwrap();
    assert_eq!(stored.network.ways(), world.network.ways());
    merge(&stored, drives, "test", &OneByOne)
}

#[test]
fn merging_new_drives_gives_nearly_what_a_build_of_all_gives() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let world = World::new(&mut rng);
    let offsets_db = [-4.0, 1.0, 6.0, 0.0, -3.0, 2.0];
    let drives = world.drives(&offsets_db, &[0.0; 6], &mut rng);
    let all = world.build(&drives).database.unwrap();
    let some = world.build(&drives[..3]).database.unwrap();
    let Build { database, report } = merged(&world, &some, &drives[3..]);
    let together = database.unwrap();
    assert!(report.drives.iter().all(|drive| drive.refused.is_none()));
    assert_eq!(together.provenance, all.provenance);
    let days = |db: &FingerprintDb| {
        db.evidence
            .edges
            .values()
            .map(|edge| edge.days)
            .collect::<Vec<_>>()
    };
    assert_eq!(days(&together), days(&all));

    // The level of a database is that of the mean of its phones, here three and six of them.
    let mean_of_three_db = 1.0;
    let (of_all_db, normalised_all) = errors(&world, &all, mean(&offsets_db));
    let (of_some_db, _) = errors(&world, &some, mean_of_three_db);
    let (rms_db, normalised) = errors(&world, &together, mean_of_three_db);
    assert!(
        rms_db < 1.1 * of_all_db && rms_db < of_some_db - 0.1,
        "{of_some_db} {rms_db} {of_all_db}"
    );
    assert!(
        (normalised - normalised_all).abs() < 0.15,
        "{normalised} {normalised_all}"
    );
    let difference_db = difference_db(&together, &all);
    assert!(difference_db < 1.0, "{difference_db}");
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn merging_step_by_step_or_in_another_order_changes_little_or_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    let world = World::new(&mut rng);
    let drives = world.drives(&[0.0; 6], &[0.0; 6], &mut rng);
    let some = world.build(&drives[..2]).database.unwrap();
    let at_once = merged(&world, &some, &drives[2..]).database.unwrap();
    let mut backwards = drives[2..].to_vec();
    backwards.reverse();
    let reversed = merged(&world, &some, &backwards).database.unwrap();
    assert_eq!(reversed.to_bytes(), at_once.to_bytes());
    let mut one_by_one = some;
    for drive in &drives[2..] {
        one_by_one = merged(&world, &one_by_one, std::slice::from_ref(drive))
            .database
            .unwrap();
    }
    let difference_db = difference_db(&one_by_one, &at_once);
    assert!(difference_db < 1.0, "{difference_db}");
}

#[test]
fn a_drive_with_a_wrong_clock_is_found_when_it_is_merged() {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let world = World::new(&mut rng);
    let drives = world.drives(&[0.0, 2.0, -2.0, 0.0, 1.0], &[0.0, 0.0, 0.0, 0.0, 6.0], &mut rng);
    let some = world.build(&drives[..4]).database.unwrap();
    let report = merged(&world, &some, &drives[4..]).report;
    assert!(
        (report.drives[0].clock_shift_s - 6.0).abs() <= 0.5,
        "{:?}",
        report.drives[0]
    );
}

/// The proof of what `--min-passes` promises: what one drive alone heard is in no byte of the database.
#[test]
fn a_cell_that_one_drive_alone_heard_is_left_out() {
    let mut rng = ChaCha8Rng::seed_from_u64(24);
    let world = World::new(&mut rng);
    let mut drives = world.drives(&[0.0; 4], &[0.0; 4], &mut rng);
    let without = world.build(&drives).database.unwrap().without_rare(2);
    // A small cell that only the second drive met, strong and often.
    let lone = by_channel(400);
    for scan in drives[1].scans.iter_mut().skip(10).take(30) {
        scan.cells.push(CellReading {
            cell: lone,
            serving: false,
            rsrp_dbm: Some(-70.0),
            rsrq_db: None,
        });
    }
    let all = world.build(&drives).database.unwrap();
    assert_eq!(all.cells.candidates(&lone, None).count(), 1);
    let kept = all.without_rare(2);
    assert_eq!(kept.cells.candidates(&lone, None).count(), 0);
    assert_eq!(kept.to_bytes(), without.to_bytes());
    assert_eq!(kept.provenance.min_passes, 2);
    let cells = |db: &FingerprintDb| {
        db.profiles
            .iter()
            .flatten()
            .flat_map(|p| p.cells.clone())
            .collect::<Vec<_>>()
    };
    assert!(!cells(&kept).is_empty());
    assert!(
        cells(&kept)
            .iter()
            .all(|cell| cell.passes[0] >= 2 && cell.passes.last() >= Some(&2))
    );
    // So do speeds where fewer scanned.
    let speeds = |db: &FingerprintDb| {
        db.profiles
            .iter()
            .flatten()
            .map(|profile| profile.knows_speeds())
            .collect::<Vec<_>>()
    };
    assert!(speeds(&all).iter().any(|&known| known));
    let mut lonely = all.clone();
    let first = lonely.profiles.iter_mut().flatten().next().unwrap();
    first.passes.fill(1);
    first.passes[0] = 2;
    let kept_speeds = lonely
        .without_rare(2)
        .profiles
        .into_iter()
        .flatten()
        .next()
        .unwrap();
    assert!(kept_speeds.usual_mps[1..].iter().all(Option::is_none));
    // An edge that fewer drove leaves nothing at all.
    assert!(all.without_rare(5).profiles.iter().all(Option::is_none));
    assert_eq!(all.without_rare(5).cells.cells(), []);
    let read = FingerprintDb::from_bytes(&kept.to_bytes()).unwrap();
    assert_eq!(read.to_bytes(), kept.to_bytes());
}
