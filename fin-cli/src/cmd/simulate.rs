//! `fin simulate`: synthetic tunnels, drives and truth.

use crate::cmd::Usage;
use crate::simulate::dataset::{self, DatasetConfig, WheelUse};
use crate::simulate::{Defects, RadioChanges, ScanTiming, Scenario, SimulateError, Traffic, WorldConfig};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

/// What `fin simulate` is asked for.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Folder for the data; made when it is not there, and empty when it is
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Decides all that chance decides; the same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Which tunnels: tube2km, long, fork, bores, or city for all of them; may be given more than once
    #[arg(long = "scenario", value_name = "NAME", default_value = "tube2km")]
    pub scenarios: Vec<Scenario>,
    /// Length of every tunnel, 300 to 10000 m, instead of the scenario's own
    #[arg(long, value_name = "M")]
    pub length_m: Option<f64>,
    /// How many operators have masts; each gets its own survey and test drives
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub operators: usize,
    /// Survey drives on each route
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub survey_drives: usize,
    /// Test drives on each route
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub test_drives: usize,
    /// Traffic on survey drives: free, varying or jam; given more than once, drives take turns
    #[arg(long, value_name = "KIND", default_values = ["free", "varying"])]
    pub traffic: Vec<Traffic>,
    /// Traffic on test drives, as for survey drives
    #[arg(long, value_name = "KIND", default_values = ["varying", "free"])]
    pub test_traffic: Vec<Traffic>,
    /// Which drives record the wheel speed
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Wheel::On)]
    pub wheel: Wheel,
    /// Seconds between scans, 0.2 to 60
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub scan_interval_s: f64,
    /// Seconds until a scan says something new (2 or 10 on a throttled phone), 0.2 to 60; the interval unless given
    #[arg(long, value_name = "S")]
    pub scan_refresh_s: Option<f64>,
    /// How far the scans' clock is ahead of that of GNSS, -3600 to 3600 s, on the last survey drive of each route
    #[arg(long, value_name = "S", default_value_t = 0.0, allow_hyphen_values = true)]
    pub clock_offset_s: f64,
    /// How often each scan is handed out again as if it were new, 0 to 100, on the last survey drive of each route
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub repeat_scans: usize,
    /// Share of levels that are placeholders, 0 to 1, on the last survey drive of each route
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub placeholder_share: f64,
    /// Share of the cells that are switched off between survey and test drives, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub cells_off: f64,
    /// Share of them that get other identities and codes, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub cells_renumbered: f64,
    /// Share of them that are sent from where another one was, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub cells_moved: f64,
    /// Share of them that become 6 dB weaker, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub cells_weaker: f64,
    /// How far before and after the tunnel drives go, 100 to 5000 m, at most the 1800 m of open road
    #[arg(long, value_name = "M", default_value_t = 1_200.0)]
    pub approach_m: f64,
    /// True positions per second, 0.1 to 10
    #[arg(long, value_name = "HZ", default_value_t = 5.0)]
    pub truth_hz: f64,
    /// Write truth.csv for survey drives too
    #[arg(long)]
    pub survey_truth: bool,
    /// Gzip the tables
    #[arg(long)]
    pub gzip: bool,
}

/// Which drives record the wheel speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wheel {
    /// All of them
    On,
    /// None
    Off,
    /// Every other one
    Mixed,
}

/// Writes the data and one line to `out` that says what there is now.
///
/// # Errors
/// A number out of range is a [`Usage`]; else the folder is not empty or cannot be written.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = config(options);
    let drives = dataset::write(&options.out, &config).map_err(|error| match error {
        SimulateError::Range { .. } => anyhow::Error::new(Usage(error.to_string())),
        other => other.into(),
    })?;
    writeln!(out, "{drives} drives in {}", options.out.display())?;
    Ok(())
}

fn config(options: &Options) -> DatasetConfig {
    DatasetConfig {
        world: WorldConfig {
            seed: options.seed,
            scenarios: options.scenarios.clone(),
            length_m: options.length_m,
            operators: options.operators,
        },
        survey_drives: options.survey_drives,
        test_drives: options.test_drives,
        traffic: options.traffic.clone(),
        test_traffic: options.test_traffic.clone(),
        wheel: match options.wheel {
            Wheel::On => WheelUse::On,
            Wheel::Off => WheelUse::Off,
            Wheel::Mixed => WheelUse::Mixed,
        },
        scans: ScanTiming {
            ask_s: options.scan_interval_s,
            refresh_s: options.scan_refresh_s.unwrap_or(options.scan_interval_s),
        },
        defects: Defects {
            clock_offset_s: options.clock_offset_s,
            repeats: options.repeat_scans,
            placeholder_share: options.placeholder_share,
        },
        changes: RadioChanges {
            off: options.cells_off,
            renumbered: options.cells_renumbered,
            moved: options.cells_moved,
            weaker: options.cells_weaker,
        },
        approach_m: options.approach_m,
        truth_hz: options.truth_hz,
        survey_truth: options.survey_truth,
        gzip: options.gzip,
    }
}
