//! How the speed of a car without wheel speed changes, over lanes of speeds and over gaits.
//!
//! In a queue a car goes at one speed for a time, or stands, and then at another: a speed below some m/s stays nearly what it is, and
//! becomes any other now and then. Traffic that flows wanders in speed.

use super::drift::DriftModel;
use crate::dtw::lanes::RateLanes;

/// Speed lanes, one for each m/s from 0.
pub(super) const SPEED_LANES: usize = 51;

/// Gaits, classes of speed that scans are scored for apart: the last lane of each, and the speed that stands for it, m/s.
pub(super) const GAITS: [(usize, f64); 14] = [
    (0, 0.0),
    (1, 1.0),
    (2, 2.0),
    (3, 3.0),
    (4, 4.0),
    (5, 5.0),
    (6, 6.0),
    (8, 7.5),
    (11, 10.0),
    (15, 13.5),
    (20, 18.0),
    (27, 24.0),
    (36, 32.0),
    (50, 43.0),
];
/// A probability that makes up for lanes that have none.
const LEAST_SHARE: f64 = 1e-12;
/// The most that a lane is thought to give to a neighbour in one step.
const MOST_WANDERING: f64 = 0.4;

/// One number for each speed lane.
type BySpeed = [f64; SPEED_LANES];
/// The share of each gait that goes over to each, gait after gait.
pub(super) type Changes = [f32; GAITS.len() * GAITS.len()];

/// The gait of a speed lane.
pub(super) fn gait_of(lane: usize) -> usize {
    GAITS.partition_point(|&(last, _)| last < lane)
}

/// Every gait stays what it is.
pub(super) fn no_changes() -> Changes {
    std::array::from_fn(|at| if at % (GAITS.len() + 1) == 0 { 1.0 } else { 0.0 })
}

/// What becomes of speeds within a step.
pub(super) struct SpeedChanges {
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
    /// Those in `dt_s` of who came in at `entry_mps` where traffic flows `pace` times as fast now, and is in queues for the share
    /// `queue` of the time.
    pub(super) fn within(dt_s: f64, model: &DriftModel, entry_mps: f64, pace: f64, queue: f64) -> Self {
        let slow = libm::ceil(model.slow_below_mps).clamp(0.0, SPEED_LANES as f64) as usize;
        let by_speed = |queue: f64| usual_speeds(model, pace * entry_mps.max(model.least_flow_mps), queue);
        Self {
            wandering: wandering(model, dt_s),
            usual: by_speed(queue),
            after_slow: by_speed(1.0 - model.slow_leave),
            leaving: std::array::from_fn(|lane| {
                let per_s = if lane < slow {
                    model.slow_jump_per_s
                } else {
                    model.speed_jump_per_s
                };
                1.0 - libm::exp(-per_s * dt_s)
            }),
            slow,
        }
    }

    /// Makes them on `row`, a lane for each speed.
    pub(super) fn make(&self, row: &mut RateLanes) {
        row.wander(&self.wandering, &self.usual);
        let (mut of_slow, mut of_fast) = (self.leaving, self.leaving);
        of_slow[self.slow..].fill(0.0);
        of_fast[..self.slow].fill(0.0);
        row.jump(&of_fast, &self.usual);
        row.jump(&of_slow, &self.after_slow);
    }

    /// What they come to between gaits, where the lanes have the probabilities of `row`.
    pub(super) fn of_gaits(&self, row: &RateLanes) -> Changes {
        let gaits = GAITS.len();
        let mut total = [0.0; GAITS.len()];
        for (lane, share) in row.totals().enumerate() {
            total[gait_of(lane)] += share + LEAST_SHARE;
        }
        let by_gait = |to: &BySpeed| {
            let mut shares = [0.0; GAITS.len()];
            let sum: f64 = to.iter().sum();
            for (lane, weight) in to.iter().enumerate() {
                shares[gait_of(lane)] += weight / sum;
            }
            shares
        };
        let (usual, after_slow) = (by_gait(&self.usual), by_gait(&self.after_slow));
        let mut changes = [0.0_f64; GAITS.len() * GAITS.len()];
        for (lane, share) in row.totals().enumerate() {
            let gait = gait_of(lane);
            let from = &mut changes[gait * gaits..][..gaits];
            let share = (share + LEAST_SHARE) / total[gait];
            let leaves = share * self.leaving[lane];
            let to = if lane < self.slow { &after_slow } else { &usual };
            for (change, weight) in from.iter_mut().zip(to) {
                *change += leaves * weight;
            }
            let mut stays = share - leaves;
            for other in [lane.wrapping_sub(1), lane + 1] {
                if other < SPEED_LANES && gait_of(other) != gait {
                    let ratio = (self.usual[other] / self.usual[lane]).sqrt().clamp(0.5, 2.0);
                    let wanders = (0.5 * self.wandering[lane.min(other)] * ratio).min(MOST_WANDERING);
                    let goes = (share - leaves) * wanders;
                    from[gait_of(other)] += goes;
                    stays -= goes;
                }
            }
            from[gait] += stays;
        }
        changes.map(|share| share as f32)
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

/// How often each lane is driven by who is in queues for the share `queue` of the time, and else in traffic that flows at about
/// `flow_mps`.
fn usual_speeds(model: &DriftModel, flow_mps: f64, queue: f64) -> BySpeed {
    let (least, bell) = (1e-4, model.flow_sigma_mps * std::f64::consts::TAU.sqrt());
    std::array::from_fn(|lane| {
        let speed = lane as f64;
        let off = (speed - flow_mps) / model.flow_sigma_mps;
        let flow = libm::exp(-0.5 * off * off) / bell;
        (1.0 - queue) * flow + queue * libm::exp(-speed / model.queue_mps) / model.queue_mps + least
    })
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
        let changes = SpeedChanges::within(1.0, &DriftModel::default(), 15.0, 1.0, 0.3);
        let by_gait = |row: &RateLanes| {
            let mut sums = [0.0; GAITS.len()];
            for (lane, total) in row.totals().enumerate() {
                sums[gait_of(lane)] += total;
            }
            sums
        };
        let was = by_gait(&row);
        let shares = changes.of_gaits(&row);
        for from in shares.chunks_exact(GAITS.len()) {
            assert!((from.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        changes.make(&mut row);
        for (to, is) in by_gait(&row).iter().enumerate() {
            let comes = |from: usize| was[from] * f64::from(shares[from * GAITS.len() + to]);
            let comes: f64 = (0..GAITS.len()).map(comes).sum();
            assert!(
                (comes - is).abs() < 0.03 * is + 1e-4,
                "gait {to}: {comes}, not {is}"
            );
        }
    }
}
