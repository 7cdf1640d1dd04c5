//! How the speed of a car without wheel speed changes, over lanes of speeds and over gaits.
//!
//! In a queue a car goes at one speed for a time, or stands, and then at another: a speed below some m/s stays nearly what it is, and
//! becomes any other now and then. Traffic that flows wanders in speed.

use super::drift::DriftModel;
use crate::dtw::lanes::RateLanes;
use crate::fingerprint::matcher::GaitChanges;

/// Speed lanes, one for each m/s from 0.
pub(super) const SPEED_LANES: usize = 51;

/// Gaits, classes of speed that scans are scored for apart: the last lane of each, and the speed that stands for it, m/s.
pub(super) const GAITS: [(usize, f64); 7] = [
    (0, 0.0),
    (2, 1.5),
    (6, 4.5),
    (11, 9.0),
    (18, 15.0),
    (28, 23.0),
    (50, 36.0),
];
/// A probability that makes up for lanes that have none.
const LEAST_SHARE: f64 = 1e-12;
/// How often any speed is driven at least.
const LEAST_USUAL: f64 = 1e-4;
/// The most that a lane is thought to give to a neighbour in one step.
const MOST_WANDERING: f64 = 0.4;

/// One number for each speed lane.
type BySpeed = [f64; SPEED_LANES];
/// One for each gait.
type ByGait<T> = [T; GAITS.len()];

/// What became of each gait within a step, as [`GaitChanges`] has it.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    near: ByGait<[f32; 3]>,
    leaving: ByGait<f32>,
    slow: usize,
    after_slow: ByGait<f32>,
    after_other: ByGait<f32>,
}

/// The gait of a speed lane.
pub(super) fn gait_of(lane: usize) -> usize {
    GAITS.partition_point(|&(last, _)| last < lane)
}

impl Default for Changes {
    /// Every gait stays what it is.
    fn default() -> Self {
        let none = [0.0; GAITS.len()];
        Self {
            near: [[0.0, 1.0, 0.0]; GAITS.len()],
            leaving: none,
            slow: 0,
            after_slow: none,
            after_other: none,
        }
    }
}

impl Changes {
    /// The shares.
    pub(super) fn shares(&self) -> GaitChanges<'_> {
        GaitChanges {
            near: &self.near,
            leaving: &self.leaving,
            slow: self.slow,
            after_slow: &self.after_slow,
            after_other: &self.after_other,
        }
    }
}

/// How traffic flows where the car is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// At what speed, m/s.
    pub(super) mps: f64,
    /// By what factor it becomes faster within the step.
    pub(super) quickening: f64,
}

/// What becomes of speeds within a step.
pub(super) struct SpeedChanges {
    /// By what factor all become faster.
    quickening: f64,
    /// By how much the speed wanders between each lane and the next: variances, m²/s².
    wandering: BySpeed,
    /// How often each lane is driven in the long run.
    usual: BySpeed,
    /// How often each lane follows on a slow one.
    after_slow: BySpeed,
    /// The share of each lane that becomes another speed.
    leaving: BySpeed,
    /// The first lane that is not slow.
    slow: usize,
}

impl SpeedChanges {
    /// Those in `dt_s` in traffic that flows so, of who is in queues for the share `queue` of the time.
    pub(super) fn within(dt_s: f64, model: &DriftModel, flow: Flow, queue: f64) -> Self {
        let slow = libm::ceil(model.slow_below_mps).clamp(0.0, SPEED_LANES as f64) as usize;
        let (flowing, queuing) = flowing_and_queuing(model, flow.mps);
        let by_speed = |queue: f64| -> BySpeed {
            std::array::from_fn(|lane| (1.0 - queue) * flowing[lane] + queue * queuing[lane] + LEAST_USUAL)
        };
        let leaves = |per_s: f64| 1.0 - libm::exp(-per_s * dt_s);
        let (slow_leaves, other_leaves) = (leaves(model.slow_jump_per_s), leaves(model.speed_jump_per_s));
        Self {
            quickening: flow.quickening,
            wandering: wandering(model, dt_s),
            usual: by_speed(queue),
            after_slow: by_speed(1.0 - model.slow_leave),
            leaving: std::array::from_fn(|lane| if lane < slow { slow_leaves } else { other_leaves }),
            slow,
        }
    }

    /// Makes them on `row`, a lane for each speed.
    pub(super) fn make(&self, row: &mut RateLanes) {
        row.quicken(self.quickening);
        row.wander(&self.wandering, &self.usual);
        let (mut of_slow, mut of_fast) = (self.leaving, self.leaving);
        of_slow[self.slow..].fill(0.0);
        of_fast[..self.slow].fill(0.0);
        row.jump(&of_fast, &self.usual);
        row.jump(&of_slow, &self.after_slow);
    }

    /// What they come to between gaits, where the lanes have the probabilities of `row`.
    pub(super) fn of_gaits(&self, row: &RateLanes) -> Changes {
        let mut total = [0.0; GAITS.len()];
        for (lane, share) in row.totals().enumerate() {
            total[gait_of(lane)] += share + LEAST_SHARE;
        }
        let by_gait = |to: &BySpeed| {
            let mut shares = [0.0_f64; GAITS.len()];
            let sum: f64 = to.iter().sum();
            for (lane, weight) in to.iter().enumerate() {
                shares[gait_of(lane)] += weight / sum;
            }
            shares.map(|share| share as f32)
        };
        let mut near = [[0.0_f64; 3]; GAITS.len()];
        let mut leaving = [0.0_f64; GAITS.len()];
        for (lane, share) in row.totals().enumerate() {
            let gait = gait_of(lane);
            let share = (share + LEAST_SHARE) / total[gait];
            let leaves = share * self.leaving[lane];
            leaving[gait] += leaves;
            let mut stays = share - leaves;
            let quicker = (lane as f64 * (self.quickening - 1.0)).clamp(-1.0, 1.0);
            for (side, other) in [(0, lane.wrapping_sub(1)), (2, lane + 1)] {
                if other < SPEED_LANES && gait_of(other) != gait {
                    let ratio = (self.usual[other] / self.usual[lane]).sqrt().clamp(0.5, 2.0);
                    let wanders = (0.5 * self.wandering[lane.min(other)] * ratio).min(MOST_WANDERING);
                    let quickens = if side == 0 { -quicker } else { quicker };
                    // No more than there is: in long steps a lane may be left behind as a whole.
                    let goes = ((share - leaves) * (wanders + quickens.max(0.0))).min(stays);
                    near[gait][side] += goes;
                    stays -= goes;
                }
            }
            near[gait][1] += stays;
        }
        Changes {
            near: near.map(|shares| shares.map(|share| share as f32)),
            leaving: leaving.map(|share| share as f32),
            slow: GAITS.partition_point(|&(last, _)| last < self.slow),
            after_slow: by_gait(&self.after_slow),
            after_other: by_gait(&self.usual),
        }
    }
}

/// By how much speeds wander in `dt_s` between each lane and the next: variances, m²/s².
fn wandering(model: &DriftModel, dt_s: f64) -> BySpeed {
    std::array::from_fn(|lane| {
        let between_mps = lane as f64 + 0.5;
        if between_mps < model.slow_below_mps {
            return model.slow_walk_m2_per_s3 * dt_s;
        }
        let even = (model.lively_mps / between_mps).min(1.0);
        model.speed_walk_m2_per_s3 * dt_s * even
    })
}

/// How often each lane is driven in traffic that flows at about `flow_mps`, and in queues.
fn flowing_and_queuing(model: &DriftModel, flow_mps: f64) -> (BySpeed, BySpeed) {
    let bell = model.flow_sigma_mps * std::f64::consts::TAU.sqrt();
    let flowing = std::array::from_fn(|lane| {
        let off = (lane as f64 - flow_mps) / model.flow_sigma_mps;
        libm::exp(-0.5 * off * off) / bell
    });
    let queuing = std::array::from_fn(|lane| libm::exp(-(lane as f64) / model.queue_mps) / model.queue_mps);
    (flowing, queuing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtw::lanes::Moments;

    #[test]
    fn fast_traffic_flows_evenly_and_queues_from_speed_to_speed() {
        let vars = wandering(&DriftModel::default(), 2.0);
        assert!(vars[..7].iter().all(|&var| (var - 0.2).abs() < 1e-12));
        assert!(vars[7..12].iter().all(|&var| (var - 1.4).abs() < 1e-12));
        assert!(vars[12..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!((vars[24] - 1.4 * 12.0 / 24.5).abs() < 1e-12);
    }

    #[test]
    fn no_gait_gives_more_than_it_has_however_long_the_step() {
        let anchor = Moments {
            position_m: 0.0,
            position_var: 100.0,
            rate: 5.0,
            rate_var: 30.0,
            covariance: 0.0,
        };
        let lanes = (0..SPEED_LANES).map(|lane| lane as f64).collect();
        let row = RateLanes::start(&anchor, lanes, 256, 1.0);
        for quickening in [0.3, 0.9, 1.1, 3.0] {
            let flow = Flow {
                mps: 15.0,
                quickening,
            };
            let gaits = SpeedChanges::within(10.0, &DriftModel::default(), flow, 0.3).of_gaits(&row);
            assert!(
                gaits.near.iter().flatten().all(|&share| share >= 0.0),
                "{gaits:?}"
            );
        }
    }

    #[test]
    fn what_goes_over_between_gaits_is_what_goes_over_between_their_lanes() {
        let anchor = Moments {
            position_m: 0.0,
            position_var: 100.0,
            rate: 8.0,
            rate_var: 30.0,
            covariance: 0.0,
        };
        let lanes = (0..SPEED_LANES).map(|lane| lane as f64).collect();
        let mut row = RateLanes::start(&anchor, lanes, 256, 1.0);
        let flow = Flow {
            mps: 15.0,
            quickening: 1.03,
        };
        let changes = SpeedChanges::within(1.0, &DriftModel::default(), flow, 0.3);
        let by_gait = |row: &RateLanes| {
            let mut sums = [0.0; GAITS.len()];
            for (lane, total) in row.totals().enumerate() {
                sums[gait_of(lane)] += total;
            }
            sums
        };
        let was = by_gait(&row);
        let gaits = changes.of_gaits(&row);
        let share = |from: usize, to: usize| {
            let after = if from < gaits.slow {
                gaits.after_slow
            } else {
                gaits.after_other
            };
            let near = (to + 1)
                .checked_sub(from)
                .and_then(|side| gaits.near[from].get(side));
            gaits.leaving[from] * after[to] + near.unwrap_or(&0.0)
        };
        for from in 0..GAITS.len() {
            let sum: f32 = (0..GAITS.len()).map(|to| share(from, to)).sum();
            assert!((sum - 1.0).abs() < 1e-5);
        }
        changes.make(&mut row);
        for (to, is) in by_gait(&row).iter().enumerate() {
            let comes = |from: usize| was[from] * f64::from(share(from, to));
            let comes: f64 = (0..GAITS.len()).map(comes).sum();
            assert!(
                (comes - is).abs() < 0.03 * is + 1e-4,
                "gait {to}: {comes}, not {is}"
            );
        }
    }
}
