//! Which readings are of one cell: the names under which surveys met it, paired.
//!
//! A cell is told by its global identity where a reading has one. Readings with both names teach which channel and code the
//! cell has; a reading with channel and code alone is of the nearest cell that has them and was heard within
//! [`SAME_CELL_M`], else of a cell of its own, one per cluster of places.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::KnownCell;
use crate::frame::LatLon;
use crate::radio::{CellId, Channel, GlobalId, Plmn, Rat};

/// Codes are reused beyond a few kilometres; nearer than this, equal codes on a channel are one cell, metres.
const SAME_CELL_M: f64 = 3000.0;
/// Tiles per degree: places are told apart to about 280 m.
const TILES_PER_DEG: f64 = 400.0;

/// A place, rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tile {
    lat: i32,
    lon: i32,
}

impl Tile {
    /// The tile that `place` is in.
    pub(super) fn of(place: LatLon) -> Self {
        let index = |deg: f64| libm::floor(deg * TILES_PER_DEG) as i32;
        Self {
            lat: index(place.lat_deg),
            lon: index(place.lon_deg),
        }
    }

    fn distance_m(self, other: Tile) -> f64 {
        let centre = |t: Tile| {
            LatLon::new(
                (f64::from(t.lat) + 0.5) / TILES_PER_DEG,
                (f64::from(t.lon) + 0.5) / TILES_PER_DEG,
            )
        };
        centre(self).distance_m(centre(other))
    }
}

/// What tells cells with a global identity apart, but for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GlobalKey {
    rat: Rat,
    cell_id: u64,
    /// Cell identities of 2G and 3G are unique within an area only.
    area: Option<u32>,
}

impl GlobalKey {
    fn new(rat: Rat, global: GlobalId) -> Self {
        let area = if matches!(rat, Rat::Gsm | Rat::Wcdma) {
            global.tac
        } else {
            None
        };
        Self {
            rat,
            cell_id: global.cell_id,
            area,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Seen {
    channels: BTreeSet<Channel>,
    tacs: BTreeSet<u32>,
    tiles: BTreeSet<Tile>,
}

/// The names and places of all readings of the surveys.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings {
    global: BTreeMap<GlobalKey, BTreeMap<Option<Plmn>, Seen>>,
    channel_only: BTreeMap<(Rat, Channel), BTreeMap<Option<Plmn>, BTreeSet<Tile>>>,
}

impl Sightings {
    /// Takes note of a reading of `id`; `tile` is `None` when the place is unknown: then only its pair of names counts.
    pub(super) fn add(&mut self, id: &CellId, tile: Option<Tile>) {
        if let Some(global) = id.global {
            let seen = self
                .global
                .entry(GlobalKey::new(id.rat, global))
                .or_default()
                .entry(id.plmn)
                .or_default();
            seen.channels.extend(id.channel);
            seen.tacs.extend(global.tac);
            seen.tiles.extend(tile);
        } else if let (Some(channel), Some(tile)) = (id.channel, tile) {
            let networks = self.channel_only.entry((id.rat, channel)).or_default();
            networks.entry(id.plmn).or_default().insert(tile);
        }
    }

    /// Adds what `other` has seen.
    pub(super) fn merge(&mut self, other: Sightings) {
        for (key, networks) in other.global {
            for (plmn, seen) in networks {
                self.global
                    .entry(key)
                    .or_default()
                    .entry(plmn)
                    .or_default()
                    .extend(seen);
            }
        }
        for (key, networks) in other.channel_only {
            for (plmn, tiles) in networks {
                self.channel_only
                    .entry(key)
                    .or_default()
                    .entry(plmn)
                    .or_default()
                    .extend(tiles);
            }
        }
    }
}

impl Seen {
    fn extend(&mut self, other: Seen) {
        self.channels.extend(other.channels);
        self.tacs.extend(other.tacs);
        self.tiles.extend(other.tiles);
    }

    fn distance_m(&self, tile: Tile) -> f64 {
        self.tiles
            .iter()
            .map(|&own| own.distance_m(tile))
            .fold(f64::INFINITY, f64::min)
    }
}

/// All cells of the surveys and which readings are of which.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    cells: Vec<KnownCell>,
    by_global: BTreeMap<(GlobalKey, Option<Plmn>), u32>,
    by_channel: BTreeMap<(Rat, Channel, Option<Plmn>, Tile), u32>,
}

/// A cell while the directory is being made.
struct Draft {
    cell: KnownCell,
    seen: Seen,
}

impl Directory {
    /// The cells that `sightings` show, sorted by what is known of them.
    pub(super) fn new(sightings: Sightings) -> Self {
        let mut drafts: Vec<Draft> = Vec::new();
        let mut by_global = BTreeMap::new();
        for (key, networks) in sightings.global {
            add_global(key, networks, &mut drafts, &mut by_global);
        }
        let mut owners: BTreeMap<(Rat, Channel), Vec<u32>> = BTreeMap::new();
        for (index, draft) in (0..).zip(&drafts) {
            for &channel in &draft.cell.channels {
                owners.entry((draft.cell.rat, channel)).or_default().push(index);
            }
        }
        let mut by_channel = BTreeMap::new();
        for ((rat, channel), networks) in sightings.channel_only {
            let mut candidates = owners.remove(&(rat, channel)).unwrap_or_default();
            // Named networks first, so that readings without one can join their cells.
            for (plmn, tiles) in networks.into_iter().rev() {
                let founded_from = drafts.len() as u32;
                for (tile, index) in assign(rat, channel, plmn, tiles, &candidates, &mut drafts) {
                    by_channel.insert((rat, channel, plmn, tile), index);
                }
                candidates.extend(founded_from..drafts.len() as u32);
            }
        }
        let mut order: Vec<u32> = (0..drafts.len() as u32).collect();
        order.sort_by_key(|&i| {
            let draft = &drafts[i as usize];
            (&draft.cell, draft.seen.tiles.first().copied())
        });
        let mut rank = vec![0; drafts.len()];
        for (new, &old) in (0..).zip(&order) {
            rank[old as usize] = new;
        }
        Self {
            cells: order
                .iter()
                .map(|&old| drafts[old as usize].cell.clone())
                .collect(),
            by_global: by_global
                .into_iter()
                .map(|(key, old): (_, u32)| (key, rank[old as usize]))
                .collect(),
            by_channel: by_channel
                .into_iter()
                .map(|(key, old): (_, u32)| (key, rank[old as usize]))
                .collect(),
        }
    }

    /// All cells.
    pub(super) fn cells(&self) -> &[KnownCell] {
        &self.cells
    }

    /// Which cell a reading of `id` at `tile` is of, as an index into [`cells`](Self::cells); `None` when it was never seen.
    pub(super) fn find(&self, id: &CellId, tile: Option<Tile>) -> Option<u32> {
        match id.global {
            Some(global) => self
                .by_global
                .get(&(GlobalKey::new(id.rat, global), id.plmn))
                .copied(),
            None => self
                .by_channel
                .get(&(id.rat, id.channel?, id.plmn, tile?))
                .copied(),
        }
    }
}

/// Drafts the cells of one global identity: one per network; sightings without a network are of the only one there is.
fn add_global(
    key: GlobalKey,
    mut networks: BTreeMap<Option<Plmn>, Seen>,
    drafts: &mut Vec<Draft>,
    by_global: &mut BTreeMap<(GlobalKey, Option<Plmn>), u32>,
) {
    if networks.len() == 2
        && let Some(nameless) = networks.remove(&None)
    {
        by_global.insert((key, None), drafts.len() as u32);
        networks
            .values_mut()
            .for_each(|seen| seen.extend(nameless.clone()));
    }
    for (plmn, seen) in networks {
        by_global.insert((key, plmn), drafts.len() as u32);
        let global = GlobalId {
            tac: seen.tacs.first().copied(),
            cell_id: key.cell_id,
        };
        let channels = seen.channels.iter().copied().collect();
        drafts.push(Draft {
            cell: KnownCell {
                rat: key.rat,
                plmn,
                global: Some(global),
                channels,
            },
            seen,
        });
    }
}

/// The cell of each tile in which `channel` was heard without a global identity: the nearest of `candidates`, or a new
/// one for each cluster of tiles.
fn assign(
    rat: Rat,
    channel: Channel,
    plmn: Option<Plmn>,
    tiles: BTreeSet<Tile>,
    candidates: &[u32],
    drafts: &mut Vec<Draft>,
) -> Vec<(Tile, u32)> {
    let mut assigned = Vec::new();
    let mut left = Vec::new();
    for tile in tiles {
        let compatible = candidates.iter().filter(|&&index| {
            let known = drafts[index as usize].cell.plmn;
            known.is_none() || plmn.is_none() || known == plmn
        });
        let distances = compatible.map(|&index| (drafts[index as usize].seen.distance_m(tile), index));
        match distances.min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((distance_m, index)) if distance_m <= SAME_CELL_M => assigned.push((tile, index)),
            _ => left.push(tile),
        }
    }
    while let Some(first) = left.pop() {
        let index = drafts.len() as u32;
        let mut tiles = BTreeSet::from([first]);
        let mut open = vec![first];
        while let Some(tile) = open.pop() {
            let (near, far): (Vec<_>, Vec<_>) = left
                .into_iter()
                .partition(|&other| other.distance_m(tile) <= SAME_CELL_M);
            left = far;
            tiles.extend(near.iter().copied());
            open.extend(near);
        }
        assigned.extend(tiles.iter().map(|&tile| (tile, index)));
        let cell = KnownCell {
            rat,
            plmn,
            global: None,
            channels: vec![channel],
        };
        drafts.push(Draft {
            cell,
            seen: Seen {
                tiles,
                ..Seen::default()
            },
        });
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::testing::by_channel;

    const HERE: LatLon = LatLon::new(47.0, 8.0);
    const NEARBY: LatLon = LatLon::new(47.015, 8.0);
    const ELSEWHERE: LatLon = LatLon::new(47.2, 8.0);
    const A: Option<Plmn> = Some(Plmn { mcc: 228, mnc: 1 });
    const B: Option<Plmn> = Some(Plmn { mcc: 228, mnc: 2 });

    fn global(cell_id: u64, pci: Option<u16>, plmn: Option<Plmn>) -> CellId {
        let channel = pci.and_then(|pci| by_channel(pci).channel);
        CellId {
            rat: Rat::Lte,
            plmn,
            global: Some(GlobalId { tac: None, cell_id }),
            channel,
        }
    }

    fn code(pci: u16, plmn: Option<Plmn>) -> CellId {
        CellId {
            plmn,
            ..by_channel(pci)
        }
    }

    fn learn(seen: &[(CellId, LatLon)]) -> (Directory, Vec<Option<u32>>) {
        let mut sightings = Sightings::default();
        seen.iter()
            .for_each(|(id, place)| sightings.add(id, Some(Tile::of(*place))));
        let directory = Directory::new(sightings);
        let found = seen
            .iter()
            .map(|(id, place)| directory.find(id, Some(Tile::of(*place))))
            .collect();
        (directory, found)
    }

    #[test]
    fn a_reading_with_both_names_makes_one_cell_of_readings_with_either() {
        let (directory, found) = learn(&[
            (global(9, None, A), HERE),
            (code(7, A), NEARBY),
            (global(9, Some(7), A), NEARBY),
        ]);
        assert_eq!(directory.cells().len(), 1);
        assert_eq!(found, [Some(0); 3]);
        assert_eq!(directory.cells()[0].channels.len(), 1);
    }

    #[test]
    fn a_code_reused_far_away_is_another_cell() {
        let (directory, found) = learn(&[
            (global(9, Some(7), A), HERE),
            (code(7, A), HERE),
            (code(7, A), ELSEWHERE),
        ]);
        assert_eq!(directory.cells().len(), 2);
        assert_eq!(found[0], found[1]);
        assert_ne!(found[0], found[2]);
    }

    #[test]
    fn of_two_cells_with_a_code_the_nearer_is_meant() {
        let (_, found) = learn(&[
            (global(1, Some(7), A), HERE),
            (global(2, Some(7), A), ELSEWHERE),
            (code(7, A), NEARBY),
        ]);
        assert_eq!(found[2], found[0]);
    }

    #[test]
    fn networks_stay_apart_and_readings_without_one_join() {
        let (directory, found) = learn(&[
            (global(9, Some(7), A), HERE),
            (global(9, Some(7), B), HERE),
            (code(7, B), HERE),
            (code(8, A), HERE),
            (code(8, None), HERE),
            (global(5, None, A), HERE),
            (global(5, None, None), HERE),
        ]);
        assert_eq!(directory.cells().len(), 4);
        assert_ne!(found[0], found[1]);
        assert_eq!(found[1], found[2]);
        assert_eq!(found[3], found[4]);
        assert_eq!(found[5], found[6]);
    }

    #[test]
    fn an_area_tells_cells_of_2g_apart_but_not_of_lte() {
        let id = |rat, tac| CellId {
            rat,
            global: Some(GlobalId {
                tac: Some(tac),
                cell_id: 1,
            }),
            ..CellId::default()
        };
        let (_, lte) = learn(&[(id(Rat::Lte, 1), HERE), (id(Rat::Lte, 2), HERE)]);
        let (_, gsm) = learn(&[(id(Rat::Gsm, 1), HERE), (id(Rat::Gsm, 2), HERE)]);
        assert_eq!(lte[0], lte[1]);
        assert_ne!(gsm[0], gsm[1]);
    }
}
