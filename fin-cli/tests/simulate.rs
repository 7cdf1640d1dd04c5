//! `fin simulate`: the same bytes for the same seed, files that the readers take, drives that stay on the roads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use fin_cli::drive;
use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use fin_core::network::RoadNetwork;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/samples");

fn simulate(folder: &Path, options: &str) -> assert_cmd::assert::Assert {
    let mut command = Command::cargo_bin("fin").unwrap();
    command
        .args(["simulate", "--out"])
        .arg(folder)
        .args(options.split_whitespace())
        .assert()
}

/// The bytes of all files below `folder`, by their path in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.insert(
                    path.strip_prefix(folder).unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    all
}

/// Says which files differ rather than printing them.
fn assert_same(left: &Path, right: &Path) {
    let (left, right) = (contents(left), contents(right));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    let different: Vec<_> = left.keys().filter(|&path| left[path] != right[path]).collect();
    assert!(different.is_empty(), "these differ: {different:?}");
}

#[test]
fn the_command_in_the_samples_makes_the_samples_again() {
    let about: serde_json::Value =
        serde_json::from_slice(&fs::read(Path::new(SAMPLES).join("simulate.json")).unwrap()).unwrap();
    let command = about["command"].as_str().unwrap();
    let options = command.strip_prefix("fin simulate --out DIR").unwrap();
    let folder = tempfile::tempdir().unwrap();
    simulate(folder.path(), options).success();
    assert_same(folder.path(), Path::new(SAMPLES));
}

#[test]
fn the_samples_are_small_and_hold_what_they_promise() {
    let samples = contents(Path::new(SAMPLES));
    let bytes: usize = samples.values().map(Vec::len).sum();
    assert!(bytes < 1_300_000, "{bytes} bytes");
    let routes = [
        "bores-east",
        "bores-local",
        "bores-west",
        "tube-east",
        "tube-west",
        "long-east",
        "long-west",
    ];
    for route in routes.into_iter().chain(["fork-main", "fork-ramp"]) {
        let count = |set: &str| {
            fs::read_dir(Path::new(SAMPLES).join(set))
                .unwrap()
                .filter(|entry| {
                    entry
                        .as_ref()
                        .unwrap()
                        .file_name()
                        .to_string_lossy()
                        .starts_with(route)
                })
                .count()
        };
        assert!(count("survey") >= 4, "{route}");
        assert!(count("test") >= 2, "{route}");
    }
}

#[test]
fn another_seed_makes_another_world() {
    let [one, same, other] = [1, 1, 2].map(|seed| {
        let folder = tempfile::tempdir().unwrap();
        simulate(
            folder.path(),
            &format!("--seed {seed} --length-m 600 --survey-drives 1 --test-drives 1"),
        )
        .success();
        folder
    });
    assert_same(one.path(), same.path());
    let (one, other) = (contents(one.path()), contents(other.path()));
    assert!(one.keys().eq(other.keys()));
    assert!(one.iter().all(|(path, bytes)| bytes != &other[path]));
}

#[test]
fn tables_have_the_columns_of_the_contract_and_drives_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    simulate(
        folder.path(),
        "--scenario fork --length-m 1000 --survey-drives 2 --test-drives 1 --wheel mixed --operators 2",
    )
    .success();
    let heads = BTreeMap::from([
        (
            "gnss.csv",
            "t_ms,lat_deg,lon_deg,accuracy_m,speed_mps,bearing_deg",
        ),
        ("obd.csv", "t_ms,speed_kmh"),
        (
            "cells.csv",
            "t_ms,rat,mcc,mnc,tac,cell_id,arfcn,pci,serving,rsrp_dbm,rsrq_db",
        ),
        ("truth.csv", "t_ms,lat_deg,lon_deg"),
    ]);
    let mut drives = 0;
    for set in ["survey", "test"] {
        for entry in fs::read_dir(folder.path().join(set)).unwrap() {
            let path = entry.unwrap().path();
            for (name, bytes) in contents(&path) {
                let text = String::from_utf8(bytes).unwrap();
                assert_eq!(
                    text.lines().next(),
                    Some(heads[name.to_str().unwrap()]),
                    "{name:?}"
                );
            }
            let read = drive::read(&path).unwrap().drive;
            assert!(read.gnss.len() > 60 && read.cells.len() > 60, "{path:?}");
            let first = path.to_string_lossy().ends_with("01");
            assert_eq!(
                !read.speed.is_empty(),
                first,
                "{path:?}: every other drive records wheel speed"
            );
            let serving = |scan: &fin_core::observation::CellScan| {
                scan.cells.iter().filter(|cell| cell.serving).count()
            };
            assert!(read.cells.iter().all(|scan| serving(scan) == 1), "{path:?}");
            assert_eq!(path.join("truth.csv").exists(), set == "test");
            drives += 1;
        }
    }
    assert_eq!(drives, 2 * 2 * (2 + 1), "routes times operators times drives");
}

#[test]
fn drives_stay_on_the_roads_and_the_roads_have_the_tunnels() {
    let roads = fin_cli::roads::read(&Path::new(SAMPLES).join("roads.geojson")).unwrap();
    let lines: Vec<Vec<LatLon>> = roads
        .ways
        .iter()
        .map(|way| way.nodes.iter().map(|node| node.position).collect())
        .collect();
    let network = RoadNetwork::build(roads.ways).unwrap();
    let mut names: Vec<&str> = network
        .tunnels()
        .iter()
        .map(|tunnel| tunnel.name.as_str())
        .collect();
    names.sort();
    let expected = [
        "Alder Tunnel",
        "Birch Tunnel",
        "Cedar Tunnel",
        "Elm Tunnel",
        "Elm Tunnel",
        "Elm Tunnel Local",
    ];
    assert_eq!(names, expected);
    let forked: Vec<&str> = network
        .tunnels()
        .iter()
        .filter(|t| !t.branches.is_empty())
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(forked, ["Cedar Tunnel"]);

    for entry in fs::read_dir(Path::new(SAMPLES).join("test")).unwrap() {
        let path = entry.unwrap().path();
        let truth = drive::read_truth(&path).unwrap().unwrap().positions;
        for at in truth.iter().step_by(7) {
            let frame = LocalFrame::new(at.position);
            let nearest_m = lines
                .iter()
                .flat_map(|line| line.windows(2))
                .map(|pair| distance_m(frame.to_local(pair[0]), frame.to_local(pair[1])))
                .fold(f64::MAX, f64::min);
            assert!(
                nearest_m < 3.0,
                "{path:?}: {nearest_m} m from the nearest road at {at:?}"
            );
        }
    }
}

/// Distance of the origin from the segment a–b, metres.
fn distance_m(a: EastNorth, b: EastNorth) -> f64 {
    let d = b.minus(a);
    let along = -(a.east_m * d.east_m + a.north_m * d.north_m) / (d.length_m() * d.length_m());
    let along = along.clamp(0.0, 1.0);
    EastNorth {
        east_m: a.east_m + along * d.east_m,
        north_m: a.north_m + along * d.north_m,
    }
    .length_m()
}

#[test]
fn wrong_wishes_end_with_two_and_a_full_folder_with_one() {
    let folder = tempfile::tempdir().unwrap();
    for options in [
        "--length-m 20",
        "--scenario moon",
        "--approach-m NaN",
        "--traffic none",
        "--operators 0",
        "--clock-offset-s 4000",
        "--placeholder-share 1.5",
    ] {
        simulate(folder.path(), options).code(2);
    }
    fs::write(folder.path().join("mine"), "").unwrap();
    let output = simulate(folder.path(), "").code(1).get_output().clone();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("expected an empty folder"), "{text}");
    assert_eq!(contents(folder.path()).len(), 1);
}
