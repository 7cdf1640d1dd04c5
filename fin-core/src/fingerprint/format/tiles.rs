//! Tiles of the map, by which the region around a place is found, and regions, which are roads on adjoining tiles.

use std::collections::BTreeMap;

use crate::frame::LatLon;
use crate::network::Way;

/// Tiles per degree of latitude and of longitude.
const PER_DEGREE: f64 = 100.0;
const COLUMNS: u32 = 36_001;
const ROWS: u32 = 18_001;
/// Places along a segment are looked at in steps of so many tiles.
const STEP_TILES: f64 = 0.5;

/// A tile of 0.01 by 0.01 degrees, some kilometre wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tile(u32);

impl Tile {
    pub(super) const MAX_INDEX: u32 = ROWS * COLUMNS - 1;

    /// The tile that `position` is in.
    pub(super) fn of(position: LatLon) -> Self {
        let index = |deg: f64, most: f64| {
            libm::floor((deg + most) * PER_DEGREE).clamp(0.0, 2.0 * most * PER_DEGREE) as u32
        };
        Self(index(position.lat_deg, 90.0) * COLUMNS + index(position.lon_deg, 180.0))
    }

    /// Rows from the south pole, tiles from the 180th meridian eastwards in each.
    pub(super) fn index(self) -> u32 {
        self.0
    }

    /// The tile of this index, which is at most [`MAX_INDEX`](Self::MAX_INDEX).
    pub(super) fn from_index(index: u32) -> Self {
        Self(index)
    }

    /// The tiles that share a side or a corner with this one, sides first.
    pub(super) fn around(self) -> impl Iterator<Item = Tile> {
        const STEPS: [(i64, i64); 8] = [
            (0, 1),
            (1, 0),
            (0, -1),
            (-1, 0),
            (1, 1),
            (1, -1),
            (-1, 1),
            (-1, -1),
        ];
        let (row, column) = (i64::from(self.0 / COLUMNS), i64::from(self.0 % COLUMNS));
        STEPS.into_iter().filter_map(move |(up, right)| {
            let (row, column) = (row + up, column + right);
            let inside = (0..i64::from(ROWS)).contains(&row) && (0..i64::from(COLUMNS)).contains(&column);
            inside.then(|| Tile((row * i64::from(COLUMNS) + column) as u32))
        })
    }
}

/// The ways of one region, ascending, and the tiles that they touch, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Patch {
    pub(super) ways: Vec<u32>,
    pub(super) tiles: Vec<Tile>,
}

/// `ways` in groups that touch the same or adjoining tiles; the groups by their first ways.
///
/// Ways that meet touch the same tile, so no road leads from one group to another.
pub(super) fn patches(ways: &[Way]) -> Vec<Patch> {
    let mut on: BTreeMap<Tile, Vec<u32>> = BTreeMap::new();
    for (index, way) in (0_u32..).zip(ways) {
        for tile in tiles_of(way) {
            let list = on.entry(tile).or_default();
            if list.last() != Some(&index) {
                list.push(index);
            }
        }
    }
    let mut group: Vec<u32> = (0..ways.len() as u32).collect();
    for (tile, list) in &on {
        let neighbours = tile.around().filter_map(|tile| on.get(&tile)?.first());
        for &other in list.iter().chain(neighbours) {
            let (a, b) = (root(&mut group, list[0]), root(&mut group, other));
            group[a.max(b) as usize] = a.min(b);
        }
    }
    let mut found: BTreeMap<u32, Patch> = BTreeMap::new();
    for way in 0..ways.len() as u32 {
        found.entry(root(&mut group, way)).or_default().ways.push(way);
    }
    for (tile, list) in on {
        found
            .entry(root(&mut group, list[0]))
            .or_default()
            .tiles
            .push(tile);
    }
    found.into_values().collect()
}

fn root(group: &mut [u32], mut at: u32) -> u32 {
    while group[at as usize] != at {
        group[at as usize] = group[group[at as usize] as usize];
        at = group[at as usize];
    }
    at
}

/// The tiles that a way touches, some of them repeatedly.
fn tiles_of(way: &Way) -> impl Iterator<Item = Tile> {
    let segments = way
        .nodes
        .windows(2)
        .map(|ends| (ends[0].position, ends[1].position));
    segments.flat_map(|(from, to)| {
        let (lat_deg, lon_deg) = (to.lat_deg - from.lat_deg, to.lon_deg - from.lon_deg);
        let steps = libm::ceil(lat_deg.abs().max(lon_deg.abs()) * PER_DEGREE / STEP_TILES).max(1.0);
        (0..=steps as u32).map(move |step| {
            let share = f64::from(step) / steps;
            Tile::of(LatLon::new(
                from.lat_deg + share * lat_deg,
                from.lon_deg + share * lon_deg,
            ))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::testing::straight_road;

    #[test]
    fn a_place_is_on_its_tile_and_the_poles_are_on_the_map() {
        let tile = Tile::of(LatLon::new(47.005, 8.005));
        assert_eq!(tile, Tile::of(LatLon::new(47.001, 8.009)));
        assert!(
            tile.around()
                .any(|near| near == Tile::of(LatLon::new(47.012, 7.999)))
        );
        for (lat_deg, lon_deg) in [(90.0, 180.0), (-90.0, -180.0), (90.0, -180.0)] {
            let tile = Tile::of(LatLon::new(lat_deg, lon_deg));
            assert!(tile.index() <= Tile::MAX_INDEX);
            assert_eq!(tile.around().count(), 3);
        }
    }

    #[test]
    fn roads_far_apart_are_apart_and_near_ones_together() {
        let road = |id: i64, north_deg: f64| {
            let mut way = straight_road(&[100.0]).ways()[0].clone();
            way.id = id;
            for node in &mut way.nodes {
                node.key += 100 * id;
                node.position.lat_deg += north_deg;
            }
            way
        };
        let found = patches(&[road(0, 0.0), road(1, 0.2), road(2, 0.005), road(3, 0.205)]);
        let ways: Vec<_> = found.iter().map(|patch| patch.ways.clone()).collect();
        assert_eq!(ways, [vec![0, 2], vec![1, 3]]);
        assert_eq!(patches(&[]), []);
    }

    #[test]
    fn a_long_segment_touches_all_tiles_that_it_crosses() {
        let mut way = straight_road(&[100.0]).ways()[0].clone();
        way.nodes[1].position =
            LatLon::new(way.nodes[0].position.lat_deg + 0.1, way.nodes[0].position.lon_deg);
        assert!(patches(&[way])[0].tiles.len() >= 10);
    }
}
