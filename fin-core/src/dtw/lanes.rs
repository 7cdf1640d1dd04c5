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
//!
//! The loops are plain ones that are compiled for each set of vector instructions: every level does the same operations in the same
//! order, so that the bits are the same on every CPU.

use std::ops::Range;

use fearless_simd::{Level, dispatch};
use serde::{Deserialize, Serialize};

/// The share of the whole below which a grid point at either end is given up.
const LEAST_SHARE: f32 = 1e-6;
/// The most that a lane gives to a neighbour in one exchange where all lanes are as usual.
const MOST_EXCHANGE: f64 = 0.25;
/// The most that a lane gives to the next where rates grow or fall.
const MOST_QUICKENING: f64 = 0.5;

/// A joint likelihood of position and rate on a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The grid points from and up to which there is any probability; all cells before and after are zero.
    support: (usize, usize),
    /// Room for lanes while they are rewritten.
    #[serde(skip)]
    scratch: Vec<f32>,
    /// Room for where the points of a new grid lie on the old one: the point before, and the fraction on from there.
    #[serde(skip)]
    places: Vec<(isize, f32)>,
}

/// Mean and spread of position and rate, and how they go together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
        let mut row = Self {
            step_m,
            points,
            base_m: 0.0,
            rates: Vec::new(),
            phases_m: Vec::new(),
            cells: Vec::new(),
            support: (0, points),
            scratch: Vec::new(),
            places: Vec::new(),
        };
        row.start_again(anchor, rates, points, step_m);
        row
    }

    /// Becomes what [`start`](Self::start) gives, in the memory that the row has already.
    ///
    /// # Panics
    /// As there.
    pub fn start_again(
        &mut self,
        anchor: &Moments,
        rates: impl IntoIterator<Item = f64>,
        points: usize,
        step_m: f64,
    ) {
        self.rates.clear();
        self.rates.extend(rates);
        assert!(
            !self.rates.is_empty() && points > 0 && step_m > 0.0,
            "a grid has lanes, points and a step"
        );
        (self.points, self.step_m) = (points, step_m);
        let base_m = anchor.position_m - 0.5 * (points - 1) as f64 * step_m;
        let rate_var = anchor.rate_var.max(1e-12);
        let slope = anchor.covariance / rate_var;
        let var = (anchor.position_var - slope * anchor.covariance).max(0.25 * step_m * step_m);
        self.cells.clear();
        self.cells.reserve(self.rates.len() * points);
        for &rate in &self.rates {
            let off_rate = rate - anchor.rate;
            let lane_weight = -0.5 * off_rate * off_rate / rate_var;
            let mean = anchor.position_m + slope * off_rate;
            self.cells.extend((0..points).map(|j| {
                let off = base_m + j as f64 * step_m - mean;
                libm::exp(lane_weight - 0.5 * off * off / var) as f32
            }));
        }
        self.base_m = base_m;
        self.phases_m.clear();
        self.phases_m.resize(self.rates.len(), 0.0);
        self.scratch.clear();
        self.scratch.resize(points, 0.0);
        self.support = (0, points);
        self.normalise();
    }

    /// Whether the row is one that the functions here can have made: for rows read from bytes.
    pub fn is_sound(&self) -> bool {
        let Self {
            step_m,
            points,
            base_m,
            rates,
            phases_m,
            cells,
            support,
            scratch: _,
            places: _,
        } = self;
        let ascend = rates.windows(2).all(|pair| pair[0] < pair[1]);
        !rates.is_empty()
            && *points > 0
            && rates.len().checked_mul(*points) == Some(cells.len())
            && phases_m.len() == rates.len()
            && support.0 < support.1
            && support.1 <= *points
            && step_m.is_finite()
            && *step_m > 0.0
            && base_m.is_finite()
            && ascend
            && rates.iter().all(|rate| rate.is_finite())
            && phases_m.iter().all(|phase_m| phase_m.abs() <= *step_m)
            && cells.iter().all(|cell| (0.0..=2.0).contains(cell))
            && cells.iter().any(|&cell| cell > 1e-30)
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

    /// The grid points from and up to which there is any probability, with one on either side where there is one: what a sample
    /// says of others changes nothing.
    pub fn support(&self) -> Range<usize> {
        self.support.0..self.support.1
    }

    /// The support after what it holds has spread by `by` grid points.
    fn spread_by(&mut self, by: usize) -> Range<usize> {
        let (from, to) = self.support;
        self.support = (from.saturating_sub(by), self.points.min(to + by));
        self.support()
    }

    /// The support after its lanes were shifted by `least` to `most` grid points.
    fn support_shifted(&mut self, least: isize, most: isize) {
        let within = |at: usize, by: isize| at.saturating_add_signed(by).min(self.points);
        let (from, to) = (within(self.support.0, least), within(self.support.1, most));
        let last = self.points - 1;
        self.support = (from.min(last), to.max(from.min(last) + 1));
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
        let (mut least, mut most) = (isize::MAX, isize::MIN);
        for lane in 0..self.rates.len() {
            let phase = self.phases_m[lane] + advance_m(self.rates[lane]) - frame_m;
            let whole = libm::round(phase / self.step_m);
            self.phases_m[lane] = phase - whole * self.step_m;
            let whole = whole as isize;
            shift(self.lane_mut(lane), whole);
            (least, most) = (least.min(whole), most.max(whole));
        }
        self.support_shifted(least, most);
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
            self.support_shifted(-whole as isize, -whole as isize);
        }
    }

    /// Keeps `points` grid points, those nearest to `centre_m` that there are.
    ///
    /// # Panics
    /// When the row has fewer.
    pub fn crop(&mut self, centre_m: f64, points: usize) {
        assert!(points <= self.points, "a crop is no longer than the row");
        let middle = (centre_m - self.base_m) / self.step_m - 0.5 * (points - 1) as f64;
        let first = (libm::round(middle).max(0.0) as usize).min(self.points - points);
        let lanes = self.cells.chunks_exact(self.points);
        self.cells = lanes
            .flat_map(|lane| lane[first..][..points].iter().copied())
            .collect();
        self.points = points;
        self.support = (0, points);
        self.base_m += first as f64 * self.step_m;
        self.normalise();
    }

    /// Spreads positions by a variance, m²: a symmetric three-point kernel, repeated where one is not wide enough.
    pub fn diffuse(&mut self, variance: f64) {
        let total = variance / (2.0 * self.step_m * self.step_m);
        let rounds = libm::ceil(total / 0.25).clamp(1.0, 64.0);
        let side = (total / rounds).min(0.25) as f32;
        if side <= 0.0 {
            return;
        }
        let support = self.spread_by(rounds as usize);
        let mut before = std::mem::take(&mut self.scratch);
        before.clear();
        before.resize(support.len() + 2, 0.0);
        dispatch!(Level::new(), _simd => for lane in self.cells.chunks_exact_mut(self.points) {
            for _ in 0..rounds as usize {
                spread(&mut lane[support.clone()], side, &mut before);
            }
        });
        self.scratch = before;
    }

    /// Lets rates change by a random walk of `variances`, in the rate's unit squared, between each lane and the next, that in the long
    /// run has each lane as often as `usual` says, one positive weight a lane. Mass at the first and last lane stays there rather
    /// than leaving.
    ///
    /// The shares that neighbouring lanes exchange go with the square root of the ratio of their weights, within a
    /// factor of two, so that the exchange is in balance at `usual` (Metropolis et al. 1953, detailed balance).
    ///
    /// # Panics
    /// When `variances` or `usual` have fewer entries than there are lanes.
    pub fn wander(&mut self, variances: &[f64], usual: &[f64]) {
        let lanes = self.rates.len();
        assert!(
            variances.len().min(usual.len()) >= lanes,
            "a variance and a weight for each lane"
        );
        if lanes < 2 {
            return;
        }
        let spacing = self.rates[1] - self.rates[0];
        let most = variances[..lanes - 1].iter().copied().fold(0.0, f64::max);
        let rounds = libm::ceil(most / (2.0 * spacing * spacing * MOST_EXCHANGE)).clamp(1.0, 64.0);
        let per_variance = 1.0 / (2.0 * spacing * spacing * rounds);
        if most > 0.0 {
            let between = |lane: usize| {
                let side = (per_variance * variances[lane]).min(MOST_EXCHANGE);
                let ratio = (usual[lane + 1] / usual[lane]).sqrt().clamp(0.5, 2.0);
                ((side * ratio) as f32, (side / ratio) as f32)
            };
            dispatch!(Level::new(), _simd => for _ in 0..rounds as usize {
                self.exchange(lanes, between);
            });
        }
    }

    /// Multiplies rates by `factor`: a share of each lane goes to the next one, so that the mean rate grows as it should. What is spread by that is
    /// less than half a spacing in each exchange, of which there are as many as it takes. Rates have to be positive or nothing.
    pub fn quicken(&mut self, factor: f64) {
        let lanes = self.rates.len();
        if lanes < 2 || factor == 1.0 {
            return;
        }
        let spacing = self.rates[1] - self.rates[0];
        let most = self.rates[lanes - 1] * libm::log(factor).abs() / spacing;
        let rounds = libm::ceil(most / MOST_QUICKENING).clamp(1.0, 64.0);
        let growth = (libm::pow(factor, 1.0 / rounds) - 1.0) / spacing;
        let rates = std::mem::take(&mut self.rates);
        let share = |lane: usize| (growth * rates[lane]).abs().min(MOST_QUICKENING) as f32;
        dispatch!(Level::new(), _simd => for _ in 0..rounds as usize {
            self.exchange(lanes, |lane| {
                if growth > 0.0 { (share(lane), 0.0) } else { (0.0, share(lane + 1)) }
            });
        });
        self.rates = rates;
    }

    /// One exchange between all neighbouring lanes, of which there are `lanes`: `between` gives what share goes from a lane to the
    /// one above, and from that one back.
    #[inline(always)]
    fn exchange(&mut self, lanes: usize, between: impl Fn(usize) -> (f32, f32)) {
        let points = self.points;
        let support = self.spread_by(1);
        // The lane below and this one, as they were before the exchange.
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(2 * support.len(), 0.0);
        let (mut before, mut own) = scratch.split_at_mut(support.len());
        before.fill(0.0);
        let (mut before_phase, mut from_below, mut to_below) = (0.0, 0.0, 0.0);
        for lane in 0..lanes {
            let phase = self.phases_m[lane];
            let (head, tail) = self.cells.split_at_mut((lane + 1) * points);
            let here = &mut head[lane * points..][support.clone()];
            own.copy_from_slice(here);
            let (to_above, from_above) = if lane + 1 < lanes {
                between(lane)
            } else {
                (0.0, 0.0)
            };
            let keep = 1.0 - to_above - to_below;
            Blend::new((phase - before_phase) / self.step_m).each(
                before,
                |_| 0.0,
                here,
                |cell, below| *cell = keep * *cell + from_below * below,
            );
            if let Some(after) = tail.get(support.clone()) {
                Blend::new((phase - self.phases_m[lane + 1]) / self.step_m).each(
                    after,
                    |_| 0.0,
                    here,
                    |cell, above| *cell += from_above * above,
                );
            }
            std::mem::swap(&mut before, &mut own);
            (before_phase, from_below, to_below) = (phase, to_above, from_above);
        }
        self.scratch = scratch;
    }

    /// Hands a share of every lane, `leaving` lane after lane, out to all lanes as `to` says, one positive weight a lane.
    pub fn jump(&mut self, leaving: &[f64], to: &[f64]) {
        let total_to: f64 = to.iter().take(self.rates.len()).sum();
        let mut sum = std::mem::take(&mut self.scratch);
        let support = self.support();
        sum.clear();
        sum.resize(support.len(), 0.0);
        for (lane, &leaves) in self.cells.chunks_exact_mut(self.points).zip(leaving) {
            let leaves = leaves as f32;
            if leaves > 0.0 {
                for (total, cell) in sum.iter_mut().zip(&mut lane[support.clone()]) {
                    let goes = leaves * *cell;
                    *total += goes;
                    *cell -= goes;
                }
            }
        }
        for (lane, weight) in self.cells.chunks_exact_mut(self.points).zip(to) {
            let share = (weight / total_to) as f32;
            for (cell, &total) in lane[support.clone()].iter_mut().zip(&sum) {
                *cell += share * total;
            }
        }
        self.scratch = sum;
    }

    /// The probabilities of the lanes, one after the other, at the grid points.
    pub fn lanes(&self) -> impl Iterator<Item = &[f32]> {
        self.cells.chunks_exact(self.points)
    }

    /// The probability of each lane.
    pub fn totals(&self) -> impl Iterator<Item = f64> {
        self.lanes().map(|lane| f64::from(sum(&lane[self.support()])))
    }

    /// Multiplies each lane by the likelihood that `at_points` gives it at the grid points of [`support`](Self::support), and
    /// normalises.
    ///
    /// Returns the logarithm of the total before normalising: the evidence of the sample. `None`, and nothing is
    /// changed, when no mass would be left.
    pub fn weigh<'a>(&mut self, at_points: impl Fn(usize) -> &'a [f32]) -> Option<f64> {
        dispatch!(Level::new(), _simd => self.weigh_all(at_points))
    }

    #[inline(always)]
    fn weigh_all<'a>(&mut self, at_points: impl Fn(usize) -> &'a [f32]) -> Option<f64> {
        let support = self.support();
        let mut work = std::mem::take(&mut self.scratch);
        work.clear();
        work.resize(support.len(), 0.0);
        let total: f64 = (0..self.rates.len())
            .map(|lane| self.lane_total(lane, at_points(lane), &mut work))
            .sum();
        self.scratch = work;
        if !(total.is_finite() && total > 1e-30) {
            return None;
        }
        let factor = (1.0 / total) as f32;
        for lane in 0..self.rates.len() {
            let blend = Blend::new(self.phases_m[lane] / self.step_m);
            let cells = &mut self.cells[lane * self.points..][support.clone()];
            blend.each(
                at_points(lane),
                |here| here,
                cells,
                |cell, likelihood| *cell *= factor * likelihood,
            );
        }
        Some(libm::log(total))
    }

    #[inline(always)]
    fn lane_total(&self, lane: usize, at_points: &[f32], work: &mut [f32]) -> f64 {
        let blend = Blend::new(self.phases_m[lane] / self.step_m);
        work.copy_from_slice(&self.cells[lane * self.points..][self.support()]);
        blend.each(
            at_points,
            |here| here,
            work,
            |cell, likelihood| *cell *= likelihood,
        );
        f64::from(sum(work))
    }

    /// Writes the likelihood of the position alone at the grid points into `out`, summing to 1 up to what left the grid, and gives up
    /// what is improbable at either end: the support is the rest.
    pub fn marginal(&mut self, out: &mut Vec<f32>) {
        let support = self.spread_by(1);
        out.clear();
        out.resize(self.points, 0.0);
        let within = &mut out[support.clone()];
        dispatch!(Level::new(), _simd => for (lane, cells) in self.cells.chunks_exact(self.points).enumerate() {
            let blend = Blend::new(-self.phases_m[lane] / self.step_m);
            blend.each(&cells[support.clone()], |_| 0.0, within, |total, here| *total += here);
        });
        let least = LEAST_SHARE * out.iter().sum::<f32>();
        let is_some = |p: &f32| *p > least;
        if let (Some(first), Some(last)) = (out.iter().position(is_some), out.iter().rposition(is_some)) {
            self.support = (first, last + 1);
            let kept = self.spread_by(1);
            for row in self.cells.chunks_exact_mut(self.points).chain([&mut out[..]]) {
                row[support.start..kept.start.max(support.start)].fill(0.0);
                row[kept.end.min(support.end)..support.end].fill(0.0);
            }
        }
    }

    /// The likelihood of the rates below `rate`, 0…1 up to what left the grid.
    pub fn share_below(&self, rate: f64) -> f64 {
        let below = self.rates.partition_point(|&r| r < rate);
        let lanes = self.cells.chunks_exact(self.points).take(below);
        lanes
            .flat_map(|cells| &cells[self.support()])
            .map(|&cell| f64::from(cell))
            .sum()
    }

    /// Mean, variances and covariance of position and rate.
    pub fn moments(&self) -> Moments {
        dispatch!(Level::new(), _simd => self.moments_of_all())
    }

    #[inline(always)]
    fn moments_of_all(&self) -> Moments {
        let (mut w, mut s, mut ss, mut r, mut rr, mut rs) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (lane, cells) in self.cells.chunks_exact(self.points).enumerate() {
            let [lw, ls, lss] = powers(&cells[self.support()], self.support.0);
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
        self.places.clear();
        self.places.extend((0..self.points).map(|j| {
            let at = middle + (j as f64 - middle) * new / old;
            let low = libm::floor(at);
            (low as isize, (at - low) as f32)
        }));
        let points = self.points;
        // The lane as it was, with two zeros before and after it.
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.resize(points + 4, 0.0);
        for lane in 0..self.rates.len() {
            let cells = &mut self.cells[lane * points..][..points];
            scratch[2..points + 2].copy_from_slice(cells);
            let between = |low: isize, fraction: f32| {
                let index = (low.clamp(-2, points as isize) + 2) as usize;
                scratch[index] * (1.0 - fraction) + scratch[index + 1] * fraction
            };
            for (cell, &(low, fraction)) in cells.iter_mut().zip(&self.places) {
                *cell = if coarser {
                    0.5 * between(low, fraction)
                        + 0.25 * (between(low - 1, fraction) + between(low + 1, fraction))
                } else {
                    between(low, fraction)
                };
            }
        }
        self.scratch = scratch;
        self.base_m += middle * (old - new);
        self.step_m = new;
        self.support = (0, points);
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
            .map(|lane| f64::from(sum(lane)))
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

    /// Calls `put` with each entry of `out` and the value of `row` at its index + ahead; `beyond` gives what lies past
    /// the row's end from the entry there. Plain loops over slices, which compilers turn into vector code.
    #[inline(always)]
    fn each(self, row: &[f32], beyond: impl Fn(f32) -> f32, out: &mut [f32], put: impl Fn(&mut f32, f32)) {
        let Some(last) = row.len().checked_sub(1) else {
            return;
        };
        let weight = self.ahead.abs();
        let between = |here: f32, other: f32| here + weight * (other - here);
        if self.ahead >= 0.0 {
            let neighbours = row.iter().zip(&row[1..]);
            out.iter_mut()
                .zip(neighbours)
                .for_each(|(out, (&here, &next))| put(out, between(here, next)));
            put(&mut out[last], between(row[last], beyond(row[last])));
        } else {
            put(&mut out[0], between(row[0], beyond(row[0])));
            let neighbours = row[1..].iter().zip(row);
            out[1..]
                .iter_mut()
                .zip(neighbours)
                .for_each(|(out, (&here, &before))| put(out, between(here, before)));
        }
    }
}

/// Gives the share `side` of every entry of `lane` to each of its neighbours. `padded` is room for the lane between two zeros.
#[inline(always)]
fn spread(lane: &mut [f32], side: f32, padded: &mut [f32]) {
    padded[1..=lane.len()].copy_from_slice(lane);
    let middle = 1.0 - 2.0 * side;
    let (behind, here, ahead) = (&padded[..], &padded[1..], &padded[2..]);
    for (cell, ((&behind, &here), &ahead)) in lane.iter_mut().zip(behind.iter().zip(here).zip(ahead)) {
        *cell = side * (behind + ahead) + middle * here;
    }
}

/// Terms that are added up side by side: additions in a row wait for each other, and the order decides the rounding.
const CHAINS: usize = 8;

/// Σ p, Σ p·j and Σ p·j² over the entries `p` of a row and their indices `j`, which begin with `first`.
#[inline(always)]
fn powers(row: &[f32], first: usize) -> [f64; 3] {
    let (mut w, mut s, mut ss) = ([0.0; CHAINS], [0.0; CHAINS], [0.0; CHAINS]);
    let mut index: [f64; CHAINS] = std::array::from_fn(|chain| (first + chain) as f64);
    let blocks = row.chunks_exact(CHAINS);
    let rest = blocks.remainder();
    for block in blocks {
        for chain in 0..CHAINS {
            let (p, j) = (f64::from(block[chain]), index[chain]);
            w[chain] += p;
            s[chain] += p * j;
            ss[chain] += p * j * j;
            index[chain] += CHAINS as f64;
        }
    }
    for (chain, &cell) in rest.iter().enumerate() {
        let (p, j) = (f64::from(cell), index[chain]);
        w[chain] += p;
        s[chain] += p * j;
        ss[chain] += p * j * j;
    }
    [w, s, ss].map(|chains| chains.iter().sum())
}

/// The sum of `values`, every [`CHAINS`]th together.
#[inline(always)]
fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0_f32; CHAINS];
    let blocks = values.chunks_exact(CHAINS);
    let rest: f32 = blocks.remainder().iter().sum();
    for block in blocks {
        for (sum, &value) in sums.iter_mut().zip(block) {
            *sum += value;
        }
    }
    sums.iter().sum::<f32>() + rest
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
        row.wander(&[2.5; 46], &[1.0; 46]);
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
        let evidence = row.weigh(|_| &likelihood).unwrap();
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
        assert_eq!(row.weigh(|_| &[0.0; 64]), None);
        assert_eq!(row, before);
    }

    #[test]
    fn wandering_and_jumping_end_where_rates_usually_are() {
        let usual: Vec<f64> = (0..46)
            .map(|lane| (-0.5 * ((f64::from(lane) - 12.0) / 4.0_f64).powi(2)).exp() + 1e-3)
            .collect();
        let mean = usual
            .iter()
            .zip(0..)
            .map(|(w, lane)| w * f64::from(lane))
            .sum::<f64>()
            / usual.iter().sum::<f64>();
        let variances: Vec<f64> = (0..46).map(|lane| if lane < 14 { 1.0 } else { 0.4 }).collect();
        for jump in [0.0, 0.02] {
            let mut row = RateLanes::start(&anchor(), speeds(), 64, 1.0);
            for _ in 0..3000 {
                row.wander(&variances, &usual);
                row.jump(&[jump; 46], &usual);
            }
            let got = row.moments();
            assert!((got.rate - mean).abs() < 0.05, "{} is not {mean}", got.rate);
            assert!((got.rate_var.sqrt() - 4.0).abs() < 0.3, "{got:?}");
        }
    }

    #[test]
    fn quickening_multiplies_the_mean_rate_and_moves_nothing() {
        for factor in [0.6, 0.97, 1.0, 1.04, 1.5] {
            let mut row = RateLanes::start(&anchor(), speeds(), 256, 1.0);
            let before = row.moments();
            row.quicken(factor);
            let after = row.moments();
            assert!(
                (after.rate - factor * before.rate).abs() < 0.02 * before.rate,
                "{factor}: {after:?}"
            );
            assert!((after.position_m - before.position_m).abs() < 0.01);
            assert!((row.totals().sum::<f64>() - 1.0).abs() < 1e-4);
        }
        // Who stands stays standing.
        let mut row = RateLanes::start(
            &Moments {
                rate: 0.0,
                rate_var: 1e-3,
                ..anchor()
            },
            speeds(),
            256,
            1.0,
        );
        row.quicken(1.3);
        assert!(row.moments().rate < 1e-3);
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
        fn what_is_not_in_the_support_is_nothing(
            steps in prop::collection::vec((0.0..40.0_f64, 0.0..6.0_f64, -60.0..60.0_f64), 1..8),
        ) {
            let mut row = RateLanes::start(&anchor(), speeds(), 256, 1.0);
            let mut marginal = Vec::new();
            for (advance, variance, offset) in steps {
                let mut whole = RateLanes { support: (0, 256), ..row.clone() };
                let centre_m = row.moments().position_m + offset;
                for row in [&mut row, &mut whole] {
                    row.advance(0.8 * advance, |rate| rate * advance / 20.0);
                    row.wander(&[variance; 46], &[1.0; 46]);
                    row.jump(&[0.01; 46], &[1.0; 46]);
                    row.diffuse(variance);
                    let support = row.support();
                    let fits = |j: usize| 1e-3 + (-0.02 * (j as f32 - 120.0).powi(2)).exp();
                    let likelihood: Vec<f32> = support.map(fits).collect();
                    row.weigh(|_| &likelihood);
                    row.recentre(centre_m);
                    row.marginal(&mut marginal);
                }
                let support = row.support();
                for (lane, cells) in row.cells.chunks_exact(256).enumerate() {
                    let outside = cells[..support.start].iter().chain(&cells[support.end..]);
                    prop_assert!(outside.into_iter().all(|&cell| cell < 1e-37), "lane {lane}");
                }
                for (cell, want) in std::iter::zip(&row.cells, &whole.cells) {
                    prop_assert!((cell - want).abs() < 1e-6, "{cell}, not {want}");
                }
            }
        }

        #[test]
        fn the_marginal_sums_to_one(advance in 0.0..30.0_f64, mix in 0.0..3.0_f64) {
            let mut row = RateLanes::start(&anchor(), speeds(), 256, 2.0);
            row.advance(advance, |rate| rate * advance / 20.0);
            row.wander(&[mix; 46], &[1.0; 46]);
            row.jump(&[0.01; 46], &[1.0; 46]);
            let mut marginal = Vec::new();
            row.marginal(&mut marginal);
            let total: f32 = marginal.iter().sum();
            prop_assert!((total - 1.0).abs() < 1e-3, "{total}");
        }
    }
}
