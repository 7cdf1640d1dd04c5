//! `fin build`: survey drives in, fingerprint database out.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::survey::{self, Outcome};
use crate::build::{database_roads, from_folders};
use crate::roads;

/// What may follow `fin build`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The roads: an OSM extract (.osm.pbf, .osm, .osm.gz) or GeoJSON lines (.geojson, .json)
    #[arg(long, value_name = "ROADS")]
    pub roads: PathBuf,
    /// Survey drives: folders with gnss.csv, cells.csv and, best, obd.csv
    #[arg(required = true, value_name = "DRIVE")]
    pub drives: Vec<PathBuf>,
    /// What becomes of it
    #[command(flatten)]
    pub outcome: Outcome,
}

/// Builds a database and tells on `out` what became of each drive; refused drives are named on stderr.
///
/// # Errors
/// The roads cannot be read or have no tunnel, no drive can be used, or a file cannot be written. No database is left then.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let shown = options.roads.display();
    let ways = roads::read(&options.roads)?.ways;
    let network = Arc::new(database_roads(ways).with_context(|| shown.to_string())?);
    if network.tunnels().is_empty() {
        bail!("{shown}: expected at least one tunnel, got roads without any");
    }
    survey::finish(from_folders(&network, &options.drives), &options.outcome, out)
}
