//! What goes in.

use fin_core::frame::LatLon;
use fin_core::radio::Rat;
use fin_core::time::Time;
use fin_core::{observation, radio};

/// A GNSS fix.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct GnssFix {
    /// When the position was true: nanoseconds on a clock that all observations share.
    pub time_ns: i64,
    /// Latitude, WGS 84 degrees.
    pub lat_deg: f64,
    /// Longitude, WGS 84 degrees.
    pub lon_deg: f64,
    /// 68 % horizontal radius, metres.
    pub accuracy_m: Option<f64>,
    /// Speed over ground, m/s.
    pub speed_mps: Option<f64>,
    /// Course over ground, degrees clockwise from north.
    pub bearing_deg: Option<f64>,
}

/// A wheel speed as the car reports it, uncorrected.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct SpeedSample {
    /// When the reading arrived, nanoseconds.
    pub time_ns: i64,
    /// Reported speed, m/s.
    pub speed_mps: f64,
}

/// Radio access technology.
#[uniffi::remote(Enum)]
pub enum Rat {
    Lte,
    Nr,
    Wcdma,
    Gsm,
    Unknown,
}

/// One cell in a scan. The network counts when both of its codes are given, the channel when both `arfcn` and `pci` are.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct CellReading {
    /// Technology.
    pub rat: Rat,
    /// Mobile country code.
    pub mcc: Option<u16>,
    /// Mobile network code.
    pub mnc: Option<u16>,
    /// Tracking or location area code.
    pub tac: Option<u32>,
    /// Global cell identity within its network.
    pub cell_id: Option<u64>,
    /// Absolute radio-frequency channel number.
    pub arfcn: Option<u32>,
    /// Physical cell identity.
    pub pci: Option<u16>,
    /// Whether the phone is registered on the cell.
    pub serving: bool,
    /// Received power, dBm; none when not reported.
    pub rsrp_dbm: Option<f64>,
    /// Received quality, dB; none when not reported.
    pub rsrq_db: Option<f64>,
}

/// All cells that a phone reported at one instant.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct CellScan {
    /// When the levels were measured, nanoseconds.
    pub time_ns: i64,
    /// The cells, in no particular order.
    pub cells: Vec<CellReading>,
}

impl From<GnssFix> for observation::GnssFix {
    fn from(fix: GnssFix) -> Self {
        Self {
            time: Time::from_nanos(fix.time_ns),
            position: LatLon::new(fix.lat_deg, fix.lon_deg),
            accuracy_m: fix.accuracy_m,
            speed_mps: fix.speed_mps,
            bearing_deg: fix.bearing_deg,
        }
    }
}

impl From<SpeedSample> for observation::SpeedSample {
    fn from(sample: SpeedSample) -> Self {
        Self {
            time: Time::from_nanos(sample.time_ns),
            speed_mps: sample.speed_mps,
        }
    }
}

impl From<CellReading> for observation::CellReading {
    fn from(reading: CellReading) -> Self {
        let tac = reading.tac;
        let plmn = reading.mcc.zip(reading.mnc);
        let channel = reading.arfcn.zip(reading.pci);
        Self {
            cell: radio::CellId {
                rat: reading.rat,
                plmn: plmn.map(|(mcc, mnc)| radio::Plmn { mcc, mnc }),
                global: reading.cell_id.map(|cell_id| radio::GlobalId { tac, cell_id }),
                channel: channel.map(|(arfcn, pci)| radio::Channel { arfcn, pci }),
            },
            serving: reading.serving,
            rsrp_dbm: reading.rsrp_dbm,
            rsrq_db: reading.rsrq_db,
        }
    }
}

impl From<CellScan> for observation::CellScan {
    fn from(scan: CellScan) -> Self {
        Self {
            time: Time::from_nanos(scan.time_ns),
            cells: scan.cells.into_iter().map(Into::into).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbour() -> CellReading {
        CellReading {
            rat: Rat::Lte,
            mcc: Some(272),
            mnc: Some(5),
            tac: Some(101),
            cell_id: None,
            arfcn: Some(6_300),
            pci: Some(17),
            serving: false,
            rsrp_dbm: Some(-97.0),
            rsrq_db: None,
        }
    }

    fn core(reading: CellReading) -> observation::CellReading {
        reading.into()
    }

    #[test]
    fn a_neighbour_keeps_its_channel_and_gets_no_global_identity_from_its_area() {
        let got = core(neighbour());
        assert_eq!(got.cell.plmn, Some(radio::Plmn { mcc: 272, mnc: 5 }));
        assert_eq!(got.cell.global, None);
        assert_eq!(
            got.cell.channel,
            Some(radio::Channel {
                arfcn: 6_300,
                pci: 17
            })
        );
        assert_eq!(
            (got.serving, got.rsrp_dbm, got.rsrq_db),
            (false, Some(-97.0), None)
        );
    }

    #[test]
    fn half_an_identity_is_none() {
        let got = core(CellReading {
            mnc: None,
            pci: None,
            cell_id: Some(1 << 35),
            ..neighbour()
        });
        assert_eq!(got.cell.plmn, None);
        assert_eq!(got.cell.channel, None);
        let global = radio::GlobalId {
            tac: Some(101),
            cell_id: 1 << 35,
        };
        assert_eq!(got.cell.global, Some(global));
    }

    #[test]
    fn nanoseconds_survive() {
        let sample = SpeedSample {
            time_ns: 1_575_000_000_123_456_789,
            speed_mps: 22.2,
        };
        let got: observation::SpeedSample = sample.into();
        assert_eq!(got.time.as_nanos(), 1_575_000_000_123_456_789);
    }
}
