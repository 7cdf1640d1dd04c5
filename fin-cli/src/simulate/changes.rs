//! What operators do to their network after the surveys.

use super::radio::{CODES, Cell, Coverage, carriers};
use super::random::Stream;
use super::{SimulateError, in_range};

/// By how much the weakened cells are weaker than they were, dB.
const WEAKER_DB: f64 = 6.0;
/// Added to the station number of a renumbered cell, whose low 8 bits are its sector: no station has so high a number before.
const NEW_STATIONS: u64 = 400_000 << 8;

/// Shares of the town's cells, each 0…1 and drawn by itself, that are not as the surveys heard them; a greater share has all those
/// of a smaller one. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RadioChanges {
    /// Switched off.
    pub off: f64,
    /// With another identity and another code, which may have been another cell's.
    pub renumbered: f64,
    /// Sent from elsewhere: each is where another one of its carrier was.
    pub moved: f64,
    /// 6 dB weaker.
    pub weaker: f64,
}

impl RadioChanges {
    /// `Ok` when all shares are within 0…1.
    pub(super) fn check(self) -> Result<(), SimulateError> {
        let Self {
            off,
            renumbered,
            moved,
            weaker,
        } = self;
        in_range("the share of cells switched off", off, 0.0, 1.0)?;
        in_range("the share of cells renumbered", renumbered, 0.0, 1.0)?;
        in_range("the share of cells moved", moved, 0.0, 1.0)?;
        in_range("the share of cells weakened", weaker, 0.0, 1.0)
    }

    /// `coverage` and `cells` of operator `operator` as they are after the changes.
    pub(super) fn apply(
        self,
        coverage: &Coverage,
        cells: &[Cell],
        (seed, operator): (u64, usize),
    ) -> (Coverage, Vec<Cell>) {
        let draws = |label, cell: usize| Stream::new(seed, label, (operator as u64) << 32 | cell as u64);
        let chosen = |label, share: f64| move |cell: usize| draws(label, cell).chance(share);
        let is_off = chosen("switched off", self.off);
        let is_moved = chosen("moved", self.moved);
        let is_renumbered = chosen("renumbered", self.renumbered);
        let mut coverage_after = coverage.with_only(|cell| !is_off(cell));
        coverage_after.weaken(WEAKER_DB, chosen("weakened", self.weaker));
        let mut cells_after = cells.to_vec();
        for carrier in 0..carriers(operator).len() {
            let on_carrier = |cell: &usize| cells[*cell].carrier == carrier && is_moved(*cell);
            let moved: Vec<usize> = coverage.cells.iter().copied().filter(on_carrier).collect();
            // Neighbours in the list are often sectors of one mast; half the list away is another one.
            let others = moved.iter().cycle().skip(moved.len().div_ceil(2));
            for (&cell, &other) in std::iter::zip(&moved, others) {
                cells_after[cell].identity = cells[other].identity;
            }
        }
        for (index, cell) in cells_after.iter_mut().enumerate() {
            if !is_renumbered(index) {
                continue;
            }
            if let Some(global) = &mut cell.identity.global {
                global.cell_id += NEW_STATIONS;
            }
            if let Some(channel) = &mut cell.identity.channel {
                channel.pci = draws("new codes", index).below(CODES) as u16;
            }
        }
        (coverage_after, cells_after)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fin_core::radio::CellId;

    use super::*;
    use crate::simulate::{DriveConfig, Scenario, SimulatedDrive, World, WorldConfig};

    fn drive_after(changes: RadioChanges) -> SimulatedDrive {
        let world = World::new(&WorldConfig::new(5, Scenario::Tube)).unwrap();
        let config = DriveConfig {
            changes,
            ..DriveConfig::new(0, 1_000)
        };
        world.drive(&config).unwrap()
    }

    /// Mean level of each cell, dBm, with its number of readings.
    fn levels(simulated: &SimulatedDrive) -> BTreeMap<CellId, (f64, usize)> {
        let mut sums: BTreeMap<CellId, (f64, usize)> = BTreeMap::new();
        for reading in simulated.drive.cells.iter().flat_map(|scan| &scan.cells) {
            let sum = sums.entry(reading.cell).or_default();
            sum.0 += reading.rsrp_dbm.unwrap();
            sum.1 += 1;
        }
        sums.into_iter()
            .map(|(cell, (sum, count))| (cell, (sum / count as f64, count)))
            .collect()
    }

    #[test]
    fn nothing_changes_unless_asked() {
        let before = drive_after(RadioChanges::default());
        let world = World::new(&WorldConfig::new(5, Scenario::Tube)).unwrap();
        assert_eq!(before, world.drive(&DriveConfig::new(0, 1_000)).unwrap());
    }

    #[test]
    fn renumbered_cells_have_identities_that_nobody_had() {
        let before = levels(&drive_after(RadioChanges::default()));
        let after = levels(&drive_after(RadioChanges {
            renumbered: 1.0,
            ..RadioChanges::default()
        }));
        let globals =
            |of: &BTreeMap<CellId, _>| -> Vec<_> { of.keys().filter_map(|cell| cell.global).collect() };
        assert!(!globals(&after).is_empty());
        assert!(
            globals(&after)
                .iter()
                .all(|global| !globals(&before).contains(global))
        );
        assert!(globals(&after).iter().all(|global| global.cell_id < 1 << 28));
    }

    #[test]
    fn moved_cells_are_the_same_ones_elsewhere() {
        let before = drive_after(RadioChanges::default());
        let after = drive_after(RadioChanges {
            moved: 1.0,
            ..RadioChanges::default()
        });
        let served = |of: &SimulatedDrive| -> Vec<_> {
            let serving = |scan: &fin_core::observation::CellScan| scan.cells[0].cell.global;
            of.drive.cells.iter().map(serving).collect()
        };
        let (before, after) = (served(&before), served(&after));
        assert_eq!(before.len(), after.len());
        let same = std::iter::zip(&before, &after).filter(|(a, b)| a == b).count();
        assert!(same * 10 < before.len(), "{same} of {} as before", before.len());
    }

    #[test]
    fn weakened_cells_are_six_decibels_weaker() {
        let before = levels(&drive_after(RadioChanges::default()));
        let after = levels(&drive_after(RadioChanges {
            weaker: 1.0,
            ..RadioChanges::default()
        }));
        let often = before.iter().filter(|(_, (_, count))| *count > 40);
        let differences: Vec<f64> = often
            .filter_map(|(cell, (level, _))| after.get(cell).map(|(now, _)| now - level))
            .collect();
        assert!(!differences.is_empty());
        let as_weak = |difference: &f64| (difference + WEAKER_DB).abs() < 1.0;
        assert!(differences.iter().all(as_weak), "{differences:?}");
    }
}
