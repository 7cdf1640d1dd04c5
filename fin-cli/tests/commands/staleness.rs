//! `fin staleness` tells worlds that changed after the surveys from those that did not.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{stderr, stdout, with_database, write_drive};
use crate::build::fin;

/// The folders in `folder`.
fn drives(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// A surveyed tunnel and its test drives, after `changes`.
fn simulate(folder: &Path, changes: &str) {
    let options = "--seed 5 --length-m 1200 --survey-drives 4 --test-drives 2";
    let mut command = fin();
    command.args(["simulate", "--out"]).arg(folder);
    command.args(options.split_whitespace().chain(changes.split_whitespace()));
    command.assert().success();
}

/// What `fin staleness` says of the one tunnel when its test drives come after `changes`.
fn tunnel_after(changes: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    simulate(&world, changes);
    let database = folder.path().join("a.fin");
    let mut build = fin();
    build.args(["build", "--roads"]).arg(world.join("roads.geojson"));
    build
        .arg("--out")
        .arg(&database)
        .args(drives(&world.join("survey")));
    build.assert().success();
    let mut staleness = fin();
    staleness.args(["staleness", "--json", "--db"]).arg(&database);
    let report: Value = serde_json::from_str(&stdout(staleness.args(drives(&world.join("test"))))).unwrap();
    let tunnels = report["tunnels"].as_array().unwrap();
    assert_eq!(
        (tunnels.len(), &report["failed"]),
        (1, &Value::from(0)),
        "{report}"
    );
    assert_eq!(tunnels[0]["drives"], 4, "{report}");
    tunnels[0].clone()
}

#[test]
fn a_world_that_changed_is_told_from_one_that_did_not() {
    let staleness = |tunnel: &Value| tunnel["staleness"].as_f64().unwrap();
    let same = tunnel_after("");
    assert!(staleness(&same) < 0.05, "{same}");
    let renumbered = tunnel_after("--cells-renumbered 1");
    assert_eq!(renumbered["unheard"], renumbered["readings"], "{renumbered}");
    assert_eq!(staleness(&renumbered), 1.0, "{renumbered}");
    let moved = tunnel_after("--cells-moved 1");
    assert!(staleness(&moved) > 0.7, "{moved}");
}

#[test]
fn staleness_is_a_table_and_drives_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let drive = folder.path().join("drive");
    write_drive(&drive, |_, text| text.into_bytes());
    fs::remove_file(drive.join("truth.csv")).unwrap();
    let nowhere = folder.path().join("nowhere");
    let mut command = with_database("staleness", folder.path());
    let table = stdout(command.args([&drive, &nowhere]));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(
        lines[0].starts_with("tunnel") && lines[1].starts_with("Alder Tunnel"),
        "{table}"
    );
    let text = stderr(with_database("staleness", folder.path()).arg(&nowhere), 1);
    assert!(
        text.contains("nowhere") && text.contains("expected drives through surveyed tunnels"),
        "{text}"
    );
}
