//! `fin build` and `fin inspect` on the sample drives.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// The sample drives of the repository.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/samples")
}

/// The program.
pub(crate) fn fin() -> Command {
    Command::cargo_bin("fin").unwrap()
}

/// `fin build` of `drives` on the sample roads.
pub(crate) fn build(out: &Path, drives: &[PathBuf]) -> Command {
    let mut command = fin();
    command
        .arg("build")
        .arg("--roads")
        .arg(samples().join("roads.geojson"))
        .arg("--out")
        .arg(out)
        .args(drives);
    command
}

/// The survey drives through one direction of one tunnel.
pub(crate) fn tube_drives() -> Vec<PathBuf> {
    (1..=4)
        .map(|i| samples().join(format!("survey/tube-east-0{i}")))
        .collect()
}

#[test]
fn a_database_tells_of_the_tunnel_that_was_surveyed() {
    let folder = tempfile::tempdir().unwrap();
    let (database, report) = (folder.path().join("a.fin"), folder.path().join("report.json"));
    let run = build(&database, &tube_drives())
        .arg("--report")
        .arg(&report)
        .assert()
        .success();
    let stdout = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert_eq!(stdout.lines().count(), 5, "{stdout}");

    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    for drive in report["drives"].as_array().unwrap() {
        assert_eq!(drive["refused"], Value::Null);
        assert_eq!(drive["clock_shift_s"], 0.0);
        assert_eq!(drive["tunnels"], serde_json::json!(["Alder Tunnel"]));
    }

    let inspected = fin()
        .arg("inspect")
        .arg("--json")
        .arg(&database)
        .assert()
        .success();
    let inspected: Value = serde_json::from_slice(&inspected.get_output().stdout).unwrap();
    let tunnels = inspected["tunnels"].as_array().unwrap();
    let alder = tunnels
        .iter()
        .find(|tunnel| tunnel["name"] == "Alder Tunnel")
        .unwrap();
    let passes: Vec<_> = alder["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["passes"])
        .collect();
    assert!(
        passes.contains(&&Value::from(4)) && passes.contains(&&Value::from(0)),
        "{passes:?}"
    );
    assert_eq!(alder["coverage"], 0.5);
    let usual_kmh = |at: usize| alder["usual_kmh"][at].as_f64().unwrap();
    assert!(
        (20.0..=usual_kmh(1)).contains(&usual_kmh(0)),
        "{}",
        alder["usual_kmh"]
    );
    assert!(usual_kmh(1) < 130.0, "{}", alder["usual_kmh"]);
    assert_eq!(inspected["origin"]["drives"], 4);
    assert_eq!(inspected["bytes"], fs::metadata(&database).unwrap().len());
    fin().arg("inspect").arg(&database).assert().success();
}

#[test]
fn the_order_of_the_drives_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.fin"), folder.path().join("b.fin"));
    let mut drives = tube_drives();
    build(&a, &drives).assert().success();
    drives.reverse();
    build(&b, &drives)
        .env("RAYON_NUM_THREADS", "1")
        .assert()
        .success();
    assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap());
}

#[test]
fn a_build_without_a_usable_drive_fails_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (database, empty) = (folder.path().join("a.fin"), folder.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    let run = build(&database, &[empty, folder.path().join("missing")])
        .assert()
        .code(1);
    let stderr = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert_eq!(stderr.matches("refused ").count(), 2, "{stderr}");
    assert!(stderr.contains("none of the 2 drives can be used"), "{stderr}");
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["empty"]);
}

#[test]
fn a_bad_drive_is_named_and_the_build_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("a.fin");
    let mut drives = tube_drives();
    drives.push(folder.path().join("missing"));
    let run = build(&database, &drives).assert().success();
    assert!(String::from_utf8_lossy(&run.get_output().stderr).contains("missing"));
}

#[test]
fn what_is_no_database_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("a.fin");
    build(&database, &tube_drives()).assert().success();
    let bytes = fs::read(&database).unwrap();
    let refused = |bytes: &[u8]| {
        let path = folder.path().join("bad.fin");
        fs::write(&path, bytes).unwrap();
        let run = fin().arg("inspect").arg(&path).assert().code(1);
        String::from_utf8(run.get_output().stderr.clone()).unwrap()
    };
    assert!(refused(b"no database at all").contains("bad.fin: not a fingerprint database"));
    assert!(refused(&bytes[..bytes.len() - 7]).contains("bad.fin: truncated: expected"));
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 4;
    assert!(refused(&damaged).contains("digest"));
    let mut newer = bytes;
    newer[16] = 3;
    assert!(refused(&newer).contains("expected format version 1 to 2 at byte 16, got 3"));
}
