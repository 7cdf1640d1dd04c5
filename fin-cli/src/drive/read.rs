//! Reading a drive folder.

use std::path::{Path, PathBuf};

use fin_core::frame::LatLon;
use fin_core::observation::{CellReading, CellScan, Drive, GnssFix, SpeedSample, TruePosition};
use fin_core::time::Time;
use serde::Serialize;

use super::cells::CellColumns;
use super::table::{Column, Row, Table, TableError, TextFile};
use super::{DriveError, MAX_DISORDER_MS, MAX_SPEED_KMH};

/// The largest time that [`Time`] holds, milliseconds.
const MAX_T_MS: i64 = i64::MAX / 1_000_000;

/// Among how many rows of the same time a repeated row is looked for.
const REPEAT_WINDOW: usize = 256;

/// What was found in one file of a drive folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileCounts {
    /// Rows below the header.
    pub rows: u64,
    /// Rows dropped because their position or speed is not known.
    pub without_value: u64,
    /// Rows that came after a later one and were sorted in.
    pub reordered: u64,
    /// Rows dropped because the same row was there already.
    pub repeated: u64,
    /// Fields taken as not known because they hold a value that no phone measures.
    pub placeholders: u64,
}

/// What was found in a drive folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReadReport {
    /// `gnss.csv`.
    pub gnss: FileCounts,
    /// `obd.csv`; `None` when it is not there.
    pub obd: Option<FileCounts>,
    /// `cells.csv`; `None` when it is not there.
    pub cells: Option<FileCounts>,
}

/// A drive folder that was read, without its truth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadDrive {
    /// The observations, each list in time order.
    pub drive: Drive,
    /// What had to be dropped or sorted.
    pub report: ReadReport,
}

/// The `truth.csv` of a drive folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadTruth {
    /// The true positions in time order.
    pub positions: Vec<TruePosition>,
    /// What had to be dropped or sorted.
    pub counts: FileCounts,
}

/// The drive in `folder`. Its `truth.csv` is not opened, see [`read_truth`].
///
/// Rows are sorted by time (stably), rows that repeat another one of the same time are dropped, rows of `cells.csv`
/// with the same time form one scan. Of a fix, an `accuracy_m` of 0 means that it is not known.
///
/// # Errors
/// When `gnss.csv` is missing, a file is there in both forms, or a file cannot be read, lacks a column, holds a
/// field of the wrong type or range, or goes back in time by more than [`MAX_DISORDER_MS`].
pub fn read(folder: &Path) -> Result<ReadDrive, DriveError> {
    let gnss_path = find(folder, "gnss.csv")?.ok_or_else(|| DriveError::MissingFile {
        path: folder.to_owned(),
        file: "gnss.csv",
    })?;
    let (gnss, gnss_counts) = read_gnss(&gnss_path)?;
    let mut drive = Drive {
        gnss,
        ..Drive::default()
    };
    let mut report = ReadReport {
        gnss: gnss_counts,
        ..ReadReport::default()
    };
    if let Some(path) = find(folder, "obd.csv")? {
        let (speed, counts) = read_obd(&path)?;
        drive.speed = speed;
        report.obd = Some(counts);
    }
    if let Some(path) = find(folder, "cells.csv")? {
        let (cells, counts) = read_cells(&path)?;
        drive.cells = cells;
        report.cells = Some(counts);
    }
    Ok(ReadDrive { drive, report })
}

/// The truth in `folder`, or `None` when it has no `truth.csv`.
///
/// # Errors
/// As [`read`], for this one file.
pub fn read_truth(folder: &Path) -> Result<Option<ReadTruth>, DriveError> {
    let Some(path) = find(folder, "truth.csv")? else {
        return Ok(None);
    };
    let (rows, counts) = read_rows(&path, |table| {
        let (lat, lon) = (table.required("lat_deg")?, table.required("lon_deg")?);
        Ok(move |row: &Row<'_>, _: &mut FileCounts| position(row, lat, lon))
    })?;
    let positions = rows.into_iter().map(|(t_ms, position)| TruePosition {
        time: Time::from_millis(t_ms),
        position,
    });
    Ok(Some(ReadTruth {
        positions: positions.collect(),
        counts,
    }))
}

/// The path of `file` or `file`.gz in `folder`, or `None` when neither is there.
fn find(folder: &Path, file: &'static str) -> Result<Option<PathBuf>, DriveError> {
    if !folder.is_dir() {
        let found = if folder.exists() { "a file" } else { "nothing" };
        return Err(DriveError::NotAFolder {
            path: folder.to_owned(),
            found,
        });
    }
    let (plain, gzipped) = (folder.join(file), folder.join(format!("{file}.gz")));
    match (plain.exists(), gzipped.exists()) {
        (true, true) => Err(DriveError::BothForms {
            path: folder.to_owned(),
            file,
        }),
        (true, false) => Ok(Some(plain)),
        (false, true) => Ok(Some(gzipped)),
        (false, false) => Ok(None),
    }
}

fn read_gnss(path: &Path) -> Result<(Vec<GnssFix>, FileCounts), DriveError> {
    let (rows, counts) = read_rows(path, |table| {
        let (lat, lon) = (table.required("lat_deg")?, table.required("lon_deg")?);
        let accuracy = table.optional("accuracy_m")?;
        let (speed, bearing) = (table.optional("speed_mps")?, table.optional("bearing_deg")?);
        Ok(move |row: &Row<'_>, counts: &mut FileCounts| {
            let position = position(row, lat, lon)?;
            let accuracy_m = row.number(accuracy, 0.0..=1e7, "a radius of 0 to 10000000 m")?;
            if accuracy_m == Some(0.0) {
                counts.placeholders += 1;
            }
            let speed_mps = row.number(
                speed,
                0.0..=MAX_SPEED_KMH / 3.6,
                "a speed of 0 to 111.1 m/s (400 km/h)",
            )?;
            let bearing_deg = row.number(bearing, 0.0..=360.0, "a bearing of 0 to 360 degrees")?;
            Ok(position.map(|position| GnssFix {
                time: Time::default(),
                position,
                accuracy_m: accuracy_m.filter(|&a| a > 0.0),
                speed_mps,
                bearing_deg: bearing_deg.map(|b| b % 360.0),
            }))
        })
    })?;
    let at_time = |(t_ms, fix)| GnssFix {
        time: Time::from_millis(t_ms),
        ..fix
    };
    Ok((rows.into_iter().map(at_time).collect(), counts))
}

fn read_obd(path: &Path) -> Result<(Vec<SpeedSample>, FileCounts), DriveError> {
    let (rows, counts) = read_rows(path, |table| {
        let speed = table.required("speed_kmh")?;
        Ok(move |row: &Row<'_>, _: &mut FileCounts| {
            row.number(speed, 0.0..=MAX_SPEED_KMH, "a speed of 0 to 400 km/h")
        })
    })?;
    let sample = |(t_ms, kmh)| SpeedSample {
        time: Time::from_millis(t_ms),
        speed_mps: kmh / 3.6,
    };
    Ok((rows.into_iter().map(sample).collect(), counts))
}

fn read_cells(path: &Path) -> Result<(Vec<CellScan>, FileCounts), DriveError> {
    let (rows, counts) = read_rows(path, |table| {
        let columns = CellColumns::find(table)?;
        Ok(move |row: &Row<'_>, counts: &mut FileCounts| {
            columns.reading(row, &mut counts.placeholders).map(Some)
        })
    })?;
    let scans = rows
        .chunk_by(|(a_ms, _), (b_ms, _)| a_ms == b_ms)
        .map(|rows: &[(i64, CellReading)]| CellScan {
            time: Time::from_millis(rows[0].0),
            cells: rows.iter().map(|(_, reading)| *reading).collect(),
        });
    Ok((scans.collect(), counts))
}

/// The position in `lat` and `lon`, or `None` when either is not known.
fn position(row: &Row<'_>, lat: Column, lon: Column) -> Result<Option<LatLon>, TableError> {
    let lat_deg = row.number(lat, -90.0..=90.0, "a latitude of -90 to 90 degrees")?;
    let lon_deg = row.number(lon, -180.0..=180.0, "a longitude of -180 to 180 degrees")?;
    Ok(lat_deg
        .zip(lon_deg)
        .map(|(lat_deg, lon_deg)| LatLon::new(lat_deg, lon_deg)))
}

/// The rows of a file with their times, sorted and without repeats. `columns` finds the columns and gives the
/// function that reads a row: `None` for one that says nothing.
fn read_rows<T, F>(
    path: &Path,
    columns: impl FnOnce(&Table<'_>) -> Result<F, TableError>,
) -> Result<(Vec<(i64, T)>, FileCounts), DriveError>
where
    T: PartialEq,
    F: Fn(&Row<'_>, &mut FileCounts) -> Result<Option<T>, TableError>,
{
    let file = TextFile::load(path)?;
    let mut table = Table::new(&file, b',', "t_ms")?;
    let t_ms = table.required("t_ms")?;
    let read_row = columns(&table)?;
    let mut counts = FileCounts::default();
    let mut rows = Vec::new();
    let mut latest_ms = None;
    while let Some(row) = table.next_row()? {
        counts.rows += 1;
        let now_ms = row_time(&row, t_ms, latest_ms)?;
        counts.reordered += u64::from(latest_ms.is_some_and(|latest| now_ms < latest));
        latest_ms = latest_ms.max(Some(now_ms));
        match read_row(&row, &mut counts)? {
            Some(value) => rows.push((now_ms, value)),
            None => counts.without_value += 1,
        }
    }
    rows.sort_by_key(|(t_ms, _)| *t_ms);
    let kept = without_repeats(rows, &mut counts.repeated);
    Ok((kept, counts))
}

/// The time of `row`, milliseconds.
fn row_time(row: &Row<'_>, t_ms: Column, latest_ms: Option<i64>) -> Result<i64, DriveError> {
    let expected = "an integer, milliseconds";
    let now_ms = row
        .integer(t_ms, -MAX_T_MS..=MAX_T_MS, expected)?
        .ok_or_else(|| row.error(t_ms, expected))?;
    match latest_ms {
        Some(latest_ms) if now_ms < latest_ms - MAX_DISORDER_MS => Err(DriveError::TimeBackwards {
            path: row.path().to_owned(),
            line: row.line(),
            latest_ms,
            found_ms: now_ms,
            back_s: (latest_ms - now_ms) as f64 * 1e-3,
        }),
        _ => Ok(now_ms),
    }
}

/// `rows` without those that equal an earlier one of the same time; adds their number to `repeated`.
fn without_repeats<T: PartialEq>(rows: Vec<(i64, T)>, repeated: &mut u64) -> Vec<(i64, T)> {
    let mut kept: Vec<(i64, T)> = Vec::with_capacity(rows.len());
    for row in rows {
        let same_time = kept.iter().rev().take_while(|other| other.0 == row.0);
        if same_time.take(REPEAT_WINDOW).any(|other| other.1 == row.1) {
            *repeated += 1;
        } else {
            kept.push(row);
        }
    }
    kept
}
