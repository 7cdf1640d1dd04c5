//! What the engine and the builder take in: GNSS fixes, wheel speeds and cell scans, each with its own time.

use serde::{Deserialize, Serialize};

use crate::frame::LatLon;
use crate::radio::CellId;
use crate::time::Time;

/// A GNSS fix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GnssFix {
    /// When the position was true.
    pub time: Time,
    /// Position.
    pub position: LatLon,
    /// 68 % horizontal radius, metres.
    pub accuracy_m: Option<f64>,
    /// Speed over ground, m/s.
    pub speed_mps: Option<f64>,
    /// Course over ground, degrees clockwise from north.
    pub bearing_deg: Option<f64>,
}

/// A wheel speed as the car reports it (OBD2 PID 0x0D, CAN, or a car API), uncorrected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedSample {
    /// When the reading arrived; the speed it tells of is 0.1–0.5 s older.
    pub time: Time,
    /// Reported speed, m/s, with the car's own scale error.
    pub speed_mps: f64,
}

/// One cell in a scan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellReading {
    /// Which cell.
    pub cell: CellId,
    /// Whether the phone was registered on it.
    pub serving: bool,
    /// Received power (RSRP; RSCP in 3G, RSSI in 2G), dBm; `None` when not reported or a placeholder.
    pub rsrp_dbm: Option<f64>,
    /// Received quality, dB.
    pub rsrq_db: Option<f64>,
}

/// All cells that a phone reported at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellScan {
    /// When the levels were measured.
    pub time: Time,
    /// The cells, in no particular order.
    pub cells: Vec<CellReading>,
}

/// Any one input.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// A GNSS fix.
    Gnss(GnssFix),
    /// A wheel speed.
    Speed(SpeedSample),
    /// A cell scan.
    Cells(CellScan),
}

impl Observation {
    /// The time stamp of the observation.
    pub fn time(&self) -> Time {
        match self {
            Observation::Gnss(fix) => fix.time,
            Observation::Speed(sample) => sample.time,
            Observation::Cells(scan) => scan.time,
        }
    }
}

/// A position known from elsewhere, against which estimates are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruePosition {
    /// When.
    pub time: Time,
    /// Where.
    pub position: LatLon,
}

/// One recorded drive; each list in time order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drive {
    /// GNSS fixes.
    pub gnss: Vec<GnssFix>,
    /// Wheel speeds; empty when the car gave none.
    pub speed: Vec<SpeedSample>,
    /// Cell scans; empty when the phone gave none.
    pub cells: Vec<CellScan>,
}

impl Drive {
    /// All observations of the drive in time order; at the same instant wheel speed comes first, then GNSS, then cells.
    pub fn observations(&self) -> Vec<Observation> {
        let mut all: Vec<Observation> =
            Vec::with_capacity(self.gnss.len() + self.speed.len() + self.cells.len());
        all.extend(self.speed.iter().copied().map(Observation::Speed));
        all.extend(self.gnss.iter().copied().map(Observation::Gnss));
        all.extend(self.cells.iter().cloned().map(Observation::Cells));
        all.sort_by_key(Observation::time);
        all
    }

    /// First and last time stamp, or `None` for a drive without observations.
    pub fn span(&self) -> Option<(Time, Time)> {
        let times = || {
            let gnss = self.gnss.iter().map(|o| o.time);
            gnss.chain(self.speed.iter().map(|o| o.time))
                .chain(self.cells.iter().map(|o| o.time))
        };
        Some((times().min()?, times().max()?))
    }
}
