//! Survey drives to a database, in memory.

use std::sync::Arc;

use anyhow::{Context, Result};
use fin_core::fingerprint::pass::SurveyPass;
use fin_core::fingerprint::runner::OneByOne;
use fin_core::fingerprint::{FingerprintDb, builder};
use fin_core::network::RoadNetwork;
use fin_core::observation::Drive;
use fin_core::survey::{self, LabelOptions};

/// The drive with a place for each of its scans.
pub fn label(network: &RoadNetwork, name: &str, drive: &Drive) -> Result<SurveyPass> {
    let track = survey::label(network, drive, &LabelOptions::default()).with_context(|| name.to_owned())?;
    Ok(track.into_pass(name.to_owned(), drive.cells.clone()))
}

/// The database of labelled drives.
pub fn build(network: &Arc<RoadNetwork>, passes: &[SurveyPass]) -> Result<Arc<FingerprintDb>> {
    let build = builder::build(network, passes, "accuracy", &OneByOne);
    Ok(Arc::new(build.database.context("no survey drive could be used")?))
}
