//! What the phone's GNSS says.

use fin_core::frame::EastNorth;
use fin_core::observation::GnssFix;
use fin_core::time::Time;

use super::noise::Wander;
use super::random::Stream;
use super::roads::{Route, to_degrees};
use super::traffic::Trajectory;

/// From this far off a portal the hill hides half of the sky, metres.
const HILL_M: f64 = 150.0;
/// The last metres before the portal have no view of the sky at all.
const ROOF_M: f64 = 8.0;
/// 68 % radius of a round Gaussian with unit deviation per axis: √(−2 ln 0.32).
const RADIUS_68: f64 = 1.509;

/// What the phone does when it loses the sky.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Says nothing more.
    Silence,
    /// Repeats its last fix with new time stamps for so many seconds.
    Repeat(f64),
    /// Goes on with its last speed and direction for so many seconds.
    Extrapolate(f64),
}

/// How good a phone's GNSS is on one drive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GnssQuality {
    /// Standard deviation of the slow error, metres per axis.
    pub error_m: f64,
    /// What `accuracy_m` says, as a factor of what would be true.
    pub honesty: f64,
    /// What happens in the tunnel.
    pub loss: Loss,
    /// How long after the portal there is no fix, seconds.
    pub silence_s: f64,
    /// How far off the first fix after the portal is, metres per axis (standard deviation).
    pub exit_error_m: f64,
    /// How quickly that settles, seconds.
    pub settle_s: f64,
    /// Whether the first fix after the portal is the last one from before the tunnel.
    pub stale_first: bool,
}

impl GnssQuality {
    /// A phone as they come.
    pub(super) fn draw(random: &mut Stream) -> Self {
        let loss = match random.unit() {
            u if u < 0.5 => Loss::Silence,
            u if u < 0.75 => Loss::Repeat(random.uniform(3.0, 15.0)),
            _ => Loss::Extrapolate(random.uniform(3.0, 10.0)),
        };
        Self {
            error_m: random.uniform(2.0, 5.0),
            honesty: if random.chance(0.8) {
                random.uniform(0.85, 1.25)
            } else {
                random.uniform(0.5, 0.8)
            },
            loss,
            silence_s: random.uniform(0.5, 6.0),
            exit_error_m: random.uniform(5.0, 25.0),
            settle_s: random.uniform(3.0, 10.0),
            stale_first: random.chance(0.1),
        }
    }
}

/// The fixes of a drive, one a second, without any from inside but those that the phone makes up.
pub(super) fn fixes(
    trajectory: &Trajectory,
    route: &Route,
    lane_m: impl Fn(f64) -> f64,
    quality: GnssQuality,
    (start, seed): (Time, u64),
) -> Vec<GnssFix> {
    let mut random = Stream::new(seed, "gnss", 0);
    let mut slow = [(); 2].map(|()| Wander::new(quality.error_m, 45.0, &mut random));
    let mut hill = [(); 2].map(|()| Wander::new(1.0, 4.0, &mut random));
    let mut speed_error = Wander::new(0.15, 5.0, &mut random);
    let phase_s = random.uniform(0.0, 1.0);
    let exit_bias = [random.normal(), random.normal()];
    let exit_s = trajectory.time_at(route.exit_m);
    let mut fixes = Vec::new();
    let mut lost = Lost::default();
    for second in 0..trajectory.duration_s() as usize {
        let t_s = second as f64 + phase_s;
        let time = stamp(start, t_s + 0.004 * random.normal());
        let motion = trajectory.at(t_s);
        let at = route.path.at(motion.along_m);
        let outside_m = (route.entry_m - motion.along_m).max(motion.along_m - route.exit_m);
        let errors = [0, 1].map(|axis| slow[axis].step(1.0, &mut random));
        let echoes = [0, 1].map(|axis| hill[axis].step(1.0, &mut random));
        let speed_off = speed_error.step(1.0, &mut random);
        let since_exit_s = exit_s.map_or(-1.0, |exit_s| t_s - exit_s);
        if outside_m < ROOF_M || (since_exit_s >= 0.0 && since_exit_s < quality.silence_s) {
            fixes.extend(lost.next(&quality, time, &mut random));
            continue;
        }
        if since_exit_s >= 0.0 && quality.stale_first && lost.last.is_some() {
            fixes.extend(lost.last.take().map(|last| GnssFix { time, ..last }));
            continue;
        }
        let hill_m = 7.0 * (1.0 - outside_m / HILL_M).max(0.0);
        let exit_m = if since_exit_s >= 0.0 {
            quality.exit_error_m * libm::exp(-(since_exit_s - quality.silence_s) / quality.settle_s)
        } else {
            0.0
        };
        let true_place = at.aside(lane_m(motion.along_m));
        let error = [0, 1].map(|axis| {
            errors[axis] + hill_m * echoes[axis] + exit_m * exit_bias[axis] + 0.4 * random.normal()
        });
        let place = EastNorth {
            east_m: true_place.east_m + error[0],
            north_m: true_place.north_m + error[1],
        };
        let spread_m = (quality.error_m * quality.error_m + hill_m * hill_m + exit_m * exit_m).sqrt();
        let claim = quality.honesty * libm::exp(0.12 * random.normal());
        let speed_mps =
            (motion.speed_mps + speed_off + 0.1 * random.normal() + 0.02 * exit_m * random.normal()).max(0.0);
        let heading_deg =
            at.heading.bearing_deg() + (1.0 + 12.0 / (1.0 + motion.speed_mps)) * random.normal();
        let fix = GnssFix {
            time,
            position: to_degrees(place),
            accuracy_m: Some(round(claim * RADIUS_68 * spread_m.max(1.8), 10.0)),
            speed_mps: Some(round(speed_mps, 100.0)),
            bearing_deg: (speed_mps > 1.0).then(|| round(heading_deg.rem_euclid(360.0), 10.0) % 360.0),
        };
        lost = Lost {
            last: Some(fix),
            place,
            for_s: 0.0,
        };
        fixes.push(fix);
    }
    fixes
}

/// What the phone remembers of the sky.
#[derive(Default)]
struct Lost {
    last: Option<GnssFix>,
    place: EastNorth,
    for_s: f64,
}

impl Lost {
    /// What the phone makes up one second later.
    fn next(&mut self, quality: &GnssQuality, time: Time, random: &mut Stream) -> Option<GnssFix> {
        let last = self.last?;
        self.for_s += 1.0;
        let accuracy_m = last
            .accuracy_m
            .map(|radius_m| round(radius_m + 2.5 * self.for_s, 10.0));
        match quality.loss {
            Loss::Repeat(until_s) if self.for_s <= until_s => Some(GnssFix { time, ..last }),
            Loss::Extrapolate(until_s) if self.for_s <= until_s => {
                let ahead_m = last.speed_mps? * self.for_s;
                let (sin, cos) = libm::sincos(last.bearing_deg?.to_radians());
                let place = EastNorth {
                    east_m: self.place.east_m + ahead_m * sin + 0.3 * random.normal(),
                    north_m: self.place.north_m + ahead_m * cos + 0.3 * random.normal(),
                };
                Some(GnssFix {
                    time,
                    position: to_degrees(place),
                    accuracy_m,
                    ..last
                })
            }
            _ => None,
        }
    }
}

/// `start` and `t_s` later, to the millisecond as files have it.
pub(super) fn stamp(start: Time, t_s: f64) -> Time {
    Time::from_millis(start.as_millis() + (t_s * 1e3).round() as i64)
}

/// `value` rounded to 1/`parts`.
fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
