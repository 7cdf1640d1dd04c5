//! What the packages of the other languages are built and tested with: their bindings, the library, and a recorded session with
//! the answers that Rust gives.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fin_cli::build::{AllProcessors, database_roads};
use fin_cli::replay::replay;
use fin_cli::track_file::{self, TrackFormat};
use fin_cli::{drive, roads};
use fin_core::engine::{Engine, Estimate};
use fin_core::fingerprint::builder::build;
use fin_core::fingerprint::format::{SecretKey, sign};
use fin_core::fingerprint::{FingerprintDb, Provenance};
use fin_core::observation::{CellReading, CellScan, Drive, Observation};
use fin_core::radio::Rat;
use fin_core::survey::{LabelOptions, label};
use uniffi::{GenerateOptions, TargetLanguage};

/// The drive of the session, among the test drives of the samples: it leaves a tunnel by its ramp.
const DRIVE: &str = "fork-ramp-01";
/// What the names of the survey drives of its tunnel begin with.
const SURVEYS: &str = "fork-";

/// Where the table of contents of a database begins, bytes.
const CONTENTS_AT: usize = 40;

/// The file name of the shared library.
pub(crate) const LIBRARY: &str = if cfg!(target_os = "windows") {
    "fin_ffi.dll"
} else if cfg!(target_os = "macos") {
    "libfin_ffi.dylib"
} else {
    "libfin_ffi.so"
};

/// Writes into `out`: `lib/` with the library, `kotlin/`, `swift/` and `python/` with the bindings that are generated
/// from it, and `session/`.
pub(crate) fn prepare(library: &Path, out: &Path) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (language, folder) in [
        (TargetLanguage::Kotlin, "kotlin"),
        (TargetLanguage::Swift, "swift"),
        (TargetLanguage::Python, "python"),
    ] {
        uniffi::generate(GenerateOptions {
            languages: vec![language],
            source: text(library).into(),
            out_dir: text(&folder_in(out, folder)).into(),
            config_override: Some(text(&package.join("bindings.toml")).into()),
            format: false,
            crate_filter: None,
            metadata_no_deps: true,
        })
        .unwrap();
    }
    std::fs::copy(library, folder_in(out, "lib").join(LIBRARY)).unwrap();
    std::fs::copy(library, out.join("python").join(LIBRARY)).unwrap();
    session(&folder_in(out, "session"));
}

/// The shared library that Cargo built for the test or example that is running.
pub(crate) fn built_library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    let beside = folder.join(LIBRARY);
    if beside.exists() {
        return beside;
    }
    folder.with_file_name("deps").join(LIBRARY)
}

fn folder_in(out: &Path, name: &str) -> PathBuf {
    let folder = out.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// `tunnel.fin`, the session `observations.csv`, Rust's answers `estimates.csv` (floats as their bits), what `fin replay`
/// writes for the same drive, `replay.csv`; databases that are not usable: `damaged.fin`, `version.fin`, `cut.fin`, and
/// `spoilt.fin` for its tunnel; and `signed.fin` with its key in `key.pub`, `altered.fin`, and the key of someone else.
fn session(out: &Path) {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/samples");
    let ways = roads::read(&samples.join("roads.geojson")).unwrap().ways;
    let network = Arc::new(database_roads(ways).unwrap());
    let mut surveys: Vec<PathBuf> = std::fs::read_dir(samples.join("survey"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(SURVEYS))
        .collect();
    surveys.sort();
    let passes: Vec<_> = surveys
        .iter()
        .map(|folder| {
            let drive = read(folder);
            let track = label(&network, &drive, &LabelOptions::default()).unwrap();
            track.into_pass(text(folder), drive.cells)
        })
        .collect();
    let built = build(&network, &passes, "session", &AllProcessors);
    let bytes = built.database.unwrap().to_bytes();
    // Through its bytes, as the other languages get it.
    let db = Arc::new(FingerprintDb::from_bytes(&bytes).unwrap());
    let drive = read(&samples.join("test").join(DRIVE));

    let write = |name: &str, content: &[u8]| std::fs::write(out.join(name), content).unwrap();
    write("tunnel.fin", &bytes);
    write("observations.csv", observations(&drive).as_bytes());
    write("estimates.csv", estimates(&db, &drive).as_bytes());
    let rows = replay(&db, &drive).rows;
    write(
        "replay.csv",
        track_file::write(TrackFormat::Csv, &rows, &db.network).as_bytes(),
    );
    let changed = |bytes: &[u8], at: usize, value: u8| {
        let mut changed = bytes.to_vec();
        changed[at] = value;
        changed
    };
    write(
        "damaged.fin",
        &changed(&bytes, CONTENTS_AT, bytes[CONTENTS_AT] ^ 1),
    );
    write(
        "spoilt.fin",
        &changed(&bytes, bytes.len() / 2, bytes[bytes.len() / 2] ^ 1),
    );
    write("cut.fin", &bytes[..bytes.len() - 7]);
    write("version.fin", &changed(&bytes, 16, 99));
    signatures(out, &bytes);
}

fn signatures(out: &Path, bytes: &[u8]) {
    let (key, other) = (SecretKey::from_bytes(&[1; 32]), SecretKey::from_bytes(&[2; 32]));
    let signed = sign(bytes, &key).unwrap();
    // Someone puts other contents in, with right sums, and leaves the signature.
    let db = FingerprintDb::from_bytes(bytes).unwrap();
    let provenance = Provenance {
        drives: 1 + db.provenance.drives,
        ..db.provenance.clone()
    };
    let mut altered = FingerprintDb { provenance, ..db }.to_bytes();
    altered.extend(&signed[bytes.len()..]);
    let write = |name: &str, content: &[u8]| std::fs::write(out.join(name), content).unwrap();
    write("signed.fin", &signed);
    write("altered.fin", &altered);
    write("key.pub", format!("{}\n", key.public()).as_bytes());
    write("other.pub", format!("{}\n", other.public()).as_bytes());
}

/// A drive of the samples with every second cell as one of 5G, which the samples lack.
fn read(folder: &Path) -> Drive {
    let mut drive = drive::read(folder).unwrap().drive;
    for reading in drive.cells.iter_mut().flat_map(|scan| &mut scan.cells) {
        if reading.cell.channel.is_some_and(|channel| channel.pci % 2 == 1) {
            reading.cell.rat = Rat::Nr;
        }
    }
    drive
}

/// A line for each observation, `gnss`, `speed` or `cells`, and after that of a scan a line `cell` for each cell; fields in
/// the order of the records, empty for none. Decimals are the shortest that read back as the same float.
fn observations(drive: &Drive) -> String {
    let mut lines = String::new();
    for observation in drive.observations() {
        let time_ns = observation.time().as_nanos();
        match &observation {
            Observation::Gnss(fix) => writeln!(
                lines,
                "gnss,{time_ns},{},{},{},{},{}",
                fix.position.lat_deg,
                fix.position.lon_deg,
                field(fix.accuracy_m),
                field(fix.speed_mps),
                field(fix.bearing_deg)
            )
            .unwrap(),
            Observation::Speed(sample) => writeln!(lines, "speed,{time_ns},{}", sample.speed_mps).unwrap(),
            Observation::Cells(CellScan { cells, .. }) => {
                writeln!(lines, "cells,{time_ns},{}", cells.len()).unwrap();
                cells.iter().for_each(|reading| lines += &cell(reading));
            }
        }
    }
    lines
}

fn cell(reading: &CellReading) -> String {
    let id = &reading.cell;
    let fields = [
        drive::rat_name(id.rat).to_owned(),
        field(id.plmn.map(|plmn| plmn.mcc)),
        field(id.plmn.map(|plmn| plmn.mnc)),
        field(id.global.and_then(|global| global.tac)),
        field(id.global.map(|global| global.cell_id)),
        field(id.channel.map(|channel| channel.arfcn)),
        field(id.channel.map(|channel| channel.pci)),
        i32::from(reading.serving).to_string(),
        field(reading.rsrp_dbm),
        field(reading.rsrq_db),
    ];
    format!("cell,{}\n", fields.join(","))
}

fn field(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// The drive through the core: a line for each estimate that an observation gave, then for one asked for half a second on.
fn estimates(db: &Arc<FingerprintDb>, drive: &Drive) -> String {
    let mut engine = Engine::new(Arc::clone(db));
    let mut lines = String::new();
    for observation in drive.observations() {
        let stepped = engine.step(&observation).unwrap();
        let ahead = engine.predict(observation.time().plus_seconds(0.5));
        for estimate in [stepped, ahead].iter().flatten() {
            writeln!(lines, "{}", line(estimate, db)).unwrap();
        }
    }
    lines
}

/// The fields of an estimate; floats as the hexadecimal bits of an IEEE double, so that nothing hides behind rounding.
fn line(estimate: &Estimate, db: &FingerprintDb) -> String {
    let bits = |value: f64| format!("{:016x}", value.to_bits());
    let some_bits = |value: Option<f64>| value.map_or_else(String::new, bits);
    let road = estimate.road;
    let tunnel = road.and_then(|road| road.tunnel);
    [
        estimate.time.as_nanos().to_string(),
        bits(estimate.position.lat_deg),
        bits(estimate.position.lon_deg),
        bits(estimate.accuracy_m),
        bits(estimate.accuracy95_m),
        some_bits(estimate.speed_mps),
        some_bits(estimate.bearing_deg),
        road.map_or_else(String::new, |road| road.way_id.to_string()),
        some_bits(road.map(|road| road.offset_m)),
        tunnel.map_or_else(String::new, |id| db.network.tunnel(id).name.clone()),
        estimate.mode.as_str().to_owned(),
        bits(estimate.branch_probability),
    ]
    .join(",")
}
