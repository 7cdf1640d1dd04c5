//! An earlier database as the builder takes it: its cells as sightings, its statistics as readings, its counts.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{CellIx, KnownCell};
use super::chain::Chains;
use super::evidence::{Bin, CellEvidence, EdgeEvidence, POINTS_PER_BIN};
use super::field::Summary;
use super::identity::{Directory, Sightings, Tile};
use super::placed::{KnownReading, KnownScan, PlacedScan};
use super::profile::{CellProfile, EdgeProfile, FingerprintDb};
use crate::network::{EdgeId, EdgePosition};
use crate::radio::CellId;
use crate::time::Time;

/// What an earlier database says, its cells found in the directory of a new build.
#[derive(Debug)]
pub(super) struct Former<'a> {
    db: &'a FingerprintDb,
    sums: Vec<Sum>,
    /// By edge and cell of the earlier database: the cell in the directory.
    cell_of: BTreeMap<(EdgeId, CellIx), u32>,
}

#[derive(Debug)]
struct Sum {
    at: EdgePosition,
    variance_db2: f64,
    summary: Summary,
    scan: KnownScan,
}

/// The names by which `db` knows its cells, where it knows them.
pub(super) fn sightings(db: &FingerprintDb) -> Sightings {
    let mut tiles: BTreeSet<(CellIx, Tile)> = BTreeSet::new();
    for (edge, evidence) in edges(db) {
        for cell in &evidence.cells {
            tiles.extend(cell.bins.iter().map(|bin| (cell.cell, tile(db, edge, bin))));
        }
    }
    let mut sightings = Sightings::default();
    for (cell, tile) in tiles {
        let known = db.cells.get(cell);
        names(known).for_each(|name| sightings.add(&name, Some(tile)));
    }
    sightings
}

impl<'a> Former<'a> {
    /// What `db` says, with its cells as `directory` has them.
    pub(super) fn new(db: &'a FingerprintDb, directory: &Directory) -> Self {
        let (mut sums, mut cell_of) = (Vec::new(), BTreeMap::new());
        for (edge, evidence) in edges(db) {
            for cell in &evidence.cells {
                let known = db.cells.get(cell.cell);
                for bin in &cell.bins {
                    let tile = tile(db, edge, bin);
                    let found = names(known).find_map(|name| directory.find(&name, Some(tile)));
                    let Some(number) = found else { continue };
                    cell_of.entry((edge, cell.cell)).or_insert(number);
                    sums.push(Sum {
                        at: place(db, edge, bin),
                        variance_db2: 1.0 / bin.weight_per_db2,
                        summary: Summary {
                            scatter_db2: bin.scatter_db * bin.scatter_db,
                            drives: drives(db, edge, cell, bin),
                        },
                        scan: KnownScan {
                            time: Time::default(),
                            readings: vec![KnownReading {
                                cell: number,
                                level_dbm: Some(bin.mean_dbm),
                                serving: false,
                            }],
                        },
                    });
                }
            }
        }
        Self { db, sums, cell_of }
    }

    /// The database itself.
    pub(super) fn db(&self) -> &'a FingerprintDb {
        self.db
    }

    /// Its statistics on the chains, one scan for each.
    pub(super) fn placed<'s>(&'s self, chains: &Chains) -> Vec<PlacedScan<'s>> {
        let placed = self.sums.iter().filter_map(|sum| {
            Some(PlacedScan {
                place: chains.place(sum.at)?,
                at: sum.at,
                reach_back_m: 0.0,
                reach_ahead_m: 0.0,
                noise_db2: sum.variance_db2,
                variance_db2: sum.variance_db2,
                scan: &sum.scan,
                summary: Some(sum.summary),
            })
        });
        placed.collect()
    }

    /// The edges that it has profiles of.
    pub(super) fn edges(&self) -> impl Iterator<Item = EdgeId> {
        let numbered = (0..).map(EdgeId).zip(&self.db.profiles);
        numbered
            .filter(|(_, profile)| profile.is_some())
            .map(|(edge, _)| edge)
    }

    /// First and last day on which `edge` was surveyed.
    pub(super) fn days(&self, edge: EdgeId) -> Option<(i32, i32)> {
        self.db.evidence.edges.get(&edge)?.days
    }

    /// Adds its passes to those of new drives in `profile`, whose cells are those of the directory.
    pub(super) fn add_counts(&self, edge: EdgeId, profile: &mut EdgeProfile) {
        let Some(former) = self.db.profile(edge) else {
            return;
        };
        for (passes, before) in profile.passes.iter_mut().zip(&former.passes) {
            *passes = passes.saturating_add(*before);
        }
        // Two cells that turn out to be one were heard by the same drives.
        let mut counts: BTreeMap<u32, (Vec<u16>, Vec<u16>)> = BTreeMap::new();
        for cell in &former.cells {
            let Some(&number) = self.cell_of.get(&(edge, cell.cell)) else {
                continue;
            };
            let empty = || (vec![0; former.points as usize], vec![0; former.points as usize]);
            let (passes, serving) = counts.entry(number).or_insert_with(empty);
            for (offset, point) in (cell.first as usize..).enumerate().take(cell.passes.len()) {
                passes[point] = passes[point].max(cell.passes[offset]);
                serving[point] = serving[point].max(cell.serving[offset]);
            }
        }
        for cell in &mut profile.cells {
            let Some((passes, serving)) = counts.get(&cell.cell.0) else {
                continue;
            };
            let CellProfile {
                first,
                passes: new,
                serving: new_serving,
                ..
            } = cell;
            for (offset, point) in (*first as usize..).enumerate().take(new.len()) {
                new[offset] = new[offset].saturating_add(passes[point]);
                new_serving[offset] = new_serving[offset].saturating_add(serving[point]);
            }
        }
    }
}

fn edges(db: &FingerprintDb) -> impl Iterator<Item = (EdgeId, &EdgeEvidence)> {
    let known = db.evidence.edges.iter().map(|(&edge, evidence)| (edge, evidence));
    known.filter(|&(edge, _)| db.profile(edge).is_some())
}

/// Every name that a reading of the cell may have.
fn names(known: &KnownCell) -> impl Iterator<Item = CellId> + '_ {
    let name = |channel| CellId {
        rat: known.rat,
        plmn: known.plmn,
        global: known.global,
        channel,
    };
    let bare = (known.global.is_some() && known.channels.is_empty()).then(|| name(None));
    known
        .channels
        .iter()
        .map(move |&channel| name(Some(channel)))
        .chain(bare)
}

/// The middle of a bin's points.
fn place(db: &FingerprintDb, edge: EdgeId, bin: &Bin) -> EdgePosition {
    let length_m = db.network.edge(edge).length_m;
    let (_, step_m) = EdgeProfile::grid(length_m);
    let middle = f64::from(bin.index * POINTS_PER_BIN) + 0.5 * f64::from(POINTS_PER_BIN - 1);
    EdgePosition {
        edge,
        offset_m: (middle * step_m).min(length_m),
    }
}

fn tile(db: &FingerprintDb, edge: EdgeId, bin: &Bin) -> Tile {
    Tile::of(db.network.point_at(edge, place(db, edge, bin).offset_m).position)
}

/// How many drives heard the cell there; at least one did.
fn drives(db: &FingerprintDb, edge: EdgeId, cell: &CellEvidence, bin: &Bin) -> u16 {
    let profile = db.profile(edge).and_then(|profile| profile.cell(cell.cell));
    let passes = profile.and_then(|profile| {
        let first = (bin.index * POINTS_PER_BIN).saturating_sub(profile.first) as usize;
        let near = profile.passes.get(first..)?.iter().take(POINTS_PER_BIN as usize);
        near.max().copied()
    });
    passes.unwrap_or(1).max(1)
}
