//! Raw logs of G-NetTrack Pro, an Android app that writes the serving cell, its level and the position about once a
//! second. `docs/import.md` tells what becomes of each column and each known defect.

mod cell;
mod clock;
mod columns;
mod row;

use std::path::Path;

use fin_core::observation::{CellScan, Drive, GnssFix};
use fin_core::radio::CellId;
use fin_core::time::Time;

use self::cell::RowCells;
use self::clock::{Stamp, row_times_ms};
use self::row::LogRow;
use super::{ImportError, ImportOptions, ImportReport, ImportedLog};
use crate::drive::table::TextFile;

/// A row that says the same of all cells as the last scan less than this long before it repeats that scan: Android
/// measures again at most every 2 s for an app that asks.
const SCAN_PERIOD_MS: i64 = 1_900;

/// A longer time than this without a row is a gap.
const GAP_MS: i64 = 10_000;

/// The drive in the log at `path`.
///
/// # Errors
/// When the file cannot be read, is another one that the app writes, has a field of the wrong type, goes back in time
/// by more than 2 s, or has fewer rows than asked for.
pub fn read(path: &Path, options: &ImportOptions) -> Result<ImportedLog, ImportError> {
    read_text(&TextFile::load(path)?, options)
}

/// The drive in the log that is `file`.
///
/// # Errors
/// As [`read`].
pub fn read_text(file: &TextFile, options: &ImportOptions) -> Result<ImportedLog, ImportError> {
    let row::LogRows { rows, total, cut_off } = row::read_rows(file, options)?;
    let wanted = options.rows.clone().unwrap_or(0..total);
    if wanted.end > total {
        return Err(ImportError::TooFewRows {
            path: file.path().to_owned(),
            expected: wanted.end,
            found: total,
        });
    }
    let is_fix = new_positions(&rows);
    let stamps: Vec<Stamp> = rows
        .iter()
        .zip(&is_fix)
        .map(|(row, &is_fix)| Stamp {
            second: row.second,
            is_fix,
        })
        .collect();
    let times_ms = row_times_ms(&stamps);
    let cut_off_rows = u64::from(cut_off && wanted.end == total);
    let mut builder = Builder::new(ImportReport {
        cut_off_rows,
        ..ImportReport::default()
    });
    for ((row, is_fix), time_ms) in rows.into_iter().zip(is_fix).zip(times_ms) {
        if wanted.contains(&row.number) {
            builder.add(row, is_fix, time_ms);
        }
    }
    Ok(builder.log)
}

/// For each row whether its position is a new one. Repeated rows have none, and the first position of a log is of
/// unknown age.
fn new_positions(rows: &[LogRow]) -> Vec<bool> {
    let mut last = None;
    rows.iter()
        .map(|row| {
            let Some(position) = row.position else {
                return false;
            };
            last.replace(position).is_some_and(|last| last != position)
        })
        .collect()
}

/// A log under construction, row by row in time order.
struct Builder {
    log: ImportedLog,
    last_row_ms: Option<i64>,
    last_scan: Option<(i64, Vec<String>)>,
    last_cell: Option<CellId>,
}

impl Builder {
    fn new(report: ImportReport) -> Self {
        let log = ImportedLog {
            drive: Drive::default(),
            fix_rows: Vec::new(),
            scan_rows: Vec::new(),
            report,
        };
        Self {
            log,
            last_row_ms: None,
            last_scan: None,
            last_cell: None,
        }
    }

    fn add(&mut self, row: LogRow, is_fix: bool, time_ms: i64) {
        let report = &mut self.log.report;
        report.rows += 1;
        report.reordered_rows += u64::from(row.is_reordered);
        let gap_ms = self
            .last_row_ms
            .replace(time_ms)
            .map_or(0, |last_ms| time_ms - last_ms);
        report.gaps += u64::from(gap_ms > GAP_MS);
        report.longest_gap_s = report.longest_gap_s.max(gap_ms as f64 / 1e3);
        if row.is_repeated {
            report.repeated_rows += 1;
            return;
        }
        report.placeholders += row.placeholders;
        let time = Time::from_millis(time_ms);
        match row.position {
            Some(position) if is_fix => {
                report.fixes += 1;
                self.log.fix_rows.push(row.number);
                let (accuracy_m, bearing_deg) = (None, None);
                let fix = GnssFix {
                    time,
                    position,
                    accuracy_m,
                    speed_mps: row.speed_mps,
                    bearing_deg,
                };
                self.log.drive.gnss.push(fix);
            }
            Some(_) => report.stale_positions += 1,
            None => report.without_position += 1,
        }
        self.add_cells(row, time);
    }

    fn add_cells(&mut self, row: LogRow, time: Time) {
        let report = &mut self.log.report;
        let cells = match row.cells {
            RowCells::Heard(cells) => cells,
            RowCells::None => {
                report.without_cell += 1;
                return;
            }
            RowCells::Mixed => {
                report.mixed_cells += 1;
                return;
            }
        };
        let time_ms = time.as_millis();
        let repeats = self
            .last_scan
            .as_ref()
            .is_some_and(|(last_ms, radio)| time_ms - last_ms < SCAN_PERIOD_MS && *radio == row.radio);
        if repeats {
            report.repeated_scans += 1;
            return;
        }
        report.scans += 1;
        self.last_scan = Some((time_ms, row.radio));
        if let Some(serving) = cells
            .iter()
            .map(|reading| reading.cell)
            .find(CellId::is_identified)
        {
            let last = self.last_cell.replace(serving);
            report.handovers += u64::from(last.is_some_and(|last| !is_same_cell(last, serving)));
        }
        self.log.scan_rows.push(row.number);
        self.log.drive.cells.push(CellScan { time, cells });
    }
}

/// Whether `a` and `b` name one cell, by global identity where both have it.
fn is_same_cell(a: CellId, b: CellId) -> bool {
    match (a.global, b.global) {
        (Some(a_id), Some(b_id)) => a.rat == b.rat && a_id.cell_id == b_id.cell_id,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests;
