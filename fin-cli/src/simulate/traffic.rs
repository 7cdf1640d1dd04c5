//! How the car moves: a driver behind other traffic.

use std::str::FromStr;

use super::SimulateError;
use super::noise::Wander;
use super::random::Stream;
use super::roads::Route;

/// Time step, seconds.
const STEP_S: f64 = 0.1;
/// A drive is given up after this long, seconds: a jam that never moves helps nobody.
const LONGEST_S: f64 = 7_200.0;
/// Intelligent driver model: largest acceleration and comfortable braking (m/s²), time gap (s), gap at rest (m)
/// (Treiber, Hennecke and Helbing 2000, table I, with a livelier driver).
const DRIVER: (f64, f64, f64, f64) = (1.4, 1.8, 1.3, 2.5);
/// Length of the vehicle ahead, metres.
const VEHICLE_M: f64 = 5.0;
/// Sideways acceleration in bends that drivers put up with, m/s².
const SIDEWAYS_MPS2: f64 = 2.2;

/// What the road is like on a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Nobody ahead: the limit, as the driver takes it.
    Free,
    /// Somebody ahead who goes now slower, now faster.
    Varying,
    /// A queue from before the portal to somewhere in the tunnel, with stops of up to two minutes.
    Jam,
}

impl Traffic {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Traffic::Free => "free",
            Traffic::Varying => "varying",
            Traffic::Jam => "jam",
        }
    }

    /// All of them.
    pub const ALL: [Traffic; 3] = [Traffic::Free, Traffic::Varying, Traffic::Jam];
}

impl FromStr for Traffic {
    type Err = SimulateError;

    fn from_str(name: &str) -> Result<Self, SimulateError> {
        Self::ALL
            .into_iter()
            .find(|traffic| traffic.name() == name)
            .ok_or_else(|| SimulateError::Traffic {
                name: name.to_owned(),
            })
    }
}

/// Where the car is, and how fast, at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Distance along the route, metres.
    pub along_m: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
}

/// The car's motion over a whole drive.
#[derive(Clone, Debug)]
pub(super) struct Trajectory(Vec<Motion>);

impl Trajectory {
    /// A drive on `route` from `start_m` to `end_m`.
    pub(super) fn new(route: &Route, (start_m, end_m): (f64, f64), traffic: Traffic, seed: u64) -> Self {
        let mut random = Stream::new(seed, "driver", 0);
        let mut leader = Leader::new(traffic, route, Stream::new(seed, "leader", 0));
        let eagerness = random.uniform(0.93, 1.07);
        let mut mood = Wander::new(0.025, 20.0, &mut random);
        let wish = |along_m: f64, mood: f64| (eagerness + mood) * comfortable_mps(route, along_m);
        let mut now = Motion {
            along_m: start_m,
            speed_mps: wish(start_m, 0.0),
        };
        leader.start(now);
        let mut motions = vec![now];
        while now.along_m < end_m && (motions.len() as f64) < LONGEST_S / STEP_S {
            let wish_mps = wish(now.along_m, mood.step(STEP_S, &mut random)).max(1.0);
            let ahead = leader.step(route, now);
            let accel = driver_mps2(
                now.speed_mps,
                wish_mps,
                ahead.map(|at| (at.along_m - now.along_m, at.speed_mps)),
            );
            let speed_mps = (now.speed_mps + accel.clamp(-8.0, 3.0) * STEP_S).max(0.0);
            // The model only ever nears a stop; a foot on the brake makes one.
            let speed_mps = if speed_mps < 0.2 && accel < 0.1 {
                0.0
            } else {
                speed_mps
            };
            now = Motion {
                along_m: now.along_m + 0.5 * (now.speed_mps + speed_mps) * STEP_S,
                speed_mps,
            };
            motions.push(now);
        }
        Self(motions)
    }

    /// How long the drive takes, seconds.
    pub(super) fn duration_s(&self) -> f64 {
        (self.0.len() - 1) as f64 * STEP_S
    }

    /// Where the car is `t_s` after the start; at its first or last place outside the drive.
    pub(super) fn at(&self, t_s: f64) -> Motion {
        let x = (t_s / STEP_S).clamp(0.0, (self.0.len() - 1) as f64);
        let i = (x as usize).min(self.0.len().saturating_sub(2));
        let (a, b, f) = (self.0[i], self.0[(i + 1).min(self.0.len() - 1)], x - i as f64);
        Motion {
            along_m: a.along_m + f * (b.along_m - a.along_m),
            speed_mps: a.speed_mps + f * (b.speed_mps - a.speed_mps),
        }
    }

    /// When the car first is at `along_m`, seconds after the start; `None` when it never gets there.
    pub(super) fn time_at(&self, along_m: f64) -> Option<f64> {
        let index = self.0.partition_point(|motion| motion.along_m < along_m);
        (index < self.0.len()).then_some(index as f64 * STEP_S)
    }
}

/// The intelligent driver model's acceleration, m/s², for the gap and the speed of what is ahead.
fn driver_mps2(speed_mps: f64, wish_mps: f64, ahead: Option<(f64, f64)>) -> f64 {
    let (accel, brake, gap_s, rest_m) = DRIVER;
    let pace = speed_mps / wish_mps;
    let free = if pace > 1.0 {
        // Above the wish the driver lifts the foot or brakes gently, whatever the model's fourth power says.
        (-brake * (pace * pace - 1.0) * 2.0).max(-2.5)
    } else {
        accel * (1.0 - pace * pace * pace * pace)
    };
    let Some((distance_m, other_mps)) = ahead else {
        return free;
    };
    let closing = speed_mps * (speed_mps - other_mps) / (2.0 * (accel * brake).sqrt());
    let wanted_m = rest_m + (speed_mps * gap_s + closing).max(0.0);
    let ratio = wanted_m / (distance_m - VEHICLE_M).max(0.3);
    free.min(accel) - accel * ratio * ratio
}

/// The speed for the limit and the bends of the next seconds, m/s.
fn comfortable_mps(route: &Route, along_m: f64) -> f64 {
    let limit_mps = route.limit_kmh(along_m).min(route.limit_kmh(along_m + 60.0)) / 3.6;
    let curvature = route.path.curvature(along_m + 30.0, 40.0).max(1e-6);
    limit_mps.min((SIDEWAYS_MPS2 / curvature).sqrt())
}

/// Whatever drives ahead: its wish changes from time to time and it obeys it with a car's acceleration.
#[derive(Debug)]
struct Leader {
    traffic: Traffic,
    queue_m: (f64, f64),
    queued: bool,
    now: Motion,
    wish_mps: f64,
    left_s: f64,
    random: Stream,
}

impl Leader {
    fn new(traffic: Traffic, route: &Route, mut random: Stream) -> Self {
        let inside_m = route.exit_m - route.entry_m;
        let from_m = route.entry_m - random.uniform(50.0, 400.0);
        let to_m = route.entry_m + random.uniform(0.3, 0.95) * inside_m;
        let now = Motion {
            along_m: 0.0,
            speed_mps: 0.0,
        };
        Self {
            traffic,
            queue_m: (from_m, to_m),
            queued: false,
            now,
            wish_mps: 0.0,
            left_s: 0.0,
            random,
        }
    }

    fn start(&mut self, behind: Motion) {
        let gap_m = self.random.uniform(40.0, 90.0);
        self.now = Motion {
            along_m: behind.along_m + gap_m,
            speed_mps: behind.speed_mps,
        };
    }

    /// Moves on; what is ahead of `behind`, or `None` on a free road.
    fn step(&mut self, route: &Route, behind: Motion) -> Option<Motion> {
        if self.traffic == Traffic::Free {
            return None;
        }
        self.left_s -= STEP_S;
        if self.left_s <= 0.0 {
            (self.wish_mps, self.left_s) = self.next_wish(route);
        }
        let wish_mps = self.wish_mps.min(comfortable_mps(route, self.now.along_m) * 1.05);
        let accel = (0.6 * (wish_mps - self.now.speed_mps)).clamp(-2.2, 1.3);
        let speed_mps = (self.now.speed_mps + accel * STEP_S).max(0.0);
        self.now = Motion {
            along_m: self.now.along_m + speed_mps * STEP_S,
            speed_mps,
        };
        // Another car moves in when the gap grows far beyond what anybody leaves.
        if self.now.along_m - behind.along_m > 250.0 {
            self.now.along_m = behind.along_m + self.random.uniform(60.0, 120.0);
        }
        Some(self.now)
    }

    /// The next wish, m/s, and how long it holds, seconds.
    fn next_wish(&mut self, route: &Route) -> (f64, f64) {
        let limit_mps = route.limit_kmh(self.now.along_m) / 3.6;
        let queued = self.now.along_m > self.queue_m.0 && self.now.along_m < self.queue_m.1;
        let random = &mut self.random;
        if self.traffic == Traffic::Jam && queued {
            // Whoever gets to the end of a queue stands first.
            return if !std::mem::replace(&mut self.queued, true) || random.chance(0.4) {
                (0.0, (5.0 + random.exponential(20.0)).min(120.0))
            } else {
                (random.uniform(0.8, 6.5), random.uniform(5.0, 25.0))
            };
        }
        if random.chance(0.3) {
            (limit_mps * random.uniform(0.35, 0.7), random.uniform(6.0, 30.0))
        } else {
            (limit_mps * random.uniform(0.8, 1.05), random.uniform(10.0, 40.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Scenario;
    use crate::simulate::town::roads;

    fn trajectory(traffic: Traffic, seed: u64) -> Trajectory {
        let roads = roads(&[Scenario::Tube], None, 1);
        Trajectory::new(&roads.routes[0], (300.0, 5_300.0), traffic, seed)
    }

    #[test]
    fn cars_never_roll_back_nor_brake_harder_than_tyres_allow() {
        for traffic in Traffic::ALL {
            for seed in 0..8 {
                let trajectory = trajectory(traffic, seed);
                for pair in trajectory.0.windows(2) {
                    assert!(pair[1].along_m >= pair[0].along_m);
                    assert!((pair[1].speed_mps - pair[0].speed_mps).abs() <= 8.0 * STEP_S + 1e-9);
                    assert!(pair[1].speed_mps < 35.0);
                }
                assert!(
                    trajectory.at(1e9).along_m >= 5_300.0,
                    "{traffic:?} {seed} does not arrive"
                );
            }
        }
    }

    #[test]
    fn a_free_road_is_quicker_than_a_queue_and_a_queue_has_stops() {
        for seed in 0..8 {
            let (free, jam) = (trajectory(Traffic::Free, seed), trajectory(Traffic::Jam, seed));
            assert!(free.duration_s() < 0.8 * jam.duration_s());
            assert!(jam.0.iter().filter(|motion| motion.speed_mps == 0.0).count() > 30);
            assert!(free.0.iter().all(|motion| motion.speed_mps > 10.0));
        }
    }
}
