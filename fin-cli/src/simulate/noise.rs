//! Smooth random functions of place and of time.

use fin_core::frame::EastNorth;

use super::random::Stream;

/// Plane waves of one [`Field`]. More make it closer to Gaussian; the level of one cell is not, in the real world.
const WAVES: usize = 32;
/// The shortest wave, metres: a phone in a moving car averages what changes faster than that.
const SHORTEST_WAVE_M: f64 = 40.0;

/// A random function of place with unit variance and a correlation that falls as exp(−distance / `length_m`).
///
/// A sum of plane waves with random directions, phases and wave numbers. Wave numbers are drawn from the spectrum
/// of the exponential correlation in the plane, k ∝ √(u⁻² − 1) for uniform u (Gudmundson 1991 for the correlation,
/// Cai and Giannakis 2003 for the sum).
#[derive(Clone, Debug)]
pub(super) struct Field {
    waves: Vec<(EastNorth, f64)>,
}

impl Field {
    /// The field with this correlation length, metres.
    pub(super) fn new(length_m: f64, stream: &mut Stream) -> Self {
        let shortest = std::f64::consts::TAU / SHORTEST_WAVE_M;
        let waves = (0..WAVES)
            .map(|i| {
                // One draw from each of WAVES equal slices of the spectrum, so that every field has its coarse part.
                let u = (i as f64 + stream.unit()).max(1e-3) / WAVES as f64;
                let k = ((1.0 / (u * u) - 1.0).max(0.0).sqrt() / length_m).min(shortest);
                let (sin, cos) = libm::sincos(stream.uniform(0.0, std::f64::consts::TAU));
                let phase = stream.uniform(0.0, std::f64::consts::TAU);
                (
                    EastNorth {
                        east_m: k * cos,
                        north_m: k * sin,
                    },
                    phase,
                )
            })
            .collect();
        Self { waves }
    }

    /// The value at `place`.
    pub(super) fn at(&self, place: EastNorth) -> f64 {
        let sum: f64 = self
            .waves
            .iter()
            .map(|(k, phase)| libm::cos(k.east_m * place.east_m + k.north_m * place.north_m + phase))
            .sum();
        sum * (2.0 / WAVES as f64).sqrt()
    }
}

/// A random function on a line with about unit variance, with knots every `spacing` and cosine ramps between them.
#[derive(Clone, Debug)]
pub(super) struct Ripple {
    spacing: f64,
    knots: Vec<f64>,
}

impl Ripple {
    /// The function on 0…`end`.
    pub(super) fn new(spacing: f64, end: f64, stream: &mut Stream) -> Self {
        let count = (end / spacing).max(0.0) as usize + 3;
        // A ramp half way between two independent knots has half their variance: 4/3 makes up for it on average.
        let knots = (0..count)
            .map(|_| stream.normal() * (4.0_f64 / 3.0).sqrt())
            .collect();
        Self { spacing, knots }
    }

    /// The value at `x`; the first or last knot beyond the ends.
    pub(super) fn at(&self, x: f64) -> f64 {
        let cell = (x / self.spacing).clamp(0.0, (self.knots.len() - 2) as f64);
        let index = (cell as usize).min(self.knots.len() - 2);
        let ramp = 0.5 - 0.5 * libm::cos(std::f64::consts::PI * (cell - index as f64));
        self.knots[index] + ramp * (self.knots[index + 1] - self.knots[index])
    }
}

/// Noise with a memory: x ← decay·x + √(1 − decay²)·σ·n, the first-order Gauss–Markov process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wander {
    value: f64,
    sd: f64,
    time_s: f64,
}

impl Wander {
    /// A process in its steady state with standard deviation `sd` and time constant `time_s`.
    pub(super) fn new(sd: f64, time_s: f64, stream: &mut Stream) -> Self {
        Self {
            value: sd * stream.normal(),
            sd,
            time_s,
        }
    }

    /// The value `dt_s` after the last one.
    pub(super) fn step(&mut self, dt_s: f64, stream: &mut Stream) -> f64 {
        let decay = libm::exp(-dt_s / self.time_s);
        self.value = decay * self.value + (1.0 - decay * decay).sqrt() * self.sd * stream.normal();
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_variance_and_the_slope_it_was_made_for() {
        let (length, lag, mut var, mut diff) = (100.0, 22.0, 0.0, 0.0);
        let count = 4_000;
        for i in 0..count {
            let field = Field::new(length, &mut Stream::new(5, "field", i));
            let (a, b) = (
                field.at(EastNorth::default()),
                field.at(EastNorth {
                    east_m: lag,
                    north_m: 0.0,
                }),
            );
            var += a * a / count as f64;
            diff += (a - b) * (a - b) / count as f64;
        }
        let expected = 2.0 * (1.0 - libm::exp(-lag / length));
        assert!((var - 1.0).abs() < 0.08, "variance {var}");
        assert!(
            (diff / expected - 1.0).abs() < 0.15,
            "mean square difference {diff}, expected {expected}"
        );
    }

    #[test]
    fn a_ripple_is_continuous_and_holds_its_ends() {
        let ripple = Ripple::new(30.0, 300.0, &mut Stream::new(5, "ripple", 0));
        for i in 0..3_000 {
            let x = 0.1 * f64::from(i);
            assert!((ripple.at(x + 0.1) - ripple.at(x)).abs() < 0.1);
        }
        assert_eq!(ripple.at(-5.0), ripple.at(0.0));
    }
}
