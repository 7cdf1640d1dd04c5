//! Bad input through the program: exit code 1, a message with file, place and reason, and no panic.

use std::fs;

use super::{TEST_DRIVE, database, stderr, with_database, write_drive};
use crate::build::{build, fin, samples, tube_drives};
use crate::roads::extracts;

/// `text` with the field in `column` of the row in `line` (from 1, the header's) replaced.
fn with_field(text: &str, line: usize, column: &str, value: &str) -> Vec<u8> {
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = header.iter().position(|name| *name == column).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut fields: Vec<&str> = text.lines().nth(line - 1).unwrap().split(',').collect();
    fields[at] = value;
    lines[line - 1] = fields.join(",");
    lines.join("\n").into_bytes()
}

/// What is said of the test drive with one of its files changed by `edit`: by `replay`, `build` and `eval`, which all
/// have to refuse it.
fn refusals(changed: &str, edit: &dyn Fn(String) -> Vec<u8>) -> [String; 3] {
    let folder = tempfile::tempdir().unwrap();
    let drive = folder.path().join("drive");
    write_drive(&drive, |file, text| {
        if file == changed {
            edit(text)
        } else {
            text.into_bytes()
        }
    });
    let out = folder.path().join("a.csv");
    let replayed = stderr(
        with_database("replay", folder.path())
            .arg(&drive)
            .arg("--out")
            .arg(&out),
        1,
    );
    assert!(!out.exists(), "a file was left behind");
    let built = stderr(
        &mut build(&folder.path().join("a.fin"), std::slice::from_ref(&drive)),
        1,
    );
    assert!(
        !folder.path().join("a.fin").exists(),
        "a database was left behind"
    );
    let evaluated = stderr(with_database("eval", folder.path()).arg(&drive), 1);
    [replayed, built, evaluated]
}

/// Asserts that a changed file is refused by every command in these words, after the path of the file.
fn assert_refused(file: &str, words: &str, edit: impl Fn(String) -> Vec<u8>) {
    for text in refusals(file, &edit) {
        let expected = format!("drive/{file} {words}");
        assert!(text.contains(&expected), "expected {expected:?} in {text:?}");
    }
}

#[test]
fn drives_with_bad_values() {
    assert_refused(
        "gnss.csv",
        "line 1: expected the column lat_deg, found the columns t_ms,",
        |text| text.replacen("lat_deg", "latitude", 1).into_bytes(),
    );
    assert_refused(
        "obd.csv",
        "line 3, column speed_kmh: expected a speed of 0 to 400 km/h, found \"fast\"",
        |text| with_field(&text, 3, "speed_kmh", "fast"),
    );
    assert_refused(
        "cells.csv",
        "line 4, column t_ms: expected an integer, milliseconds, found \"12.5\"",
        |text| with_field(&text, 4, "t_ms", "12.5"),
    );
    assert_refused(
        "gnss.csv",
        "line 5, column lat_deg: expected a latitude of -90 to 90 degrees, found \"NaN\"",
        |text| with_field(&text, 5, "lat_deg", "NaN"),
    );
    assert_refused(
        "gnss.csv",
        "line 6, column speed_mps: expected a speed of",
        |text| with_field(&text, 6, "speed_mps", "inf"),
    );
    assert_refused("cells.csv", "line 7, column rsrp_dbm: expected ", |text| {
        with_field(&text, 7, "rsrp_dbm", "-inf")
    });
    assert_refused(
        "gnss.csv",
        "line 2, column lat_deg: expected a latitude of -90 to 90 degrees, found \"91\"",
        |text| with_field(&text, 2, "lat_deg", "91"),
    );
}

#[test]
fn drives_whose_clock_goes_back() {
    for file in ["gnss.csv", "obd.csv", "cells.csv"] {
        assert_refused(
            file,
            "line 9, column t_ms: expected a time at most 2 s before",
            |text| {
                let row = text.lines().nth(8).unwrap();
                let t_ms: i64 = row.split(',').next().unwrap().parse().unwrap();
                with_field(&text, 9, "t_ms", &(t_ms - 3_600_000).to_string())
            },
        );
    }
}

#[test]
fn drives_that_are_no_text_or_nothing() {
    for file in ["gnss.csv", "obd.csv", "cells.csv"] {
        assert_refused(
            file,
            "line 1: expected a header row with the column t_ms, found an empty file",
            |_| Vec::new(),
        );
        assert_refused(file, "line 3: expected UTF-8 text, found the byte 0xff", |text| {
            with_field(&text, 3, "t_ms", "?")
                .into_iter()
                .map(|byte| if byte == b'?' { 0xff } else { byte })
                .collect()
        });
    }
}

#[test]
fn a_bad_truth_spoils_the_evaluation_alone() {
    let folder = tempfile::tempdir().unwrap();
    let drive = folder.path().join("drive");
    write_drive(&drive, |file, text| match file {
        "truth.csv" => with_field(&text, 8, "lon_deg", "181"),
        _ => text.into_bytes(),
    });
    stderr(with_database("replay", folder.path()).arg(&drive), 0);
    let text = stderr(with_database("eval", folder.path()).arg(&drive), 1);
    assert!(
        text.contains("truth.csv line 8, column lon_deg: expected"),
        "{text}"
    );
}

/// What `fin build` says of a road file with these bytes.
fn roads_refusal(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (roads, out) = (folder.path().join(name), folder.path().join("a.fin"));
    fs::write(&roads, bytes).unwrap();
    let mut command = fin();
    command
        .arg("build")
        .arg("--roads")
        .arg(&roads)
        .arg("--out")
        .arg(&out);
    let text = stderr(command.args(tube_drives()), 1);
    assert!(!out.exists(), "a database was left behind");
    assert!(text.contains(name), "{text}");
    text
}

#[test]
fn roads_cut_short() {
    let Some(folder) = extracts() else { return };
    let whole = fs::read(folder.join("osrm-monaco.osm.pbf")).unwrap();
    for length in [whole.len() - 1, whole.len() / 2, 1000, 3] {
        let text = roads_refusal("cut.osm.pbf", &whole[..length]);
        assert!(text.contains("byte"), "{length}: {text}");
    }
    assert!(roads_refusal("empty.osm.pbf", b"").contains("found an empty file"));
}

#[test]
fn roads_of_the_wrong_shape() {
    let feature = |geometry: &str| {
        format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","id":1,"properties":{{"highway":"primary","tunnel":"yes"}},"geometry":{geometry}}}]}}"#
        )
    };
    let cases = [
        (
            r#"{"type":"Polygon","coordinates":[[[8,47],[8.1,47],[8,47.1],[8,47]]]}"#,
            "feature 1",
        ),
        (r#"{"type":"LineString","coordinates":[[8,47]]}"#, "feature 1"),
        (
            r#"{"type":"LineString","coordinates":[[8,47],[8,91]]}"#,
            "feature 1",
        ),
        (r#"{"type":"LineString","coordinates":"here"}"#, ""),
        ("null", "feature 1"),
    ];
    for (geometry, place) in cases {
        let text = roads_refusal("roads.geojson", feature(geometry).as_bytes());
        assert!(
            text.contains(place) && text.contains("expected"),
            "{geometry}: {text}"
        );
    }
}

#[test]
fn databases_that_are_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.fin");
    let whole = database();
    let refused = |bytes: &[u8], words: &str| {
        fs::write(&path, bytes).unwrap();
        for name in ["replay", "eval"] {
            let drive = samples().join(TEST_DRIVE);
            let text = stderr(fin().arg(name).arg("--db").arg(&path).arg(drive), 1);
            assert!(text.contains("bad.fin: ") && text.contains(words), "{text}");
        }
        let text = stderr(fin().arg("inspect").arg(&path), 1);
        assert!(text.contains("bad.fin: ") && text.contains(words), "{text}");
    };
    let mut other_version = whole.to_vec();
    other_version[16] ^= 0x40;
    refused(
        &other_version,
        "expected format version 1 to 2 at byte 16, got 66",
    );
    for length in [whole.len() - 1, whole.len() / 2, 40, 17] {
        refused(&whole[..length], "truncated: expected");
    }
    refused(b"", "bad.fin");
    for at in [20, 60, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1;
        refused(&flipped, "expected");
    }
}
