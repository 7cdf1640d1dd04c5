//! States that engines and navigators come to on a drive over a small database.

use std::sync::{Arc, LazyLock};

use fin_core::engine::{Engine, EngineOptions, Navigator};
use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::format::Atlas;
use fin_core::network::{EdgeId, RoadNetwork};
use fin_core::observation::{CellReading, CellScan, GnssFix, Observation, SpeedSample};
use fin_core::radio::CellId;
use fin_core::time::Time;

use crate::database::{assemble, sections};

/// Bytes of a snapshot before its state: signature, version, database.
pub const STATE_AT: usize = 24;
/// The speed that is driven at, m/s.
const SPEED_MPS: f64 = 15.0;
/// How long the drive is at most, seconds.
const MOST_SECONDS: i64 = 240;

/// The small database of the seeds.
static DATABASE: LazyLock<Vec<u8>> =
    LazyLock::new(|| assemble(&sections(&include_bytes!("../seeds/database/small")[1..])));

/// An engine on the small database.
pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let database = FingerprintDb::from_bytes(&DATABASE).expect("the seed is a database");
    Engine::new(Arc::new(database))
});

/// A navigator on the small database.
pub static NAVIGATOR: LazyLock<Navigator<&[u8]>> = LazyLock::new(|| {
    let atlas = Atlas::open(&DATABASE[..]).expect("the seed is a database");
    Navigator::new(atlas, EngineOptions::default())
});

/// The states of the engine, second by second of a drive through the tunnel with wheel speed, then of one without.
pub static ON_THE_WAY: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut states = Vec::new();
    for wheel in [true, false] {
        let mut engine = ENGINE.anew();
        for (index, place) in places(&ENGINE.db().network).into_iter().enumerate() {
            for observation in observations(Time::from_millis(1000 * index as i64), place, wheel) {
                engine.step(&observation).expect("the drive is one that can be");
            }
            let snapshot = engine.snapshot();
            states.push(snapshot[STATE_AT..snapshot.len() - 4].to_vec());
        }
    }
    states
});

/// Places a second apart, from a kilometre or so before the tunnel to the end of the road.
fn places(network: &RoadNetwork) -> Vec<(EdgeId, f64)> {
    let follows = |edge: EdgeId, next: EdgeId| {
        network.successors(edge).contains(&next) && network.opposite(next) != Some(edge)
    };
    let tunnel = network.edges().find(|(_, edge)| edge.tunnel.is_some());
    let mut edge = tunnel.expect("the small database has a tunnel").0;
    for _ in 0..4 {
        edge = network
            .edges()
            .find(|&(before, _)| follows(before, edge))
            .map_or(edge, |(before, _)| before);
    }
    let (mut found, mut at_m) = (Vec::new(), 0.0);
    while found.len() < MOST_SECONDS as usize {
        found.push((edge, at_m));
        at_m += SPEED_MPS;
        while at_m > network.edge(edge).length_m {
            at_m -= network.edge(edge).length_m;
            let next = network.successors(edge).iter().find(|&&next| follows(edge, next));
            let Some(&next) = next else { return found };
            edge = next;
        }
    }
    found
}

/// What is observed at a place: a fix outside tunnels, all cells of the database, and wheel speed if there is any.
pub fn observations(time: Time, (edge, at_m): (EdgeId, f64), wheel: bool) -> Vec<Observation> {
    let network = &ENGINE.db().network;
    let pose = network.point_at(edge, at_m);
    let fix = network.edge(edge).tunnel.is_none().then_some(GnssFix {
        time,
        position: pose.position,
        accuracy_m: Some(4.0),
        speed_mps: Some(SPEED_MPS),
        bearing_deg: Some(pose.bearing_deg),
    });
    let speed = wheel.then_some(SpeedSample {
        time,
        speed_mps: SPEED_MPS,
    });
    let level_dbm = -90.0 - (time.as_millis() / 1000 % 7) as f64;
    let cells = ENGINE.db().cells.cells().iter().take(9).map(|known| CellReading {
        cell: CellId {
            rat: known.rat,
            plmn: known.plmn,
            global: known.global,
            channel: known.channels.first().copied(),
        },
        serving: false,
        rsrp_dbm: Some(level_dbm),
        rsrq_db: None,
    });
    let scan = CellScan {
        time,
        cells: cells.collect(),
    };
    let fix = fix.map(Observation::Gnss);
    let speed = speed.map(Observation::Speed);
    fix.into_iter()
        .chain(speed)
        .chain([Observation::Cells(scan)])
        .collect()
}
