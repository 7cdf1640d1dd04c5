//! Road files: OSM PBF, OSM XML (plain or gzipped) and GeoJSON lines, read into ways.
//!
//! A way is a road when its `highway` value names one that a car may drive on
//! ([`RoadClass::from_highway`](fin_core::network::RoadClass::from_highway)). Everything else in the file is passed over.

mod assemble;
mod error;
mod geojson;
mod osm_pbf;
mod osm_xml;
mod tags;

pub use error::{Place, RoadsError};

use fin_core::network::Way;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Most points that the roads of one file may have together.
pub const MAX_POINTS: usize = 1 << 27;

/// The roads of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roads {
    /// The ways, in the order of the file; each has at least two points.
    pub ways: Vec<Way>,
    /// What had to be left out.
    pub losses: Losses,
}

/// What of the roads of a file could not be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Losses {
    /// Points that ways refer to and the file does not have, as at the border of an extract.
    pub missing_points: usize,
    /// Ways cut at missing points; the longest run of known points is kept.
    pub clipped_ways: usize,
    /// Ways left out, as fewer than two neighbouring points of them are known.
    pub short_ways: usize,
    /// Ways that are in the file again under the same id; the first counts.
    pub repeated_ways: usize,
}

/// The roads in the file at `path`; the format goes by the extension: `.osm.pbf`, `.osm`, `.osm.gz`, `.geojson`, `.json`.
///
/// # Errors
/// The file cannot be read, is damaged, or has no road; see [`RoadsError`].
pub fn read(path: &Path) -> Result<Roads, RoadsError> {
    let lower = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let io = |source| RoadsError::Io {
        path: path.to_owned(),
        source,
    };
    let ends_with_any = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    if !ends_with_any(&[".pbf", ".osm", ".osm.gz", ".geojson", ".json"]) {
        return Err(RoadsError::UnknownFormat {
            path: path.to_owned(),
        });
    }
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if metadata.is_dir() {
        return Err(io(std::io::ErrorKind::IsADirectory.into()));
    }
    if metadata.len() == 0 {
        return Err(RoadsError::Empty {
            path: path.to_owned(),
        });
    }
    drop(file);
    if ends_with_any(&[".pbf"]) {
        return osm_pbf::read(path);
    }
    if ends_with_any(&[".geojson", ".json"]) {
        return geojson::read(path, metadata.len());
    }
    let open = || File::open(path).map(BufReader::new).map_err(io);
    if ends_with_any(&[".gz"]) {
        osm_xml::read(path, || {
            let plain = flate2::bufread::MultiGzDecoder::new(open()?);
            Ok(BufReader::new(plain))
        })
    } else {
        osm_xml::read(path, open)
    }
}
