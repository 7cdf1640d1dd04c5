use fin_core::radio::{Channel, GlobalId, Plmn, Rat};
use jiff::tz::Offset;
use proptest::prelude::*;

use super::*;
use crate::import::ImportReport;

/// The columns of a log that has hexadecimal identities and a neighbour.
const WIDE: &str = "Timestamp,Longitude,Latitude,Speed,Operatorname,CellID,NetworkMode,RSRP,RSRQ,SNR,CQI,RSSI,\
                    CELLHEX,NODEHEX,LACHEX,RAWCELLID,NRxRSRP,NRxRSRQ\n";
/// The columns of a log that has channels and networks.
const TABBED: &str = "Timestamp\tLongitude\tLatitude\tOperator\tNode\tCellID\tLAC\tNetworkTech\tLevel\tQual\t\
                      ARFCN\tPSC\tBAND\n";

fn import(text: &str, options: &ImportOptions) -> Result<ImportedLog, ImportError> {
    let file = TextFile::from_bytes(Path::new("log.csv"), text.as_bytes().to_vec())?;
    read_text(&file, options)
}

fn imported(text: &str) -> ImportedLog {
    import(text, &ImportOptions::default()).unwrap()
}

fn wide(rows: &[&str]) -> ImportedLog {
    imported(&format!("{WIDE}{}\n", rows.join("\n")))
}

fn tabbed(rows: &[&str]) -> ImportedLog {
    // The app ends the rows of this version, but not the header, with a tab.
    imported(&format!("{TABBED}{}\t\r\n", rows.join("\t\r\n")))
}

fn error(text: &str) -> String {
    import(text, &ImportOptions::default()).unwrap_err().to_string()
}

/// Every row has to be counted once for its position and once for its cells.
fn assert_adds_up(report: &ImportReport) {
    let r = report;
    assert_eq!(
        r.rows,
        r.fixes + r.stale_positions + r.without_position + r.repeated_rows,
        "{r:?}"
    );
    assert_eq!(
        r.rows,
        r.scans + r.repeated_scans + r.without_cell + r.mixed_cells + r.repeated_rows,
        "{r:?}"
    );
}

#[test]
fn only_a_changed_position_is_a_fix() {
    let log = wide(&[
        "2019.12.04_14.24.21,-8.395,51.886,0,B,11,LTE,-93,-12,0.0,13,-85,B,12AB,1F40,1223435,-,-",
        "2019.12.04_14.24.22,-8.396,51.887,36,B,11,LTE,-94,-12,0.0,13,-85,B,12AB,1F40,1223435,-,-",
        "2019.12.04_14.24.23,-8.396,51.887,36,B,11,LTE,-95,-12,0.0,13,-85,B,12AB,1F40,1223435,-,-",
        "2019.12.04_14.24.24,-,-,36,B,11,LTE,-96,-12,0.0,13,-85,B,12AB,1F40,1223435,-,-",
        "2019.12.04_14.24.25,-8.396,51.887,36,B,11,LTE,-97,-12,0.0,13,-85,B,12AB,1F40,1223435,-,-",
    ]);
    assert_eq!(
        (log.fix_rows.as_slice(), log.scan_rows.as_slice()),
        ([1].as_slice(), [0, 1, 2, 3, 4].as_slice())
    );
    let fix = log.drive.gnss[0];
    assert_eq!((fix.position.lat_deg, fix.position.lon_deg), (51.887, -8.396));
    assert_eq!(
        (fix.speed_mps, fix.accuracy_m, fix.bearing_deg),
        (Some(10.0), None, None)
    );
    assert_eq!(fix.time, log.drive.cells[1].time, "one row, one time");
    assert_eq!(fix.time.as_millis() / 1000, 1_575_469_462);
    assert_eq!((log.report.stale_positions, log.report.without_position), (3, 1));
    assert_adds_up(&log.report);
}

#[test]
fn the_serving_cell_keeps_its_identity_and_the_neighbour_has_none() {
    let log = wide(&[
        "2019.12.04_14.24.21,-8.395,51.886,0,B,11,5G,-93,-12,0.0,13,-85,B,12AB,1F40,1223435,-99.0,-204.0",
    ]);
    let [serving, neighbour] = log.drive.cells[0].cells[..] else {
        panic!("two cells")
    };
    assert_eq!(serving.cell.rat, Rat::Lte);
    assert_eq!(
        serving.cell.global,
        Some(GlobalId {
            tac: Some(0x1F40),
            cell_id: 1_223_435
        })
    );
    assert_eq!(
        (serving.serving, serving.rsrp_dbm, serving.rsrq_db),
        (true, Some(-93.0), Some(-12.0))
    );
    assert_eq!(neighbour.cell, CellId::default());
    assert_eq!(
        (neighbour.serving, neighbour.rsrp_dbm, neighbour.rsrq_db),
        (false, Some(-99.0), None)
    );
    assert_eq!(log.report.placeholders, 1);
}

#[test]
fn placeholders_leave_the_identity() {
    let log = wide(&[
        "2019.12.04_14.24.21,-8.3,51.8,0,B,10203,HSPA+,-51,-2,-,-,-,27DB,1F,1B58,2041819,-51.0,-24.0",
        "2019.12.04_14.24.22,-8.3,51.8,0,B,10203,HSPA+,-67,-2,-,-,-,27DB,1F,1B58,2041819,-51.0,-24.0",
        "2019.12.04_14.24.23,-8.3,51.8,0,B,11,LTE,-30,-12,0.0,13,-85,B,12AB,0,1223435,-51.0,-24.0",
        "2019.12.04_14.24.24,-8.3,51.8,0,B,0,UMTS,-51,-,-,-,-,0,-,0,0,-,-",
    ]);
    let cells: Vec<_> = log.drive.cells.iter().map(|scan| scan.cells[0]).collect();
    assert_eq!(cells.len(), 3);
    assert_eq!((cells[0].cell, cells[0].rsrp_dbm), (cells[1].cell, None));
    assert_eq!(cells[0].cell.rat, Rat::Wcdma);
    assert_eq!(
        cells[0].cell.global,
        Some(GlobalId {
            tac: Some(0x1B58),
            cell_id: 2_041_819
        })
    );
    assert_eq!(cells[1].rsrp_dbm, Some(-67.0));
    assert_eq!(
        (cells[2].rsrp_dbm, cells[2].cell.global.unwrap().tac),
        (None, None)
    );
    assert_eq!(log.drive.cells[2].cells.len(), 1, "no neighbour");
    assert_eq!(
        (
            log.report.without_cell,
            log.report.placeholders,
            log.report.handovers
        ),
        (1, 4, 1)
    );
    assert_adds_up(&log.report);
}

#[test]
fn a_row_between_two_technologies_is_left_out() {
    let log = wide(&[
        "2019.12.04_14.24.21,-8.3,51.8,0,B,11,UMTS,-93,-12,0.0,13,-85,B,12AB,1F40,1223435,-,-",
        "2019.12.04_14.24.22,-8.3,51.8,0,B,10203,LTE,-67,-2,-,-,-,27DB,1F,1B58,2041819,-,-",
    ]);
    assert_eq!((log.drive.cells.len(), log.report.mixed_cells), (0, 2));
    assert_adds_up(&log.report);
}

#[test]
fn a_scan_is_repeated_only_until_the_phone_can_have_measured_again() {
    let row = |second: u32, level: i32| {
        format!(
            "2019.12.04_14.24.{second},-8.3,51.8,0,B,11,LTE,{level},-12,0.0,13,-85,B,12AB,1F40,1223435,-,-"
        )
    };
    let rows = [
        row(20, -90),
        row(21, -90),
        row(22, -90),
        row(23, -91),
        row(24, -90),
    ];
    let log = wide(&rows.each_ref().map(String::as_str));
    assert_eq!(log.scan_rows, [0, 2, 3, 4]);
    assert_eq!(log.report.repeated_scans, 1);
    assert_adds_up(&log.report);
}

#[test]
fn rows_of_one_second_keep_times_of_their_own() {
    let row = |level: i32| {
        format!("2019.12.04_14.24.21,-8.3,51.8,0,B,11,LTE,{level},-12,0.0,13,-85,B,12AB,1F40,1223435,-,-")
    };
    let rows = [row(-90), row(-90), row(-91), row(-92)];
    let log = wide(&rows.each_ref().map(String::as_str));
    assert_eq!(
        (log.report.repeated_rows, log.scan_rows.as_slice()),
        (1, [0, 2, 3].as_slice())
    );
    let times: Vec<i64> = log.drive.cells.iter().map(|scan| scan.time.as_millis()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    assert!(times.iter().all(|t| t / 1000 == times[0] / 1000), "{times:?}");
    assert_adds_up(&log.report);
}

#[test]
fn tabbed_logs_tell_network_and_channel() {
    let log = tabbed(&[
        "2025.07.18_22.11.08\t-17.43\t14.66\t60801\t21\t11\t7000\t4G\t-81\t-8\t2850\t325\tL7",
        "2025.07.18_22.11.10\t-17.44\t14.67\t60801\t8\t18892\t9000\t3G\t-24\t-\t3019\t398\tU8",
        "2025.07.18_22.11.12\t-17.44\t14.67\t60801\t4\t8961\t701\t3G\t-113\t-\t1850\t459\t",
        "2025.07.18_22.11.14\t-17.44\t14.67\t\t\t\t\t--\t-200\t-\t0\t0\t",
        "2025.07.18_22.11.30\t-17.44\t14.67\t60802\t\t0\t0\t2G\t-113\t-\t0\t0\tEGSM",
    ]);
    let cells: Vec<_> = log.drive.cells.iter().map(|scan| scan.cells[0]).collect();
    assert_eq!(cells.len(), 3);
    assert_eq!(cells[0].cell.plmn, Some(Plmn { mcc: 608, mnc: 1 }));
    assert_eq!(
        cells[0].cell.global,
        Some(GlobalId {
            tac: Some(7000),
            cell_id: 21 * 256 + 11
        })
    );
    assert_eq!(
        cells[0].cell.channel,
        Some(Channel {
            arfcn: 2850,
            pci: 325
        })
    );
    assert_eq!((cells[0].rsrp_dbm, cells[0].rsrq_db), (Some(-81.0), Some(-8.0)));
    assert_eq!(
        cells[1].cell.global,
        Some(GlobalId {
            tac: Some(9000),
            cell_id: (8 << 16) + 18892
        })
    );
    assert_eq!(
        cells[1].cell.channel,
        Some(Channel {
            arfcn: 3019,
            pci: 398
        })
    );
    assert_eq!(
        (cells[1].rsrp_dbm, cells[2].rsrp_dbm, cells[2].cell.channel),
        (None, None, None)
    );
    assert_eq!(
        (log.report.without_cell, log.report.gaps, log.report.longest_gap_s),
        (2, 1, 16.0)
    );
    assert_adds_up(&log.report);
}

#[test]
fn options_say_what_the_log_does_not() {
    let rows: String = (0..6)
        .map(|k| {
            format!("2019.12.04_14.24.2{k},-8.3,51.{k},0,B,11,LTE,-9{k},-12,,,,B,12AB,1F40,1223435,-,-\n")
        })
        .collect();
    let text = format!("{WIDE}{rows}");
    let options = ImportOptions {
        utc_offset: Offset::constant(1),
        plmn: Some(Plmn { mcc: 272, mnc: 3 }),
        rows: Some(2..5),
    };
    let (all, part) = (imported(&text), import(&text, &options).unwrap());
    assert_eq!(
        (part.fix_rows.as_slice(), part.scan_rows.as_slice()),
        ([2, 3, 4].as_slice(), [2, 3, 4].as_slice())
    );
    assert_eq!(part.report.rows, 3);
    assert_eq!(
        all.drive.gnss[1].time.seconds_since(part.drive.gnss[0].time),
        3600.0
    );
    assert_eq!(part.drive.cells[0].cells[0].cell.plmn, options.plmn);
    let too_many = ImportOptions {
        rows: Some(0..7),
        ..options
    };
    let error = import(&text, &too_many).unwrap_err().to_string();
    assert_eq!(error, "log.csv: expected at least 7 rows, found 6");
}

#[test]
fn other_files_of_the_app_are_recognised() {
    assert_eq!(
        error("Event\tStats\nVoice Calls\t41\n"),
        "log.csv: expected the log of G-NetTrack Pro itself (…_log.txt), found its summary (…_log_stats.txt)"
    );
    assert!(
        error("Timestamp\tLongitude\tEventType\n").ends_with("found its list of events (…_log_events.txt)")
    );
    assert!(
        error("Timestamp\tPINGAVG\tTESTDOWNLINK\n").ends_with("found its data tests (…_log_datatest.txt)")
    );
}

#[test]
fn bad_logs_are_refused_with_line_and_column() {
    let good = "2019.12.04_14.24.21,-8.3,51.8,0,B,11,LTE,-93,-12,,,,B,12AB,1F40,1223435,-,-";
    let broken = |from: &str, to: &str| error(&format!("{WIDE}{good}\n{}\n", good.replacen(from, to, 1)));
    assert_eq!(
        broken("2019.12.04_14.24.21", "04/12/2019 14:24"),
        "log.csv line 3, column Timestamp: expected a time like 2019.12.04_14.24.21, found \"04/12/2019 14:24\""
    );
    assert_eq!(
        broken("51.8", "91"),
        "log.csv line 3, column Latitude: expected a latitude of -90 to 90 degrees, found \"91\""
    );
    assert_eq!(
        broken("-93", "loud"),
        "log.csv line 3, column RSRP: expected a number, found \"loud\""
    );
    assert_eq!(
        broken("12AB", "G2AB"),
        "log.csv line 3, column NODEHEX: expected hexadecimal digits up to FFFFFFF, found \"G2AB\""
    );
    assert_eq!(
        broken("14.24.21", "13.24.21"),
        "log.csv line 3, column Timestamp: expected a time at most 2 s before the latest one so far, \
         found one 3600 s before it"
    );
    assert_eq!(
        error("Timestamp,Longitude,Latitude,RSRP\n"),
        "log.csv line 1: expected the column NetworkMode, found the columns Timestamp,Longitude,Latitude,RSRP"
    );
    assert!(error("").contains("found an empty file"));
}

#[test]
fn a_log_may_break_off_in_its_last_row_only() {
    let good = "2019.12.04_14.24.21,-8.3,51.8,0,B,11,LTE,-93,-12,,,,B,12AB,1F40,1223435,-,-";
    let report = imported(&format!("{WIDE}{good}\n2019.12.04_14.24.22,-8.3,5")).report;
    assert_eq!((report.rows, report.cut_off_rows), (1, 1));
    assert_eq!(
        error(&format!("{WIDE}2019.12.04_14.24.22,-8.3,5\n{good}\n")),
        "log.csv line 2: expected 18 fields as in the header, found 3"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_rows_are_counted_once_or_refused(
        rows in proptest::collection::vec(
            (0..3_u32, 0..3_u32, prop::sample::select(vec!["LTE", "5G", "HSPA+", "GPRS", "-", "?"]),
             -140..-40_i32, "[0-9]{1,3}", prop::sample::select(vec!["B", "27DB", "0", "-"])),
            0..30,
        ),
    ) {
        let mut second = 10;
        let rows: String = rows.into_iter().map(|(step, place, mode, level, cell, hex)| {
            second = (second + step).min(59);
            format!("2019.12.04_14.24.{second},-8.3,51.{place},0,B,{cell},{mode},{level},-12,,,,{hex},12AB,0,,-,-\n")
        }).collect();
        if let Ok(log) = import(&format!("{WIDE}{rows}"), &ImportOptions::default()) {
            assert_adds_up(&log.report);
            prop_assert_eq!(log.report.fixes as usize, log.drive.gnss.len());
            prop_assert_eq!(log.report.scans as usize, log.drive.cells.len());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9A-F.,_\\t\\n\\r\"]{0,200}") {
        let _ = import(&text, &ImportOptions::default());
        let _ = import(&format!("{WIDE}{text}"), &ImportOptions::default());
        let _ = import(&format!("{TABBED}{text}"), &ImportOptions::default());
    }
}
