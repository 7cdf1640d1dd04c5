//! `fin roads` as people and programs call it.

use super::extracts;
use std::process::{Command, Output};

const NET: &str = r#"{"type":"FeatureCollection","features":[
 {"type":"Feature","id":1,"properties":{"highway":"primary"},"geometry":{"type":"LineString","coordinates":[[8,47],[8.001,47]]}},
 {"type":"Feature","id":2,"properties":{"highway":"primary","tunnel":"yes","layer":"-1","name":"Hill"},
  "geometry":{"type":"LineString","coordinates":[[8.001,47],[8.003,47]]}},
 {"type":"Feature","id":3,"properties":{"highway":"primary","tunnel":"yes","layer":"-2","oneway":"yes"},
  "geometry":{"type":"LineString","coordinates":[[8.003,47],[8.003,47.002]]}},
 {"type":"Feature","id":4,"properties":{"highway":"primary"},"geometry":{"type":"LineString","coordinates":[[8.003,47],[8.004,47]]}},
 {"type":"Feature","id":5,"properties":{"highway":"primary"},"geometry":{"type":"LineString","coordinates":[[8.003,47.002],[8.003,47.003]]}}
]}"#;

fn fin(args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("fin"))
        .args(args)
        .output()
        .expect("fin can be started")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("the output is UTF-8")
}

#[test]
fn table_and_json_of_a_small_net() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.geojson");
    std::fs::write(&path, NET).unwrap();
    let path = path.to_str().unwrap();
    let table = fin(&["roads", path]);
    assert!(table.status.success());
    insta::assert_snapshot!("roads_table", stdout(&table));
    let json = fin(&["roads", path, "--json"]);
    insta::assert_snapshot!("roads_json", stdout(&json));
    let parsed: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(parsed["tunnels"][0]["portals"].as_array().unwrap().len(), 3);
}

#[test]
fn exit_codes() {
    let wrong_usage = fin(&["roads"]);
    assert_eq!(wrong_usage.status.code(), Some(2));
    let failed = fin(&["roads", "no-such-file.osm"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stdout.is_empty());
    let text = String::from_utf8(failed.stderr).unwrap();
    assert!(
        text.starts_with("error: no-such-file.osm: cannot be read: "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn tunnels_of_real_extracts() {
    let Some(folder) = extracts() else { return };
    for (name, snapshot) in [
        ("gh-andorra.osm.pbf", "roads_andorra"),
        (
            "osm2pgsql-liechtenstein-2013-08-03.osm.pbf",
            "roads_liechtenstein",
        ),
        ("osrm-monaco.osm.pbf", "roads_monaco"),
        ("valhalla-baltimore.osm.pbf", "roads_baltimore"),
    ] {
        let output = fin(&["roads", folder.join(name).to_str().unwrap()]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        insta::assert_snapshot!(snapshot, stdout(&output));
    }
}
