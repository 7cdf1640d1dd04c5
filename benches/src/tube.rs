//! A straight road with a tunnel, its fingerprints, and a drive along it.

use std::sync::Arc;

use fin_core::fingerprint::{
    CellIx, CellProfile, CellTable, EdgeProfile, Evidence, FingerprintDb, KnownCell, Provenance,
};
use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};
use fin_core::observation::{CellReading, CellScan, Drive, GnssFix, SpeedSample};
use fin_core::radio::{CellId, GlobalId, Plmn, Rat};
use fin_core::time::Time;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WEST_END: LatLon = LatLon::new(46.0, 8.0);
const APPROACH_M: f64 = 1000.0;
const PLMN: Plmn = Plmn { mcc: 1, mnc: 1 };

/// A road with a tunnel.
pub struct Tube {
    /// Road and fingerprints.
    pub db: Arc<FingerprintDb>,
    /// A drive from end to end: fixes once a second outside, whole km/h twice a second, scans once a second.
    pub drive: Drive,
}

/// A tunnel of `length_m` between approaches of 1 km, heard by `cells` cells, driven at `speed_mps`.
pub fn tube(length_m: f64, cells: u32, speed_mps: f64, seed: u64) -> Tube {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let network = road(length_m);
    let levels = Levels::random(2.0 * APPROACH_M + length_m, cells, &mut rng);
    let profiles = network.edges().map(|(_, edge)| {
        let eastward = edge.from < edge.to;
        let (from_m, _) = span(edge.way as usize, length_m);
        eastward.then(|| levels.profile(from_m, edge.length_m))
    });
    let profiles = profiles.collect();
    let drive = drive(length_m, speed_mps, &levels, &mut rng);
    let db = FingerprintDb {
        network: Arc::new(network),
        cells: CellTable::new((0..cells).map(known_cell).collect()),
        profiles,
        evidence: Evidence::default(),
        provenance: Provenance::default(),
    };
    Tube {
        db: Arc::new(db),
        drive,
    }
}

fn known_cell(cell: u32) -> KnownCell {
    KnownCell {
        rat: Rat::Lte,
        plmn: Some(PLMN),
        global: Some(global_id(cell)),
        channels: Vec::new(),
    }
}

fn global_id(cell: u32) -> GlobalId {
    GlobalId {
        tac: None,
        cell_id: 1000 + u64::from(cell),
    }
}

/// Where way `index` begins and ends along the road, metres.
fn span(index: usize, length_m: f64) -> (f64, f64) {
    let ends_m = [
        0.0,
        APPROACH_M,
        APPROACH_M + length_m,
        2.0 * APPROACH_M + length_m,
    ];
    (ends_m[index], ends_m[index + 1])
}

/// Approach, tunnel, approach: three ways from west to east, driven eastwards.
fn road(length_m: f64) -> RoadNetwork {
    let node = |key: i64, east_m: f64| WayNode {
        key,
        position: place(east_m),
    };
    let ways = (0..3).map(|index| {
        let (from_m, to_m) = span(index as usize, length_m);
        Way {
            id: index + 1,
            nodes: vec![node(index, from_m), node(index + 1, to_m)],
            oneway: Direction::Forward,
            tunnel: index == 1,
            layer: 0,
            name: None,
            reference: None,
            max_speed_mps: None,
            class: RoadClass::Trunk,
        }
    });
    RoadNetwork::build(ways.collect()).expect("three ways in a row make a network")
}

fn place(east_m: f64) -> LatLon {
    LocalFrame::new(WEST_END).to_lat_lon(EastNorth { east_m, north_m: 0.0 })
}

/// Levels of each cell every [`Levels::STEP_M`] metres along the road, dBm.
struct Levels(Vec<Vec<f64>>);

impl Levels {
    const STEP_M: f64 = 5.0;

    /// Random walks between −115 and −75 dBm, about 4 dB rms apart over 22 m.
    fn random(length_m: f64, cells: u32, rng: &mut ChaCha8Rng) -> Self {
        let points = (length_m / Self::STEP_M) as usize + 2;
        let mut walk = || {
            let mut level_dbm = rng.random_range(-105.0..-85.0);
            let mut step = || {
                level_dbm = f64::clamp(level_dbm + rng.random_range(-2.2..2.2), -115.0, -75.0);
                level_dbm
            };
            (0..points).map(|_| step()).collect()
        };
        Self((0..cells).map(|_| walk()).collect())
    }

    fn at(&self, cell: usize, along_m: f64) -> f64 {
        let at = along_m / Self::STEP_M;
        let (index, fraction) = (at as usize, at.fract());
        let walk = &self.0[cell];
        walk[index] + fraction * (walk[index + 1] - walk[index])
    }

    fn profile(&self, from_m: f64, length_m: f64) -> EdgeProfile {
        let (points, step_m) = EdgeProfile::grid(length_m);
        let grid = points as usize;
        let cells = (0..self.0.len()).map(|cell| CellProfile {
            cell: CellIx(cell as u32),
            first: 0,
            mean_dbm: (0..grid)
                .map(|point| self.at(cell, from_m + point as f64 * step_m) as f32)
                .collect(),
            spread_db: vec![2.5; grid],
            passes: vec![5; grid],
            serving: vec![if cell == 0 { 5 } else { 0 }; grid],
        });
        // Traffic that becomes a little faster and slower all the time.
        let places = EdgeProfile::speed_places(length_m);
        let usual_mps = (0..places).map(|place| Some(21.0 + 0.5 * (place % 4) as f32));
        EdgeProfile {
            points,
            step_m,
            passes: vec![5; grid],
            cells: cells.collect(),
            usual_mps: usual_mps.collect(),
        }
    }
}

fn drive(length_m: f64, speed_mps: f64, levels: &Levels, rng: &mut ChaCha8Rng) -> Drive {
    let total_m = 2.0 * APPROACH_M + length_m;
    let seconds = (total_m / speed_mps) as i64;
    let inside = |along_m: f64| (APPROACH_M..APPROACH_M + length_m).contains(&along_m);
    let mut drive = Drive::default();
    for half_second in 0..2 * seconds {
        let time = Time::from_millis(500 * half_second);
        let along_m = 0.5 * half_second as f64 * speed_mps;
        drive.speed.push(SpeedSample {
            time,
            speed_mps: (0.98 * speed_mps * 3.6).floor() / 3.6,
        });
        if half_second % 2 == 1 {
            continue;
        }
        if !inside(along_m) {
            drive.gnss.push(GnssFix {
                time,
                position: place(along_m + rng.random_range(-5.0..5.0)),
                accuracy_m: Some(4.0),
                speed_mps: Some(speed_mps),
                bearing_deg: Some(90.0),
            });
        }
        let cells = (0..levels.0.len()).map(|cell| CellReading {
            cell: CellId {
                rat: Rat::Lte,
                plmn: Some(PLMN),
                global: Some(global_id(cell as u32)),
                channel: None,
            },
            serving: cell == 0,
            rsrp_dbm: Some((levels.at(cell, along_m) + rng.random_range(-3.0..3.0)).round()),
            rsrq_db: None,
        });
        drive.cells.push(CellScan {
            time,
            cells: cells.collect(),
        });
    }
    drive
}
