//! The cells in one row of a G-NetTrack Pro log.

use std::ops::RangeInclusive;

use fin_core::observation::CellReading;
use fin_core::radio::{CellId, Channel, GlobalId, Plmn, Rat};

use super::columns::Columns;
use crate::drive::table::{Column, Row, TableError};

/// The stops of the scale on which 2G and 3G levels are read, dBm: "this or less" and "this or more"
/// (3GPP TS 27.007, 8.5). The app also writes them when it has no level at all.
const SCALE_STOPS_DBM: [f64; 2] = [-113.0, -51.0];
/// Level and quality of a neighbour that is not there.
const NO_NEIGHBOUR: (f64, f64) = (-51.0, -24.0);
/// The qualities that LTE phones report, dB (3GPP TS 36.133, 9.1.7), with room for those of 3G above.
const QUALITY_RANGE_DB: RangeInclusive<f64> = -43.0..=20.0;
/// The largest identity of an LTE or 3G cell, 28 bits.
const MAX_CELL_ID: i64 = (1 << 28) - 1;

/// What one row says about cells.
#[derive(Debug, PartialEq)]
pub(super) enum RowCells {
    /// The serving cell, and a neighbour when there is one.
    Heard(Vec<CellReading>),
    /// No coverage.
    None,
    /// The identity of one technology under the name of another, at a change between them.
    Mixed,
}

/// The cells in `row`; adds the fields without a measured value to `placeholders`.
pub(super) fn row_cells(
    row: &Row<'_>,
    columns: &Columns,
    plmn: Option<Plmn>,
    placeholders: &mut u64,
) -> Result<RowCells, TableError> {
    let Some(rat) = row.text(columns.mode).and_then(technology) else {
        return Ok(RowCells::None);
    };
    let Some(global) = global_id(row, columns, rat)? else {
        return Ok(RowCells::Mixed);
    };
    let level = number(row, columns.level)?;
    let stops: &[f64] = if matches!(rat, Rat::Wcdma | Rat::Gsm) {
        &SCALE_STOPS_DBM
    } else {
        &[]
    };
    let rsrp_dbm = level.filter(|level| rat.level_range_dbm().contains(level) && !stops.contains(level));
    *placeholders += u64::from(rsrp_dbm != level);
    let channel = channel(row, columns, rat, placeholders)?;
    if global.cell_id == 0 && channel.is_none() && rsrp_dbm.is_none() {
        return Ok(RowCells::None);
    }
    let serving = CellReading {
        cell: CellId {
            rat,
            plmn: operator(row, columns)?.or(plmn),
            global: (global.cell_id != 0).then_some(global),
            channel,
        },
        serving: true,
        rsrp_dbm,
        rsrq_db: quality(number(row, columns.quality)?, placeholders),
    };
    let mut cells = vec![serving];
    if rat == Rat::Lte {
        cells.extend(neighbour(row, columns, placeholders)?);
    }
    Ok(RowCells::Heard(cells))
}

/// The technology that the app calls `mode`; `None` for no coverage. Its `5G` is the non-standalone one, whose cell,
/// level and quality are those of the LTE anchor.
fn technology(mode: &str) -> Option<Rat> {
    match mode.to_ascii_uppercase().as_str() {
        "-" | "--" | "NO_COVERAGE" => None,
        "LTE" | "4G" | "5G" => Some(Rat::Lte),
        "HSPA+" | "HSPAP" | "HSPA" | "HSDPA" | "HSUPA" | "UMTS" | "WCDMA" | "3G" => Some(Rat::Wcdma),
        "EDGE" | "GPRS" | "GSM" | "2G" => Some(Rat::Gsm),
        _ => Some(Rat::Unknown),
    }
}

/// The identity, with 0 for an unknown cell; `None` when it belongs to another technology than `rat`.
///
/// An LTE identity is the node's number times 256 plus the cell's (3GPP TS 36.413, 9.2.1.38), a 3G one the
/// controller's times 65536 plus the cell's (3GPP TS 25.331, 10.3.2.2).
fn global_id(row: &Row<'_>, columns: &Columns, rat: Rat) -> Result<Option<GlobalId>, TableError> {
    let node = hexadecimal(row, columns.node_hex)?
        .or(decimal(row, columns.node)?)
        .filter(|&node| node != 0);
    let cell = hexadecimal(row, columns.cell_hex)?
        .or(decimal(row, columns.cell)?)
        .unwrap_or(0);
    let raw = decimal(row, columns.raw_cell)?;
    let cell_bits = match rat {
        Rat::Lte | Rat::Nr => 8,
        Rat::Wcdma | Rat::Gsm | Rat::Unknown => 16,
    };
    let composed = node.map_or(cell, |node| (node << cell_bits) + cell);
    let is_mixed = cell >> cell_bits != 0 || raw.is_some_and(|raw| raw != composed);
    if is_mixed && rat != Rat::Unknown {
        return Ok(None);
    }
    let tac = hexadecimal(row, columns.lac_hex)?
        .or(decimal(row, columns.lac)?)
        .filter(|&tac| tac != 0);
    Ok(Some(GlobalId {
        tac: tac.map(|tac| tac as u32),
        cell_id: raw.unwrap_or(composed),
    }))
}

/// The network in the column `Operator`: three digits of country code, two or three of network code.
fn operator(row: &Row<'_>, columns: &Columns) -> Result<Option<Plmn>, TableError> {
    let Some(digits) = known(row, columns.operator) else {
        return Ok(None);
    };
    let wrong = || row.error(columns.operator, "five or six digits");
    if !matches!(digits.len(), 5 | 6) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let (mcc, mnc) = digits.split_at(3);
    let plmn = Plmn {
        mcc: mcc.parse().map_err(|_| wrong())?,
        mnc: mnc.parse().map_err(|_| wrong())?,
    };
    Ok((plmn.mcc != 0).then_some(plmn))
}

/// The channel, unless its band is that of another technology: at a change the app writes the old one for a while.
fn channel(
    row: &Row<'_>,
    columns: &Columns,
    rat: Rat,
    placeholders: &mut u64,
) -> Result<Option<Channel>, TableError> {
    let (Some(arfcn), Some(code)) = (decimal(row, columns.arfcn)?, decimal(row, columns.psc)?) else {
        return Ok(None);
    };
    let band = row.text(columns.band).unwrap_or_default();
    let (fits, max_code) = match rat {
        Rat::Lte => (band.starts_with('L'), 503),
        Rat::Nr => (band.starts_with('N'), 1007),
        Rat::Wcdma => (band.starts_with('U'), 511),
        Rat::Gsm | Rat::Unknown => (false, 0),
    };
    let is_known = (arfcn, code) != (0, 0) && fits && code <= max_code;
    *placeholders += u64::from(!is_known);
    Ok(is_known.then_some(Channel {
        arfcn: arfcn as u32,
        pci: code as u16,
    }))
}

/// The neighbour, of which the app tells level and quality but not which cell it is.
fn neighbour(
    row: &Row<'_>,
    columns: &Columns,
    placeholders: &mut u64,
) -> Result<Option<CellReading>, TableError> {
    let level = number(row, columns.neighbour_level)?;
    let quality_db = number(row, columns.neighbour_quality)?;
    let Some(level_dbm) = level else { return Ok(None) };
    if level.zip(quality_db) == Some(NO_NEIGHBOUR) || !Rat::Unknown.level_range_dbm().contains(&level_dbm) {
        *placeholders += 1;
        return Ok(None);
    }
    Ok(Some(CellReading {
        cell: CellId::default(),
        serving: false,
        rsrp_dbm: level,
        rsrq_db: quality(quality_db, placeholders),
    }))
}

/// `value` when it is a quality that phones report.
fn quality(value: Option<f64>, placeholders: &mut u64) -> Option<f64> {
    let kept = value.filter(|value| QUALITY_RANGE_DB.contains(value));
    *placeholders += u64::from(kept != value);
    kept
}

/// The field in `column`, or `None` when it is empty or dashes, as the app writes for "not known".
pub(super) fn known<'r>(row: &'r Row<'_>, column: Column) -> Option<&'r str> {
    row.text(column).filter(|field| !matches!(*field, "-" | "--"))
}

fn number(row: &Row<'_>, column: Column) -> Result<Option<f64>, TableError> {
    known(row, column).map_or(Ok(None), |_| row.number(column, f64::MIN..=f64::MAX, "a number"))
}

fn decimal(row: &Row<'_>, column: Column) -> Result<Option<u64>, TableError> {
    if known(row, column).is_none() {
        return Ok(None);
    }
    Ok(row
        .integer(column, 0..=MAX_CELL_ID, "an integer of 0 to 268435455")?
        .map(|value| value as u64))
}

fn hexadecimal(row: &Row<'_>, column: Column) -> Result<Option<u64>, TableError> {
    let Some(digits) = known(row, column) else {
        return Ok(None);
    };
    match u32::from_str_radix(digits, 16) {
        Ok(value) if i64::from(value) <= MAX_CELL_ID => Ok(Some(u64::from(value))),
        _ => Err(row.error(column, "hexadecimal digits up to FFFFFFF")),
    }
}
