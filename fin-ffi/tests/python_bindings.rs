//! The engine driven from Python through generated bindings: the same drive gives the same bits as in Rust, and what is
//! wrong is told in our own words.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod scene;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use fin_core::engine::{Engine, Estimate};
use scene::Scene;

const LIBRARY: &str = if cfg!(target_os = "windows") {
    "fin_ffi.dll"
} else if cfg!(target_os = "macos") {
    "libfin_ffi.dylib"
} else {
    "libfin_ffi.so"
};

/// Python's side of the border in a folder of its own, or `None` where there is no Python.
fn python() -> Option<Python> {
    if let Err(error) = Command::new("python3").arg("--version").output() {
        let told = format!("the Python test of the bindings needs python3: {error}");
        assert!(std::env::var_os("CI").is_none(), "{told}");
        eprintln!("SKIPPED: {told}");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let library = built_library();
    std::fs::copy(&library, folder.path().join(LIBRARY)).unwrap();
    uniffi::generate(uniffi::GenerateOptions {
        languages: vec![uniffi::TargetLanguage::Python],
        source: text(&library).into(),
        out_dir: text(folder.path()).into(),
        config_override: None,
        format: false,
        crate_filter: None,
        metadata_no_deps: true,
    })
    .unwrap();
    Some(Python { folder })
}

/// The shared library that Cargo built beside this test.
fn built_library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.with_file_name(LIBRARY)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

struct Python {
    folder: tempfile::TempDir,
}

impl Python {
    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        text(&path)
    }

    fn run(&self, script: &str, arguments: &[&str]) -> String {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new("python3")
            .arg("-B")
            .arg(scripts.join(script))
            .args(arguments)
            .env("PYTHONPATH", self.folder.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{script} ended with {status}:\n{stderr}");
        String::from_utf8(stdout).unwrap()
    }
}

/// A line as `replay.py` writes it; floats as their bits, so that nothing hides behind rounding.
fn line(estimate: &Estimate, scene: &Scene) -> String {
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
        tunnel.map_or_else(String::new, |id| scene.db.network.tunnel(id).name.clone()),
        estimate.mode.as_str().to_owned(),
        bits(estimate.branch_probability),
    ]
    .join(",")
}

/// The drive through the core: a line for each estimate that an observation gave, then for one asked for half a second on.
fn replay(scene: &Scene) -> Vec<String> {
    let mut engine = Engine::new(Arc::clone(&scene.db));
    let mut lines = Vec::new();
    for observation in scene.drive.observations() {
        let stepped = engine.step(&observation).unwrap();
        let ahead = engine.predict(observation.time().plus_seconds(0.5));
        lines.extend([stepped, ahead].iter().flatten().map(|e| line(e, scene)));
    }
    lines
}

#[test]
fn a_drive_gives_the_same_bits_from_python_as_from_rust() {
    let Some(python) = python() else { return };
    let scene = scene::scene();
    let db = python.file("tunnel.fin", &scene.db.to_bytes());
    let drive = python.file("drive.csv", scene.csv().as_bytes());
    let want = replay(&scene);
    let output = python.run("replay.py", &[&db, &drive]);
    let got: Vec<&str> = output.lines().collect();
    for mode in ["gnss", "tunnel", "reacquiring"] {
        let seen = want.iter().any(|line| line.split(',').any(|field| field == mode));
        assert!(seen, "the drive never comes to mode {mode}");
    }
    for (number, (got, want)) in got.iter().zip(&want).enumerate() {
        assert_eq!(got, want, "line {}", number + 1);
    }
    assert_eq!(got.len(), want.len());
}

#[test]
fn errors_reach_python_with_our_own_text() {
    let Some(python) = python() else { return };
    let bytes = scene::scene().db.to_bytes();
    let good = python.file("good.fin", &bytes);
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let flipped = python.file("flipped.fin", &flipped);
    let cut = python.file("cut.fin", &bytes[..bytes.len() - 7]);
    let text = python.file("text.fin", b"roads and cells, one day");
    let missing = good.replace("good", "missing");
    python.run("errors.py", &[&good, &flipped, &cut, &text, &missing]);
}
