//! A straight road eastwards with a tunnel, cells with known levels along it, and drives over it.

use std::f64::consts::TAU;
use std::sync::Arc;

use fin_core::fingerprint::matcher::RadioModel;
use fin_core::fingerprint::{
    CellIx, CellProfile, CellTable, EdgeProfile, Evidence, FingerprintDb, KnownCell, Provenance,
};
use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::network::{Direction, EdgeId, RoadClass, RoadNetwork, Way, WayNode};
use fin_core::observation::{CellReading, CellScan, GnssFix, Observation, SpeedSample};
use fin_core::radio::{CellId, GlobalId, Plmn, Rat};
use fin_core::time::Time;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Offset of the entry portal along the road, metres.
pub(super) const PORTAL_M: f64 = 1500.0;
/// Offset of the exit portal, metres.
pub(super) const EXIT_M: f64 = 3500.0;
/// Offset at which the ramp leaves the tunnel, metres.
pub(super) const FORK_M: f64 = 2000.0;
/// Where the road ends.
pub(super) const END_M: f64 = 4500.0;
/// The way of the tunnel after the fork.
pub(super) const MAIN_WAY: i64 = 3;
/// The way of the ramp.
pub(super) const RAMP_WAY: i64 = 5;
const CELLS: usize = 5;
const PLMN: Plmn = Plmn { mcc: 1, mnc: 1 };

/// What is driven, and with what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    pub(super) wheel: bool,
    pub(super) cells: bool,
    pub(super) fork: bool,
    pub(super) ramp: bool,
    pub(super) level_offset_db: f64,
    pub(super) wheel_scale: f64,
    pub(super) seed: u64,
}

impl Default for Trip {
    fn default() -> Self {
        let (wheel, cells, fork, ramp) = (false, false, false, false);
        Self {
            wheel,
            cells,
            fork,
            ramp,
            level_offset_db: 4.0,
            wheel_scale: 0.985,
            seed: 7,
        }
    }
}

impl Trip {
    /// Distance driven: 18 m/s and a slow swing.
    pub(super) fn offset_m(&self, time: Time) -> f64 {
        let t = time.as_nanos() as f64 * 1e-9;
        50.0 + 18.0 * t + 60.0 * (1.0 - (t / 30.0).cos())
    }

    fn speed_mps(&self, t: f64) -> f64 {
        18.0 + 2.0 * (t / 30.0).sin()
    }

    /// Whole seconds of the drive.
    pub(super) fn seconds(&self) -> i64 {
        (0..1000)
            .find(|&s| self.offset_m(Time::from_millis(1000 * s)) > END_M - 200.0)
            .unwrap()
    }

    /// Offset along the road of a position, on the ramp too.
    pub(super) fn along_m(&self, position: LatLon) -> f64 {
        let at = frame().to_local(position);
        if at.north_m < -0.5 {
            FORK_M + (at.east_m - FORK_M) / ramp_angle().cos()
        } else {
            at.east_m
        }
    }

    fn place(&self, s: f64) -> LatLon {
        if self.ramp && s > FORK_M {
            ramp_place(s)
        } else {
            place(s)
        }
    }
}

fn frame() -> LocalFrame {
    LocalFrame::new(LatLon::new(46.0, 8.0))
}

fn ramp_angle() -> f64 {
    4.0_f64.to_radians()
}

/// The point of the straight road at an offset.
pub(super) fn place(s: f64) -> LatLon {
    frame().to_lat_lon(EastNorth {
        east_m: s,
        north_m: 0.0,
    })
}

fn ramp_place(s: f64) -> LatLon {
    let past = s - FORK_M;
    frame().to_lat_lon(EastNorth {
        east_m: FORK_M + past * ramp_angle().cos(),
        north_m: -past * ramp_angle().sin(),
    })
}

/// Level of a cell along the road; the ramp has others.
fn level_dbm(cell: usize, s: f64, ramp: bool) -> f64 {
    let c = cell as f64;
    let there = if ramp && s > FORK_M {
        ((s - FORK_M) / 150.0).min(1.0)
    } else {
        0.0
    };
    let slow = 7.0 * (TAU * (s / (700.0 + 90.0 * c) + 0.37 * c)).sin();
    let quick = 4.0 * (TAU * (s / (130.0 + 37.0 * c) + 0.61 * c)).sin();
    -92.0 - 2.0 * c + slow + quick + there * (5.0 * (TAU * (s / 310.0 + 0.2 * c)).sin() - 3.0)
}

/// A road in one direction between two nodes.
fn way(id: i64, from: (i64, LatLon), to: (i64, LatLon), tunnel: bool) -> Way {
    let node = |(key, position)| WayNode { key, position };
    Way {
        id,
        nodes: vec![node(from), node(to)],
        oneway: Direction::Forward,
        tunnel,
        layer: 0,
        name: None,
        reference: None,
        max_speed_mps: None,
        class: RoadClass::Primary,
    }
}

/// Streets that no survey drove, in both directions, a block of 100 m apart; the road of the trips runs along one of them.
pub(super) fn city_without_profiles(blocks: i64) -> FingerprintDb {
    let corner = |x: i64, y: i64| {
        let (east_m, north_m) = (100.0 * x as f64, 100.0 * (y - blocks / 2) as f64);
        (1000 * x + y, frame().to_lat_lon(EastNorth { east_m, north_m }))
    };
    let blocks_of = |x: i64, y: i64| [(x + 1, y), (x, y + 1)].map(|next| ((x, y), next));
    let corners = (0..blocks).flat_map(|x| (0..blocks).map(move |y| (x, y)));
    let streets = corners.flat_map(|(x, y)| blocks_of(x, y)).enumerate();
    let ways = streets.map(|(id, (from, to))| Way {
        oneway: Direction::Both,
        ..way(id as i64, corner(from.0, from.1), corner(to.0, to.1), false)
    });
    let network = RoadNetwork::build(ways.collect()).unwrap();
    FingerprintDb {
        profiles: network.edges().map(|_| None).collect(),
        cells: CellTable::new(Vec::new()),
        evidence: Evidence::default(),
        provenance: Provenance::default(),
        network: Arc::new(network),
    }
}

fn ways(fork: bool) -> Vec<Way> {
    let node = |key, s| (key, place(s));
    let mut ways = vec![
        way(1, node(1, 0.0), node(2, PORTAL_M), false),
        way(2, node(2, PORTAL_M), node(3, FORK_M), true),
        way(MAIN_WAY, node(3, FORK_M), node(4, EXIT_M), true),
        way(4, node(4, EXIT_M), node(5, END_M), false),
    ];
    if fork {
        ways.push(way(RAMP_WAY, node(3, FORK_M), (6, ramp_place(EXIT_M)), true));
        ways.push(way(6, (6, ramp_place(EXIT_M)), (7, ramp_place(END_M)), false));
    }
    ways
}

/// The database that a perfect survey of the road would give.
pub(super) fn database(fork: bool) -> FingerprintDb {
    let network = RoadNetwork::build(ways(fork)).unwrap();
    let start_m = |id: EdgeId| match network.way_of(id).id {
        1 => (0.0, false),
        2 => (PORTAL_M, false),
        MAIN_WAY => (FORK_M, false),
        4 => (EXIT_M, false),
        RAMP_WAY => (FORK_M, true),
        _ => (EXIT_M, true),
    };
    let profiles = network.edges().map(|(id, edge)| {
        let (points, step_m) = EdgeProfile::grid(edge.length_m);
        let (from_m, ramp) = start_m(id);
        let n = points as usize;
        let cell = |c: usize| CellProfile {
            cell: CellIx(c as u32),
            first: 0,
            mean_dbm: (0..n)
                .map(|j| level_dbm(c, from_m + j as f64 * step_m, ramp) as f32)
                .collect(),
            spread_db: vec![3.0; n],
            passes: vec![5; n],
            serving: vec![if c == 0 { 5 } else { 0 }; n],
        };
        Some(EdgeProfile {
            points,
            step_m,
            passes: vec![5; n],
            cells: (0..CELLS).map(cell).collect(),
            usual_mps: Vec::new(),
        })
    });
    let cells = (0..CELLS).map(|c| KnownCell {
        rat: Rat::Lte,
        plmn: Some(PLMN),
        global: Some(GlobalId {
            tac: None,
            cell_id: c as u64,
        }),
        channels: Vec::new(),
    });
    FingerprintDb {
        profiles: profiles.collect(),
        cells: CellTable::new(cells.collect()),
        evidence: Evidence::default(),
        provenance: Provenance::default(),
        network: Arc::new(network),
    }
}

/// The same with a speed limit before the tunnel and another one in it, m/s.
pub(super) fn database_with_limits(before_mps: f64, inside_mps: f64) -> FingerprintDb {
    let limited = |way: Way| Way {
        max_speed_mps: Some(if way.tunnel { inside_mps } else { before_mps }),
        ..way
    };
    let network = RoadNetwork::build(ways(false).into_iter().map(limited).collect()).unwrap();
    FingerprintDb {
        network: Arc::new(network),
        ..database(false)
    }
}

/// The same of surveys that usually drove so fast before the tunnel and in it, m/s.
pub(super) fn database_with_usual_speeds(before_mps: f32, inside_mps: f32) -> FingerprintDb {
    let mut db = database(false);
    for ((id, edge), profile) in db.network.edges().zip(&mut db.profiles) {
        let usual_mps = if db.network.way_of(id).tunnel {
            inside_mps
        } else {
            before_mps
        };
        if let Some(profile) = profile {
            profile.usual_mps = vec![Some(usual_mps); EdgeProfile::speed_places(edge.length_m)];
        }
    }
    db
}

/// What the phone and the car report on the way.
pub(super) fn drive(trip: &Trip) -> Vec<Observation> {
    let mut rng = ChaCha8Rng::seed_from_u64(trip.seed);
    let mut normal = move || -> f64 { rng.sample(StandardNormal) };
    let mut observations = Vec::new();
    let mut gnss_error = EastNorth::default();
    let mut shape_db = [0.0; CELLS];
    for second in 0..trip.seconds() {
        let time = Time::from_millis(1000 * second);
        let s = trip.offset_m(time);
        gnss_error.east_m = 0.95 * gnss_error.east_m + 0.9 * normal();
        gnss_error.north_m = 0.95 * gnss_error.north_m + 0.9 * normal();
        if !(PORTAL_M..EXIT_M + 30.0).contains(&s) {
            let frame = frame();
            let at = frame.to_local(trip.place(s));
            observations.push(Observation::Gnss(GnssFix {
                time,
                position: frame.to_lat_lon(EastNorth {
                    east_m: at.east_m + gnss_error.east_m,
                    north_m: at.north_m + gnss_error.north_m,
                }),
                accuracy_m: Some(4.5),
                speed_mps: Some((trip.speed_mps(second as f64) + 0.2 * normal()).max(0.0)),
                bearing_deg: Some(90.0 + normal()),
            }));
        }
        if trip.wheel {
            let old = second as f64 - 0.3;
            let kmh = (trip.speed_mps(old) * trip.wheel_scale * 3.6).round();
            observations.push(Observation::Speed(SpeedSample {
                time,
                speed_mps: kmh / 3.6,
            }));
        }
        if trip.cells {
            let heard_at_m = trip.offset_m(time.plus_seconds(-RadioModel::default().scan_lag_s));
            let cells = shape_db.iter_mut().enumerate().map(|(c, shape)| {
                *shape = 0.5 * *shape + 2.6 * normal();
                let dbm =
                    level_dbm(c, heard_at_m, trip.ramp) + trip.level_offset_db + *shape + 1.5 * normal();
                CellReading {
                    cell: CellId {
                        rat: Rat::Lte,
                        plmn: Some(PLMN),
                        global: Some(GlobalId {
                            tac: None,
                            cell_id: c as u64,
                        }),
                        channel: None,
                    },
                    serving: c == 0,
                    rsrp_dbm: Some(dbm.round()),
                    rsrq_db: None,
                }
            });
            observations.push(Observation::Cells(CellScan {
                time,
                cells: cells.collect(),
            }));
        }
    }
    observations
}
