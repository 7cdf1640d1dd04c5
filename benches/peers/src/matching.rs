//! Drives at 1 Hz on real roads, simulated with known truth, and matched to the roads again.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use fin_benches::{RoadDrive, road_drives};
use fin_core::matching::{MatchOptions, MatchTables, Odometer, match_track_with};
use fin_core::network::RoadNetwork;

use crate::Work;

/// An extract of OpenStreetMap beside the repository.
const ANDORRA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/osm_tunnels/gh-andorra.osm.pbf"
);
const DRIVES: usize = 20;
const SECONDS: usize = 600;
/// A fix is right within so many metres of the truth.
const RIGHT_M: f64 = 25.0;

struct Roads {
    network: RoadNetwork,
    drives: Vec<RoadDrive>,
}

/// The roads and the drives on them; `None` where the extract is missing.
static ROADS: LazyLock<Option<Roads>> = LazyLock::new(|| {
    let roads = fin_cli::roads::read(Path::new(ANDORRA)).ok()?;
    let network = RoadNetwork::build(roads.ways).ok()?;
    let drives = road_drives(&network, DRIVES, SECONDS, 5);
    Some(Roads { network, drives })
});

/// Writes fixes and truth of all drives for the other programs: four doubles for each second.
pub fn write(folder: &Path) -> std::io::Result<()> {
    let Some(roads) = &*ROADS else { return Ok(()) };
    let seconds = roads
        .drives
        .iter()
        .flat_map(|drive| drive.fixes.iter().zip(&drive.truth));
    let numbers = seconds.flat_map(|(fix, truth)| {
        let fix = fix.position;
        [fix.lat_deg, fix.lon_deg, truth.lat_deg, truth.lon_deg]
    });
    let bytes: Vec<u8> = numbers.flat_map(f64::to_le_bytes).collect();
    fs::write(folder.join("drives"), bytes)
}

/// `match`: the share of fixes that came out near the truth.
pub fn prepare(kind: &str) -> Option<Work> {
    if kind != "match" {
        return None;
    }
    let Roads { network, drives } = ROADS.as_ref()?;
    let tables = MatchTables::new(network, 300.0);
    let (odometer, options) = (Odometer::new(&[]), MatchOptions::default());
    let fixes = (DRIVES * SECONDS) as f64;
    let matched =
        move |drive: &RoadDrive| match_track_with(network, &tables, &drive.fixes, &odometer, &options);
    let right = drives
        .iter()
        .map(|drive| drive.right(network, &matched(drive), RIGHT_M))
        .sum::<usize>();
    Some(Box::new(move || {
        let placed: usize = drives.iter().map(|drive| matched(drive).counts.placed).sum();
        vec![right as f64 / fixes, placed as f64 / fixes]
    }))
}
