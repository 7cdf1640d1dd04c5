//! A database cut into regions, and put together again.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::contents::{Contents, Region, SECTIONS, Section, TunnelEntry};
use super::error::FormatError;
use super::profiles::Dated;
use super::tiles::{Patch, patches};
use super::wire::Reader;
use super::{cells, profiles, roads, statistics};
use crate::fingerprint::cells::{CellIx, CellTable, KnownCell};
use crate::fingerprint::evidence::{EdgeEvidence, Evidence};
use crate::fingerprint::profile::{EdgeProfile, FingerprintDb, Provenance};
use crate::network::{EdgeId, RoadNetwork, Tunnel, Way};

/// The SHA-256 of `bytes`.
pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The table of contents of `db`, its offsets not yet known, and the bytes of all sections in their order.
pub(super) fn split(db: &FingerprintDb) -> (Contents, Vec<Vec<u8>>) {
    let network = &db.network;
    let mut edges_of: Vec<Vec<EdgeId>> = vec![Vec::new(); network.ways().len()];
    for (id, edge) in network.edges() {
        edges_of[edge.way as usize].push(id);
    }
    let mut tunnels_of: BTreeMap<u32, Vec<&Tunnel>> = BTreeMap::new();
    for tunnel in network.tunnels() {
        tunnels_of.entry(tunnel.ways[0]).or_default().push(tunnel);
    }
    let mut contents = Contents {
        provenance: db.provenance.clone(),
        regions: Vec::new(),
    };
    let mut all = Vec::new();
    for patch in patches(network.ways()) {
        let sections = write_sections(db, &patch, &edges_of);
        let tunnels = patch.ways.iter().filter_map(|way| tunnels_of.get(way)).flatten();
        contents.regions.push(Region {
            tunnels: tunnels.map(|tunnel| entry(db, tunnel)).collect(),
            tiles: patch.tiles,
            sections: sections.each_ref().map(|bytes| Section {
                offset: 0,
                length: bytes.len() as u64,
                digest: digest(bytes),
            }),
        });
        all.extend(sections);
    }
    (contents, all)
}

fn write_sections(db: &FingerprintDb, patch: &Patch, edges_of: &[Vec<EdgeId>]) -> [Vec<u8>; SECTIONS.len()] {
    let ways: Vec<&Way> = patch
        .ways
        .iter()
        .map(|&way| &db.network.ways()[way as usize])
        .collect();
    let edges = patch.ways.iter().flat_map(|&way| &edges_of[way as usize]);
    let found: Vec<Dated<&EdgeProfile>> = (0..)
        .zip(edges.clone())
        .filter_map(|(number, &edge)| {
            let days = db.evidence.edges.get(&edge).and_then(|evidence| evidence.days);
            Some((number, db.profile(edge)?, days))
        })
        .collect();
    let mut used: Vec<CellIx> = found
        .iter()
        .flat_map(|(_, profile, _)| profile.cells.iter().map(|cell| cell.cell))
        .collect();
    used.sort_unstable_by_key(|&cell| (db.cells.get(cell), cell));
    used.dedup();
    let number_of: BTreeMap<CellIx, u32> = used.iter().copied().zip(0..).collect();
    // Cells without a profile are not written, so nothing may point at them.
    let cell_of = |cell: CellIx| number_of[&cell];
    let known: Vec<&KnownCell> = used.iter().map(|&cell| db.cells.get(cell)).collect();
    let rests_on: Vec<EdgeEvidence> = edges
        .filter(|&&edge| db.profile(edge).is_some())
        .map(|edge| {
            let mut evidence = db.evidence.edges.get(edge).cloned().unwrap_or_default();
            evidence.cells.retain(|cell| number_of.contains_key(&cell.cell));
            evidence
        })
        .collect();
    let statistics = if rests_on.iter().any(|edge| !edge.cells.is_empty()) {
        statistics::write(&rests_on.iter().collect::<Vec<_>>(), cell_of)
    } else {
        Vec::new()
    };
    [
        roads::write(&ways),
        cells::write(&known),
        profiles::write(&found, cell_of),
        statistics,
    ]
}

fn entry(db: &FingerprintDb, tunnel: &Tunnel) -> TunnelEntry {
    let passes = tunnel
        .edges
        .iter()
        .filter_map(|&edge| db.profile(edge)?.passes.iter().max());
    let days = tunnel
        .edges
        .iter()
        .filter_map(|edge| db.evidence.edges.get(edge)?.days);
    TunnelEntry {
        name: tunnel.name.clone(),
        length_m: libm::round(tunnel.length_m * 10.0) / 10.0,
        passes: passes.max().copied().unwrap_or(0),
        last_day: days.map(|(_, last)| last).max(),
    }
}

/// One region of a file, decoded.
#[derive(Debug)]
pub(super) struct Part {
    network: RoadNetwork,
    cells: Vec<KnownCell>,
    profiles: Vec<Dated<EdgeProfile>>,
    statistics: Vec<EdgeEvidence>,
}

impl Part {
    /// The region of a file of this version of the format, in the bytes of its sections; `statistics` is empty where they are not
    /// wanted or not there.
    pub(super) fn read(
        version: u32,
        region: &Region,
        bytes: &[Vec<u8>; SECTIONS.len()],
    ) -> Result<Self, FormatError> {
        let section =
            |index: usize| Reader::new(SECTIONS[index], region.sections[index].offset, &bytes[index]);
        let network = roads::read(section(0))?;
        let cells = cells::read(section(1))?;
        let profiles = profiles::read(section(2), &network, cells.len(), version)?;
        let mut statistics: Vec<EdgeEvidence> = profiles
            .iter()
            .map(|&(_, _, days)| EdgeEvidence {
                days,
                cells: Vec::new(),
            })
            .collect();
        if !bytes[3].is_empty() {
            let of: Vec<&EdgeProfile> = profiles.iter().map(|(_, profile, _)| profile).collect();
            for (edge, cells) in statistics
                .iter_mut()
                .zip(statistics::read(section(3), &of, cells.len())?)
            {
                edge.cells = cells;
            }
        }
        Ok(Self {
            network,
            cells,
            profiles,
            statistics,
        })
    }
}

/// The database of `parts`, which are regions of one file.
pub(super) fn join(parts: Vec<Part>, provenance: Provenance) -> Result<FingerprintDb, FormatError> {
    let apart: usize = parts.iter().map(|part| part.network.edge_count()).sum();
    let table = common_table(&parts);
    let network = match &parts[..] {
        [part] => part.network.clone(),
        parts => RoadNetwork::build(
            parts
                .iter()
                .flat_map(|part| part.network.ways().to_vec())
                .collect(),
        )?,
    };
    if network.edge_count() != apart {
        return Err(FormatError::RegionsMeet {
            expected: apart,
            found: network.edge_count(),
        });
    }
    let mut profiles: Vec<Option<EdgeProfile>> = vec![None; apart];
    let mut evidence = Evidence::default();
    let mut first_edge = 0;
    for (part, numbers) in parts.into_iter().zip(&table.numbers) {
        let renumbered = |cell: CellIx| numbers[cell.0 as usize];
        for ((edge, mut profile, _), mut rests_on) in part.profiles.into_iter().zip(part.statistics) {
            let edge = EdgeId(first_edge + edge);
            profile
                .cells
                .iter_mut()
                .for_each(|cell| cell.cell = renumbered(cell.cell));
            profile.cells.sort_by_key(|cell| cell.cell);
            rests_on
                .cells
                .iter_mut()
                .for_each(|cell| cell.cell = renumbered(cell.cell));
            rests_on.cells.sort_by_key(|cell| cell.cell);
            profiles[edge.index()] = Some(profile);
            evidence.edges.insert(edge, rests_on);
        }
        first_edge += part.network.edge_count() as u32;
    }
    Ok(FingerprintDb {
        network: Arc::new(network),
        cells: CellTable::new(table.cells),
        profiles,
        evidence,
        provenance,
    })
}

struct CommonTable {
    cells: Vec<KnownCell>,
    /// By part: the new number of each of its cells.
    numbers: Vec<Vec<CellIx>>,
}

/// The cells of all parts, sorted; equal ones of two parts are one, equal ones of one part stay apart.
fn common_table(parts: &[Part]) -> CommonTable {
    let mut keyed: BTreeMap<(&KnownCell, usize), CellIx> = BTreeMap::new();
    let keys: Vec<Vec<(&KnownCell, usize)>> = parts
        .iter()
        .map(|part| {
            let mut seen: BTreeMap<&KnownCell, usize> = BTreeMap::new();
            let key = |cell| {
                let again = seen.entry(cell).or_default();
                *again += 1;
                (cell, *again)
            };
            part.cells.iter().map(key).collect()
        })
        .collect();
    for &key in keys.iter().flatten() {
        keyed.insert(key, CellIx(0));
    }
    for (number, slot) in (0..).zip(keyed.values_mut()) {
        *slot = CellIx(number);
    }
    CommonTable {
        cells: keyed.keys().map(|(cell, _)| (*cell).clone()).collect(),
        numbers: keys
            .iter()
            .map(|keys| keys.iter().map(|key| keyed[key]).collect())
            .collect(),
    }
}
