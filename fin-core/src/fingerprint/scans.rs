//! Cleaning of recorded scans: what is no measurement is dropped, and counted.

use serde::Serialize;

use crate::observation::{CellReading, CellScan};
use crate::radio::Plmn;

/// Phones that are asked more often than they measure give the last list again for at most this long, seconds.
const REPEAT_WINDOW_S: f64 = 10.0;
/// This many equal numbers in a list show by themselves that it is the last list again; with fewer, chance may do it.
const NUMBERS_THAT_SHOW_A_REPEAT: usize = 3;
/// So many lists in a row show a repeat when each has too few numbers.
const LISTS_THAT_SHOW_A_REPEAT: u32 = 3;
/// Scans further apart than this have a gap between them, seconds: Android's slowest regular rate is one in 10 s.
const GAP_S: f64 = 15.0;

/// What was dropped from the scans of one drive, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Scans that were the one before once more.
    pub repeated_scans: u32,
    /// Scans taken where the drive's place on the cropped roads was unknown or too vague.
    pub unplaced_scans: u32,
    /// Readings that named no cell.
    pub unnamed_readings: u32,
    /// Readings without a level.
    pub readings_without_level: u32,
    /// Readings with a level outside of what the technology can report.
    pub saturated_readings: u32,
    /// Readings of a cell that the same scan had already.
    pub doubled_readings: u32,
    /// Times without a scan for longer than 15 s.
    pub gaps: u32,
}

/// The scans that are measurements, in time order, with the readings that are; and what was dropped.
///
/// A reading without a network gets the one that the scan's serving cells agree on.
pub fn clean(scans: &[CellScan]) -> (Vec<CellScan>, Dropped) {
    let mut dropped = Dropped::default();
    let mut kept: Vec<CellScan> = Vec::new();
    let mut last: Option<&CellScan> = None;
    let mut in_a_row = 0;
    for scan in scans {
        if let Some(last) = last {
            let dt_s = scan.time.seconds_since(last.time);
            let same = (0.0..REPEAT_WINDOW_S).contains(&dt_s) && same_list(&last.cells, &scan.cells);
            in_a_row = if same { in_a_row + 1 } else { 0 };
            let shown =
                numbers(&scan.cells) >= NUMBERS_THAT_SHOW_A_REPEAT || in_a_row >= LISTS_THAT_SHOW_A_REPEAT;
            if same && (shown || dt_s == 0.0) {
                dropped.repeated_scans += 1;
                continue;
            }
            dropped.gaps += u32::from(dt_s > GAP_S);
            // A chance match must not move the window along, or a long run would never be seen as one.
            if same {
                kept.push(clean_scan(scan, &mut dropped));
                continue;
            }
        }
        last = Some(scan);
        kept.push(clean_scan(scan, &mut dropped));
    }
    (kept, dropped)
}

fn clean_scan(scan: &CellScan, dropped: &mut Dropped) -> CellScan {
    let plmn = serving_plmn(scan);
    let mut cells: Vec<CellReading> = Vec::with_capacity(scan.cells.len());
    for &reading in &scan.cells {
        let mut reading = reading;
        if !reading.cell.is_identified() {
            dropped.unnamed_readings += 1;
            continue;
        }
        match reading.rsrp_dbm {
            None => dropped.readings_without_level += 1,
            Some(level) if !reading.cell.rat.level_range_dbm().contains(&level) => {
                dropped.saturated_readings += 1;
                reading.rsrp_dbm = None;
            }
            Some(_) => {}
        }
        reading.cell.plmn = reading.cell.plmn.or(plmn);
        cells.push(reading);
    }
    CellScan {
        time: scan.time,
        cells,
    }
}

/// The network that all serving cells of `scan` agree on; `None` when they name none or several.
pub fn serving_plmn(scan: &CellScan) -> Option<Plmn> {
    let mut named = scan
        .cells
        .iter()
        .filter(|c| c.serving)
        .filter_map(|c| c.cell.plmn);
    let first = named.next()?;
    named.all(|plmn| plmn == first).then_some(first)
}

fn same_list(a: &[CellReading], b: &[CellReading]) -> bool {
    a.len() == b.len() && (a == b || a.iter().all(|reading| b.contains(reading)))
}

fn numbers(cells: &[CellReading]) -> usize {
    cells
        .iter()
        .map(|c| usize::from(c.rsrp_dbm.is_some()) + usize::from(c.rsrq_db.is_some()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::testing::by_channel;
    use crate::radio::{CellId, Rat};
    use crate::time::Time;

    fn reading(pci: u16, rsrp_dbm: f64) -> CellReading {
        CellReading {
            cell: by_channel(pci),
            serving: false,
            rsrp_dbm: Some(rsrp_dbm),
            rsrq_db: None,
        }
    }

    fn scan(s: i64, cells: &[CellReading]) -> CellScan {
        CellScan {
            time: Time::from_millis(1000 * s),
            cells: cells.to_vec(),
        }
    }

    #[test]
    fn a_list_of_many_numbers_again_within_ten_seconds_is_dropped() {
        let list = [reading(1, -80.0), reading(2, -90.0), reading(3, -95.0)];
        let other_order = [list[2], list[0], list[1]];
        let scans = [
            scan(0, &list),
            scan(2, &other_order),
            scan(9, &list),
            scan(11, &list),
            scan(40, &list),
        ];
        let (kept, dropped) = clean(&scans);
        let seconds: Vec<_> = kept.iter().map(|s| s.time.as_millis() / 1000).collect();
        assert_eq!(seconds, [0, 11, 40]);
        assert_eq!((dropped.repeated_scans, dropped.gaps), (2, 1));
    }

    #[test]
    fn a_single_level_may_stay_for_a_while_but_not_for_long() {
        let scans: Vec<_> = (0..8).map(|s| scan(s, &[reading(1, -80.0)])).collect();
        let (kept, dropped) = clean(&scans);
        assert_eq!((kept.len(), dropped.repeated_scans), (3, 5));
    }

    #[test]
    fn placeholders_and_nameless_readings_are_counted_and_dropped() {
        let nameless = CellReading {
            cell: CellId {
                rat: Rat::Lte,
                ..CellId::default()
            },
            ..reading(0, -80.0)
        };
        let silent = CellReading {
            rsrp_dbm: None,
            ..reading(4, 0.0)
        };
        let list = [
            reading(1, -141.0),
            reading(2, -43.0),
            reading(3, f64::NAN),
            reading(5, -140.0),
            nameless,
            silent,
        ];
        let (kept, dropped) = clean(&[scan(0, &list)]);
        assert_eq!(kept[0].cells.iter().filter(|c| c.rsrp_dbm.is_some()).count(), 1);
        assert_eq!(
            (
                dropped.saturated_readings,
                dropped.unnamed_readings,
                dropped.readings_without_level
            ),
            (3, 1, 1)
        );
    }

    #[test]
    fn neighbours_take_the_network_of_the_serving_cell() {
        let plmn = Plmn { mcc: 228, mnc: 1 };
        let mut serving = reading(1, -80.0);
        serving.serving = true;
        serving.cell.plmn = Some(plmn);
        let (kept, _) = clean(&[scan(0, &[reading(2, -90.0), serving])]);
        assert_eq!(kept[0].cells[0].cell.plmn, Some(plmn));
    }
}
