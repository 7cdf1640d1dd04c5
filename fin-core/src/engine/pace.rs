//! How fast traffic flows where the car is, against where GNSS went: drivers keep to speed limits, and slow down where others did.

use serde::{Deserialize, Serialize};

use super::hypothesis::Hypothesis;
use crate::fingerprint::FingerprintDb;
use crate::network::RoadNetwork;

/// Time that drivers take to come to another limit, seconds.
const ADAPTING_S: f64 = 3.0;
/// By what factor traffic becomes slower or faster at most where limits tell.
const MOST_CHANGE: f64 = 2.0;
/// Limits and usual speeds that there may be, m/s.
const LIMITS_MPS: (f64, f64) = (1.0, 100.0);

/// The speed limit that the car obeyed where its last fix was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct EntryLimit {
    mps: Option<f64>,
}

impl EntryLimit {
    /// Whether it can have come from a road: for one read from bytes.
    pub(super) fn is_sound(self) -> bool {
        self.mps.is_none_or(is_limit)
    }
}

fn is_limit(mps: f64) -> bool {
    (LIMITS_MPS.0..=LIMITS_MPS.1).contains(&mps)
}

/// How traffic flows at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// So many times as fast as where the last fix was, by the speed limits; 1 where these are not known.
    ByLimits(f64),
    /// As surveys usually drove where the last fix was and here, m/s.
    BySurveys {
        /// Where the last fix was.
        entry_mps: f64,
        /// Here.
        here_mps: f64,
    },
}

impl Pace {
    /// By what factor traffic is faster at `next` than here, as surveys tell; 1 where they do not.
    pub(super) fn quickening(self, next: Pace) -> f64 {
        match (self, next) {
            (
                Pace::BySurveys { here_mps, .. },
                Pace::BySurveys {
                    here_mps: next_mps, ..
                },
            ) => next_mps / here_mps,
            _ => 1.0,
        }
    }
}

impl Hypothesis {
    /// The limit that is obeyed by a car at a route offset at `speed_mps`.
    pub(super) fn obeyed_limit(&self, network: &RoadNetwork, offset_m: f64, speed_mps: f64) -> EntryLimit {
        EntryLimit {
            mps: self.limit_mps(network, offset_m - ADAPTING_S * speed_mps),
        }
    }

    fn limit_mps(&self, network: &RoadNetwork, offset_m: f64) -> Option<f64> {
        let way = network.way_of(self.locate(offset_m).edge);
        way.max_speed_mps.filter(|&mps| is_limit(mps))
    }

    /// How fast surveys usually drove at a route offset, m/s.
    fn usual_mps(&self, db: &FingerprintDb, offset_m: f64) -> Option<f64> {
        let at = self.locate(offset_m);
        let usual_mps = db.profile(at.edge)?.usual_mps_at(at.offset_m)?;
        Some(usual_mps.clamp(LIMITS_MPS.0, LIMITS_MPS.1))
    }

    /// How traffic flows at a route offset.
    pub(super) fn pace(&self, db: &FingerprintDb, offset_m: f64) -> Pace {
        let surveyed = self.fixed_at_m.and_then(|entry_m| self.usual_mps(db, entry_m));
        if let Some((entry_mps, here_mps)) = surveyed.zip(self.usual_mps(db, offset_m)) {
            return Pace::BySurveys { entry_mps, here_mps };
        }
        let limits = self.entry_limit.mps.zip(self.limit_mps(&db.network, offset_m));
        let pace = limits.map_or(1.0, |(before_mps, here_mps)| here_mps / before_mps);
        Pace::ByLimits(pace.clamp(1.0 / MOST_CHANGE, MOST_CHANGE))
    }
}
