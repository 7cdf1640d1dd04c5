//! A real tunnel: four passes of the Jack Lynch Tunnel in Cork, without wheel speed and with cells that change from
//! pass to pass.
//!
//! The road of each pass is made of its own fixes, the tunnel between the last one before and the first one after.
//! The other passes of the same direction are the survey, as far as they help.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use fin_cli::import::{ImportOptions, gnettrack};
use fin_cli::replay::estimates_at;
use fin_core::engine::{Estimate, Mode};
use fin_core::fingerprint::{CellTable, Evidence, FingerprintDb, Provenance};
use fin_core::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};
use fin_core::observation::{Drive, GnssFix};
use fin_core::time::Time;
use serde::{Deserialize, Serialize};

use super::survey;

/// Fixes of the road before the entry and after the exit.
const FIXES_AROUND: usize = 12;
/// The way of the tunnel.
const TUNNEL_WAY: i64 = 2;

/// What the engine made of one pass.
#[derive(Clone, Debug, Serialize)]
pub struct Pass {
    pub name: String,
    pub direction: String,
    /// Modes at full seconds without GNSS, in order, without repetitions.
    pub modes: Vec<&'static str>,
    /// Whether every estimate inside lies on the tunnel's road or the one after it.
    pub on_road: bool,
    /// The greatest step backwards from one second to the next, metres.
    pub backwards_m: f64,
    /// Estimate less truth at the first fix after the exit, just before that fix is known, metres.
    pub exit_error_m: f64,
    /// The stated 95 % half-width there.
    pub exit_accuracy95_m: f64,
}

#[derive(Deserialize)]
struct PassEntry {
    file: String,
    dir: String,
    #[serde(rename = "fixA")]
    entry: String,
}

/// What the engine makes of every pass in `folder`, the `cork_5g` data set.
pub fn run(folder: &Path) -> Result<Vec<Pass>> {
    let path = folder.join("index/jack_lynch_tunnel_passes.csv");
    let mut reader = csv::Reader::from_path(&path).with_context(|| path.display().to_string())?;
    let entries: Vec<PassEntry> = reader.deserialize().collect::<Result<_, _>>()?;
    let drives: Vec<(Drive, usize)> = entries
        .iter()
        .map(|entry| around(folder, entry))
        .collect::<Result<_>>()?;
    let passes = (0..entries.len()).map(|this| {
        let (drive, last_before) = &drives[this];
        let network = Arc::new(RoadNetwork::build(ways(&drive.gnss, *last_before))?);
        let others = (0..entries.len()).filter(|&i| i != this && entries[i].dir == entries[this].dir);
        let labelled: Vec<_> = others
            .filter_map(|i| survey::label(&network, &entries[i].file, &drives[i].0).ok())
            .collect();
        let db =
            survey::build(&network, &labelled).unwrap_or_else(|_| Arc::new(without_fingerprints(&network)));
        Ok(judge(&db, &entries[this], drive, *last_before))
    });
    passes.collect()
}

/// The stretch of a log around the tunnel, and the index of the last fix before it.
fn around(folder: &Path, entry: &PassEntry) -> Result<(Drive, usize)> {
    let path = folder.join("5G-production-dataset").join(&entry.file);
    let drive = gnettrack::read(&path, &ImportOptions::default())?.drive;
    let numbers: Vec<f64> = entry
        .entry
        .split(['(', ')'])
        .filter_map(|part| part.parse().ok())
        .collect();
    let last_before = drive
        .gnss
        .iter()
        .position(|fix| {
            (fix.position.lat_deg - numbers[0]).abs() < 1e-7
                && (fix.position.lon_deg - numbers[1]).abs() < 1e-7
        })
        .with_context(|| format!("{}: expected a fix at {}", entry.file, entry.entry))?;
    let first = last_before.saturating_sub(FIXES_AROUND);
    let last = (last_before + 1 + FIXES_AROUND).min(drive.gnss.len() - 1);
    let (from, to) = (drive.gnss[first].time, drive.gnss[last].time);
    let cells = drive
        .cells
        .into_iter()
        .filter(|scan| scan.time >= from && scan.time <= to)
        .collect();
    Ok((
        Drive {
            gnss: drive.gnss[first..=last].to_vec(),
            speed: Vec::new(),
            cells,
        },
        last_before - first,
    ))
}

/// The road through the fixes, with the stretch after fix `last_before` as tunnel.
fn ways(fixes: &[GnssFix], last_before: usize) -> Vec<Way> {
    let node = |i: usize| WayNode {
        key: i as i64,
        position: fixes[i].position,
    };
    let way = |id, nodes: std::ops::RangeInclusive<usize>| Way {
        id,
        nodes: nodes.map(node).collect(),
        oneway: Direction::Forward,
        tunnel: id == TUNNEL_WAY,
        layer: 0,
        name: (id == TUNNEL_WAY).then(|| "Jack Lynch Tunnel".to_owned()),
        reference: None,
        max_speed_mps: None,
        class: RoadClass::Trunk,
    };
    let exit = last_before + 1;
    vec![
        way(1, 0..=last_before),
        way(TUNNEL_WAY, last_before..=exit),
        way(3, exit..=fixes.len() - 1),
    ]
}

fn without_fingerprints(network: &Arc<RoadNetwork>) -> FingerprintDb {
    FingerprintDb {
        network: Arc::clone(network),
        cells: CellTable::default(),
        profiles: vec![None; network.edge_count()],
        evidence: Evidence::default(),
        provenance: Provenance::default(),
    }
}

fn judge(db: &Arc<FingerprintDb>, entry: &PassEntry, drive: &Drive, last_before: usize) -> Pass {
    let (entered, left) = (drive.gnss[last_before].time, drive.gnss[last_before + 1].time);
    let mut times: Vec<Time> = Vec::new();
    let mut time = entered.plus_seconds(1.0);
    while time < left {
        times.push(time);
        time = time.plus_seconds(1.0);
    }
    times.push(left.plus_seconds(-0.001));
    let (estimates, _) = estimates_at(db, drive, &times);
    let inside: Vec<Estimate> = estimates.into_iter().flatten().collect();
    let frame = fin_core::frame::LocalFrame::new(drive.gnss[last_before].position);
    let exit = frame.to_local(drive.gnss[last_before + 1].position);
    let along = |e: &Estimate| {
        let at = frame.to_local(e.position);
        (at.east_m * exit.east_m + at.north_m * exit.north_m) / exit.length_m()
    };
    let mut modes: Vec<&'static str> = Vec::new();
    for mode in inside.iter().map(|e| e.mode) {
        if mode != Mode::Gnss && modes.last() != Some(&mode.as_str()) {
            modes.push(mode.as_str());
        }
    }
    let on_road = inside
        .iter()
        .all(|e| e.road.is_some_and(|road| road.way_id >= TUNNEL_WAY));
    let backwards_m = inside
        .windows(2)
        .map(|pair| along(&pair[0]) - along(&pair[1]))
        .fold(0.0, f64::max);
    let last = inside
        .last()
        .expect("the engine answers on the road that the fixes made");
    Pass {
        name: entry.file.clone(),
        direction: entry.dir.clone(),
        modes,
        on_road,
        backwards_m,
        exit_error_m: along(last) - exit.length_m(),
        exit_accuracy95_m: last.accuracy95_m,
    }
}
