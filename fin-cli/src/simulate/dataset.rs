//! A whole folder of simulated data: roads, survey drives, test drives, and what they are.

use std::fs;
use std::path::Path;

use fin_core::time::Time;
use rayon::prelude::*;

use super::drive::first_start;
use super::manifest::{describe, readme};
use super::{
    Defects, DriveConfig, DriveFacts, RadioChanges, ScanTiming, SimulateError, Traffic, World, WorldConfig,
    in_range,
};
use crate::drive;

/// Test drives are numbered from here, so that more survey drives leave them as they are.
const FIRST_TEST: u64 = 5_000;
/// Nobody surveys one tunnel more often, and tests come after all surveys.
const MOST_DRIVES: usize = 4_000;

/// Which drives record the wheel speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WheelUse {
    /// All.
    On,
    /// None.
    Off,
    /// Every other one, the first with it.
    Mixed,
}

/// What a folder of simulated data holds.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetConfig {
    /// The town.
    pub world: WorldConfig,
    /// Survey drives on each route, by each operator's phone.
    pub survey_drives: usize,
    /// Test drives on each route, by each operator's phone.
    pub test_drives: usize,
    /// What the road is like on survey drives, which take turns.
    pub traffic: Vec<Traffic>,
    /// The same for test drives.
    pub test_traffic: Vec<Traffic>,
    /// Which drives record the wheel speed.
    pub wheel: WheelUse,
    /// How often cells are scanned.
    pub scans: ScanTiming,
    /// What is wrong with the scans of the last survey drive on each route; all others are sound.
    pub defects: Defects,
    /// What the operators change between the survey drives and the test drives.
    pub changes: RadioChanges,
    /// How far before and after the tunnel a drive goes, metres.
    pub approach_m: f64,
    /// True positions per second.
    pub truth_hz: f64,
    /// Whether survey drives have their truth beside them too.
    pub survey_truth: bool,
    /// Whether tables are gzipped.
    pub gzip: bool,
}

/// One drive of the data set.
pub(super) struct Entry {
    pub(super) set: &'static str,
    pub(super) name: String,
    pub(super) config: DriveConfig,
    pub(super) facts: DriveFacts,
}

/// Writes the data to `folder`, which is made, and returns the number of drives.
///
/// # Errors
/// When `folder` holds anything already, when `config` has a number out of range, or what the system says.
pub fn write(folder: &Path, config: &DatasetConfig) -> Result<usize, SimulateError> {
    let most = MOST_DRIVES as f64;
    in_range(
        "the number of survey drives",
        config.survey_drives as f64,
        0.0,
        most,
    )?;
    in_range("the number of test drives", config.test_drives as f64, 0.0, most)?;
    config.defects.check()?;
    config.changes.check()?;
    for traffic in [&config.traffic, &config.test_traffic] {
        in_range("the number of kinds of traffic", traffic.len() as f64, 1.0, 100.0)?;
    }
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| SimulateError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    if fs::read_dir(folder).map_err(failed(folder))?.next().is_some() {
        return Err(SimulateError::NotEmpty {
            path: folder.display().to_string(),
        });
    }
    let world = World::new(&config.world)?;
    let entries = plan(&world, config)
        .into_par_iter()
        .map(|(set, name, drive_config)| {
            let simulated = world.drive(&drive_config)?;
            let place = folder.join(set).join(&name);
            let truth = (set == "test" || config.survey_truth).then_some(&simulated.truth[..]);
            drive::write(&place, &simulated.drive, truth).map_err(failed(&place))?;
            if config.gzip {
                drive::pack(&place).map_err(failed(&place))?;
            }
            Ok(Entry {
                set,
                name,
                config: drive_config,
                facts: simulated.facts,
            })
        })
        .collect::<Result<Vec<Entry>, SimulateError>>()?;
    let texts = [
        ("roads.geojson", world.roads().geojson()),
        ("simulate.json", describe(&world, config, &entries)),
        ("README.md", readme(&world, config, &entries)),
    ];
    for (name, text) in texts {
        let path = folder.join(name);
        fs::write(&path, text).map_err(failed(&path))?;
    }
    Ok(entries.len())
}

/// All drives: the set, the name and what to drive.
fn plan(world: &World, config: &DatasetConfig) -> Vec<(&'static str, String, DriveConfig)> {
    let mut drives = Vec::new();
    let sets = [
        ("survey", config.survey_drives, &config.traffic, 0),
        ("test", config.test_drives, &config.test_traffic, FIRST_TEST),
    ];
    for (set, count, traffic, first) in sets {
        for (route, way) in world.routes().iter().enumerate() {
            for (operator, index) in (0..config.world.operators).flat_map(|o| (0..count).map(move |i| (o, i)))
            {
                let of = if config.world.operators > 1 {
                    format!("-{}", operator + 1)
                } else {
                    String::new()
                };
                let week = if set == "test" {
                    config.survey_drives + index
                } else {
                    index
                } as u64;
                drives.push((
                    set,
                    format!("{}{of}-{:02}", way.name, index + 1),
                    DriveConfig {
                        number: first + (operator * MOST_DRIVES * 4 + index) as u64,
                        traffic: traffic[index % traffic.len()],
                        approach_m: config.approach_m,
                        wheel: match config.wheel {
                            WheelUse::On => true,
                            WheelUse::Off => false,
                            WheelUse::Mixed => index % 2 == 0,
                        },
                        scans: config.scans,
                        defects: if set == "survey" && index + 1 == count {
                            config.defects
                        } else {
                            Defects::default()
                        },
                        changes: if set == "test" {
                            config.changes
                        } else {
                            RadioChanges::default()
                        },
                        operator,
                        start: Time::from_millis(first_start(week).as_millis() + 600_000 * route as i64),
                        truth_hz: config.truth_hz,
                        ..DriveConfig::new(route, 0)
                    },
                ));
            }
        }
    }
    drives
}
