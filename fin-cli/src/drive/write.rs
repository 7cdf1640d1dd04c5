//! Writing a drive folder.
//!
//! Rounded to 1e-7 degrees (11 mm), 1 cm of accuracy, 1 mm/s, 0.01° of bearing, 1e-3 km/h and 0.1 dB; times are cut
//! to the millisecond. Trailing zeros are left out, so whole numbers look whole.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::{Compression, GzBuilder};

use fin_core::observation::{CellReading, CellScan, Drive, GnssFix, SpeedSample, TruePosition};

use super::rat_name;
use crate::atomic::write_atomically;

/// The files of a drive folder.
const TABLES: [&str; 4] = ["gnss.csv", "obd.csv", "cells.csv", "truth.csv"];

/// Writes `drive`, and `truth` when given, to `folder`, which is made when it is not there.
///
/// `gnss.csv` and `cells.csv` are always written, `obd.csv` when there are wheel speeds.
///
/// # Errors
/// What the system says; each file is there whole or as it was before.
pub fn write(folder: &Path, drive: &Drive, truth: Option<&[TruePosition]>) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    write_gnss(folder, &drive.gnss)?;
    write_cells(folder, &drive.cells)?;
    if !drive.speed.is_empty() {
        write_obd(folder, &drive.speed)?;
    }
    truth.map_or(Ok(()), |truth| write_truth(folder, truth))
}

/// Packs every table of the drive folder `folder`: `gnss.csv` becomes `gnss.csv.gz`, and so on.
///
/// The same table always gives the same bytes: no name and no time go into the header.
///
/// # Errors
/// What the system says; a table is there in one form or, between two steps, in both, but never in none.
pub fn pack(folder: &Path) -> io::Result<()> {
    for name in TABLES {
        let plain = folder.join(name);
        let bytes = match fs::read(&plain) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        write_atomically(&folder.join(format!("{name}.gz")), &encoder.finish()?)?;
        fs::remove_file(&plain)?;
    }
    Ok(())
}

/// Writes `gnss.csv` to `folder`.
///
/// # Errors
/// What the system says.
pub fn write_gnss(folder: &Path, fixes: &[GnssFix]) -> io::Result<()> {
    let header = "t_ms,lat_deg,lon_deg,accuracy_m,speed_mps,bearing_deg";
    write_table(folder, "gnss.csv", header, fixes.iter(), |row, fix| {
        row.integer(Some(fix.time.as_millis()));
        row.number(Some(fix.position.lat_deg), 7);
        row.number(Some(fix.position.lon_deg), 7);
        row.number(fix.accuracy_m, 2);
        row.number(fix.speed_mps, 3);
        row.number(fix.bearing_deg, 2);
    })
}

/// Writes `obd.csv` to `folder`.
///
/// # Errors
/// What the system says.
pub fn write_obd(folder: &Path, samples: &[SpeedSample]) -> io::Result<()> {
    write_table(
        folder,
        "obd.csv",
        "t_ms,speed_kmh",
        samples.iter(),
        |row, sample| {
            row.integer(Some(sample.time.as_millis()));
            row.number(Some(sample.speed_mps * 3.6), 3);
        },
    )
}

/// Writes `cells.csv` to `folder`.
///
/// # Errors
/// What the system says.
pub fn write_cells(folder: &Path, scans: &[CellScan]) -> io::Result<()> {
    let header = "t_ms,rat,mcc,mnc,tac,cell_id,arfcn,pci,serving,rsrp_dbm,rsrq_db";
    let rows = scans
        .iter()
        .flat_map(|scan| scan.cells.iter().map(move |cell| (scan.time, cell)));
    write_table(folder, "cells.csv", header, rows, |row, (time, reading)| {
        row.integer(Some(time.as_millis()));
        cell_fields(row, reading);
    })
}

fn cell_fields(row: &mut RowText, reading: &CellReading) {
    let cell = reading.cell;
    row.text(rat_name(cell.rat));
    row.integer(cell.plmn.map(|plmn| plmn.mcc));
    row.integer(cell.plmn.map(|plmn| plmn.mnc));
    row.integer(cell.global.and_then(|global| global.tac));
    row.integer(cell.global.map(|global| global.cell_id));
    row.integer(cell.channel.map(|channel| channel.arfcn));
    row.integer(cell.channel.map(|channel| channel.pci));
    row.integer(Some(u8::from(reading.serving)));
    row.number(reading.rsrp_dbm, 1);
    row.number(reading.rsrq_db, 1);
}

/// Writes `truth.csv` to `folder`.
///
/// # Errors
/// What the system says.
pub fn write_truth(folder: &Path, truth: &[TruePosition]) -> io::Result<()> {
    write_table(
        folder,
        "truth.csv",
        "t_ms,lat_deg,lon_deg",
        truth.iter(),
        |row, at| {
            row.integer(Some(at.time.as_millis()));
            row.number(Some(at.position.lat_deg), 7);
            row.number(Some(at.position.lon_deg), 7);
        },
    )
}

fn write_table<T>(
    folder: &Path,
    name: &str,
    header: &str,
    rows: impl Iterator<Item = T>,
    fields: impl Fn(&mut RowText, T),
) -> io::Result<()> {
    let mut text = RowText(format!("{header}\n"));
    for value in rows {
        fields(&mut text, value);
        text.end();
    }
    write_atomically(&folder.join(name), text.0.as_bytes())
}

/// Text that grows field by field; each field is followed by a comma, which [`RowText::end`] turns into a line end.
struct RowText(String);

impl RowText {
    fn text(&mut self, field: &str) {
        self.0.push_str(field);
        self.0.push(',');
    }

    fn integer(&mut self, value: Option<impl Into<i128>>) {
        self.text(&value.map(|value| value.into().to_string()).unwrap_or_default());
    }

    /// `value` with at most `decimals` of them.
    fn number(&mut self, value: Option<f64>, decimals: usize) {
        if let Some(value) = value {
            let start = self.0.len();
            write!(self.0, "{value:.decimals$}").expect("writing to a string cannot fail");
            let kept = self.0[start..].trim_end_matches('0').trim_end_matches('.').len();
            self.0.truncate(start + kept);
            if self.0[start..] == *"-0" {
                self.0.remove(start);
            }
        }
        self.0.push(',');
    }

    fn end(&mut self) {
        self.0.pop();
        self.0.push('\n');
    }
}
