//! Drive folders and roads to a fingerprint database, on all processors.

use std::path::Path;
use std::sync::Arc;

use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::builder::{self, Build, database_ways};
use fin_core::fingerprint::pass::SurveyPass;
use fin_core::fingerprint::report::{BuildReport, DriveReport};
use fin_core::fingerprint::runner::{Runner, Stage};
use fin_core::network::{NetworkError, RoadNetwork, Way};
use fin_core::survey::{LabelOptions, label};
use rayon::prelude::*;

use crate::{drive, progress};

/// Name and version of this program, as databases tell them.
pub const TOOL: &str = concat!("fin ", env!("CARGO_PKG_VERSION"));

/// Runs the stages of a build on all processors, with a progress bar each.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllProcessors;

impl Runner for AllProcessors {
    fn map<T: Sync, U: Send>(&self, stage: Stage, items: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
        let what = match stage {
            Stage::Clean => "cleaning scans",
            Stage::Compare => "comparing drives",
            Stage::Estimate => "estimating levels",
        };
        let bar = progress::bar(what, items.len());
        let counted = |item: &T| {
            let done = work(item);
            bar.inc(1);
            done
        };
        let done = items.par_iter().map(counted).collect();
        bar.finish_and_clear();
        done
    }
}

/// A drive that could not be read or placed on the roads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// How it is called in reports.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The roads of a database of the tunnels in `ways`: them and what leads to them.
///
/// # Errors
/// The ways do not make a network.
pub fn database_roads(ways: Vec<Way>) -> Result<RoadNetwork, NetworkError> {
    RoadNetwork::build(database_ways(&RoadNetwork::build(ways)?))
}

/// A database of `network` from drive folders; folders that cannot be read or placed are refused in the report.
pub fn from_folders<P: AsRef<Path> + Sync>(network: &Arc<RoadNetwork>, folders: &[P]) -> Build {
    from_passes(network, place_all(network, folders))
}

/// `former` with what drive folders tell besides; folders that cannot be read or placed are refused in the report.
pub fn merge_folders<P: AsRef<Path> + Sync>(former: &FingerprintDb, folders: &[P]) -> Build {
    let merged = |placed: &[SurveyPass]| builder::merge(former, placed, TOOL, &AllProcessors);
    with_refused(place_all(&former.network, folders), merged)
}

fn place_all<P: AsRef<Path> + Sync>(
    network: &RoadNetwork,
    folders: &[P],
) -> Vec<Result<SurveyPass, Unplaced>> {
    let bar = progress::bar("placing drives", folders.len());
    let counted = |folder: &P| {
        let placed = place(network, folder.as_ref());
        bar.inc(1);
        placed
    };
    let passes = folders.par_iter().map(counted).collect();
    bar.finish_and_clear();
    passes
}

/// A database from drives that have been placed, with those that could not be as they were refused.
pub fn from_passes(network: &Arc<RoadNetwork>, passes: Vec<Result<SurveyPass, Unplaced>>) -> Build {
    with_refused(passes, |placed| {
        builder::build(network, placed, TOOL, &AllProcessors)
    })
}

fn with_refused(
    passes: Vec<Result<SurveyPass, Unplaced>>,
    build: impl FnOnce(&[SurveyPass]) -> Build,
) -> Build {
    let mut placed = Vec::new();
    let mut refused = Vec::new();
    for (index, pass) in passes.into_iter().enumerate() {
        match pass {
            Ok(pass) => placed.push(pass),
            Err(unplaced) => refused.push((index, unplaced)),
        }
    }
    let Build { database, report } = build(&placed);
    let mut drives = report.drives;
    // Ascending, so that each lands where it was given.
    for (index, drive) in refused {
        drives.insert(index, DriveReport::unusable(drive.name, drive.reason));
    }
    Build {
        database,
        report: BuildReport { drives, ..report },
    }
}

/// The drive in `folder` with its places on `network`, or why there is none.
///
/// # Errors
/// The drive cannot be read or placed.
pub fn place(network: &RoadNetwork, folder: &Path) -> Result<SurveyPass, Unplaced> {
    let name = folder.display().to_string();
    let because = |reason: String| Unplaced {
        name: name.clone(),
        reason,
    };
    let read = drive::read(folder).map_err(|error| because(error.to_string()))?;
    let track = label(network, &read.drive, &LabelOptions::default());
    let track = track.map_err(|error| because(error.to_string()))?;
    Ok(track.into_pass(name.clone(), read.drive.cells))
}
