//! Anchored alignment with a soft minimum, one lane per rate of advance.
//!
//! The accumulated-cost row of anchored DTW, `D'[j] = c(j) + min_k (D[j−k] + penalty[k])`, becomes a likelihood when
//! the minimum is soft (Cuturi and Blondel 2017, *Soft-DTW*: `−log Σ exp(−·)`): the recursion is then the forward
//! algorithm of a hidden Markov model, its cells are probabilities, and the row tells how sure it is.
//!
//! A step pattern that lets every sample advance by any amount forgets how fast the last one advanced. Here the row is
//! kept once per *rate* (a speed, or a factor on an odometer). Within a lane the advance is exact, whatever fraction of
//! a grid step it is, because the lane carries its own phase; between neighbouring lanes flows what may have changed
//! of the rate. The slopes of the warping path are so bounded by what the motion allows.

/// A joint likelihood of position and rate on a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLanes {
    /// Distance between grid points, metres.
    step_m: f64,
    /// Grid points in a lane.
    points: usize,
    /// Position of grid point 0 of a lane with no phase, metres.
    base_m: f64,
    /// Rate of each lane, ascending and evenly spaced.
    rates: Vec<f64>,
    /// What a lane's grid points lie ahead of `base_m + j·step_m`, metres; within half a step.
    phases_m: Vec<f64>,
    /// Probabilities, lane after lane.
    cells: Vec<f32>,
    /// Room for one lane while rows are rewritten.
    scratch: Vec<f32>,
}

/// Mean and spread of position and rate, and how they go together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Mean position, metres.
    pub position_m: f64,
    /// Variance of the position, m².
    pub position_var: f64,
    /// Mean rate.
    pub rate: f64,
    /// Variance of the rate.
    pub rate_var: f64,
    /// Covariance of position and rate.
    pub covariance: f64,
}

impl RateLanes {
    /// The row at the anchor: a Gaussian over position and rate, cut to the grid.
    ///
    /// `rates` are the lanes, ascending and evenly spaced; `points` the grid points of each, `step_m` apart and centred
    /// on the anchor's mean.
    ///
    /// # Panics
    /// When `rates` is empty, `points` is 0 or `step_m` is not positive.
    pub fn start(anchor: &Moments, rates: Vec<f64>, points: usize, step_m: f64) -> Self {
        assert!(
            !rates.is_empty() && points > 0 && step_m > 0.0,
            "a grid has lanes, points and a step"
        );
        let base_m = anchor.position_m - 0.5 * (points - 1) as f64 * step_m;
        let rate_var = anchor.rate_var.max(1e-12);
        let slope = anchor.covariance / rate_var;
        let var = (anchor.position_var - slope * anchor.covariance).max(0.25 * step_m * step_m);
        let mut cells = Vec::with_capacity(rates.len() * points);
        for &rate in &rates {
            let off_rate = rate - anchor.rate;
            let lane_weight = -0.5 * off_rate * off_rate / rate_var;
            let mean = anchor.position_m + slope * off_rate;
            cells.extend((0..points).map(|j| {
                let off = base_m + j as f64 * step_m - mean;
                libm::exp(lane_weight - 0.5 * off * off / var) as f32
            }));
        }
        let lanes = rates.len();
        let mut row = Self {
            step_m,
            points,
            base_m,
            rates,
            phases_m: vec![0.0; lanes],
            cells,
            scratch: vec![0.0; points],
        };
        row.normalise();
        row
    }

    /// Distance between grid points, metres.
    pub fn step_m(&self) -> f64 {
        self.step_m
    }

    /// Number of grid points of a lane.
    pub fn points(&self) -> usize {
        self.points
    }

    /// Position of grid point 0, metres.
    pub fn base_m(&self) -> f64 {
        self.base_m
    }

    /// The lanes' rates.
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }

    /// Advances every lane by `advance_m(rate)` metres and the grid by `frame_m`.
    ///
    /// What leaves the grid is lost; the next [`weigh`](Self::weigh) makes up for it.
    pub fn advance(&mut self, frame_m: f64, advance_m: impl Fn(f64) -> f64) {
        self.base_m += frame_m;
        for lane in 0..self.rates.len() {
            let phase = self.phases_m[lane] + advance_m(self.rates[lane]) - frame_m;
            let whole = libm::round(phase / self.step_m);
            self.phases_m[lane] = phase - whole * self.step_m;
            shift(self.lane_mut(lane), whole as isize);
        }
    }

    /// Moves the grid, not what is on it, so that its middle lies within a step of `centre_m`.
    pub fn recentre(&mut self, centre_m: f64) {
        let middle = self.base_m + 0.5 * (self.points - 1) as f64 * self.step_m;
        let whole = libm::round((centre_m - middle) / self.step_m);
        if whole != 0.0 {
            self.base_m += whole * self.step_m;
            for lane in 0..self.rates.len() {
                shift(self.lane_mut(lane), -whole as isize);
            }
        }
    }

    /// Spreads positions by a variance, m²: a symmetric three-point kernel, repeated where one is not wide enough.
    pub fn diffuse(&mut self, variance: f64) {
        let total = variance / (2.0 * self.step_m * self.step_m);
        let rounds = libm::ceil(total / 0.25).clamp(1.0, 64.0);
        let side = (total / rounds).min(0.25) as f32;
        if side <= 0.0 {
            return;
        }
        let middle = 1.0 - 2.0 * side;
        for _ in 0..rounds as usize {
            for lane in self.cells.chunks_exact_mut(self.points) {
                let mut before = 0.0;
                for j in 0..lane.len() {
                    let here = lane[j];
                    let after = lane.get(j + 1).copied().unwrap_or(0.0);
                    lane[j] = side * (before + after) + middle * here;
                    before = here;
                }
            }
        }
    }

    /// Lets rates change by a random walk of `variance` (in the rate's unit squared), and to any rate at all with
    /// probability `jump`. Mass at the first and last lane stays there rather than leaving.
    pub fn mix(&mut self, variance: f64, jump: f64) {
        let lanes = self.rates.len();
        if lanes < 2 {
            return;
        }
        let spacing = self.rates[1] - self.rates[0];
        let total = variance / (2.0 * spacing * spacing);
        let rounds = libm::ceil(total / 0.25).clamp(1.0, 64.0);
        let side = (total / rounds).min(0.25) as f32;
        if side > 0.0 {
            for _ in 0..rounds as usize {
                self.mix_once(side);
            }
        }
        if jump > 0.0 {
            self.jump(jump as f32);
        }
    }

    /// One exchange of the share `side` with each neighbouring lane.
    fn mix_once(&mut self, side: f32) {
        let (lanes, points) = (self.rates.len(), self.points);
        let mut before = std::mem::take(&mut self.scratch);
        before.fill(0.0);
        let mut before_phase = 0.0;
        for lane in 0..lanes {
            let phase = self.phases_m[lane];
            let (head, tail) = self.cells.split_at_mut((lane + 1) * points);
            let here = &mut head[lane * points..];
            let after = tail.get(..points);
            let below = Blend::new((phase - before_phase) / self.step_m);
            let above =
                Blend::new((phase - self.phases_m.get(lane + 1).copied().unwrap_or(phase)) / self.step_m);
            let ends = usize::from(lane == 0) + usize::from(lane + 1 == lanes);
            let keep = 1.0 - side * (2 - ends) as f32;
            let below_side = if lane == 0 { 0.0 } else { side };
            let mut last_before = 0.0;
            for j in 0..points {
                let old = here[j];
                let from_below = below.at_running(last_before, &before, j);
                let from_above = after.map_or(0.0, |row| above.at(row, j));
                last_before = before[j];
                before[j] = old;
                here[j] = keep * old + below_side * from_below + side * from_above;
            }
            before_phase = phase;
        }
        self.scratch = before;
    }

    /// Hands the share `jump` of every lane out to all lanes alike.
    fn jump(&mut self, jump: f32) {
        let mut sum = std::mem::take(&mut self.scratch);
        sum.fill(0.0);
        for lane in self.cells.chunks_exact(self.points) {
            for (total, &cell) in sum.iter_mut().zip(lane) {
                *total += cell;
            }
        }
        let share = jump / self.rates.len() as f32;
        for lane in self.cells.chunks_exact_mut(self.points) {
            for (cell, &total) in lane.iter_mut().zip(&sum) {
                *cell = (1.0 - jump) * *cell + share * total;
            }
        }
        self.scratch = sum;
    }

    /// Multiplies every lane by a weight and normalises.
    pub fn favour(&mut self, weight: impl Fn(f64) -> f32) {
        for lane in 0..self.rates.len() {
            let factor = weight(self.rates[lane]);
            self.lane_mut(lane).iter_mut().for_each(|cell| *cell *= factor);
        }
        self.normalise();
    }

    /// Multiplies by a likelihood given at the grid points and one given per lane, and normalises.
    ///
    /// Returns the logarithm of the total before normalising: the evidence of the sample. `None`, and nothing is
    /// changed, when no mass would be left.
    pub fn weigh(&mut self, at_points: &[f32], at_lanes: impl Fn(f64) -> f32) -> Option<f64> {
        debug_assert_eq!(at_points.len(), self.points);
        let total: f64 = (0..self.rates.len())
            .map(|lane| self.lane_total(lane, at_points, &at_lanes))
            .sum();
        if !(total.is_finite() && total > 1e-30) {
            return None;
        }
        for lane in 0..self.rates.len() {
            let factor = at_lanes(self.rates[lane]) / total as f32;
            let blend = Blend::new(self.phases_m[lane] / self.step_m);
            let cells = &mut self.cells[lane * self.points..][..self.points];
            for (j, cell) in cells.iter_mut().enumerate() {
                *cell *= factor * blend.at_clamped(at_points, j);
            }
        }
        Some(libm::log(total))
    }

    fn lane_total(&self, lane: usize, at_points: &[f32], at_lanes: &impl Fn(f64) -> f32) -> f64 {
        let blend = Blend::new(self.phases_m[lane] / self.step_m);
        let cells = &self.cells[lane * self.points..][..self.points];
        let sum: f32 = cells
            .iter()
            .enumerate()
            .map(|(j, cell)| cell * blend.at_clamped(at_points, j))
            .sum();
        f64::from(sum * at_lanes(self.rates[lane]))
    }

    /// Writes the likelihood of the position alone at the grid points into `out`, summing to 1 up to what left the grid.
    pub fn marginal(&self, out: &mut Vec<f32>) {
        out.clear();
        out.resize(self.points, 0.0);
        for (lane, cells) in self.cells.chunks_exact(self.points).enumerate() {
            let blend = Blend::new(-self.phases_m[lane] / self.step_m);
            for (j, total) in out.iter_mut().enumerate() {
                *total += blend.at(cells, j);
            }
        }
    }

    /// Mean, variances and covariance of position and rate.
    pub fn moments(&self) -> Moments {
        let (mut w, mut s, mut ss, mut r, mut rr, mut rs) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (lane, cells) in self.cells.chunks_exact(self.points).enumerate() {
            let (mut lw, mut ls, mut lss) = (0.0, 0.0, 0.0);
            for (j, &cell) in cells.iter().enumerate() {
                let (p, j) = (f64::from(cell), j as f64);
                lw += p;
                ls += p * j;
                lss += p * j * j;
            }
            let (phase, h, rate) = (self.phases_m[lane], self.step_m, self.rates[lane]);
            let first = ls * h + phase * lw;
            w += lw;
            s += first;
            ss += lss * h * h + 2.0 * phase * ls * h + phase * phase * lw;
            r += rate * lw;
            rr += rate * rate * lw;
            rs += rate * first;
        }
        let (mean, rate) = (s / w, r / w);
        Moments {
            position_m: self.base_m + mean,
            position_var: (ss / w - mean * mean).max(0.0),
            rate,
            rate_var: (rr / w - rate * rate).max(0.0),
            covariance: rs / w - mean * rate,
        }
    }

    /// Doubles (`true`) or halves the distance between grid points about the middle of the grid.
    pub fn rescale(&mut self, coarser: bool) {
        let (old, new) = (
            self.step_m,
            if coarser {
                2.0 * self.step_m
            } else {
                0.5 * self.step_m
            },
        );
        let middle = 0.5 * (self.points - 1) as f64;
        let mut scratch = std::mem::take(&mut self.scratch);
        for lane in 0..self.rates.len() {
            let cells = &mut self.cells[lane * self.points..][..self.points];
            scratch.copy_from_slice(cells);
            for (j, cell) in cells.iter_mut().enumerate() {
                let at = middle + (j as f64 - middle) * new / old;
                *cell = if coarser {
                    0.5 * interpolate(&scratch, at)
                        + 0.25 * (interpolate(&scratch, at - 1.0) + interpolate(&scratch, at + 1.0))
                } else {
                    interpolate(&scratch, at)
                };
            }
        }
        self.scratch = scratch;
        self.base_m += middle * (old - new);
        self.step_m = new;
        for lane in 0..self.rates.len() {
            let whole = libm::round(self.phases_m[lane] / new);
            self.phases_m[lane] -= whole * new;
            shift(self.lane_mut(lane), whole as isize);
        }
        self.normalise();
    }

    fn lane_mut(&mut self, lane: usize) -> &mut [f32] {
        &mut self.cells[lane * self.points..][..self.points]
    }

    fn normalise(&mut self) {
        let total: f64 = self
            .cells
            .chunks_exact(self.points)
            .map(|lane| f64::from(lane.iter().sum::<f32>()))
            .sum();
        if total > 0.0 {
            let factor = (1.0 / total) as f32;
            self.cells.iter_mut().for_each(|cell| *cell *= factor);
        }
    }
}

/// Linear interpolation in a lane at a constant fraction of a step ahead, −1…1.
#[derive(Clone, Copy)]
struct Blend {
    ahead: f32,
}

impl Blend {
    fn new(ahead: f64) -> Self {
        Self {
            ahead: ahead.clamp(-1.0, 1.0) as f32,
        }
    }

    /// The row at `j + ahead`, zero beyond its ends.
    fn at(self, row: &[f32], j: usize) -> f32 {
        let here = row[j];
        if self.ahead >= 0.0 {
            here + self.ahead * (row.get(j + 1).copied().unwrap_or(0.0) - here)
        } else {
            here - self.ahead * (j.checked_sub(1).map_or(0.0, |i| row[i]) - here)
        }
    }

    /// As [`at`](Self::at) on a row whose entries before `j` have been overwritten; `last` is what stood at `j − 1`.
    fn at_running(self, last: f32, row: &[f32], j: usize) -> f32 {
        let here = row[j];
        if self.ahead >= 0.0 {
            here + self.ahead * (row.get(j + 1).copied().unwrap_or(0.0) - here)
        } else {
            here - self.ahead * (last - here)
        }
    }

    /// The row at `j + ahead`, held at its ends.
    fn at_clamped(self, row: &[f32], j: usize) -> f32 {
        let here = row[j];
        let other = if self.ahead >= 0.0 {
            row.get(j + 1)
        } else {
            j.checked_sub(1).map(|i| &row[i])
        };
        here + self.ahead.abs() * (other.copied().unwrap_or(here) - here)
    }
}

/// `row` at the fractional index `at`, zero beyond its ends.
fn interpolate(row: &[f32], at: f64) -> f32 {
    let low = libm::floor(at);
    let fraction = (at - low) as f32;
    let get = |i: f64| {
        if i >= 0.0 && (i as usize) < row.len() {
            row[i as usize]
        } else {
            0.0
        }
    };
    get(low) * (1.0 - fraction) + get(low + 1.0) * fraction
}

/// Moves the entries of `row` by `by` places towards its end, filling with zeros.
fn shift(row: &mut [f32], by: isize) {
    let n = row.len();
    let places = by.unsigned_abs().min(n);
    if by > 0 {
        row.copy_within(..n - places, places);
        row[..places].fill(0.0);
    } else if by < 0 {
        row.copy_within(places.., 0);
        row[n - places..].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn anchor() -> Moments {
        Moments {
            position_m: 100.0,
            position_var: 25.0,
            rate: 20.0,
            rate_var: 4.0,
            covariance: 3.0,
        }
    }

    fn speeds() -> Vec<f64> {
        (0..46).map(f64::from).collect()
    }

    #[test]
    fn the_anchor_has_the_moments_it_was_given() {
        let got = RateLanes::start(&anchor(), speeds(), 128, 1.0).moments();
        let want = anchor();
        assert!((got.position_m - want.position_m).abs() < 0.01, "{got:?}");
        assert!((got.position_var - want.position_var).abs() < 0.05, "{got:?}");
        assert!((got.rate_var - want.rate_var).abs() < 0.01, "{got:?}");
        assert!((got.covariance - want.covariance).abs() < 0.02, "{got:?}");
    }

    #[test]
    fn advancing_in_any_fractions_is_exact() {
        let mut row = RateLanes::start(&anchor(), speeds(), 256, 2.0);
        for _ in 0..100 {
            row.advance(2.03, |rate| rate * 0.1);
        }
        let got = row.moments();
        let want_var = 25.0 + 2.0 * 3.0 * 10.0 + 4.0 * 100.0;
        assert!((got.position_m - 300.0).abs() < 0.05, "{got:?}");
        assert!((got.position_var - want_var).abs() < 0.01 * want_var, "{got:?}");
    }

    #[test]
    fn diffusing_and_mixing_add_their_variances() {
        let mut row = RateLanes::start(&anchor(), speeds(), 256, 1.0);
        row.advance(0.3, |rate| 0.3 + 0.01 * rate);
        let before = row.moments();
        row.diffuse(7.0);
        row.mix(2.5, 0.0);
        let after = row.moments();
        assert!(
            (after.position_var - before.position_var - 7.0).abs() < 0.3,
            "{before:?} {after:?}"
        );
        assert!(
            (after.rate_var - before.rate_var - 2.5).abs() < 0.02,
            "{before:?} {after:?}"
        );
        assert!((after.position_m - before.position_m).abs() < 0.01);
    }

    #[test]
    fn weighing_is_bayes_rule_and_returns_the_evidence() {
        let mut row = RateLanes::start(
            &Moments {
                covariance: 0.0,
                ..anchor()
            },
            speeds(),
            256,
            1.0,
        );
        let likelihood: Vec<f32> = (0..256)
            .map(|j| {
                let off = row.base_m() + j as f64 - 110.0;
                (-0.5 * off * off / 100.0).exp() as f32
            })
            .collect();
        let evidence = row.weigh(&likelihood, |_| 1.0).unwrap();
        let got = row.moments();
        assert!((got.position_m - 102.0).abs() < 0.02, "{got:?}");
        assert!((got.position_var - 20.0).abs() < 0.1, "{got:?}");
        let want = (100.0_f64 / 125.0).sqrt() * (-0.5 * 100.0 / 125.0_f64).exp();
        assert!((evidence - want.ln()).abs() < 1e-3, "{evidence} {}", want.ln());
    }

    #[test]
    fn nothing_is_changed_when_no_mass_would_be_left() {
        let mut row = RateLanes::start(&anchor(), speeds(), 64, 1.0);
        let before = row.clone();
        assert_eq!(row.weigh(&[0.0; 64], |_| 1.0), None);
        assert_eq!(row, before);
    }

    proptest! {
        #[test]
        fn recentring_and_rescaling_keep_the_moments(offset in -40.0..40.0_f64, coarser: bool) {
            let mut row = RateLanes::start(&anchor(), speeds(), 256, 1.0);
            row.advance(20.3, |rate| rate);
            let before = row.moments();
            row.recentre(before.position_m + offset);
            row.rescale(coarser);
            let after = row.moments();
            prop_assert!((after.position_m - before.position_m).abs() < 0.1, "{before:?} {after:?}");
            prop_assert!((after.rate - before.rate).abs() < 1e-3);
            prop_assert!((after.position_var - before.position_var).abs() < 1.0, "{before:?} {after:?}");
        }

        #[test]
        fn the_marginal_sums_to_one(advance in 0.0..30.0_f64, mix in 0.0..3.0_f64) {
            let mut row = RateLanes::start(&anchor(), speeds(), 256, 2.0);
            row.advance(advance, |rate| rate * advance / 20.0);
            row.mix(mix, 0.01);
            let mut marginal = Vec::new();
            row.marginal(&mut marginal);
            let total: f32 = marginal.iter().sum();
            prop_assert!((total - 1.0).abs() < 1e-3, "{total}");
        }
    }
}
