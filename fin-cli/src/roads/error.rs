//! Why a road file cannot be used.

use std::fmt;
use std::path::PathBuf;

/// Where in a road file something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Byte offset from the start of the file.
    Byte(u64),
    /// Line, from 1.
    Line(u64),
    /// GeoJSON feature by its number in the list, from 1.
    Feature(usize),
    /// OSM node by id.
    Node(i64),
    /// OSM way by id.
    Way(i64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Byte(offset) => write!(f, "byte {offset}"),
            Place::Line(line) => write!(f, "line {line}"),
            Place::Feature(number) => write!(f, "feature {number}"),
            Place::Node(id) => write!(f, "node {id}"),
            Place::Way(id) => write!(f, "way {id}"),
        }
    }
}

/// Why a road file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RoadsError {
    /// The system cannot read the file.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The extension is none of the known ones.
    #[error("{}: expected a road file named .osm.pbf, .osm, .osm.gz, .geojson or .json", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("{}: expected roads, found an empty file", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what its extension says, or is damaged.
    #[error("{}: {place}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// What was expected and what came.
        reason: String,
    },
    /// The file is in order but has no usable road.
    #[error("{}: expected at least one road that cars may drive on, found {found}", path.display())]
    NoRoads {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        found: String,
    },
    /// The file has more than can be held.
    #[error("{}: expected at most {limit} {what}, found more; cut out a smaller region", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
}
