//! How fast traffic flows where the car is, against where GNSS went: drivers keep to speed limits.

use serde::{Deserialize, Serialize};

use super::hypothesis::Hypothesis;
use crate::network::RoadNetwork;

/// Time that drivers take to come to another limit, seconds.
const ADAPTING_S: f64 = 3.0;
/// By what factor traffic becomes slower or faster at most.
const MOST_CHANGE: f64 = 2.0;
/// Limits that there may be, m/s.
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

    /// By what factor traffic at a route offset flows faster than where the last fix was, ½…2; 1 where limits are not known.
    pub(super) fn pace(&self, network: &RoadNetwork, offset_m: f64) -> f64 {
        let limits = self.entry_limit.mps.zip(self.limit_mps(network, offset_m));
        let pace = limits.map_or(1.0, |(before_mps, here_mps)| here_mps / before_mps);
        pace.clamp(1.0 / MOST_CHANGE, MOST_CHANGE)
    }
}
