//! Logs of two real campaigns, imported whole and in part.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use fin_cli::drive;
use fin_cli::import::{ImportOptions, ImportReport, ImportedLog, gnettrack};
use fin_core::frame::LatLon;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");

/// The folder of this name with real data, or `None` where there is none; on CI that is a failure.
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(DATA).join(name);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    eprintln!("SKIPPED: {} is missing, nothing is tested", path.display());
    None
}

/// All files below `folder`, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found.sort();
    found
}

fn import(path: &Path) -> ImportedLog {
    gnettrack::read(path, &ImportOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The rows of a CSV file by column name.
fn table(path: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
    csv::Reader::from_path(path)
        .unwrap()
        .deserialize()
        .map(Result::unwrap)
        .collect()
}

fn assert_nothing_is_lost(path: &Path, log: &ImportedLog) {
    let r = &log.report;
    let lines = fs::read_to_string(path).unwrap().lines().count() as u64;
    assert_eq!(r.rows, lines - 1, "{}", path.display());
    assert_eq!(
        r.rows,
        r.fixes + r.stale_positions + r.without_position + r.repeated_rows
    );
    assert_eq!(
        r.rows,
        r.scans + r.repeated_scans + r.without_cell + r.mixed_cells + r.repeated_rows
    );
    assert_eq!(r.fixes as usize, log.drive.gnss.len());
    assert_eq!(r.scans as usize, log.drive.cells.len());
    assert!(log.drive.cells.windows(2).all(|pair| pair[0].time < pair[1].time));
    assert!(log.drive.gnss.windows(2).all(|pair| pair[0].time < pair[1].time));
}

fn assert_survives_the_folder(log: &ImportedLog) {
    let folder = tempfile::tempdir().unwrap();
    drive::write(folder.path(), &log.drive, None).unwrap();
    let back = drive::read(folder.path()).unwrap();
    assert_eq!(back.drive.cells, log.drive.cells);
    assert_eq!(back.drive.gnss.len(), log.drive.gnss.len());
    for (a, b) in back.drive.gnss.iter().zip(&log.drive.gnss) {
        assert_eq!(a.time, b.time);
        assert!(a.position.distance_m(b.position) < 0.02);
    }
    let counts = back.report.cells.unwrap();
    assert_eq!(
        (counts.repeated, counts.reordered, counts.placeholders),
        (0, 0, 0)
    );
}

#[test]
fn the_logs_of_cork_are_imported_without_loss() {
    let Some(folder) = data("cork_5g/5G-production-dataset") else {
        return;
    };
    let mut lines = Vec::new();
    for path in files(&folder) {
        let log = import(&path);
        assert_nothing_is_lost(&path, &log);
        assert_survives_the_folder(&log);
        lines.push(format!("{}: {}", path.file_stem().unwrap().display(), log.report));
    }
    assert_eq!(lines.len(), 44);
    insta::assert_snapshot!("cork", lines.join("\n"));
}

#[test]
fn the_logs_of_dakar_are_imported_without_loss_and_the_files_beside_them_refused() {
    let Some(folder) = data("gnettrack_dakar/raw_logs") else {
        return;
    };
    let mut lines = Vec::new();
    for path in files(&folder)
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
    {
        let name = path.file_name().unwrap().display().to_string();
        if name.ends_with("_log.txt") {
            let log = import(path);
            assert_nothing_is_lost(path, &log);
            assert_survives_the_folder(&log);
            let networks: std::collections::BTreeSet<_> = log
                .drive
                .cells
                .iter()
                .filter_map(|scan| scan.cells[0].cell.plmn)
                .collect();
            assert_eq!(networks.len(), 1, "{name}");
            lines.push(format!("{name}: {}", log.report));
        } else {
            let error = gnettrack::read(path, &ImportOptions::default())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("expected the log of G-NetTrack Pro itself"),
                "{error}"
            );
        }
    }
    assert_eq!(lines.len(), 3);
    insta::assert_snapshot!("dakar", lines.join("\n"));
}

/// The point of the polyline `(chainage_m, point)` at `chainage_m`.
fn at_chainage(line: &[(f64, LatLon)], chainage_m: f64) -> LatLon {
    let after = line
        .partition_point(|(m, _)| *m < chainage_m)
        .clamp(1, line.len() - 1);
    let ((a_m, a), (b_m, b)) = (line[after - 1], line[after]);
    let t = (chainage_m - a_m) / (b_m - a_m);
    LatLon::new(
        a.lat_deg + t * (b.lat_deg - a.lat_deg),
        a.lon_deg + t * (b.lon_deg - a.lon_deg),
    )
}

#[test]
fn passes_of_the_corridor_are_found_by_their_rows() {
    let Some(cork) = data("cork_5g") else { return };
    let number =
        |row: &std::collections::BTreeMap<String, String>, column: &str| row[column].parse::<f64>().unwrap();
    let centreline: Vec<(f64, LatLon)> = table(&cork.join("index/corridor_centreline.csv"))
        .iter()
        .map(|row| {
            (
                number(row, "chainage_m"),
                LatLon::new(number(row, "lat"), number(row, "lon")),
            )
        })
        .collect();
    let passes = table(&cork.join("index/corridor_passes.csv"));
    assert_eq!(passes.len(), 27);
    for pass in passes {
        let rows = number(&pass, "first_row") as usize..number(&pass, "last_row") as usize + 1;
        let path = cork.join("5G-production-dataset").join(&pass["file"]);
        let options = ImportOptions {
            rows: Some(rows.clone()),
            ..ImportOptions::default()
        };
        let log = gnettrack::read(&path, &options).unwrap();
        assert_eq!(log.report.rows as usize, rows.len());
        assert_eq!(
            log.drive.gnss.len(),
            pass["fixes"].parse::<usize>().unwrap(),
            "{}",
            pass["file"]
        );
        assert!(
            log.fix_rows
                .iter()
                .chain(&log.scan_rows)
                .all(|row| rows.contains(row))
        );
        for (fix, column) in [
            (log.drive.gnss.first(), "chain_from"),
            (log.drive.gnss.last(), "chain_to"),
        ] {
            let distance_m = fix
                .unwrap()
                .position
                .distance_m(at_chainage(&centreline, number(&pass, column)));
            assert!(distance_m < 60.0, "{} {column}: {distance_m} m", pass["file"]);
        }
    }
}

#[test]
fn part_of_a_log_is_timed_as_in_the_whole() {
    let Some(cork) = data("cork_5g/5G-production-dataset") else {
        return;
    };
    let path = files(&cork).remove(0);
    let whole = import(&path);
    let options = ImportOptions {
        rows: Some(100..400),
        ..ImportOptions::default()
    };
    let part = gnettrack::read(&path, &options).unwrap();
    let first = whole
        .fix_rows
        .iter()
        .position(|row| *row == part.fix_rows[0])
        .unwrap();
    assert_eq!(
        part.drive.gnss[..],
        whole.drive.gnss[first..first + part.drive.gnss.len()]
    );
    assert_ne!(part.report, ImportReport::default());
}

const LOG: &str = "Timestamp,Longitude,Latitude,Speed,CellID,NetworkMode,RSRP,RSRQ,NODEHEX,CELLHEX,LACHEX,RAWCELLID\n\
    2024.05.01_12.00.00,-8.3,51.8,0,11,LTE,-90,-9,12AB,B,1F40,1223435\n\
    2024.05.01_12.00.02,-8.4,51.8,54,11,LTE,-91,-9,12AB,B,1F40,1223435\n";

/// `fin import gnettrack` with `arguments` in `folder`: exit code, stdout, stderr.
fn fin_import(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("fin")
        .unwrap()
        .current_dir(folder)
        .args(["import", "gnettrack"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_log_becomes_a_folder_and_a_bad_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), LOG).unwrap();
    fs::write(folder.path().join("bad.csv"), "Event\tStats\n").unwrap();
    let logs = ["a.csv", "bad.csv", "none.csv", "./a.csv"];
    let options = [
        "--out",
        "drives",
        "--utc-offset",
        "-01:30",
        "--plmn",
        "272-03",
        "--json",
    ];
    let (code, stdout, stderr) = fin_import(folder.path(), &[&logs[..], &options[..]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("not imported: bad.csv: expected the log of G-NetTrack Pro itself"),
        "{stderr}"
    );
    assert!(
        stderr.contains("not imported: ./a.csv: expected another name than that of a.csv"),
        "{stderr}"
    );
    assert_eq!(stderr.matches("none.csv").count(), 1, "{stderr}");
    let outcomes: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(outcomes[0]["report"]["fixes"], 1);
    assert_eq!(outcomes[1]["drive"], serde_json::Value::Null);
    let read = |name: &str| fs::read_to_string(folder.path().join("drives/a").join(name)).unwrap();
    assert_eq!(
        read("gnss.csv"),
        "t_ms,lat_deg,lon_deg,accuracy_m,speed_mps,bearing_deg\n1714570202499,51.8,-8.4,,15,\n"
    );
    assert_eq!(
        read("cells.csv"),
        "t_ms,rat,mcc,mnc,tac,cell_id,arfcn,pci,serving,rsrp_dbm,rsrq_db\n\
         1714570200500,lte,272,3,8000,1223435,,,1,-90,-9\n\
         1714570202499,lte,272,3,8000,1223435,,,1,-91,-9\n"
    );
    assert_eq!(fs::read_dir(folder.path().join("drives")).unwrap().count(), 1);
}

#[test]
fn without_any_good_log_the_work_has_failed_and_wrong_usage_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = fin_import(folder.path(), &["none.csv", "--out", "drives"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(
        stderr.ends_with("error: none of the 1 logs could be imported\n"),
        "{stderr}"
    );
    assert!(!folder.path().join("drives").exists());
    for wrong in [
        &["none.csv"][..],
        &["a", "--out", "d", "--plmn", "27203"],
        &["a", "--out", "d", "--utc-offset", "CET"],
    ] {
        assert_eq!(fin_import(folder.path(), wrong).0, 2, "{wrong:?}");
    }
}
