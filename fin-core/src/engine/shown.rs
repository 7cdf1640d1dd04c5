//! What was answered last: on one road the answer runs on from it.
//!
//! The likeliest place falls back when a scan says that the car is not as far as was thought, and is put right when fixes are
//! back. A marker that jumps looks like a fault to a driver, so the answer goes there by and by, while the car drives on, and
//! its stated accuracy takes in how far it has to go.

use serde::{Deserialize, Serialize};

use super::belief::Spot;
use super::hypothesis::Hypothesis;
use super::output::RoadPosition;
use crate::network::{EdgeId, RoadNetwork};

/// How fast the answer goes back at most while GNSS is away, m/s.
pub(super) const MOST_BACK_MPS: f64 = 1.9;
/// How fast the answer goes over to fixes, forwards and backwards beside what the car drives, m/s.
const MOST_OVER_MPS: f64 = 9.0;
/// How long that takes at most, seconds; else it goes there at once.
const OVER_PATIENCE_S: f64 = 30.0;
/// How far beyond the route what was answered is looked for, metres.
const FAR_M: f64 = 2e3;

/// The place from which the answer runs on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shown {
    /// The directed edge.
    edge: EdgeId,
    /// Distance along it, metres.
    offset_m: f64,
}

impl Shown {
    /// What was answered, when it was a place on a road.
    pub(super) fn at(road: &RoadPosition) -> Self {
        Self {
            edge: road.edge,
            offset_m: road.edge_offset_m,
        }
    }

    /// Whether it can have been given on `network`: for one read from bytes.
    pub(super) fn is_sound(&self, network: &RoadNetwork) -> bool {
        self.edge.index() < network.edge_count()
            && (0.0..=network.edge(self.edge).length_m).contains(&self.offset_m)
    }

    /// Offset along the route of `hypothesis` of what is answered `since_s` later, when the car is thought to be at `spot` and fixes
    /// are trusted or not, metres. That is at `spot` where the route does not lead over what was answered: on another branch.
    pub(super) fn run_on_m(
        &self,
        (hypothesis, network): (&Hypothesis, &RoadNetwork),
        spot: &Spot,
        since_s: f64,
        by_fixes: bool,
    ) -> f64 {
        let laid = hypothesis.legs.iter().rfind(|leg| leg.edge == self.edge).copied();
        // It may have been beyond what is laid of the route.
        let leg = laid.or_else(|| {
            let mut beyond = hypothesis.onward(network, hypothesis.end_m() + FAR_M);
            beyond
                .find(|onward| onward.leg.edge == self.edge)
                .map(|onward| onward.leg)
        });
        leg.map_or(spot.offset_m, |leg| {
            let shown_m = leg.start_m + self.offset_m;
            if by_fixes {
                over_to_m(shown_m, spot, since_s)
            } else {
                not_back_m(shown_m, spot, since_s)
            }
        })
    }
}

/// Offset of what is answered `since_s` after `shown_m` while fixes tell that the car is at `spot`, metres.
fn over_to_m(shown_m: f64, spot: &Spot, since_s: f64) -> f64 {
    let driven_to_m = shown_m + spot.speed_mps.max(0.0) * since_s;
    let to_go_m = spot.offset_m - driven_to_m;
    if to_go_m.abs() > OVER_PATIENCE_S * MOST_OVER_MPS {
        return spot.offset_m;
    }
    let most_m = MOST_OVER_MPS * since_s;
    let over_m = driven_to_m + to_go_m.clamp(-most_m, most_m);
    over_m.max(shown_m - MOST_BACK_MPS * since_s)
}

/// Offset of what is answered `since_s` after `shown_m` while the car is thought to be at `spot` without fixes, metres.
fn not_back_m(shown_m: f64, spot: &Spot, since_s: f64) -> f64 {
    spot.offset_m.max(shown_m - MOST_BACK_MPS * since_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(offset_m: f64, half68_m: f64, speed_mps: f64) -> Spot {
        Spot {
            offset_m,
            half68_m,
            half95_m: 2.0 * half68_m,
            caution: 1.0,
            speed_mps,
        }
    }

    #[test]
    fn without_fixes_the_answer_goes_forward_at_once_and_back_by_and_by() {
        let car = spot(100.0, 30.0, 10.0);
        assert_eq!(not_back_m(60.0, &car, 0.0), 100.0);
        assert_eq!(not_back_m(120.0, &car, 0.0), 120.0);
        assert_eq!(not_back_m(120.0, &car, 1.0), 120.0 - MOST_BACK_MPS);
        assert_eq!(not_back_m(100.5, &car, 1.0), 100.0);
        assert_eq!(not_back_m(900.0, &car, 1.0), 900.0 - MOST_BACK_MPS, "however far");
    }

    #[test]
    fn the_answer_goes_over_to_fixes_beside_what_is_driven() {
        let car = spot(300.0, 5.0, 20.0);
        assert_eq!(over_to_m(280.0, &car, 0.0), 280.0);
        assert_eq!(over_to_m(260.0, &car, 1.0), 260.0 + 20.0 + MOST_OVER_MPS);
        assert_eq!(over_to_m(310.0, &car, 1.0), 310.0 + 20.0 - MOST_OVER_MPS);
        assert_eq!(over_to_m(278.0, &car, 1.0), 300.0);
        assert_eq!(over_to_m(20.0, &car, 0.0), 300.0, "too far for that");
        // Nor does it go back by a step when the car hardly moves.
        let crawling = spot(300.0, 5.0, 1.0);
        assert_eq!(over_to_m(350.0, &crawling, 1.0), 350.0 - MOST_BACK_MPS);
    }
}
