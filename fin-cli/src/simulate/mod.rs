//! Made-up towns with tunnels, and drives through them: causes are simulated, not the estimator's model of them.
//!
//! Masts with sector antennas, shadowing that depends on the place, tunnels with antennas or leaky cables, a modem that
//! hands over and reports what it likes, a driver behind other traffic, a diagnostic socket that answers late in whole
//! km/h, a GNSS receiver that loses the sky and may not admit it. The same seed gives the same bytes on every machine.

mod changes;
#[cfg(test)]
mod connected;
pub mod dataset;
mod defects;
mod drive;
mod fading;
mod gnss;
mod manifest;
mod noise;
pub mod path;
mod phone;
mod radio;
mod random;
pub mod roads;
mod scenario;
#[cfg(test)]
mod statistics;
mod town;
mod traffic;
mod wheel;

use rayon::prelude::*;

pub use changes::RadioChanges;
pub use defects::Defects;
pub use drive::{DriveConfig, DriveFacts, SimulatedDrive};
pub use gnss::{GnssQuality, Loss};
pub use phone::{PhoneQuality, ScanTiming};
pub use random::Stream;
pub use scenario::Scenario;
pub use traffic::{Motion, Traffic};
pub use wheel::WheelQuality;

use radio::{Coverage, Network};
use roads::{Roads, Route};

/// Why a simulation cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// No scenario of that name.
    #[error("expected a scenario (tube2km, long, fork, bores or city), got \"{name}\"")]
    Scenario {
        /// What was given.
        name: String,
    },
    /// No traffic of that name.
    #[error("expected traffic (free, varying or jam), got \"{name}\"")]
    Traffic {
        /// What was given.
        name: String,
    },
    /// A town without tunnels.
    #[error("expected at least one scenario, got none")]
    Empty,
    /// A number that makes no sense.
    #[error("expected {name} between {least} and {most}, got {value}")]
    Range {
        /// What the number is.
        name: &'static str,
        /// Its least value.
        least: f64,
        /// Its largest value.
        most: f64,
        /// What was given.
        value: f64,
    },
    /// A folder that has something in it already.
    #[error("expected an empty folder or none, but {path} has files in it")]
    NotEmpty {
        /// The folder.
        path: String,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

/// What a town is like.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldConfig {
    /// Decides everything that chance decides, also in the drives.
    pub seed: u64,
    /// The tunnels.
    pub scenarios: Vec<Scenario>,
    /// Length of every tunnel instead of its scenario's own, metres, 300…10,000.
    pub length_m: Option<f64>,
    /// How many operators have masts, 1…4.
    pub operators: usize,
}

impl WorldConfig {
    /// A town with one scenario and one operator.
    pub fn new(seed: u64, scenario: Scenario) -> Self {
        Self {
            seed,
            scenarios: vec![scenario],
            length_m: None,
            operators: 1,
        }
    }
}

/// A town: roads, tunnels and radio.
#[derive(Clone, Debug)]
pub struct World {
    seed: u64,
    roads: Roads,
    operators: Vec<OperatorRadio>,
}

#[derive(Clone, Debug)]
struct OperatorRadio {
    network: Network,
    /// By route.
    coverages: Vec<Coverage>,
}

impl World {
    /// The town that `config` describes.
    ///
    /// # Errors
    /// When `config` has no scenario or a number out of range.
    pub fn new(config: &WorldConfig) -> Result<Self, SimulateError> {
        if config.scenarios.is_empty() {
            return Err(SimulateError::Empty);
        }
        if let Some(length_m) = config.length_m {
            in_range("the tunnel length in metres", length_m, 300.0, 10_000.0)?;
        }
        in_range("the number of operators", config.operators as f64, 1.0, 4.0)?;
        let roads = town::roads(&config.scenarios, config.length_m, config.seed);
        let operators = (0..config.operators)
            .map(|operator| {
                let network = Network::new(&roads, operator, config.seed);
                let coverages = roads
                    .routes
                    .par_iter()
                    .map(|route| Coverage::new(&network, route))
                    .collect();
                OperatorRadio { network, coverages }
            })
            .collect();
        Ok(Self {
            seed: config.seed,
            roads,
            operators,
        })
    }

    /// The routes that can be driven.
    pub fn routes(&self) -> &[Route] {
        &self.roads.routes
    }

    /// All roads, also those that nobody drives.
    pub fn roads(&self) -> &Roads {
        &self.roads
    }

    /// The drive that `config` describes.
    ///
    /// # Errors
    /// When the route or the operator is not there or a number is out of range.
    pub fn drive(&self, config: &DriveConfig) -> Result<SimulatedDrive, SimulateError> {
        in_range(
            "the route",
            config.route as f64,
            0.0,
            self.roads.routes.len() as f64 - 1.0,
        )?;
        in_range(
            "the operator",
            config.operator as f64,
            0.0,
            self.operators.len() as f64 - 1.0,
        )?;
        in_range("the approach in metres", config.approach_m, 100.0, 5_000.0)?;
        in_range("seconds between scans", config.scans.ask_s, 0.2, 60.0)?;
        in_range("seconds between new scans", config.scans.refresh_s, 0.2, 60.0)?;
        in_range("true positions per second", config.truth_hz, 0.1, 10.0)?;
        config.defects.check()?;
        config.changes.check()?;
        Ok(drive::simulate(self, config))
    }
}

/// `Ok` when `value` lies within `least`…`most`.
fn in_range(name: &'static str, value: f64, least: f64, most: f64) -> Result<(), SimulateError> {
    if value >= least && value <= most {
        Ok(())
    } else {
        Err(SimulateError::Range {
            name,
            least,
            most,
            value,
        })
    }
}
