//! How a car moves while GNSS is away, and how sure that is.

use serde::{Deserialize, Serialize};

use super::WHEEL_PATIENCE_S;
use super::pace::Pace;
use crate::estimate::{AlongTrack, MotionModel, SpeedReversion};

/// More time than any drive takes, seconds.
const MOST_QUEUED_S: f64 = 1e9;

/// How the car may move when GNSS is away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriftModel {
    /// Spread of the wheel-speed distance that no scale explains, m²/s while moving.
    pub wheel_walk_m2_per_s: f64,
    /// Spread of the wheel-speed distance for each m/s that the speed changes, metres: what is left of the latency.
    pub wheel_latency_s: f64,
    /// Standard deviation of what wheel speed has wrong of each start and the stop before it, which is alike in all of them, metres:
    /// cars report no speed, or the least they do, for seconds in which they do otherwise.
    pub start_sigma_m: f64,
    /// Random walk of the speed without wheel speed up to [`lively_mps`](Self::lively_mps), m²/s³.
    pub speed_walk_m2_per_s3: f64,
    /// Speed above which that falls with its inverse, m/s: fast traffic flows evenly.
    pub lively_mps: f64,
    /// Speed below which a car goes at one speed for a time and then at another, as in queues, m/s.
    pub slow_below_mps: f64,
    /// Random walk of such speeds, m²/s³.
    pub slow_walk_m2_per_s3: f64,
    /// Probability per second that such a speed becomes another one.
    pub slow_jump_per_s: f64,
    /// The share of those changes that lead out of the queue.
    pub slow_leave: f64,
    /// Probability per second that a higher speed becomes any speed that is usual.
    pub speed_jump_per_s: f64,
    /// Standard deviation of free-flowing speeds about that at which traffic flows, m/s.
    pub flow_sigma_mps: f64,
    /// Time in which the speed of a car that nothing tells of leans to that at which traffic flows, seconds.
    pub alone_time_s: f64,
    /// Standard deviation of such speeds about that, m/s.
    pub alone_sigma_mps: f64,
    /// The least speed that traffic flows at where surveys do not tell, m/s: who crawls into a tunnel need not crawl through it.
    pub least_flow_mps: f64,
    /// Exponent to which the ratio of the car's speeds before the tunnel and what is usual there is kept: some of it is of the moment.
    pub own_pace_kept: f64,
    /// The least that is then taken for its own pace, as a share of what is usual: who crawls into a tunnel need not crawl through it.
    pub least_own_pace: f64,
    /// Mean of the speeds in a queue, which are spread exponentially, m/s.
    pub queue_mps: f64,
    /// Share of the time spent in queues by who came in fast, and what is added for who came in standing.
    pub queue_share: (f64, f64),
    /// Speed before the tunnel at which that addition is down by a factor e, m/s.
    pub queue_entry_mps: f64,
    /// Speed below which the car is in a queue, m/s.
    pub queue_below_mps: f64,
    /// Time since the portal that is worth as much as the speed there for that share, seconds.
    pub queue_doubt_s: f64,
    /// Time over which what was driven counts for it, seconds.
    pub queue_memory_s: f64,
    /// The most that it becomes.
    pub most_queue_share: f64,
}

impl Default for DriftModel {
    fn default() -> Self {
        Self {
            wheel_walk_m2_per_s: 0.15,
            wheel_latency_s: 0.3,
            start_sigma_m: 0.6,
            speed_walk_m2_per_s3: 0.7,
            lively_mps: 12.0,
            slow_below_mps: 7.0,
            slow_walk_m2_per_s3: 0.1,
            slow_jump_per_s: 0.03,
            slow_leave: 0.05,
            speed_jump_per_s: 0.01,
            flow_sigma_mps: 2.9,
            alone_time_s: 8.0,
            alone_sigma_mps: 3.5,
            least_flow_mps: 12.0,
            own_pace_kept: 0.7,
            least_own_pace: 0.7,
            queue_mps: 4.0,
            queue_share: (0.01, 0.4),
            queue_entry_mps: 4.0,
            queue_below_mps: 3.0,
            queue_doubt_s: 100.0,
            queue_memory_s: 200.0,
            most_queue_share: 0.5,
        }
    }
}

impl DriftModel {
    /// What wheel speed leaves open of the distance driven in `dt_s`, while the speed changed by `change_mps` and the car
    /// moved by `moved_m`: a variance, m².
    pub(super) fn wheel_var_m2(&self, dt_s: f64, moved_m: f64, change_mps: f64) -> f64 {
        let moving_s = moved_m.abs().min(dt_s);
        self.wheel_walk_m2_per_s * moving_s + (change_mps * self.wheel_latency_s).powi(2)
    }

    /// What the start after `starts` others since the place was known adds to what wheel speed leaves open: a variance, m². What is alike
    /// in all n of them comes to n² times that of one.
    pub(super) fn start_var_m2(&self, starts: u32) -> f64 {
        (2.0 * f64::from(starts) + 1.0) * self.start_sigma_m * self.start_sigma_m
    }

    /// What a speed that nothing tells any more adds to the place in `dt_s`: a variance, m². A random walk of the speed with
    /// q m²/s³ comes to q t³ / 3.
    pub(super) fn free_var_m2(&self, dt_s: f64) -> f64 {
        let t = dt_s.max(0.0);
        self.speed_walk_m2_per_s3 * t * t * t / 3.0
    }

    /// The same for a car whose wheel speed has gone, at the time of `track`: it counts as known for a little while.
    pub(super) fn wheelless_var_m2(&self, track: &AlongTrack) -> f64 {
        let since_s = track
            .last_wheel
            .map_or(0.0, |last| track.time.seconds_since(last));
        self.free_var_m2(since_s - WHEEL_PATIENCE_S)
    }

    /// The speed at which traffic flows at a place for who came in at `entry_mps`, m/s.
    pub(super) fn flow_mps(&self, entry_mps: f64, pace: Pace) -> f64 {
        match pace {
            Pace::ByLimits(factor) => factor * entry_mps.max(self.least_flow_mps),
            Pace::BySurveys { own, here_mps } => {
                here_mps * libm::pow(own, self.own_pace_kept).max(self.least_own_pace)
            }
        }
    }

    /// `motion` of a car that nothing tells of, which came in at `entry_mps` and is in queues for the share `queue` of the time, where
    /// traffic flows at `pace`: its speed leans to that of the traffic.
    pub(super) fn in_traffic(
        &self,
        motion: &MotionModel,
        (entry_mps, pace): (f64, Pace),
        queue: f64,
    ) -> MotionModel {
        // A speed that leans so and is driven by accelerations of variance a² has that standard deviation in the long run.
        let times = self.alone_time_s / motion.acceleration_time_s;
        let acceleration_sigma_mps2 = self.alone_sigma_mps / self.alone_time_s * (1.0 + times).sqrt();
        let speed_mps = (1.0 - queue) * self.flow_mps(entry_mps, pace) + queue * self.queue_mps;
        MotionModel {
            acceleration_sigma_mps2,
            reversion: Some(SpeedReversion {
                speed_mps,
                time_s: self.alone_time_s,
            }),
            ..*motion
        }
    }

    /// Share of the time that who came in at `entry_mps` is in queues, after what was `queued` so far.
    pub(super) fn queue_share(&self, entry_mps: f64, queued: &Queued) -> f64 {
        let (least, slow) = self.queue_share;
        let at_entry = least + slow * libm::exp(-entry_mps / self.queue_entry_mps);
        let share = (at_entry * self.queue_doubt_s + queued.slow_s) / (self.queue_doubt_s + queued.all_s);
        share.min(self.most_queue_share)
    }
}

/// Time in queues since the portal, as the belief has it; what is long ago counts less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Queued {
    slow_s: f64,
    all_s: f64,
}

impl Queued {
    /// Adds `dt_s`, of which the car was in a queue with probability `slow`.
    pub(super) fn add(&mut self, slow: f64, dt_s: f64, memory_s: f64) {
        let kept = libm::exp(-dt_s / memory_s);
        let counted_s = dt_s.min(memory_s);
        self.slow_s = kept * self.slow_s + slow * counted_s;
        self.all_s = kept * self.all_s + counted_s;
    }

    /// Whether adding can have led here: for one read from bytes.
    pub(super) fn is_sound(self) -> bool {
        (0.0..=MOST_QUEUED_S).contains(&self.all_s) && (0.0..=self.all_s + 1e-6).contains(&self.slow_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_flows_as_surveys_tell_or_else_as_limits_do() {
        let model = DriftModel::default();
        let surveyed = |own, here_mps| Pace::BySurveys { own, here_mps };
        assert_eq!(model.flow_mps(7.0, surveyed(1.0, 15.0)), 15.0);
        let own = model.flow_mps(22.0, surveyed(1.1, 10.0));
        assert!((10.6..10.8).contains(&own), "{own}");
        // Where all surveys were in queues who is not in one goes on faster.
        let own = model.flow_mps(20.0, surveyed(3.0, 5.0));
        assert!((10.7..10.9).contains(&own), "{own}");
        // Who stood at a light goes on as others do, nearly.
        assert_eq!(model.flow_mps(0.5, surveyed(0.3, 10.0)), 7.0);
        assert_eq!(model.flow_mps(20.0, Pace::ByLimits(0.5)), 10.0);
        assert_eq!(model.flow_mps(1.0, Pace::ByLimits(1.0)), model.least_flow_mps);
        assert_eq!(surveyed(1.1, 10.0).quickening(surveyed(1.1, 12.0)), 1.2);
        assert_eq!(surveyed(1.1, 10.0).quickening(Pace::ByLimits(2.0)), 1.0);
    }

    #[test]
    fn what_is_alike_in_all_starts_grows_with_their_number() {
        let model = DriftModel::default();
        let sigma_m = (0..20)
            .map(|starts| model.start_var_m2(starts))
            .sum::<f64>()
            .sqrt();
        assert!((sigma_m - 20.0 * model.start_sigma_m).abs() < 1e-9);
    }

    #[test]
    fn who_has_been_in_a_queue_is_taken_to_be_in_it_for_longer() {
        let model = DriftModel::default();
        let entered = |mps| model.queue_share(mps, &Queued::default());
        assert!(entered(20.0) < 0.02 && entered(1.0) > 0.3);
        let mut queued = Queued::default();
        for _ in 0..60 {
            queued.add(1.0, 1.0, model.queue_memory_s);
        }
        let after = model.queue_share(20.0, &queued);
        assert!((0.3..0.4).contains(&after), "{after}");
        // Long ago counts little, and a silence for no more than the memory.
        queued.add(0.0, 1e9, model.queue_memory_s);
        assert!(queued.is_sound() && model.queue_share(20.0, &queued) < entered(20.0));
    }
}
