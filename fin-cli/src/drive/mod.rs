//! Drive folders: one recorded drive as CSV files, read and written.
//!
//! | file | columns |
//! |---|---|
//! | `gnss.csv` | `t_ms,lat_deg,lon_deg` and, when known, `accuracy_m,speed_mps,bearing_deg` |
//! | `obd.csv` | `t_ms,speed_kmh` |
//! | `cells.csv` | `t_ms,rat,mcc,mnc,tac,cell_id,arfcn,pci,serving,rsrp_dbm,rsrq_db` |
//! | `truth.csv` | `t_ms,lat_deg,lon_deg` |
//!
//! Only `gnss.csv` has to be there. Each file may be gzipped (`gnss.csv.gz`), but not lie there in both forms.

mod cells;
mod error;
mod read;
pub mod table;
#[cfg(test)]
mod tests;
mod write;

pub use error::DriveError;
pub use read::{FileCounts, ReadDrive, ReadReport, ReadTruth, read, read_truth};
pub use write::{pack, write, write_cells, write_gnss, write_obd, write_truth};

use fin_core::radio::Rat;

/// How far back, in milliseconds, the time of a row may lie behind the latest time before it in the same file.
pub const MAX_DISORDER_MS: i64 = 2_000;

/// The fastest plausible speed of a road vehicle, km/h; a reading above it is an error.
pub const MAX_SPEED_KMH: f64 = 400.0;

/// The name of `rat` in `cells.csv`.
pub fn rat_name(rat: Rat) -> &'static str {
    match rat {
        Rat::Lte => "lte",
        Rat::Nr => "nr",
        Rat::Wcdma => "wcdma",
        Rat::Gsm => "gsm",
        Rat::Unknown => "unknown",
    }
}

/// The technology with this name in `cells.csv`, or `None`; upper and lower case are the same.
pub fn rat_from_name(name: &str) -> Option<Rat> {
    [Rat::Lte, Rat::Nr, Rat::Wcdma, Rat::Gsm, Rat::Unknown]
        .into_iter()
        .find(|&rat| name.eq_ignore_ascii_case(rat_name(rat)))
}
