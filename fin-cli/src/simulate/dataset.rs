//! A whole folder of simulated data: roads, survey drives, test drives, and what they are.

use std::fs;
use std::path::Path;

use fin_core::time::Time;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::drive::first_start;
use super::{DriveConfig, DriveFacts, ScanTiming, SimulateError, Traffic, World, WorldConfig, in_range};
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
    /// What the road is like; drives take turns.
    pub traffic: Vec<Traffic>,
    /// Which drives record the wheel speed.
    pub wheel: WheelUse,
    /// How often cells are scanned.
    pub scans: ScanTiming,
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
struct Entry {
    set: &'static str,
    name: String,
    config: DriveConfig,
    facts: DriveFacts,
}

/// Writes the data to `folder`, which is made, and returns the number of drives.
///
/// # Errors
/// When `folder` holds anything already, when `config` has a number out of range, or what the system says.
pub fn write(folder: &Path, config: &DatasetConfig) -> Result<usize, SimulateError> {
    in_range(
        "the number of survey drives",
        config.survey_drives as f64,
        0.0,
        MOST_DRIVES as f64,
    )?;
    in_range(
        "the number of test drives",
        config.test_drives as f64,
        0.0,
        MOST_DRIVES as f64,
    )?;
    in_range(
        "the number of kinds of traffic",
        config.traffic.len() as f64,
        1.0,
        100.0,
    )?;
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
        ("survey", config.survey_drives, 0),
        ("test", config.test_drives, FIRST_TEST),
    ];
    for (set, count, first) in sets {
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
                        traffic: config.traffic[index % config.traffic.len()],
                        approach_m: config.approach_m,
                        wheel: match config.wheel {
                            WheelUse::On => true,
                            WheelUse::Off => false,
                            WheelUse::Mixed => index % 2 == 0,
                        },
                        scans: config.scans,
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

/// The command that makes the same data again.
pub fn command(config: &DatasetConfig) -> String {
    let scenarios: Vec<String> = config
        .world
        .scenarios
        .iter()
        .map(|scenario| format!(" --scenario {}", scenario.name()))
        .collect();
    let traffic: Vec<String> = config
        .traffic
        .iter()
        .map(|traffic| format!(" --traffic {}", traffic.name()))
        .collect();
    let length = config
        .world
        .length_m
        .map(|length_m| format!(" --length-m {length_m}"))
        .unwrap_or_default();
    let wheel = match config.wheel {
        WheelUse::On => "on",
        WheelUse::Off => "off",
        WheelUse::Mixed => "mixed",
    };
    format!(
        "fin simulate --out DIR --seed {}{}{length} --operators {} --survey-drives {} --test-drives {}{} --wheel {wheel} \
         --scan-interval-s {} --scan-refresh-s {} --approach-m {} --truth-hz {}{}{}",
        config.world.seed,
        scenarios.concat(),
        config.world.operators,
        config.survey_drives,
        config.test_drives,
        traffic.concat(),
        config.scans.ask_s,
        config.scans.refresh_s,
        config.approach_m,
        config.truth_hz,
        if config.survey_truth {
            " --survey-truth"
        } else {
            ""
        },
        if config.gzip { " --gzip" } else { "" },
    )
}

fn describe(world: &World, config: &DatasetConfig, entries: &[Entry]) -> String {
    let drives: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let DriveFacts {
                gnss,
                phone,
                wheel,
                tunnel,
            } = entry.facts;
            json!({
                "drive": format!("{}/{}", entry.set, entry.name),
                "route": world.routes()[entry.config.route].name,
                "traffic": entry.config.traffic.name(),
                "mnc": entry.config.operator + 1,
                "start_ms": entry.config.start.as_millis(),
                "tunnel_ms": tunnel.map(|(entry, exit)| [entry.as_millis(), exit.as_millis()]),
                "wheel_recorded": entry.config.wheel,
                "wheel_scale": rounded(wheel.scale),
                "wheel_latency_s": rounded(wheel.latency_s),
                "wheel_rate_hz": rounded(wheel.rate_hz),
                "phone_offset_db": rounded(phone.offset_db),
                "gnss_error_m": rounded(gnss.error_m),
                "gnss_when_lost": format!("{:?}", gnss.loss).split('(').next().map(str::to_lowercase),
                "gnss_stale_after_exit": gnss.stale_first,
            })
        })
        .collect();
    let value = json!({ "seed": config.world.seed, "command": command(config), "drives": drives });
    format!("{value:#}\n")
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn readme(world: &World, config: &DatasetConfig, entries: &[Entry]) -> String {
    let mut text = format!(
        "# Simulated drives\n\n\
         A made-up town, made-up radio and made-up drives, from seed {}. The same bytes again, in an empty folder:\n\n\
         ```sh\n{}\n```\n\n\
         `roads.geojson` has the roads, `survey/` the drives for a database, `test/` drives with their truth, \
         `simulate.json` what each phone and car was like.\n\n\
         | route | tunnel | length m |\n|---|---|---|\n",
        config.world.seed,
        command(config),
    );
    for route in world.routes() {
        let tunnel = &world.roads().tubes[route.tube].name;
        text += &format!(
            "| {} | {tunnel} | {:.0} |\n",
            route.name,
            route.exit_m - route.entry_m
        );
    }
    text += "\n| drive | traffic | wheel speed | seconds in the tunnel |\n|---|---|---|---|\n";
    for entry in entries {
        let wheel = if entry.config.wheel { "yes" } else { "no" };
        let inside = entry.facts.tunnel.map_or_else(
            || "–".to_owned(),
            |(from, to)| format!("{:.0}", to.seconds_since(from)),
        );
        text += &format!(
            "| {}/{} | {} | {wheel} | {inside} |\n",
            entry.set,
            entry.name,
            entry.config.traffic.name(),
        );
    }
    text
}
