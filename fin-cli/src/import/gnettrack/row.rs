//! The rows of a G-NetTrack Pro log, each by itself.

use fin_core::frame::LatLon;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::cell::{RowCells, known, row_cells};
use super::columns::{Columns, other_file};
use crate::drive::table::{Column, Row, Table, TableError, TextFile};
use crate::drive::{MAX_DISORDER_MS, MAX_SPEED_KMH};
use crate::import::{ImportError, ImportOptions};

/// One row.
pub(super) struct LogRow {
    /// Its number, from 0 at the first one below the header.
    pub number: usize,
    /// Unix time, cut to the second.
    pub second: i64,
    /// Whether it came after a later one.
    pub is_reordered: bool,
    /// Whether all its fields equal those of the row before.
    pub is_repeated: bool,
    /// The last position that the app knew.
    pub position: Option<LatLon>,
    /// The speed at that position, m/s.
    pub speed_mps: Option<f64>,
    /// The cells.
    pub cells: RowCells,
    /// All fields about the radio.
    pub radio: Vec<String>,
    /// Fields without a measured value.
    pub placeholders: u64,
}

/// The rows of a log.
pub(super) struct LogRows {
    /// In the order of their stamps.
    pub rows: Vec<LogRow>,
    /// How many there are.
    pub total: usize,
    /// Whether the log breaks off inside a further row.
    pub cut_off: bool,
}

/// The rows in `file`.
pub(super) fn read_rows(file: &TextFile, options: &ImportOptions) -> Result<LogRows, ImportError> {
    let delimiter = if file.first_line().contains('\t') {
        b'\t'
    } else {
        b','
    };
    let mut table = Table::new(file, delimiter, "Timestamp")?;
    if let Some(found) = other_file(&table) {
        let expected = "the log of G-NetTrack Pro itself (…_log.txt)";
        return Err(ImportError::OtherFile {
            path: file.path().to_owned(),
            expected,
            found,
        });
    }
    let columns = Columns::find(&table)?;
    let mut rows: Vec<LogRow> = Vec::new();
    let mut cut_off = false;
    let mut latest: Option<i64> = None;
    let mut last_fields: Option<Vec<String>> = None;
    loop {
        let row = match table.next_row() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(TableError::FieldCount {
                line,
                expected,
                found,
                ..
            }) if found < expected && file.breaks_off_in(line) => {
                cut_off = true;
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let second = unix_second(&row, columns.stamp, options.utc_offset)?;
        let back_s = latest.map_or(0, |latest| latest - second);
        if back_s * 1000 > MAX_DISORDER_MS {
            return Err(ImportError::TimeBackwards {
                path: file.path().to_owned(),
                line: row.line(),
                back_s,
            });
        }
        latest = latest.max(Some(second));
        let fields: Vec<String> = row.fields().map(str::to_owned).collect();
        let is_repeated = last_fields.as_ref() == Some(&fields);
        last_fields = Some(fields);
        let mut placeholders = 0;
        let cells = row_cells(&row, &columns, options.plmn, &mut placeholders)?;
        rows.push(LogRow {
            number: rows.len(),
            second,
            is_reordered: back_s > 0,
            is_repeated,
            position: position(&row, &columns)?,
            speed_mps: speed_mps(&row, columns.speed)?,
            cells,
            radio: columns.radio_text(&row),
            placeholders,
        });
    }
    rows.sort_by_key(|row| row.second);
    Ok(LogRows {
        total: rows.len(),
        rows,
        cut_off,
    })
}

fn unix_second(row: &Row<'_>, stamp: Column, utc_offset: Offset) -> Result<i64, TableError> {
    let local = row
        .text(stamp)
        .and_then(|text| DateTime::strptime("%Y.%m.%d_%H.%M.%S", text).ok());
    local
        .and_then(|local| utc_offset.to_timestamp(local).ok())
        .map(|timestamp| timestamp.as_second())
        .ok_or_else(|| row.error(stamp, "a time like 2019.12.04_14.24.21"))
}

fn position(row: &Row<'_>, columns: &Columns) -> Result<Option<LatLon>, TableError> {
    if known(row, columns.latitude).is_none() || known(row, columns.longitude).is_none() {
        return Ok(None);
    }
    let lat_deg = row.number(columns.latitude, -90.0..=90.0, "a latitude of -90 to 90 degrees")?;
    let lon_deg = row.number(
        columns.longitude,
        -180.0..=180.0,
        "a longitude of -180 to 180 degrees",
    )?;
    Ok(lat_deg
        .zip(lon_deg)
        .map(|(lat_deg, lon_deg)| LatLon::new(lat_deg, lon_deg)))
}

fn speed_mps(row: &Row<'_>, speed: Column) -> Result<Option<f64>, TableError> {
    if known(row, speed).is_none() {
        return Ok(None);
    }
    let kmh = row.number(speed, 0.0..=MAX_SPEED_KMH, "a speed of 0 to 400 km/h")?;
    Ok(kmh.map(|kmh| kmh / 3.6))
}
