//! Survey paths of real drives whose GNSS was degraded and taken away, beside their RTK positions.

use std::path::{Path, PathBuf};

use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};
use fin_core::observation::{Drive, GnssFix, SpeedSample};
use fin_core::survey::{LabelOptions, label};
use fin_core::time::Time;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// What keeps its fixes at both ends of a run, metres.
const KEPT_M: f64 = 100.0;
/// Errors of a phone in the open, per axis: a slow part and its correlation time, and one that is new in every fix.
const SLOW_M: f64 = 1.5;
const SLOW_S: f64 = 30.0;
const WHITE_M: f64 = 1.0;
/// Error of the course, degrees.
const COURSE_DEG: f64 = 5.0;
/// Runs that break off or leap are left out: greatest time between rows, seconds, and least length, metres.
const MOST_GAP_S: f64 = 0.5;
const LEAST_LENGTH_M: f64 = 600.0;

/// One instant of a run.
struct Row {
    time: Time,
    at: EastNorth,
    speed_mps: f64,
    /// Distance driven, metres.
    along_m: f64,
}

/// The logs of all runs, or `None` with a loud word where the data folder is missing.
fn runs() -> Option<Vec<PathBuf>> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/cicv5g/data"
    ));
    if !folder.is_dir() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing",
            folder.display()
        );
        eprintln!(
            "SKIPPED: {} is missing, so survey paths are not held against RTK",
            folder.display()
        );
        return None;
    }
    let (mut files, mut open) = (Vec::new(), vec![folder]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "txt") {
                files.push(path);
            }
        }
    }
    files.sort();
    Some(files)
}

/// The rows of a log, places relative to its first one.
fn read(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows: Vec<Row> = Vec::new();
    let mut origin = None;
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |i: usize| fields[i].parse::<f64>().unwrap();
        let (x_m, y_m) = (number(3), number(4));
        let (x0_m, y0_m) = *origin.get_or_insert((x_m, y_m));
        let at = EastNorth {
            east_m: x_m - x0_m,
            north_m: y_m - y0_m,
        };
        let along_m = rows
            .last()
            .map_or(0.0, |before| before.along_m + at.minus(before.at).length_m());
        rows.push(Row {
            time: Time::from_millis(fields[0].parse().unwrap()),
            at,
            speed_mps: number(6),
            along_m,
        });
    }
    rows
}

fn frame() -> LocalFrame {
    LocalFrame::new(LatLon::new(31.28, 121.2))
}

/// The road that the run was driven on: a node every ten metres.
fn road(rows: &[Row]) -> RoadNetwork {
    let mut nodes: Vec<WayNode> = Vec::new();
    let mut last_m = f64::NEG_INFINITY;
    for row in rows {
        if row.along_m >= last_m + 10.0 {
            last_m = row.along_m;
            nodes.push(WayNode {
                key: nodes.len() as i64,
                position: frame().to_lat_lon(row.at),
            });
        }
    }
    let way = Way {
        id: 1,
        nodes,
        oneway: Direction::Forward,
        tunnel: false,
        layer: 0,
        name: None,
        reference: None,
        max_speed_mps: None,
        class: RoadClass::Primary,
    };
    RoadNetwork::build(vec![way]).unwrap()
}

/// The course of the car at a row, degrees clockwise from north.
fn course_deg(rows: &[Row], index: usize) -> f64 {
    let before = &rows[index.saturating_sub(5)];
    let after = &rows[(index + 5).min(rows.len() - 1)];
    after.at.minus(before.at).bearing_deg()
}

/// The run as a phone and the car's speedometer would have recorded it, without fixes but near both ends.
fn degraded(rows: &[Row], seed: u64) -> Drive {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = move || -> f64 { random.sample(StandardNormal) };
    let mut drive = Drive::default();
    let (mut slow, keep) = ((normal(), normal()), (-1.0 / SLOW_S).exp());
    let (mut next_fix, mut next_speed) = (rows[0].time, rows[0].time);
    let end_m = rows[rows.len() - 1].along_m;
    for (index, row) in rows.iter().enumerate() {
        if row.time >= next_speed {
            next_speed = row.time.plus_seconds(0.2);
            drive.speed.push(SpeedSample {
                time: row.time,
                speed_mps: row.speed_mps,
            });
        }
        if row.time < next_fix {
            continue;
        }
        next_fix = row.time.plus_seconds(1.0);
        let fresh = (1.0_f64 - keep * keep).sqrt();
        slow = (keep * slow.0 + fresh * normal(), keep * slow.1 + fresh * normal());
        let (east_m, north_m) = (
            SLOW_M * slow.0 + WHITE_M * normal(),
            SLOW_M * slow.1 + WHITE_M * normal(),
        );
        if row.along_m < KEPT_M || row.along_m > end_m - KEPT_M {
            let at = EastNorth {
                east_m: row.at.east_m + east_m,
                north_m: row.at.north_m + north_m,
            };
            drive.gnss.push(GnssFix {
                time: row.time,
                position: frame().to_lat_lon(at),
                accuracy_m: Some(1.51 * SLOW_M.hypot(WHITE_M)),
                speed_mps: None,
                bearing_deg: (row.speed_mps > 2.0).then(|| course_deg(rows, index) + COURSE_DEG * normal()),
            });
        }
    }
    drive
}

#[test]
fn the_smoothed_path_through_a_gap_stays_with_rtk() {
    let Some(files) = runs() else { return };
    let (mut errors_m, mut covered, mut gaps_m) = (Vec::new(), 0, Vec::new());
    for (seed, file) in files.iter().enumerate() {
        let rows = read(file);
        let end_m = rows[rows.len() - 1].along_m;
        let breaks = rows
            .windows(2)
            .any(|pair| pair[1].time.seconds_since(pair[0].time) > MOST_GAP_S);
        let leaps = rows
            .windows(2)
            .any(|pair| pair[1].along_m - pair[0].along_m > 5.0);
        if breaks || leaps || end_m < LEAST_LENGTH_M {
            continue;
        }
        let network = road(&rows);
        let track = label(&network, &degraded(&rows, seed as u64), &LabelOptions::default()).unwrap();
        gaps_m.push(end_m - 2.0 * KEPT_M);
        let hidden = rows
            .iter()
            .filter(|row| row.along_m > KEPT_M && row.along_m < end_m - KEPT_M);
        for row in hidden.step_by(20) {
            let place = track.place_at(row.time).unwrap();
            let truth = network.project(place.edge, frame().to_lat_lon(row.at));
            let error_m = (place.offset_m - truth.offset_m).abs();
            covered += usize::from(error_m < 1.96 * place.sigma_m);
            errors_m.push(error_m);
        }
    }
    errors_m.sort_by(f64::total_cmp);
    let quantile = |share: f64| errors_m[(share * (errors_m.len() - 1) as f64) as usize];
    let in95 = covered as f64 / errors_m.len() as f64;
    let gap_m = gaps_m.iter().sum::<f64>() / gaps_m.len() as f64;
    eprintln!(
        "{} runs, gaps of {gap_m:.0} m on average: 68 % within {:.2} m, 95 % within {:.2} m; {:.0} % inside 1.96 sigma",
        gaps_m.len(),
        quantile(0.68),
        quantile(0.95),
        100.0 * in95
    );
    assert!(gaps_m.len() >= 35, "{} runs", gaps_m.len());
    assert!(quantile(0.68) < 1.5, "{}", quantile(0.68));
    assert!((0.9..=1.0).contains(&in95), "{in95}");
}
