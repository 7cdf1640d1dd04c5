//! Cells of a mobile network and how they are told apart.

use serde::{Deserialize, Serialize};

/// Radio access technology.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rat {
    /// 4G.
    Lte,
    /// 5G.
    Nr,
    /// 3G.
    Wcdma,
    /// 2G.
    Gsm,
    /// Not reported.
    #[default]
    Unknown,
}

impl Rat {
    /// The range of levels in dBm that a phone can report for this technology; anything outside is a placeholder.
    ///
    /// LTE RSRP: 3GPP TS 36.133 9.1.4; NR SS-RSRP: TS 38.133 10.1.6; WCDMA RSCP: TS 25.133 9.1.1;
    /// GSM RSSI: TS 45.008 8.1.4.
    pub fn level_range_dbm(self) -> std::ops::RangeInclusive<f64> {
        match self {
            Rat::Lte => -140.0..=-44.0,
            Rat::Nr => -156.0..=-31.0,
            Rat::Wcdma => -120.0..=-25.0,
            Rat::Gsm => -113.0..=-48.0,
            Rat::Unknown => -156.0..=-25.0,
        }
    }
}

/// A public land mobile network: mobile country code and mobile network code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Plmn {
    /// Mobile country code, 1…999.
    pub mcc: u16,
    /// Mobile network code, 0…999.
    pub mnc: u16,
}

/// A radio channel and the code on it: all that most phones tell of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Channel {
    /// Absolute radio-frequency channel number.
    pub arfcn: u32,
    /// Physical cell identity (PSC for 3G, BSIC for 2G).
    pub pci: u16,
}

/// A cell's global identity within its network: ECGI, NCGI or CGI without the PLMN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GlobalId {
    /// Tracking or location area code, when reported. Not part of what tells LTE and NR cells apart.
    pub tac: Option<u32>,
    /// Cell identity (28 bits in LTE, 36 in NR, 28 in WCDMA, 16 in GSM).
    pub cell_id: u64,
}

/// What one report says about which cell it heard: a global identity, a channel with its code, both, or neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellId {
    /// Technology.
    pub rat: Rat,
    /// Network, when reported.
    pub plmn: Option<Plmn>,
    /// Global identity, when reported.
    pub global: Option<GlobalId>,
    /// Channel and code, when reported.
    pub channel: Option<Channel>,
}

impl CellId {
    /// Whether anything is known by which this cell could be found again.
    pub fn is_identified(&self) -> bool {
        self.global.is_some() || self.channel.is_some()
    }
}
