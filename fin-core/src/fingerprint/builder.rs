//! Survey drives in, fingerprint database out.
//!
//! 1. Scans are cleaned ([`super::scans`]) and cells told apart (`identity`).
//! 2. The driven edges are laid end to end (`chain`) and the scans put onto them (`placed`).
//! 3. Drives are compared with each other (`compare`): level offsets, faulty clocks, drives that fit nowhere.
//! 4. What was heard in the other direction of the same road is put beside it (`across`).
//! 5. Every cell's level is estimated along every chain (`field`) and cut into profiles per edge.
//! 6. How fast drives usually went is put beside that (`traffic`).
//!
//! The order in which drives are given does not matter: they are sorted by content first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::across;
use super::along;
use super::cells::{CellIx, CellTable};
use super::chain::Chains;
use super::compare::{Contender, compare, place_all};
use super::evidence::{EdgeEvidence, Evidence};
use super::former::{self, Former};
use super::identity::Directory;
use super::offsets::level_offsets;
use super::pass::SurveyPass;
use super::placed::{KnownScan, PlacedScan, Prepared, sure_place};
use super::profile::{EdgeProfile, FingerprintDb, Provenance};
use super::report::{BuildReport, DriveReport, Refusal, TunnelReport};
use super::runner::{Runner, Stage};
use super::scans::Dropped;
use super::traffic;
use crate::network::{EdgeId, RoadNetwork, TunnelId, Way};
use crate::time::Time;

/// How far along the roads a database reaches beyond its tunnels, metres.
pub const APPROACH_M: f64 = 2000.0;
/// Clocks that show a time before 1990 do not show Unix time.
const FIRST_UNIX_MS: i64 = 631_152_000_000;
/// A tunnel counts as driven through when its ends were missed by no more than this, metres.
const TUNNEL_END_M: f64 = 25.0;

/// What a build gives.
#[derive(Clone, Debug)]
pub struct Build {
    /// The database; `None` when no drive could be used.
    pub database: Option<FingerprintDb>,
    /// What became of each drive.
    pub report: BuildReport,
}

/// The ways of a database: the tunnels of `network` and what leads to them within [`APPROACH_M`], with coordinates rounded
/// to 1e-7 degrees, as they are stored.
///
/// Drives have to be placed on the network of these ways.
pub fn database_ways(network: &RoadNetwork) -> Vec<Way> {
    let mut ways = network.crop(APPROACH_M);
    for node in ways.iter_mut().flat_map(|way| &mut way.nodes) {
        node.position = super::format::rounded(node.position);
    }
    ways
}

/// The database of what `passes` heard along `network`, and a report; `tool` is the name and version of the program.
///
/// `network` is best made of [`database_ways`]; the passes are placed on it.
pub fn build(network: &Arc<RoadNetwork>, passes: &[SurveyPass], tool: &str, runner: &impl Runner) -> Build {
    assemble(network, None, passes, tool, runner)
}

/// `former` with what `passes`, which are placed on its network, heard besides; and a report of these.
///
/// The profiles are estimated anew from the statistics of `former` and the new readings. Statistics are sums over pieces of
/// some ten metres, so what comes out is that of a build from all drives but for about a decibel. What `former` has no
/// statistics of is left out. A drive that `former` was built with counts twice when it is given again: nothing in a
/// database tells drives apart.
pub fn merge(former: &FingerprintDb, passes: &[SurveyPass], tool: &str, runner: &impl Runner) -> Build {
    assemble(&former.network, Some(former), passes, tool, runner)
}

fn assemble(
    network: &Arc<RoadNetwork>,
    former: Option<&FingerprintDb>,
    passes: &[SurveyPass],
    tool: &str,
    runner: &impl Runner,
) -> Build {
    let mut prepared: Vec<Option<Prepared>> = runner
        .map(Stage::Clean, passes, |pass| Prepared::new(pass, network))
        .into_iter()
        .map(Some)
        .collect();
    let mut reports: Vec<DriveReport> = passes
        .iter()
        .zip(prepared.iter().flatten())
        .map(|(pass, prepared)| DriveReport {
            scans: pass.scans.len(),
            dropped: prepared.dropped,
            refused: prepared.refusal(),
            ..DriveReport::new(pass.name.clone())
        })
        .collect();
    let order = order_of(passes, &mut reports);

    let mut sightings = former.map(former::sightings).unwrap_or_default();
    order
        .iter()
        .filter_map(|&i| prepared[i].as_ref())
        .for_each(|p| sightings.merge(p.sightings()));
    let directory = Directory::new(sightings);
    let known: Vec<(Vec<KnownScan>, Dropped)> = order
        .iter()
        .filter_map(|&i| prepared[i].take())
        .map(|prepared| prepared.known(&directory))
        .collect();

    let former = former.map(|db| Former::new(db, &directory));
    let mut driven = vec![false; network.edge_count()];
    order
        .iter()
        .flat_map(|&i| passes[i].edges())
        .chain(former.iter().flat_map(Former::edges))
        .for_each(|edge| driven[edge.index()] = true);
    let chains = Chains::new(network, &driven);
    let contenders: Vec<Contender<'_>> = order
        .iter()
        .zip(&known)
        .map(|(&i, (scans, _))| Contender {
            pass: &passes[i],
            scans,
        })
        .collect();
    let known_before = former
        .as_ref()
        .map(|former| former.placed(&chains))
        .unwrap_or_default();
    let findings = compare(&contenders, &known_before, &chains, runner);
    let mut placed = place_all(&contenders, &findings, &chains, runner);
    let days_of = days_of_edges(&placed, former.as_ref());
    if former.is_some() {
        placed.push(known_before);
    }
    let offsets_db = level_offsets(&placed, former.is_some());

    let across_shift_m = across::shift_m(&chains, &placed, &offsets_db);
    let heard = along::collect(&chains, &placed, &offsets_db, across_shift_m);
    let lines: Vec<_> = chains.all().iter().zip(&heard).collect();
    let found = runner.map(Stage::Estimate, &lines, |(chain, heard)| {
        along::profiles(chain, heard, network)
    });
    let used = contenders.iter().zip(&findings);
    let used = used.filter(|(_, finding)| finding.refused.is_none());
    let driven = used.map(|(contender, _)| contender.pass);
    let mut usual_mps = traffic::usual_speeds(network, driven, former.as_ref());
    let mut profiles: Vec<Option<EdgeProfile>> = vec![None; network.edge_count()];
    let mut evidence = Evidence::default();
    for (edge, mut profile, cells) in found.into_iter().flatten() {
        if let Some(former) = &former {
            former.add_counts(edge, &mut profile);
        }
        if profile.passes.iter().all(|&passes| passes == 0) {
            continue;
        }
        let days = days_of.get(&edge).copied();
        profile.usual_mps = usual_mps.remove(&edge).unwrap_or_default();
        evidence.edges.insert(edge, EdgeEvidence { days, cells });
        profiles[edge.index()] = Some(profile);
    }
    let cells = renumber(&mut profiles, &mut evidence, &directory);

    let mut passed = Vec::new();
    for (drive, &i) in order.iter().enumerate() {
        let (scans, dropped) = &known[drive];
        let finding = &findings[drive];
        let report = &mut reports[i];
        report.refused = finding.refused.clone();
        report.dropped = *dropped;
        if report.refused.is_some() {
            continue;
        }
        report.dropped.unplaced_scans = (scans.len() - placed[drive].len()) as u32;
        report.scans_used = placed[drive].len();
        report.levels_used = placed[drive].iter().map(|scan| scan.levels()).sum();
        report.offset_db = offsets_db[drive];
        report.clock_shift_s = finding.shift_s;
        let through = tunnels_of(&contenders[drive], finding.shift_s, network);
        report.tunnels = through
            .iter()
            .map(|&id| network.tunnel(id).name.clone())
            .collect();
        passed.extend(through);
    }
    let report = BuildReport {
        tunnels: tunnels(network, &passed),
        edges: profiles.iter().flatten().count(),
        cells: cells.cells().len(),
        levels: profiles
            .iter()
            .flatten()
            .flat_map(|p| &p.cells)
            .map(|cell| cell.mean_dbm.len())
            .sum(),
        drives: reports,
    };
    let used = report.used().count() as u32;
    let times = contenders
        .iter()
        .zip(&findings)
        .filter(|(_, finding)| finding.refused.is_none());
    let times = times.flat_map(|(contender, _)| contender.scans.iter().map(|scan| scan.time));
    let before = former.map(|former| former.db().provenance.clone());
    let provenance = provenance(tool, used, days(times), before);
    let database = (used > 0).then(|| FingerprintDb {
        network: Arc::clone(network),
        cells,
        profiles,
        evidence,
        provenance,
    });
    Build { database, report }
}

/// The drives that have not been refused, sorted by content; of equal recordings the first is kept.
fn order_of(passes: &[SurveyPass], reports: &mut [DriveReport]) -> Vec<usize> {
    let mut keyed: Vec<_> = (0..passes.len())
        .filter(|&i| reports[i].refused.is_none())
        .map(|i| (content_key(&passes[i]), i))
        .collect();
    keyed.sort();
    let mut order: Vec<usize> = Vec::with_capacity(keyed.len());
    let mut last_key = None;
    for (key, i) in keyed {
        match order.last() {
            Some(&kept) if last_key == Some(key) && passes[kept].scans == passes[i].scans => {
                reports[i].refused = Some(Refusal::SameAs {
                    name: passes[kept].name.clone(),
                });
            }
            _ => order.push(i),
        }
        last_key = Some(key);
    }
    order
}

/// What orders drives: when they began, how much they heard, and a check sum of what.
fn content_key(pass: &SurveyPass) -> (Option<Time>, usize, u32) {
    let mut hasher = crc32fast::Hasher::new();
    for scan in &pass.scans {
        hasher.update(&scan.time.as_nanos().to_le_bytes());
        for reading in &scan.cells {
            let channel = reading
                .cell
                .channel
                .map_or((u32::MAX, u16::MAX), |c| (c.arfcn, c.pci));
            let global = reading.cell.global.map_or(u64::MAX, |global| global.cell_id);
            hasher.update(&reading.rsrp_dbm.map_or(0, f64::to_bits).to_le_bytes());
            hasher.update(&global.to_le_bytes());
            hasher.update(&channel.0.to_le_bytes());
            hasher.update(&channel.1.to_le_bytes());
            hasher.update(&[u8::from(reading.serving), reading.cell.rat as u8]);
        }
    }
    (
        pass.scans.first().map(|scan| scan.time),
        pass.scans.len(),
        hasher.finalize(),
    )
}

/// Gives the cells that occur in `profiles` dense indices, in the order of the directory.
fn renumber(
    profiles: &mut [Option<EdgeProfile>],
    evidence: &mut Evidence,
    directory: &Directory,
) -> CellTable {
    let cells = || profiles.iter().flatten().flat_map(|profile| &profile.cells);
    let used: Vec<u32> = cells()
        .map(|cell| cell.cell.0)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut index_of = vec![CellIx(u32::MAX); directory.cells().len()];
    for (index, &cell) in (0..).zip(&used) {
        index_of[cell as usize] = CellIx(index);
    }
    for cell in profiles
        .iter_mut()
        .flatten()
        .flat_map(|profile| &mut profile.cells)
    {
        cell.cell = index_of[cell.cell.0 as usize];
    }
    for edge in evidence.edges.values_mut() {
        edge.cells
            .iter_mut()
            .for_each(|cell| cell.cell = index_of[cell.cell.0 as usize]);
        edge.cells.retain(|cell| cell.cell.0 != u32::MAX);
    }
    CellTable::new(
        used.iter()
            .map(|&cell| directory.cells()[cell as usize].clone())
            .collect(),
    )
}

/// The tunnels that a drive went through from end to end while it scanned.
fn tunnels_of(contender: &Contender<'_>, shift_s: f64, network: &RoadNetwork) -> Vec<TunnelId> {
    let places: Vec<_> = contender
        .scans
        .iter()
        .filter_map(|scan| sure_place(contender.pass, scan.time, shift_s))
        .collect();
    let mut passed = Vec::new();
    for (index, stretch) in contender.pass.track.iter().enumerate() {
        let (Some(begin), Some(end)) = (stretch.points.first(), stretch.points.last()) else {
            continue;
        };
        let edges: Vec<_> = stretch
            .route
            .edges()
            .iter()
            .map(|&edge| network.edge(edge))
            .collect();
        let mut at = 0;
        for run in edges.chunk_by(|a, b| a.tunnel == b.tunnel) {
            let from_m = stretch.route.start_of(at).unwrap_or(0.0);
            at += run.len();
            let to_m = stretch.route.start_of(at).unwrap_or(stretch.route.length_m());
            let Some(tunnel) = run[0].tunnel else { continue };
            let whole = begin.offset_m <= from_m + TUNNEL_END_M && end.offset_m >= to_m - TUNNEL_END_M;
            let scanned = places
                .iter()
                .any(|p| p.stretch == index && (from_m..=to_m).contains(&p.route_offset_m));
            if whole && scanned {
                passed.push(tunnel);
            }
        }
    }
    passed
}

fn tunnels(network: &RoadNetwork, passed: &[TunnelId]) -> Vec<TunnelReport> {
    let passes = |id: TunnelId| passed.iter().filter(|&&tunnel| tunnel == id).count();
    let all = network.tunnels().iter();
    all.map(|tunnel| TunnelReport {
        name: tunnel.name.clone(),
        passes: passes(tunnel.id),
    })
    .collect()
}

/// First and last day on which each edge was scanned, where the clocks showed Unix time.
fn days_of_edges(
    placed: &[Vec<PlacedScan<'_>>],
    former: Option<&Former<'_>>,
) -> BTreeMap<EdgeId, (i32, i32)> {
    let mut found: BTreeMap<EdgeId, (i32, i32)> = BTreeMap::new();
    let before = former
        .into_iter()
        .flat_map(|former| former.edges().filter_map(|edge| Some((edge, former.days(edge)?))));
    let scanned = placed
        .iter()
        .flatten()
        .filter_map(|scan| Some((scan.at.edge, days(std::iter::once(scan.scan.time))?)));
    for (edge, (first, last)) in before.chain(scanned) {
        let days = found.entry(edge).or_insert((first, last));
        *days = (days.0.min(first), days.1.max(last));
    }
    found
}

/// Where a database of `drives` new drives comes from, made of one from `before`, if any.
fn provenance(tool: &str, drives: u32, days: Option<(i32, i32)>, before: Option<Provenance>) -> Provenance {
    let Some(before) = before else {
        return Provenance {
            tool: tool.to_owned(),
            drives,
            days,
            ..Provenance::default()
        };
    };
    Provenance {
        tool: tool.to_owned(),
        drives: before.drives.saturating_add(drives),
        days: match (before.days, days) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (one, other) => one.or(other),
        },
        ..before
    }
}

/// First and last day of `times`, days since 1970-01-01; `None` when one of them is not Unix time.
fn days(times: impl Iterator<Item = Time> + Clone) -> Option<(i32, i32)> {
    const DAY_MS: i64 = 86_400_000;
    let (first, last) = (times.clone().min()?.as_millis(), times.max()?.as_millis());
    let day = |ms: i64| i32::try_from(ms.div_euclid(DAY_MS)).ok();
    (first >= FIRST_UNIX_MS).then_some((day(first)?, day(last)?))
}
