//! How well a scan fits each place along a route.

use serde::{Deserialize, Serialize};

use super::cells::CellIx;
use super::profile::{CellProfile, EdgeProfile, FingerprintDb};
use crate::network::EdgeId;
use crate::observation::{CellReading, CellScan};
use crate::radio::Plmn;

/// What the matcher takes the radio world to be like. The defaults are measured figures; `docs/model.md` has their
/// sources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RadioModel {
    /// Standard deviation of a reading about the smoothed level of its drive, dB.
    pub reading_sigma_db: f64,
    /// Least standard deviation of a drive's level about the surveys' mean, dB.
    pub least_spread_db: f64,
    /// Standard deviation over phones of the offset that one phone has on all cells, dB.
    pub offset_sigma_db: f64,
    /// Random walk of that offset, dB²/s: other seats, other hands.
    pub offset_drift_db2_per_s: f64,
    /// Correlation of the difference between two drives at places a few metres apart, 0…1.
    pub correlation: f64,
    /// Distance over which that correlation falls by a factor e, metres.
    pub correlation_m: f64,
    /// Distance within which a scan only repeats the last one, metres.
    pub least_move_m: f64,
    /// Speed that stands for what changes around a standing car, m/s.
    pub standing_mps: f64,
    /// Weight of being registered on a cell against where the surveys were registered on it, 0…1.
    pub serving_weight: f64,
    /// Likelihood of hearing a cell, at its weakest and at its strongest, where no survey heard it, against that of
    /// a level that fits.
    pub unheard_likelihood: (f64, f64),
}

impl Default for RadioModel {
    fn default() -> Self {
        Self {
            reading_sigma_db: 2.0,
            least_spread_db: 2.0,
            offset_sigma_db: 3.0,
            offset_drift_db2_per_s: 0.002,
            correlation: 0.6,
            correlation_m: 20.0,
            least_move_m: 3.0,
            standing_mps: 0.02,
            serving_weight: 0.2,
            unheard_likelihood: (0.4, 0.05),
        }
    }
}

/// The offset that this phone, in this place of this car, has on every level: mean and variance, dB.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelOffset {
    /// Mean, dB; positive when the phone reads more than the surveys' mean phone.
    pub mean_db: f64,
    /// Variance, dB².
    pub var_db2: f64,
}

impl LevelOffset {
    /// The offset of a phone of which nothing is known yet.
    pub fn unknown(model: &RadioModel) -> Self {
        Self {
            mean_db: 0.0,
            var_db2: model.offset_sigma_db * model.offset_sigma_db,
        }
    }

    /// The offset `dt_s` later.
    pub fn drifted(self, dt_s: f64, model: &RadioModel) -> Self {
        let most = model.offset_sigma_db * model.offset_sigma_db;
        let var_db2 =
            (self.var_db2 + model.offset_drift_db2_per_s * dt_s.max(0.0)).min(most.max(self.var_db2));
        Self { var_db2, ..self }
    }

    /// The offset after a reading that lay `residual_db` above the level expected there, with variance `var_db2`.
    fn updated(self, residual_db: f64, var_db2: f64) -> Self {
        let innovation = residual_db - self.mean_db;
        let total = self.var_db2 + var_db2;
        let tail = 1.0 / (1.0 + innovation * innovation / (STUDENT_DOF * total));
        let gain = self.var_db2 / (self.var_db2 + var_db2 / tail);
        Self {
            mean_db: self.mean_db + gain * innovation,
            var_db2: (1.0 - gain) * self.var_db2,
        }
    }
}

/// An evenly spaced run of places along a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Offset of the first place along the route, metres.
    pub base_m: f64,
    /// Distance between places, metres.
    pub step_m: f64,
    /// Number of places.
    pub points: usize,
}

/// One stretch of a route: a directed edge and where on the route it begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// The edge.
    pub edge: EdgeId,
    /// Offset of the edge's start along the route, metres.
    pub start_m: f64,
    /// Length of the edge, metres.
    pub length_m: f64,
}

/// How a scan fits the places of a window. Kept and reused, so that a step does not allocate.
#[derive(Clone, Debug, Default)]
pub struct ScanScore {
    /// Logarithm of the likelihood at each place, before tempering; 0 is the fit of an average good reading.
    pub log_likelihood: Vec<f32>,
    /// Readings that the database knows somewhere in the window.
    pub known: usize,
    /// Level minus expected level of each known reading at each place, reading after reading; NaN where unheard.
    residuals_db: Vec<f32>,
    /// Inverse variance of those, without the offset's.
    weights: Vec<f32>,
    product: Vec<f64>,
}

/// Degrees of freedom of the heavy-tailed distribution of level differences.
///
/// Measured differences have a robust deviation of 2.3 dB and an rms of 4.7; Student's t with three degrees of freedom
/// has such tails, and its density needs no logarithm.
const STUDENT_DOF: f64 = 3.0;
/// Squared scale of that distribution over the variance of the readings: its middle then fits the measured one.
const STUDENT_SCALE: f64 = 0.45;
/// Likelihood of a known reading on a road that no survey drove, against that of one that fits.
const UNSURVEYED_LIKELIHOOD: f64 = 0.4;
/// Likelihood of any scan beyond the ends of the route, against that of one that fits.
const OFF_ROUTE_LIKELIHOOD: f64 = 1e-4;
/// Deviation at which a reading that fits adds nothing to the logarithm, dB.
const REFERENCE_SIGMA_DB: f64 = 3.0;

impl ScanScore {
    /// Scores `scan` at the places of `window` along `legs`, with the phone's `offset`.
    pub fn score(
        &mut self,
        db: &FingerprintDb,
        legs: &[Leg],
        window: Window,
        scan: &CellScan,
        offset: LevelOffset,
        model: &RadioModel,
    ) {
        self.known = 0;
        self.residuals_db.clear();
        self.weights.clear();
        self.product.clear();
        self.product.resize(window.points, 1.0);
        let plmn = scan
            .cells
            .iter()
            .find(|reading| reading.serving)
            .and_then(|reading| reading.cell.plmn);
        for reading in &scan.cells {
            self.score_reading(db, legs, window, reading, plmn, offset, model);
        }
        let ends = (
            legs.first().map_or(0.0, |leg| leg.start_m),
            legs.last().map_or(0.0, |leg| leg.start_m + leg.length_m),
        );
        for (j, product) in self.product.iter_mut().enumerate() {
            let at_m = window.base_m + j as f64 * window.step_m;
            if at_m < ends.0 || at_m > ends.1 {
                *product = OFF_ROUTE_LIKELIHOOD;
            }
        }
        self.log_likelihood.clear();
        self.log_likelihood
            .extend(self.product.iter().map(|&p| libm::log(p.max(1e-280)) as f32));
    }

    #[allow(clippy::too_many_arguments)]
    fn score_reading(
        &mut self,
        db: &FingerprintDb,
        legs: &[Leg],
        window: Window,
        reading: &CellReading,
        plmn: Option<Plmn>,
        offset: LevelOffset,
        model: &RadioModel,
    ) {
        let Some(cell) = nearest_candidate(db, legs, window, reading, plmn) else {
            return;
        };
        self.known += 1;
        let first = self.residuals_db.len();
        self.residuals_db.resize(first + window.points, f32::NAN);
        self.weights.resize(first + window.points, 0.0);
        let unheard = unheard_likelihood(reading, model);
        let noise_var = model.reading_sigma_db * model.reading_sigma_db;
        let least_var = model.least_spread_db * model.least_spread_db;
        let mut seen = 0;
        for_each_leg(legs, window, |leg, places| {
            let (profile, mirrored) = profile_of(db, leg.edge);
            let cell_profile = profile.and_then(|profile| profile.cell(cell));
            for j in places {
                seen += 1;
                let Some(profile) = profile else {
                    self.product[j] *= UNSURVEYED_LIKELIHOOD;
                    continue;
                };
                let along_m = window.base_m + j as f64 * window.step_m - leg.start_m;
                let at = if mirrored { leg.length_m - along_m } else { along_m } / profile.step_m;
                let here = cell_profile.and_then(|levels| Level::at(levels, at));
                let Some(level) = here else {
                    self.product[j] *= unheard;
                    continue;
                };
                if reading.serving && model.serving_weight > 0.0 {
                    let passes = f64::from(profile.passes[(at as usize).min(profile.passes.len() - 1)]);
                    let share = (level.serving + 0.2) / (passes.max(level.serving) + 1.0);
                    self.product[j] *= libm::exp(model.serving_weight * libm::log(share));
                }
                let Some(rsrp_dbm) = reading.rsrp_dbm else {
                    continue;
                };
                let residual = rsrp_dbm - level.mean_dbm;
                let var = STUDENT_SCALE * (level.spread_db.powi(2).max(least_var) + noise_var);
                let weight = 1.0 / (var + offset.var_db2);
                let e = residual - offset.mean_db;
                let tail = 1.0 / (1.0 + e * e * weight / STUDENT_DOF);
                self.product[j] *= REFERENCE_SIGMA_DB * weight.sqrt() * tail * tail;
                self.residuals_db[first + j] = residual as f32;
                self.weights[first + j] = (1.0 / var) as f32;
            }
        });
        debug_assert!(seen <= window.points);
    }

    /// The share of its information that a scan keeps after `moved_m` and `dt_s` since the last one: the difference
    /// between drives is alike over some distance, so that scans close together tell the same thing again.
    ///
    /// For noise with correlation ρ between samples the share is `(1 − ρ) / (1 + ρ)`, the ratio of independent samples
    /// to samples of a first-order process (Bartlett 1946).
    pub fn tempering(moved_m: f64, dt_s: f64, model: &RadioModel) -> f64 {
        let moved_m = moved_m.abs() + dt_s.max(0.0) * model.standing_mps;
        let own = 1.0 - model.correlation * libm::exp(-moved_m / model.correlation_m);
        let rho = 1.0 - own * (1.0 - libm::exp(-moved_m / model.least_move_m));
        (1.0 - rho) / (1.0 + rho)
    }

    /// The phone's offset after this scan, with the likelihood of the places (summing to 1) after the scan, and the
    /// share of information that it kept.
    pub fn learn_offset(&self, offset: LevelOffset, places: &[f32], share: f64) -> LevelOffset {
        let points = places.len();
        let mut learnt = offset;
        let readings = self
            .residuals_db
            .chunks_exact(points.max(1))
            .zip(self.weights.chunks_exact(points.max(1)));
        for (residuals, weights) in readings {
            let (mut total, mut mean, mut square, mut var) = (0.0, 0.0, 0.0, 0.0);
            for ((&place, &residual), &weight) in places.iter().zip(residuals).zip(weights) {
                if weight > 0.0 {
                    let (p, e) = (f64::from(place), f64::from(residual));
                    total += p;
                    mean += p * e;
                    square += p * e * e;
                    var += p / f64::from(weight);
                }
            }
            if total > 0.5 && share > 1e-3 {
                let mean = mean / total;
                let var = (var + square) / total - mean * mean;
                learnt = learnt.updated(mean, var / share);
            }
        }
        learnt
    }
}

/// The expected level at a fractional grid point.
struct Level {
    mean_dbm: f64,
    spread_db: f64,
    serving: f64,
}

impl Level {
    fn at(profile: &CellProfile, at: f64) -> Option<Level> {
        let at = at - f64::from(profile.first);
        let last = profile.mean_dbm.len().checked_sub(1)?;
        if at < -0.5 || at > last as f64 + 0.5 {
            return None;
        }
        let at = at.clamp(0.0, last as f64);
        let low = (at as usize).min(last.saturating_sub(1));
        let high = (low + 1).min(last);
        let f = at - low as f64;
        let mix = |row: &[f32]| f64::from(row[low]) * (1.0 - f) + f64::from(row[high]) * f;
        let serving = f64::from(profile.serving[low]) * (1.0 - f) + f64::from(profile.serving[high]) * f;
        Some(Level {
            mean_dbm: mix(&profile.mean_dbm),
            spread_db: mix(&profile.spread_db),
            serving,
        })
    }
}

/// The profile along an edge, or, where none was surveyed, along the other direction of the same road: `true` when its
/// grid runs the other way.
fn profile_of(db: &FingerprintDb, edge: EdgeId) -> (Option<&EdgeProfile>, bool) {
    match db.profile(edge) {
        Some(profile) => (Some(profile), false),
        None => (
            db.network
                .opposite(edge)
                .and_then(|opposite| db.profile(opposite)),
            true,
        ),
    }
}

/// Of the cells that the reading may stand for, the one with the longest profile in the window.
fn nearest_candidate(
    db: &FingerprintDb,
    legs: &[Leg],
    window: Window,
    reading: &CellReading,
    plmn: Option<Plmn>,
) -> Option<CellIx> {
    let mut best: Option<(usize, CellIx)> = None;
    for cell in db.cells.candidates(&reading.cell, plmn) {
        let mut covered = 0;
        for_each_leg(legs, window, |leg, places| {
            if let Some(levels) = profile_of(db, leg.edge).0.and_then(|profile| profile.cell(cell)) {
                covered += places.len().min(levels.mean_dbm.len());
            }
        });
        if covered > 0 && best.is_none_or(|(most, _)| covered > most) {
            best = Some((covered, cell));
        }
    }
    best.map(|(_, cell)| cell)
}

/// The likelihood of hearing the reading's cell where no survey did: a weak cell comes and goes, a strong one does not.
fn unheard_likelihood(reading: &CellReading, model: &RadioModel) -> f64 {
    let (weakest, strongest) = model.unheard_likelihood;
    let strength = reading
        .rsrp_dbm
        .map_or(0.5, |dbm| ((dbm + 115.0) / 30.0).clamp(0.0, 1.0));
    weakest + strength * (strongest - weakest)
}

/// Calls `visit` with each leg that the window touches and the places of the window on it.
fn for_each_leg(legs: &[Leg], window: Window, mut visit: impl FnMut(&Leg, std::ops::Range<usize>)) {
    let place_from = |offset_m: f64| {
        let at = libm::ceil((offset_m - window.base_m) / window.step_m);
        (at.max(0.0) as usize).min(window.points)
    };
    for leg in legs {
        let places = place_from(leg.start_m)..place_from(leg.start_m + leg.length_m);
        if !places.is_empty() {
            visit(leg, places);
        }
    }
}
