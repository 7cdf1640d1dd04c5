//! One row of `cells.csv`.

use fin_core::observation::CellReading;
use fin_core::radio::{CellId, Channel, GlobalId, Plmn, Rat};

use super::rat_from_name;
use super::table::{Column, Row, Table, TableError};

/// What Android reports for an `int` that it does not know (`CellInfo.UNAVAILABLE`).
const UNAVAILABLE: i64 = i32::MAX as i64;
/// What Android reports for a `long` that it does not know (`CellInfo.UNAVAILABLE_LONG`).
const UNAVAILABLE_LONG: i64 = i64::MAX;
/// The largest tracking area code: 24 bits in NR (3GPP TS 38.413, 9.3.3.10), 16 before.
const MAX_TAC: i64 = (1 << 24) - 1;
/// The largest cell identity: 36 bits in NR (3GPP TS 38.413, 9.3.1.7), fewer before.
const MAX_CELL_ID: i64 = (1 << 36) - 1;
/// The largest channel number: the NR-ARFCN of 100 GHz (3GPP TS 38.104, 5.4.2.1).
const MAX_ARFCN: i64 = 3_279_165;
/// The largest physical cell identity: 1008 of them in NR (3GPP TS 38.211, 7.4.2.1), 504 in LTE, 512 in WCDMA.
const MAX_PCI: i64 = 1_007;
/// The qualities that phones report, dB: NR SS-RSRQ −43…20 (3GPP TS 38.133, 10.1.11), LTE and WCDMA inside it.
const QUALITY_RANGE_DB: std::ops::RangeInclusive<f64> = -43.0..=20.0;

/// The columns of `cells.csv` but for the time.
#[derive(Clone, Copy)]
pub(super) struct CellColumns {
    rat: Column,
    mcc: Column,
    mnc: Column,
    tac: Column,
    cell_id: Column,
    arfcn: Column,
    pci: Column,
    serving: Column,
    rsrp_dbm: Column,
    rsrq_db: Column,
}

impl CellColumns {
    /// The columns of `table`.
    pub(super) fn find(table: &Table<'_>) -> Result<Self, TableError> {
        Ok(Self {
            rat: table.required("rat")?,
            mcc: table.required("mcc")?,
            mnc: table.required("mnc")?,
            tac: table.required("tac")?,
            cell_id: table.required("cell_id")?,
            arfcn: table.required("arfcn")?,
            pci: table.required("pci")?,
            serving: table.required("serving")?,
            rsrp_dbm: table.required("rsrp_dbm")?,
            rsrq_db: table.required("rsrq_db")?,
        })
    }

    /// The cell in `row`; adds the placeholders in it to `placeholders`.
    pub(super) fn reading(&self, row: &Row<'_>, placeholders: &mut u64) -> Result<CellReading, TableError> {
        let rat = self.rat(row)?;
        let tac = identity(row, self.tac, MAX_TAC, placeholders)?;
        let cell_id = identity(row, self.cell_id, MAX_CELL_ID, placeholders)?;
        let arfcn = identity(row, self.arfcn, MAX_ARFCN, placeholders)?;
        let pci = identity(row, self.pci, MAX_PCI, placeholders)?;
        let global = cell_id.map(|cell_id| GlobalId {
            tac: tac.map(|tac| tac as u32),
            cell_id: cell_id as u64,
        });
        let channel = arfcn.zip(pci).map(|(arfcn, pci)| Channel {
            arfcn: arfcn as u32,
            pci: pci as u16,
        });
        let serving = row.integer(self.serving, 0..=1, "0 or 1")? == Some(1);
        Ok(CellReading {
            cell: CellId {
                rat,
                plmn: self.plmn(row, placeholders)?,
                global,
                channel,
            },
            serving,
            rsrp_dbm: level(row, self.rsrp_dbm, rat.level_range_dbm(), placeholders)?,
            rsrq_db: level(row, self.rsrq_db, QUALITY_RANGE_DB, placeholders)?,
        })
    }

    fn rat(&self, row: &Row<'_>) -> Result<Rat, TableError> {
        match row.text(self.rat) {
            None => Ok(Rat::Unknown),
            Some(name) => rat_from_name(name)
                .ok_or_else(|| row.error(self.rat, "one of lte, nr, wcdma, gsm and unknown")),
        }
    }

    /// The network, or `None` when either half is not known.
    fn plmn(&self, row: &Row<'_>, placeholders: &mut u64) -> Result<Option<Plmn>, TableError> {
        let mcc = identity(row, self.mcc, 999, placeholders)?;
        let mnc = identity(row, self.mnc, 999, placeholders)?;
        if mcc == Some(0) {
            return Err(row.error(self.mcc, "an integer of 1 to 999"));
        }
        Ok(mcc.zip(mnc).map(|(mcc, mnc)| Plmn {
            mcc: mcc as u16,
            mnc: mnc as u16,
        }))
    }
}

/// The non-negative integer in `column`; `None` when it is empty or what Android says for "not known".
fn identity(
    row: &Row<'_>,
    column: Column,
    max: i64,
    placeholders: &mut u64,
) -> Result<Option<i64>, TableError> {
    let value = row.integer(column, 0..=i64::MAX, &format!("an integer of 0 to {max}"))?;
    match value {
        Some(UNAVAILABLE | UNAVAILABLE_LONG) => {
            *placeholders += 1;
            Ok(None)
        }
        Some(value) if value > max => Err(row.error(column, &format!("an integer of 0 to {max}"))),
        _ => Ok(value),
    }
}

/// The level in `column`; `None` when it is empty or outside `range`.
fn level(
    row: &Row<'_>,
    column: Column,
    range: std::ops::RangeInclusive<f64>,
    placeholders: &mut u64,
) -> Result<Option<f64>, TableError> {
    let value = row.number(column, f64::MIN..=f64::MAX, "a finite number")?;
    let kept = value.filter(|value| range.contains(value));
    *placeholders += u64::from(kept != value);
    Ok(kept)
}
