//! From survey drives to estimates and their errors.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{TEST_DRIVE, stderr, stdout, text_of, with_database, write_drive};
use crate::build::{build, fin, samples, tube_drives};

const COLUMNS: &str = "t_ms,lat_deg,lon_deg,accuracy_m,accuracy95_m,speed_mps,bearing_deg,way_id,offset_m,tunnel,mode,\
                       branch_probability";

/// The rows of a replay of the drive in `drive`, below the header.
fn rows(folder: &Path, drive: &Path) -> Vec<String> {
    let text = stdout(with_database("replay", folder).arg(drive));
    let mut lines = text.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some(COLUMNS));
    lines.collect()
}

fn time_ms(row: &str) -> i64 {
    row.split(',').next().unwrap().parse().unwrap()
}

#[test]
fn a_replay_has_a_row_for_every_second_and_each_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(folder.path(), &samples().join(TEST_DRIVE));
    let times: Vec<i64> = rows.iter().map(|row| time_ms(row)).collect();
    assert!(times.is_sorted());
    let (first, last) = (times[0], times[times.len() - 1]);
    let seconds: Vec<i64> = times.iter().copied().filter(|t| t % 1000 == 0).collect();
    for second in (first.div_euclid(1000) + 1..=last.div_euclid(1000)).map(|s| 1000 * s) {
        assert!(seconds.binary_search(&second).is_ok(), "no row at {second}");
    }
    let observed: i64 = text_of("gnss.csv")
        .lines()
        .last()
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        last >= observed / 1000 * 1000,
        "the rows end at {last}, the fixes at {observed}"
    );

    let mut modes = std::collections::BTreeSet::new();
    for row in &rows {
        let fields: Vec<&str> = row.split(',').collect();
        assert_eq!(fields.len(), 12, "{row}");
        let number = |i: usize| fields[i].parse::<f64>().unwrap();
        assert!((0.0..=number(4)).contains(&number(3)), "68 % beyond 95 %: {row}");
        assert!(number(1).abs() <= 90.0 && number(2).abs() <= 180.0, "{row}");
        assert!((0.0..=1.0).contains(&number(11)), "{row}");
        if fields[10] == "tunnel" {
            assert_eq!(fields[9], "Alder Tunnel", "{row}");
        }
        modes.insert(fields[10]);
    }
    assert!(modes.contains("gnss") && modes.contains("tunnel"), "{modes:?}");
    let known = ["gnss", "tunnel", "dead_reckoning", "reacquiring"];
    assert!(modes.iter().all(|mode| known.contains(mode)), "{modes:?}");
}

#[test]
fn a_second_replay_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let replay = || stdout(with_database("replay", folder.path()).arg(samples().join(TEST_DRIVE)));
    assert_eq!(replay(), replay());
}

#[test]
fn rows_do_not_know_what_comes_after_them() {
    let folder = tempfile::tempdir().unwrap();
    let whole = rows(folder.path(), &samples().join(TEST_DRIVE));
    let inside: Vec<i64> = whole
        .iter()
        .filter(|row| row.contains(",tunnel,"))
        .map(|row| time_ms(row))
        .collect();
    let (entered, left) = (inside[0], inside[inside.len() - 1]);
    for cut_ms in [entered - 1500, entered + 700, (entered + left) / 2, left + 2300] {
        let drive = folder.path().join(format!("until-{cut_ms}"));
        write_drive(&drive, |_, text| {
            let kept = |row: &&str| row.starts_with("t_ms") || time_ms(row) <= cut_ms;
            let lines: Vec<&str> = text.lines().filter(kept).collect();
            (lines.join("\n") + "\n").into_bytes()
        });
        let cut = rows(folder.path(), &drive);
        let last_ms = time_ms(&cut[cut.len() - 1]);
        assert!(
            (cut_ms - 1000..=cut_ms).contains(&last_ms),
            "the rows end at {last_ms}"
        );
        let same: Vec<&String> = whole.iter().filter(|row| time_ms(row) <= last_ms).collect();
        assert_eq!(cut.iter().collect::<Vec<_>>(), same, "cut at {cut_ms}");
    }
}

#[test]
fn the_extension_decides_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        let mut command = with_database("replay", folder.path());
        command.arg(samples().join(TEST_DRIVE)).arg("--out").arg(&path);
        assert_eq!(stdout(&mut command), "", "results go to the file alone");
        fs::read_to_string(path).unwrap()
    };
    let csv = write("a.csv");
    assert_eq!(csv.lines().next(), Some(COLUMNS));
    let rows: Vec<&str> = csv.lines().skip(1).collect();

    let json: Value = serde_json::from_str(&write("a.json")).unwrap();
    let list = json.as_array().unwrap();
    assert_eq!(list.len(), rows.len());
    let names: Vec<&String> = list[0].as_object().unwrap().keys().collect();
    assert!(
        names
            .iter()
            .all(|name| COLUMNS.split(',').any(|column| column == *name)),
        "{names:?}"
    );
    assert_eq!(names.len(), 12);

    let geojson: Value = serde_json::from_str(&write("a.geojson")).unwrap();
    let features = geojson["features"].as_array().unwrap();
    assert_eq!(features.len(), rows.len());
    let middle = rows.len() / 2;
    let fields: Vec<&str> = rows[middle].split(',').collect();
    let coordinates = &features[middle]["geometry"]["coordinates"];
    assert_eq!(
        coordinates[0].as_f64().unwrap(),
        fields[2].parse::<f64>().unwrap()
    );
    assert_eq!(
        coordinates[1].as_f64().unwrap(),
        fields[1].parse::<f64>().unwrap()
    );
    assert_eq!(features[middle]["properties"]["mode"], fields[10]);

    let gpx = write("a.GPX");
    assert_eq!(gpx.matches("<trkpt ").count(), rows.len());
    assert!(gpx.starts_with("<?xml") && gpx.ends_with("</gpx>\n"));
}

#[test]
fn wrong_usage_is_told_from_failed_work() {
    let folder = tempfile::tempdir().unwrap();
    let drive = samples().join(TEST_DRIVE);
    let replay = || with_database("replay", folder.path());
    for name in ["a.kml", "a", ".csv"] {
        let path = folder.path().join(name);
        let text = stderr(replay().arg(&drive).arg("--out").arg(&path), 2);
        assert!(text.contains("expected a file ending in .csv"), "{text}");
        assert!(!path.exists());
    }
    for arguments in [
        &["fly"][..],
        &["replay"],
        &["build", "--roads", "a"],
        &["eval", "--db", "a"],
        &[],
    ] {
        stderr(fin().args(arguments), 2);
    }
    let nowhere = folder.path().join("no/such/folder/a.csv");
    let text = stderr(replay().arg(&drive).arg("--out").arg(&nowhere), 1);
    assert!(text.contains("a.csv"), "{text}");
    let text = stderr(replay().arg(folder.path().join("gone")), 1);
    assert!(
        text.contains("gone: expected a drive folder, found nothing"),
        "{text}"
    );
    let gone = folder.path().join("gone.fin");
    for name in ["replay", "eval"] {
        let text = stderr(fin().arg(name).arg("--db").arg(&gone).arg(&drive), 1);
        assert!(text.contains("gone.fin"), "{text}");
    }
    let text = stderr(&mut build(&gone, &[folder.path().join("gone")]), 1);
    assert!(text.contains("none of the 1 drives can be used"), "{text}");
    assert!(!gone.exists());
}

#[test]
fn a_bad_survey_drive_changes_nothing_but_its_own_line() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad");
    write_drive(&bad, |file, text| match file {
        "cells.csv" => text.replacen("lte", "5g?", 1).into_bytes(),
        _ => text.into_bytes(),
    });
    let database = folder.path().join("a.fin");
    let mut drives = tube_drives();
    drives.insert(1, bad);
    let text = stderr(&mut build(&database, &drives), 0);
    assert!(
        text.contains("refused ") && text.contains("cells.csv line "),
        "{text}"
    );
    assert_eq!(fs::read(&database).unwrap(), super::database());
}

#[test]
fn errors_against_truth_are_told_by_drive_tunnel_and_over_all() {
    let folder = tempfile::tempdir().unwrap();
    let drives = ["test/tube-east-01", "test/tube-east-02"].map(|name| samples().join(name));
    let eval = || {
        let mut command = with_database("eval", folder.path());
        command.args(&drives);
        command
    };
    let report: Value = serde_json::from_str(&stdout(eval().arg("--json"))).unwrap();
    assert_eq!(report["drives"].as_array().unwrap().len(), 2);
    assert_eq!(report["failed"], 0);
    let tunnel = &report["tunnels"]["Alder Tunnel"];
    assert_eq!(tunnel, &report["all"]);
    let number = |name: &str| tunnel[name].as_f64().unwrap();
    assert!(number("samples") > 150.0, "{tunnel}");
    assert!(number("median_m") < 5.0 && number("p95_m") < 20.0, "{tunnel}");
    assert!(
        number("median_m") <= number("p68_m") && number("p68_m") <= number("p95_m"),
        "{tunnel}"
    );
    assert_eq!(number("wrong_branch"), 0.0);

    let table = stdout(&mut eval());
    assert_eq!(table.lines().count(), 1 + 2 + 1 + 1, "{table}");
    assert!(table.contains("Alder Tunnel"), "{table}");

    let untold = folder.path().join("untold");
    write_drive(&untold, |_, text| text.into_bytes());
    fs::remove_file(untold.join("truth.csv")).unwrap();
    let text = stderr(eval().arg(&untold), 0);
    assert!(
        text.contains("untold: expected a truth.csv, found none"),
        "{text}"
    );
    let text = stderr(with_database("eval", folder.path()).arg(&untold), 1);
    assert!(
        text.contains("untold: expected a truth.csv, found none"),
        "{text}"
    );
}
