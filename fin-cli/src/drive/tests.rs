use std::fs;
use std::io::Write as _;
use std::path::Path;

use fin_core::frame::LatLon;
use fin_core::observation::{CellReading, CellScan, Drive, GnssFix, SpeedSample, TruePosition};
use fin_core::radio::{CellId, Channel, GlobalId, Plmn, Rat};
use fin_core::time::Time;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const GNSS: &str = "t_ms,lat_deg,lon_deg\n1000,51.9,-8.4\n";
const CELLS: &str = "t_ms,rat,mcc,mnc,tac,cell_id,arfcn,pci,serving,rsrp_dbm,rsrq_db\n";

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The error for a folder with these files, without the folder's own path.
fn error_of(files: &[(&str, &[u8])]) -> String {
    let folder = folder(files);
    let error = read(folder.path()).unwrap_err().to_string();
    error
        .replace(&format!("{}/", folder.path().display()), "")
        .replace(&folder.path().display().to_string(), ".")
}

fn gnss_error(text: &str) -> String {
    error_of(&[("gnss.csv", text.as_bytes())])
}

fn cells_error(row: &str) -> String {
    error_of(&[
        ("gnss.csv", GNSS.as_bytes()),
        ("cells.csv", format!("{CELLS}{row}\n").as_bytes()),
    ])
}

#[test]
fn bad_positions_and_times_are_refused_with_line_and_column() {
    let head = "t_ms,lat_deg,lon_deg,accuracy_m,speed_mps,bearing_deg\n1000,51.9,-8.4,4,20,90\n";
    let cases = [
        (
            "2000,91,-8.4,,,",
            "lat_deg: expected a latitude of -90 to 90 degrees, found \"91\"",
        ),
        (
            "2000,NaN,-8.4,,,",
            "lat_deg: expected a latitude of -90 to 90 degrees, found \"NaN\"",
        ),
        (
            "2000,51.9,-inf,,,",
            "lon_deg: expected a longitude of -180 to 180 degrees, found \"-inf\"",
        ),
        (
            "2000,51.9,180.1,,,",
            "lon_deg: expected a longitude of -180 to 180 degrees, found \"180.1\"",
        ),
        (
            "2000,north,-8.4,,,",
            "lat_deg: expected a latitude of -90 to 90 degrees, found \"north\"",
        ),
        (
            "2000,51.9,-8.4,-1,,",
            "accuracy_m: expected a radius of 0 to 10000000 m, found \"-1\"",
        ),
        (
            "2000,51.9,-8.4,4,-2,",
            "speed_mps: expected a speed of 0 to 111.1 m/s (400 km/h), found \"-2\"",
        ),
        (
            "2000,51.9,-8.4,4,2,361",
            "bearing_deg: expected a bearing of 0 to 360 degrees, found \"361\"",
        ),
        (
            "2.5,51.9,-8.4,,,",
            "t_ms: expected an integer, milliseconds, found \"2.5\"",
        ),
        (
            ",51.9,-8.4,,,",
            "t_ms: expected an integer, milliseconds, found an empty field",
        ),
        (
            "99999999999999999,51.9,-8.4,,,",
            "t_ms: expected an integer, milliseconds, found \"99999999999999999\"",
        ),
    ];
    for (row, expected) in cases {
        assert_eq!(
            gnss_error(&format!("{head}{row}\n")),
            format!("gnss.csv line 3, column {expected}")
        );
    }
}

#[test]
fn bad_tables_are_refused() {
    assert_eq!(
        gnss_error("t_ms,lat_deg,lng\n1,2,3\n"),
        "gnss.csv line 1: expected the column lon_deg, found the columns t_ms,lat_deg,lng"
    );
    assert_eq!(
        gnss_error(""),
        "gnss.csv line 1: expected a header row with the column t_ms, found an empty file"
    );
    assert_eq!(
        gnss_error(&format!("{GNSS}2000,51.9\n")),
        "gnss.csv line 3: expected 3 fields as in the header, found 2"
    );
    assert_eq!(
        error_of(&[("gnss.csv", b"t_ms,lat_deg,lon_deg\n1000,51.9,\xb04\n")]),
        "gnss.csv line 2: expected UTF-8 text, found the byte 0xb0"
    );
    assert_eq!(
        error_of(&[]),
        ".: expected gnss.csv or gnss.csv.gz in the drive folder, found neither"
    );
    assert_eq!(
        error_of(&[
            ("gnss.csv", GNSS.as_bytes()),
            ("gnss.csv.gz", &gzip(GNSS.as_bytes()))
        ]),
        ".: expected one of gnss.csv and gnss.csv.gz, found both"
    );
    let gzipped = gzip(GNSS.as_bytes());
    let error = error_of(&[("gnss.csv.gz", &gzipped[..gzipped.len() - 6])]);
    assert!(
        error.starts_with("gnss.csv.gz: expected a whole gzip stream, found a damaged one"),
        "{error}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(
        read(file.path())
            .unwrap_err()
            .to_string()
            .ends_with("expected a drive folder, found a file")
    );
}

#[test]
fn time_may_go_back_by_two_seconds_and_no_more() {
    let text = "t_ms,lat_deg,lon_deg\n5000,1,1\n3000,2,2\n5000,1,1\n4000,3,3\n";
    let folder = folder(&[("gnss.csv", text.as_bytes())]);
    let ReadDrive { drive, report } = read(folder.path()).unwrap();
    let times: Vec<i64> = drive.gnss.iter().map(|fix| fix.time.as_millis()).collect();
    assert_eq!(times, [3000, 4000, 5000]);
    assert_eq!(
        report.gnss,
        FileCounts {
            rows: 4,
            reordered: 2,
            repeated: 1,
            ..FileCounts::default()
        }
    );

    assert_eq!(
        gnss_error("t_ms,lat_deg,lon_deg\n3605000,1,1\n3605900,1,1\n5000,2,2\n"),
        "gnss.csv line 4, column t_ms: expected a time at most 2 s before the latest one so far, 3605900, \
         found 5000, 3600.9 s back"
    );
}

#[test]
fn bad_speeds_are_refused() {
    for (field, found) in [("-1", "-1"), ("401", "401"), ("inf", "inf"), ("fast", "fast")] {
        let obd = format!("speed_kmh,t_ms\n{field},1000\n");
        assert_eq!(
            error_of(&[("gnss.csv", GNSS.as_bytes()), ("obd.csv", obd.as_bytes())]),
            format!("obd.csv line 2, column speed_kmh: expected a speed of 0 to 400 km/h, found \"{found}\"")
        );
    }
}

#[test]
fn bad_cells_are_refused() {
    let cases = [
        (
            "1,5g,,,,,,,1,-90,",
            "rat: expected one of lte, nr, wcdma, gsm and unknown, found \"5g\"",
        ),
        ("1,lte,,,,,,,yes,-90,", "serving: expected 0 or 1, found \"yes\""),
        (
            "1,lte,,,,x1F,,,1,-90,",
            "cell_id: expected an integer of 0 to 68719476735, found \"x1F\"",
        ),
        (
            "1,lte,,,,,1300,9999,1,-90,",
            "pci: expected an integer of 0 to 1007, found \"9999\"",
        ),
        (
            "1,lte,,,-3,,,,1,-90,",
            "tac: expected an integer of 0 to 16777215, found \"-3\"",
        ),
        (
            "1,lte,0,1,,,,,1,-90,",
            "mcc: expected an integer of 1 to 999, found \"0\"",
        ),
        (
            "1,lte,,,,,,,1,NaN,",
            "rsrp_dbm: expected a finite number, found \"NaN\"",
        ),
        (
            "1,lte,,,,,,,1,-90,inf",
            "rsrq_db: expected a finite number, found \"inf\"",
        ),
    ];
    for (row, expected) in cases {
        assert_eq!(cells_error(row), format!("cells.csv line 2, column {expected}"));
    }
}

#[test]
fn rows_of_one_time_form_a_scan_and_placeholders_are_counted() {
    let rows = "2000,lte,272,1,40122,1223435,1300,77,1,-93,-12\n\
                2000,lte,,,,,1300,78,0,-101.5,\n\
                2000,lte,,,,,1300,78,0,-101.5,\n\
                1000,nr,,,2147483647,9223372036854775807,,,0,-20,-204\n";
    let folder = folder(&[
        ("gnss.csv", GNSS.as_bytes()),
        ("cells.csv.gz", &gzip(format!("{CELLS}{rows}").as_bytes())),
    ]);
    let ReadDrive { drive, report } = read(folder.path()).unwrap();
    assert_eq!(
        report.cells,
        Some(FileCounts {
            rows: 4,
            reordered: 1,
            repeated: 1,
            placeholders: 4,
            without_value: 0
        })
    );
    let unknown = CellId {
        rat: Rat::Nr,
        ..CellId::default()
    };
    assert_eq!(
        drive.cells[0],
        CellScan {
            time: Time::from_millis(1000),
            cells: vec![CellReading {
                cell: unknown,
                serving: false,
                rsrp_dbm: None,
                rsrq_db: None
            }],
        }
    );
    let serving = drive.cells[1].cells[0];
    assert_eq!(serving.cell.plmn, Some(Plmn { mcc: 272, mnc: 1 }));
    assert_eq!(
        serving.cell.global,
        Some(GlobalId {
            tac: Some(40122),
            cell_id: 1_223_435
        })
    );
    assert_eq!(
        drive.cells[1].cells[1].cell.channel,
        Some(Channel { arfcn: 1300, pci: 78 })
    );
    assert_eq!(drive.cells[1].cells[1].rsrp_dbm, Some(-101.5));
    assert_eq!(drive.cells[1].cells.len(), 2);
}

#[test]
fn what_is_not_known_is_left_out() {
    let gnss = "note,lon_deg,lat_deg,t_ms,accuracy_m\na,,51.9,1,\nb,-8.4,51.9,2,0\n";
    let folder = folder(&[
        ("gnss.csv", gnss.as_bytes()),
        ("obd.csv", b"t_ms,speed_kmh\n1,\n2,90\n"),
        ("truth.csv", b"t_ms,lat_deg,lon_deg\n7,51,-8\n"),
    ]);
    let ReadDrive { drive, report } = read(folder.path()).unwrap();
    let position = LatLon::new(51.9, -8.4);
    let time = Time::from_millis(2);
    assert_eq!(
        drive.gnss,
        [GnssFix {
            time,
            position,
            accuracy_m: None,
            speed_mps: None,
            bearing_deg: None
        }]
    );
    assert_eq!(
        report.gnss,
        FileCounts {
            rows: 2,
            without_value: 1,
            placeholders: 1,
            ..FileCounts::default()
        }
    );
    assert_eq!(
        drive.speed,
        [SpeedSample {
            time,
            speed_mps: 25.0
        }]
    );
    assert_eq!(report.cells, None);
    let truth = read_truth(folder.path()).unwrap().unwrap().positions;
    assert_eq!(
        truth,
        [TruePosition {
            time: Time::from_millis(7),
            position: LatLon::new(51.0, -8.0)
        }]
    );
}

#[test]
fn truth_is_not_needed_and_not_looked_at() {
    let folder = folder(&[("gnss.csv", GNSS.as_bytes()), ("truth.csv", b"\xff")]);
    read(folder.path()).unwrap();
    assert!(read_truth(folder.path()).is_err());
    assert_eq!(read_truth(folder_without_truth().path()).unwrap(), None);
}

fn folder_without_truth() -> TempDir {
    folder(&[("gnss.csv", GNSS.as_bytes())])
}

/// Values as they are after rounding, so that they survive a file exactly.
fn rounded(steps: std::ops::Range<i64>, per_unit: f64) -> impl Strategy<Value = f64> {
    steps.prop_map(move |step| step as f64 / per_unit)
}

prop_compose! {
    fn a_position()(lat in rounded(-900_000_000..900_000_000, 1e7), lon in rounded(-1_800_000_000..1_800_000_000, 1e7))
        -> LatLon { LatLon::new(lat, lon) }
}

prop_compose! {
    fn a_fix()(
        position in a_position(),
        accuracy_m in proptest::option::of(rounded(1..100_000, 1e2)),
        speed_mps in proptest::option::of(rounded(0..100_000, 1e3)),
        bearing_deg in proptest::option::of(rounded(0..36_000, 1e2)),
    ) -> GnssFix { GnssFix { time: Time::default(), position, accuracy_m, speed_mps, bearing_deg } }
}

prop_compose! {
    fn a_reading()(
        rat in proptest::sample::select(vec![Rat::Lte, Rat::Nr, Rat::Wcdma, Rat::Gsm, Rat::Unknown]),
        plmn in proptest::option::of((1..1000_u16, 0..1000_u16)),
        global in proptest::option::of((proptest::option::of(0..(1_u32 << 24)), 0..(1_u64 << 28))),
        channel in proptest::option::of((0..3_279_166_u32, 0..1008_u16)),
        serving in any::<bool>(),
        rsrp_dbm in proptest::option::of(rounded(-1130..-480, 10.0)),
        rsrq_db in proptest::option::of(rounded(-430..200, 10.0)),
    ) -> CellReading {
        let cell = CellId {
            rat,
            plmn: plmn.map(|(mcc, mnc)| Plmn { mcc, mnc }),
            global: global.map(|(tac, cell_id)| GlobalId { tac, cell_id }),
            channel: channel.map(|(arfcn, pci)| Channel { arfcn, pci }),
        };
        CellReading { cell, serving, rsrp_dbm, rsrq_db }
    }
}

/// `values` one second apart.
fn timed<T>(values: Vec<T>) -> impl Iterator<Item = (Time, T)> {
    values
        .into_iter()
        .enumerate()
        .map(|(i, value)| (Time::from_millis(1_575_000_000_000 + 1000 * i as i64), value))
}

prop_compose! {
    fn a_drive()(
        fixes in proptest::collection::vec(a_fix(), 0..8),
        speeds in proptest::collection::vec(rounded(0..400_000, 1e3), 0..8),
        // Two equal cells of one scan would be taken for a repeat: each gets a channel of its own.
        scans in proptest::collection::vec(proptest::collection::vec(a_reading(), 1..5), 0..8),
    ) -> Drive {
        Drive {
            gnss: timed(fixes).map(|(time, fix)| GnssFix { time, ..fix }).collect(),
            speed: timed(speeds).map(|(time, kmh)| SpeedSample { time, speed_mps: kmh / 3.6 }).collect(),
            cells: timed(scans).map(|(time, mut cells)| {
                for (pci, reading) in (0..).zip(&mut cells) {
                    reading.cell.channel = Some(Channel { arfcn: 1300, pci });
                }
                CellScan { time, cells }
            }).collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn reading_gives_back_what_was_written(drive in a_drive(), truth in proptest::collection::vec(a_position(), 0..8)) {
        let truth: Vec<_> = timed(truth).map(|(time, position)| TruePosition { time, position }).collect();
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &drive, Some(&truth)).unwrap();
        let back = read(folder.path()).unwrap().drive;
        prop_assert_eq!(&back.gnss, &drive.gnss);
        prop_assert_eq!(&back.cells, &drive.cells);
        prop_assert_eq!(back.speed.len(), drive.speed.len());
        for (a, b) in back.speed.iter().zip(&drive.speed) {
            prop_assert_eq!(a.time, b.time);
            prop_assert!((a.speed_mps - b.speed_mps).abs() < 1e-12);
        }
        prop_assert_eq!(read_truth(folder.path()).unwrap().unwrap().positions, truth);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        gnss in proptest::collection::vec(any::<u8>(), 0..200), rows in "[0-9,.\\-\"\\n\\reNaif]{0,200}",
    ) {
        let cells = format!("{CELLS}{rows}");
        let folder = folder(&[("gnss.csv", GNSS.as_bytes()), ("cells.csv", cells.as_bytes()), ("truth.csv.gz", &gnss)]);
        let _ = read(folder.path());
        prop_assert!(read_truth(folder.path()).is_err());
        fs::write(folder.path().join("gnss.csv"), &gnss).unwrap();
        prop_assert!(read(folder.path()).is_err());
    }

    #[test]
    fn the_order_of_rows_within_two_seconds_does_not_matter(
        (rows, shuffled) in (1..40_i64).prop_flat_map(|n| {
            let rows: Vec<i64> = (0..n).map(|i| 1000 + i * 2000 / n).collect();
            (Just(rows.clone()), Just(rows).prop_shuffle())
        }),
    ) {
        let gnss = |rows: &[i64]| {
            let body: String = rows.iter().map(|t| format!("{t},51.{t},-8\n")).collect();
            let folder = folder(&[("gnss.csv", format!("t_ms,lat_deg,lon_deg\n{body}").as_bytes())]);
            read(folder.path()).unwrap().drive
        };
        prop_assert_eq!(gnss(&rows), gnss(&shuffled));
    }
}

#[test]
fn written_numbers_are_short_and_never_minus_zero() {
    let folder = tempfile::tempdir().unwrap();
    let fix = GnssFix {
        time: Time::from_millis(-5),
        position: LatLon::new(-0.000_000_01, 8.5),
        accuracy_m: Some(12.0),
        speed_mps: None,
        bearing_deg: Some(359.999),
    };
    write_gnss(folder.path(), &[fix]).unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("gnss.csv")).unwrap(),
        "t_ms,lat_deg,lon_deg,accuracy_m,speed_mps,bearing_deg\n-5,0,8.5,12,,360\n"
    );
    assert_eq!(
        read(Path::new(folder.path())).unwrap().drive.gnss[0].bearing_deg,
        Some(0.0)
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}
