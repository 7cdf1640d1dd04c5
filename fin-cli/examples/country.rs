//! A country of databases: towns joined into one file, each at many places, and what it costs to open it.
//!
//! `country join OUT.fin TIMES TOWN.fin...` puts every town TIMES times on the map, side by side, and
//! `country open COUNTRY.fin` tells how long it takes a fresh process to open the file and to enter a region, and how much
//! memory it then has. `country change OLD.fin NEW.fin SHARE` gives that share of the cells other levels, as a week of new
//! surveys may. `docs/reliability.md` has the commands that make the towns.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use fin_cli::db_file;
use fin_core::engine::{EngineOptions, Navigator};
use fin_core::fingerprint::evidence::{CellEvidence, EdgeEvidence, Evidence};
use fin_core::fingerprint::{CellIx, CellProfile, CellTable, EdgeProfile, FingerprintDb};
use fin_core::frame::LatLon;
use fin_core::network::{EdgeId, RoadNetwork, Way};
use fin_core::observation::{GnssFix, Observation};
use fin_core::time::Time;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Distance between places, which lie on one parallel, degrees.
const APART_DEG: f64 = 0.2;
/// Way ids and node keys of one place are this far from those of another.
const IDS_APART: i64 = 1 << 32;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["join", out, times, ref towns @ ..] if !towns.is_empty() => {
            let towns: Vec<PathBuf> = towns.iter().map(PathBuf::from).collect();
            join(Path::new(out), times.parse()?, &towns)
        }
        ["open", path] => open(Path::new(path)),
        ["change", path, out, share] => change(Path::new(path), Path::new(out), share.parse()?),
        _ => bail!(
            "expected join OUT.fin TIMES TOWN.fin..., open COUNTRY.fin, or change OLD.fin NEW.fin SHARE"
        ),
    }
}

fn join(out: &Path, times: usize, towns: &[PathBuf]) -> Result<()> {
    let mut country = Country::default();
    for path in towns {
        let town = db_file::read(path, None)?;
        (0..times).for_each(|_| country.add(&town));
    }
    let network = RoadNetwork::build(country.ways)?;
    if network.edge_count() != country.profiles.len() {
        bail!("towns overlap");
    }
    let database = FingerprintDb {
        network: Arc::new(network),
        cells: CellTable::new(country.cells),
        profiles: country.profiles,
        evidence: country.evidence,
        provenance: Default::default(),
    };
    std::fs::write(out, database.to_bytes())?;
    Ok(())
}

#[derive(Default)]
struct Country {
    ways: Vec<Way>,
    cells: Vec<fin_core::fingerprint::KnownCell>,
    profiles: Vec<Option<EdgeProfile>>,
    evidence: Evidence,
    places: usize,
}

impl Country {
    /// Puts `town` on the next place along its parallel, where lengths stay as they are but for the rounding of coordinates.
    fn add(&mut self, town: &FingerprintDb) {
        let east_deg = APART_DEG * self.places as f64;
        let ids = IDS_APART * self.places as i64;
        self.places += 1;
        let moved = |way: &Way| {
            let mut way = way.clone();
            way.id += ids;
            for node in &mut way.nodes {
                node.key += ids;
                let rounded = |deg: f64| (deg * 1e7).round() / 1e7;
                let position = node.position;
                node.position = LatLon::new(position.lat_deg, rounded(position.lon_deg + east_deg));
            }
            way
        };
        let ways: Vec<Way> = town.network.ways().iter().map(moved).collect();
        let network = RoadNetwork::build(ways.clone()).expect("a moved town has the same roads");
        let first_edge = self.profiles.len() as u32;
        let first_cell = self.cells.len() as u32;
        for (edge, road) in network.edges() {
            let (points, step_m) = EdgeProfile::grid(road.length_m);
            let profile = town
                .profile(edge)
                .map(|profile| resized(profile, points, step_m, first_cell));
            self.profiles.push(profile);
            if let Some(evidence) = town.evidence.edges.get(&edge) {
                let edge = EdgeId(first_edge + edge.0);
                self.evidence
                    .edges
                    .insert(edge, renumbered(evidence, points, first_cell));
            }
        }
        self.ways.extend(ways);
        self.cells.extend(town.cells.cells().iter().cloned());
    }
}

/// `profile` on a grid of `points`, its ends repeated or cut.
fn resized(profile: &EdgeProfile, points: u32, step_m: f64, first_cell: u32) -> EdgeProfile {
    let mut passes = profile.passes.clone();
    passes.resize(points as usize, passes.last().copied().unwrap_or(0));
    let mut usual_mps = profile.usual_mps.clone();
    if let Some(&last) = usual_mps.last() {
        usual_mps.resize(EdgeProfile::speed_places(step_m * f64::from(points - 1)), last);
    }
    let cut = |cell: &CellProfile| {
        let mut cell = cell.clone();
        let room = points.saturating_sub(cell.first) as usize;
        cell.mean_dbm.truncate(room);
        cell.spread_db.truncate(room);
        cell.passes.truncate(room);
        cell.serving.truncate(room);
        cell.cell = CellIx(first_cell + cell.cell.0);
        (room > 0).then_some(cell)
    };
    EdgeProfile {
        points,
        step_m,
        passes,
        cells: profile.cells.iter().filter_map(cut).collect(),
        usual_mps,
    }
}

fn renumbered(evidence: &EdgeEvidence, points: u32, first_cell: u32) -> EdgeEvidence {
    let cell = |cell: &CellEvidence| CellEvidence {
        cell: CellIx(first_cell + cell.cell.0),
        bins: cell
            .bins
            .iter()
            .filter(|bin| 2 * bin.index < points)
            .copied()
            .collect(),
    };
    EdgeEvidence {
        days: evidence.days,
        cells: evidence
            .cells
            .iter()
            .map(cell)
            .filter(|cell| !cell.bins.is_empty())
            .collect(),
    }
}

/// Gives a share of the cells of every region levels that are some decibels off and wander about that.
fn change(path: &Path, out: &Path, share: f64) -> Result<()> {
    let mut database = db_file::read(path, None)?;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let is_changed: Vec<bool> = database
        .cells
        .cells()
        .iter()
        .map(|_| random.random_bool(share))
        .collect();
    let profiles = database.profiles.iter_mut().flatten();
    for cell in profiles
        .flat_map(|profile| &mut profile.cells)
        .filter(|cell| is_changed[cell.cell.0 as usize])
    {
        let mut off_db = 0.5 * f32::from(random.random_range(-8..=8_i8));
        for (mean_dbm, spread_db) in cell.mean_dbm.iter_mut().zip(&mut cell.spread_db) {
            if random.random_bool(0.2) {
                off_db += 0.5 * f32::from(random.random_range(-1..=1_i8));
                *spread_db += 0.125;
            }
            *mean_dbm = (*mean_dbm + off_db).clamp(-140.0, -44.0);
        }
    }
    std::fs::write(out, database.to_bytes())?;
    let changed = is_changed.iter().filter(|&&changed| changed).count();
    println!("{changed} of {} cells changed", is_changed.len());
    Ok(())
}

fn open(path: &Path) -> Result<()> {
    let before_kb = resident_kb()?;
    let start = Instant::now();
    let atlas = db_file::open(path, None)?;
    let opened_ms = start.elapsed().as_secs_f64() * 1e3;
    let opened_kb = resident_kb()?;
    let regions = &atlas.contents().regions;
    let tunnels: Vec<_> = regions.iter().flat_map(|region| &region.tunnels).collect();
    let length_km = tunnels.iter().map(|tunnel| tunnel.length_m).sum::<f64>() / 1e3;
    let (regions, tunnels) = (regions.len(), tunnels.len());
    let bytes = atlas.byte_count();
    let place = atlas.region(regions / 2)?.network.ways()[0].nodes[0].position;
    let mut navigator = Navigator::new(atlas, EngineOptions::default());
    let start = Instant::now();
    let fix = GnssFix {
        time: Time::from_millis(0),
        position: place,
        accuracy_m: Some(5.0),
        speed_mps: Some(20.0),
        bearing_deg: None,
    };
    navigator.step(&Observation::Gnss(fix))?;
    let entered_ms = start.elapsed().as_secs_f64() * 1e3;
    println!(
        "{:.1} MB, {tunnels} tunnels of {length_km:.0} km in {regions} regions; opened in {opened_ms:.2} ms, a region entered \
         in {entered_ms:.2} ms; resident {:.1} MB before, {:.1} MB open, {:.1} MB in a region, {:.1} MB at most",
        bytes as f64 / 1e6,
        before_kb as f64 / 1e3,
        opened_kb as f64 / 1e3,
        resident_kb()? as f64 / 1e3,
        status_kb("VmHWM:")? as f64 / 1e3,
    );
    Ok(())
}

fn resident_kb() -> Result<u64> {
    status_kb("VmRSS:")
}

/// A line of what Linux tells of this process, kB.
fn status_kb(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("this example reads /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("expected {name} in /proc/self/status"))
}
