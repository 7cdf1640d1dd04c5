//! A road with a tunnel, its fingerprints, and a drive through it, small enough to read.

use std::fmt::Write;
use std::sync::Arc;

use fin_core::fingerprint::{
    CellIx, CellProfile, CellTable, EdgeProfile, FingerprintDb, KnownCell, Provenance,
};
use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};
use fin_core::observation::{CellReading, CellScan, Drive, GnssFix, Observation, SpeedSample};
use fin_core::radio::{CellId, Channel, GlobalId, Plmn, Rat};
use fin_core::time::Time;

/// Where the road begins, the portals lie and the road ends, metres.
const ENDS_M: [f64; 4] = [0.0, 600.0, 1400.0, 2400.0];
const SPEED_MPS: f64 = 20.0;
const PLMN: Plmn = Plmn { mcc: 1, mnc: 1 };
const GLOBAL: GlobalId = GlobalId {
    tac: Some(7),
    cell_id: 77,
};
const CHANNEL: Channel = Channel { arfcn: 6300, pci: 12 };

pub(crate) struct Scene {
    pub(crate) db: Arc<FingerprintDb>,
    pub(crate) drive: Drive,
}

pub(crate) fn scene() -> Scene {
    let network = road();
    let profiles = (network.edges())
        .map(|(_, edge)| Some(profile(ENDS_M[edge.way as usize], edge.length_m)))
        .collect();
    let cell = KnownCell {
        rat: Rat::Lte,
        plmn: Some(PLMN),
        global: Some(GLOBAL),
        channels: vec![CHANNEL],
    };
    let db = FingerprintDb {
        network: Arc::new(network),
        cells: CellTable::new(vec![cell]),
        profiles,
        provenance: Provenance::default(),
    };
    // Through its bytes, as Python gets it: profiles are stored rounded.
    let db = FingerprintDb::from_bytes(&db.to_bytes()).unwrap();
    Scene {
        db: Arc::new(db),
        drive: drive(),
    }
}

fn place(east_m: f64) -> LatLon {
    LocalFrame::new(LatLon::new(46.0, 8.0)).to_lat_lon(EastNorth { east_m, north_m: 0.0 })
}

/// Approach, tunnel, approach, driven eastwards.
fn road() -> RoadNetwork {
    let node = |index: usize| WayNode {
        key: index as i64,
        position: place(ENDS_M[index]),
    };
    let ways = (0..3_usize).map(|index| Way {
        id: 10 + index as i64,
        nodes: vec![node(index), node(index + 1)],
        oneway: Direction::Forward,
        tunnel: index == 1,
        layer: 0,
        name: (index == 1).then(|| "Hill Tunnel".to_owned()),
        reference: None,
        max_speed_mps: None,
        class: RoadClass::Primary,
    });
    RoadNetwork::build(ways.collect()).unwrap()
}

fn level_dbm(along_m: f64) -> f64 {
    -90.0 + 8.0 * triangle(along_m / 60.0) - along_m / 400.0
}

/// A triangle wave of amplitude 1 with the period of the sine: the same on every CPU.
fn triangle(angle: f64) -> f64 {
    let turns = angle / std::f64::consts::TAU;
    4.0 * (turns - (turns + 0.5).floor()).abs() - 1.0
}

fn profile(from_m: f64, length_m: f64) -> EdgeProfile {
    let (points, step_m) = EdgeProfile::grid(length_m);
    let grid = points as usize;
    let mean = |point: usize| level_dbm(from_m + point as f64 * step_m) as f32;
    EdgeProfile {
        points,
        step_m,
        passes: vec![3; grid],
        cells: vec![CellProfile {
            cell: CellIx(0),
            first: 0,
            mean_dbm: (0..grid).map(mean).collect(),
            spread_db: vec![2.5; grid],
            passes: vec![3; grid],
            serving: vec![3; grid],
        }],
    }
}

/// Fixes outside, wheel speed all along but for the last seconds, and the cell by its global id or by its channel in turn.
fn drive() -> Drive {
    let mut drive = Drive::default();
    for second in 0..115_i64 {
        let time = Time::from_millis(1_700_000_000_000 + 1000 * second);
        let along_m = second as f64 * SPEED_MPS;
        if !(ENDS_M[1]..ENDS_M[2]).contains(&along_m) {
            drive.gnss.push(GnssFix {
                time,
                position: place(along_m),
                accuracy_m: Some(4.0),
                speed_mps: Some(SPEED_MPS),
                bearing_deg: (second % 3 != 0).then_some(90.0),
            });
        }
        if second < 100 {
            drive.speed.push(SpeedSample {
                time,
                speed_mps: 70.0 / 3.6,
            });
        }
        let serving = second % 2 == 0;
        drive.cells.push(CellScan {
            time,
            cells: vec![CellReading {
                cell: CellId {
                    rat: Rat::Lte,
                    plmn: serving.then_some(PLMN),
                    global: serving.then_some(GLOBAL),
                    channel: (!serving).then_some(CHANNEL),
                },
                serving,
                rsrp_dbm: Some(level_dbm(along_m).round()),
                rsrq_db: None,
            }],
        });
    }
    drive
}

impl Scene {
    /// The drive as `replay.py` reads it: a line per observation, fields in the order of the records, empty for none.
    /// Rust and Python both write the shortest decimal that reads back as the same float.
    pub(crate) fn csv(&self) -> String {
        let mut csv = String::new();
        for observation in self.drive.observations() {
            let time_ns = observation.time().as_nanos();
            let fields = match &observation {
                Observation::Gnss(fix) => format!(
                    "gnss,{time_ns},{},{},{},{},{}",
                    fix.position.lat_deg,
                    fix.position.lon_deg,
                    field(fix.accuracy_m),
                    field(fix.speed_mps),
                    field(fix.bearing_deg)
                ),
                Observation::Speed(sample) => format!("speed,{time_ns},{}", sample.speed_mps),
                Observation::Cells(scan) => format!("cells,{time_ns},{}", reading(&scan.cells[0])),
            };
            writeln!(csv, "{fields}").unwrap();
        }
        csv
    }
}

fn reading(reading: &CellReading) -> String {
    let CellId {
        plmn,
        global,
        channel,
        ..
    } = reading.cell;
    [
        field(plmn.map(|plmn| plmn.mcc)),
        field(plmn.map(|plmn| plmn.mnc)),
        field(global.and_then(|global| global.tac)),
        field(global.map(|global| global.cell_id)),
        field(channel.map(|channel| channel.arfcn)),
        field(channel.map(|channel| channel.pci)),
        i32::from(reading.serving).to_string(),
        field(reading.rsrp_dbm),
        field(reading.rsrq_db),
    ]
    .join(",")
}

fn field(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
