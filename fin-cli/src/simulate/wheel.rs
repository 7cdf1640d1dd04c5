//! What the car's diagnostic socket says.

use fin_core::observation::SpeedSample;
use fin_core::time::Time;

use super::gnss::stamp;
use super::noise::Wander;
use super::random::Stream;
use super::traffic::Trajectory;

/// A car and its adapter on one drive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WheelQuality {
    /// Reported speed over true speed.
    pub scale: f64,
    /// How old the speed is when it arrives, seconds.
    pub latency_s: f64,
    /// Answers per second.
    pub rate_hz: f64,
}

impl WheelQuality {
    /// A car as they come: 0.65 % low on average, between 5 % low and 2 % high.
    pub(super) fn draw(random: &mut Stream) -> Self {
        Self {
            scale: (0.9935 + 0.012 * random.normal()).clamp(0.95, 1.02),
            latency_s: random.uniform(0.12, 0.45),
            rate_hz: random.uniform(1.0, 6.0),
        }
    }
}

/// The readings of a drive: whole km/h, irregular, with gaps.
pub(super) fn readings(
    trajectory: &Trajectory,
    quality: WheelQuality,
    (start, seed): (Time, u64),
) -> Vec<SpeedSample> {
    let mut random = Stream::new(seed, "wheel", 0);
    let mut slip = Wander::new(0.15, 1.5, &mut random);
    let mut readings = Vec::new();
    let mut t_s = random.uniform(0.0, 1.0 / quality.rate_hz);
    while t_s < trajectory.duration_s() {
        // Adapters hang now and then, about once in four minutes.
        let hang_s = if random.chance(1.0 / (240.0 * quality.rate_hz)) {
            random.uniform(2.0, 8.0)
        } else {
            0.0
        };
        let wait_s = random.uniform(0.75, 1.25) / quality.rate_hz + hang_s;
        let measured_s = t_s - (quality.latency_s + 0.03 * random.normal()).clamp(0.1, 0.5);
        let speed_mps = trajectory.at(measured_s.max(0.0)).speed_mps;
        let off_mps = slip.step(wait_s, &mut random);
        // A wheel at rest gives no pulses, hence no noise.
        let moving = if speed_mps > 0.4 {
            speed_mps * quality.scale + off_mps
        } else {
            0.0
        };
        let kmh = (moving * 3.6).max(0.0).round();
        readings.push(SpeedSample {
            time: stamp(start, t_s),
            speed_mps: kmh / 3.6,
        });
        t_s += wait_s;
    }
    readings
}
