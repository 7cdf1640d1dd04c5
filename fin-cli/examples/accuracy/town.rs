//! A made-up town whose tunnels have been surveyed.

use std::sync::Arc;

use anyhow::Result;
use fin_cli::build;
use fin_cli::roads;
use fin_cli::simulate::{DriveConfig, Traffic, World, WorldConfig};
use fin_core::fingerprint::FingerprintDb;

use crate::survey;

/// Usual number of survey drives over each route.
pub const SURVEY_DRIVES: u64 = 5;
/// Number of the first test drive; survey drives count from 0.
const FIRST_TEST: u64 = 1000;

/// A town and the database of its surveys.
pub struct Town {
    pub world: World,
    pub db: Arc<FingerprintDb>,
}

impl Town {
    /// The town that `config` describes, each of its routes surveyed `drives` times, in free and in varying traffic in turn.
    pub fn surveyed(config: &WorldConfig, drives: u64) -> Result<Self> {
        let world = World::new(config)?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("roads.geojson");
        std::fs::write(&file, world.roads().geojson())?;
        let network = Arc::new(build::database_roads(roads::read(&file)?.ways)?);
        let mut passes = Vec::new();
        for route in 0..world.routes().len() {
            for number in 0..drives {
                let traffic = if number % 2 == 0 {
                    Traffic::Free
                } else {
                    Traffic::Varying
                };
                let config = DriveConfig {
                    traffic,
                    ..DriveConfig::new(route, number + 10 * route as u64)
                };
                let drive = world.drive(&config)?.drive;
                passes.push(survey::label(&network, &format!("{route}/{number}"), &drive)?);
            }
        }
        let db = survey::build(&network, &passes)?;
        Ok(Self { world, db })
    }

    /// The test drives, `per_traffic` over each route in each of `traffic`.
    pub fn tests(&self, traffic: &[Traffic], per_traffic: u64) -> Vec<DriveConfig> {
        let mut drives = Vec::new();
        for route in 0..self.world.routes().len() {
            for &traffic in traffic {
                for number in 0..per_traffic {
                    drives.push(DriveConfig {
                        traffic,
                        ..DriveConfig::new(route, FIRST_TEST + number + 10 * route as u64)
                    });
                }
            }
        }
        drives
    }
}
