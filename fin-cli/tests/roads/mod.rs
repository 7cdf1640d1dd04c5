//! Road files, and `fin roads` on them.

mod command;
mod formats;
mod hostile;
mod osmium;
mod pbf;

use fin_cli::roads::{self, Roads, RoadsError};
use std::path::{Path, PathBuf};

const EXTRACTS: [&str; 4] = [
    "gh-andorra.osm.pbf",
    "osm2pgsql-liechtenstein-2013-08-03.osm.pbf",
    "osrm-monaco.osm.pbf",
    "valhalla-baltimore.osm.pbf",
];

/// The folder of OSM extracts, or `None` where there is none; on CI that is a failure.
pub(crate) fn extracts() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/osm_tunnels");
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    eprintln!("SKIPPED: {} is missing, nothing is tested", path.display());
    None
}

/// What reading `bytes` as a file of this name gives.
fn read_bytes(name: &str, bytes: impl AsRef<[u8]>) -> Result<Roads, RoadsError> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a temporary file can be written");
    roads::read(&path)
}

/// The text of the error that reading gives, from the file's name on.
fn refusal(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let error = read_bytes(name, bytes).expect_err("the file should be refused");
    let text = error.to_string();
    text[text.find(name).expect("the error names the file")..].to_owned()
}
