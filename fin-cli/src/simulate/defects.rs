//! What may be wrong with a recorder, so that a builder can be held to noticing it.

use fin_core::observation::CellScan;
use fin_core::time::Time;

use super::random::Stream;
use super::{SimulateError, in_range};

/// What apps write where Android has no level (`CellInfo.UNAVAILABLE`), and levels just outside of what LTE can report.
const PLACEHOLDERS_DBM: [f64; 3] = [2_147_483_647.0, -141.0, -43.0];

/// What is wrong with a drive's scans; the default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Defects {
    /// How far the clock of the scans is ahead of that of GNSS, seconds, −3,600…3,600.
    pub clock_offset_s: f64,
    /// How often the phone hands out the same cells again as if they were new, after each true scan; 0…100.
    pub repeats: usize,
    /// Share of readings that have a placeholder for a level, 0…1.
    pub placeholder_share: f64,
}

impl Defects {
    /// `Ok` when all numbers are within their ranges.
    pub(super) fn check(self) -> Result<(), SimulateError> {
        in_range(
            "the clock offset in seconds",
            self.clock_offset_s,
            -3_600.0,
            3_600.0,
        )?;
        in_range("the number of repeats of a scan", self.repeats as f64, 0.0, 100.0)?;
        in_range("the share of placeholders", self.placeholder_share, 0.0, 1.0)
    }

    /// `scans` as a recorder with these defects has them.
    pub(super) fn apply(self, mut scans: Vec<CellScan>, seed: u64) -> Vec<CellScan> {
        let mut random = Stream::new(seed, "defects", 0);
        for scan in &mut scans {
            let ahead_ms = (self.clock_offset_s * 1e3).round() as i64;
            scan.time = Time::from_millis(scan.time.as_millis() + ahead_ms);
            for reading in &mut scan.cells {
                if random.chance(self.placeholder_share) {
                    reading.rsrp_dbm = Some(PLACEHOLDERS_DBM[random.below(PLACEHOLDERS_DBM.len())]);
                }
            }
        }
        for index in 0..scans.len() {
            scans[index].cells = scans[index - index % (self.repeats + 1)].cells.clone();
        }
        scans
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::{Arc, LazyLock};

    use fin_core::fingerprint::report::DriveReport;

    use super::*;
    use crate::simulate::{DriveConfig, Scenario, World, WorldConfig};
    use crate::{build, drive, roads};

    static WORLD: LazyLock<World> = LazyLock::new(|| {
        World::new(&WorldConfig {
            length_m: Some(1_000.0),
            ..WorldConfig::new(5, Scenario::Tube)
        })
        .unwrap()
    });

    /// What the builder says of drives on the same route, of which the last has `defects`.
    fn reports(defects: Defects) -> Vec<DriveReport> {
        let folder = tempfile::tempdir().unwrap();
        let roads_path = folder.path().join("roads.geojson");
        std::fs::write(&roads_path, WORLD.roads().geojson()).unwrap();
        let network = build::database_roads(roads::read(&roads_path).unwrap().ways).unwrap();
        let folders: Vec<PathBuf> = (0..4)
            .map(|number| {
                let mut config = DriveConfig::new(0, number);
                if number == 3 {
                    config.defects = defects;
                }
                let place = folder.path().join(number.to_string());
                drive::write(&place, &WORLD.drive(&config).unwrap().drive, None).unwrap();
                place
            })
            .collect();
        build::from_folders(&Arc::new(network), &folders).report.drives
    }

    #[test]
    fn the_builder_finds_a_clock_that_is_ahead() {
        let drives = reports(Defects {
            clock_offset_s: 6.0,
            ..Defects::default()
        });
        for (drive, ahead_s) in drives.iter().zip([0.0, 0.0, 0.0, 6.0]) {
            assert_eq!(drive.refused, None, "{}", drive.name);
            assert!((drive.clock_shift_s + ahead_s).abs() < 1.0, "{drive:?}");
        }
    }

    #[test]
    fn the_builder_counts_repeats_and_placeholders() {
        let sound = reports(Defects::default());
        let drives = reports(Defects {
            repeats: 2,
            placeholder_share: 0.2,
            ..Defects::default()
        });
        for (before, after) in sound[..3].iter().zip(&drives) {
            assert_eq!(before.dropped, after.dropped);
        }
        let (before, after) = (&sound[3], &drives[3]);
        assert!(
            after.dropped.repeated_scans as usize > before.scans / 2,
            "{after:?}"
        );
        let without =
            |drive: &DriveReport| drive.dropped.readings_without_level + drive.dropped.saturated_readings;
        assert!(without(after) > without(before) + 20, "{after:?}");
    }
}
