//! Logs of two real campaigns, imported whole and in part.

use std::fs;
use std::path::{Path, PathBuf};

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
