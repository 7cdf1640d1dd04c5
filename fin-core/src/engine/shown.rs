//! What was answered last: on one road the answer does not run back.
//!
//! The likeliest place falls back when a scan says that the car is not as far as was thought. A marker that jumps backwards
//! looks like a fault to a driver, so the answer waits, or crawls back, until the car has caught up with it, and its stated
//! accuracy takes in what it waits for.

use serde::{Deserialize, Serialize};

use super::belief::Spot;
use super::hypothesis::Hypothesis;
use super::output::RoadPosition;
use crate::network::{EdgeId, RoadNetwork};

/// How fast the answer goes back at most, m/s, and how far from one to the next, metres.
const MOST_BACK_MPS: f64 = 1.5;
const MOST_BACK_M: f64 = 1.9;

/// The place behind which the answer does not fall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shown {
    /// The directed edge.
    edge: EdgeId,
    /// Distance along it, metres.
    offset_m: f64,
}

impl Shown {
    /// Whether it can have been given on `network`: for one read from bytes.
    pub(super) fn is_sound(&self, network: &RoadNetwork) -> bool {
        self.edge.index() < network.edge_count()
            && (-MOST_BACK_M..=network.edge(self.edge).length_m).contains(&self.offset_m)
    }

    /// Where the answer may go on from `before`, what was answered for the present so far, when the last answer is `since_s` old.
    pub(super) fn after(before: &RoadPosition, since_s: f64) -> Self {
        Self {
            edge: before.edge,
            offset_m: before.edge_offset_m - (MOST_BACK_MPS * since_s).clamp(0.0, MOST_BACK_M),
        }
    }

    /// How far `spot` on the route of `hypothesis` lies behind, metres; 0 where the route does not lead over what was answered,
    /// on another branch, and where that is beyond the 68 % interval: the car has turned out to be elsewhere.
    pub(super) fn lead_m(&self, hypothesis: &Hypothesis, spot: &Spot) -> f64 {
        let leg = hypothesis.legs.iter().rfind(|leg| leg.edge == self.edge);
        let lead_m = leg.map_or(0.0, |leg| leg.start_m + self.offset_m - spot.offset_m);
        if lead_m > spot.half68_m {
            0.0
        } else {
            lead_m.max(0.0)
        }
    }
}
