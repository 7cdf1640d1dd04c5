//! How well a scan fits each place along a route.

use serde::{Deserialize, Serialize};

use super::cells::CellIx;
pub use super::places::{Leg, Places, Window};
use super::places::{Level, for_each_leg, nearest_candidate, profile_of};
use super::radio_model::STUDENT_DOF;
pub use super::radio_model::{LevelOffset, RadioModel, share_of_news};
use crate::observation::{CellReading, CellScan};
use crate::time::Time;

/// A level heard before, against which the next one of the same cell is held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EarlierReading {
    /// The cell.
    pub cell: CellIx,
    /// Its level, dBm.
    pub rsrp_dbm: f64,
    /// When it was heard.
    pub time: Time,
    /// Where the filter had the car then, metres along the route.
    pub track_m: f64,
}

/// What was heard before, and how far the car may have come since.
///
/// The speed of the car is a question that the scan is to answer, so a scan is scored once for each *gait*: a class of
/// speeds. With wheel speed there is one gait.
#[derive(Clone, Copy, Debug)]
pub struct History<'a, F: Fn(Option<usize>, &EarlierReading) -> f64> {
    /// The latest level of each cell heard lately.
    pub earlier: &'a [EarlierReading],
    /// Number of gaits, at least 1.
    pub gaits: usize,
    /// Seconds since the scan before in which no fix could be trusted: after a tunnel fixes come back, so the longer they do
    /// not, the less likely the car is out of it.
    pub silence_s: f64,
    /// Whether the car is searched for along a whole tunnel, and not followed.
    pub searching: bool,
    /// Metres that the car has moved since a reading, at a gait or, for `None`, on average over them.
    pub moved_m: F,
}

/// How a scan fits the places of a window. Kept and reused, so that a step does not allocate.
#[derive(Clone, Debug, Default)]
pub struct ScanScore {
    /// Likelihood of each place, gait after gait; 1 is the fit of an average good reading.
    pub likelihood: Vec<f32>,
    /// Readings that the database knows somewhere in the window.
    pub known: usize,
    /// Known cells with their levels, but for levels that were only handed out again.
    pub heard: Vec<(CellIx, f64)>,
    /// Level minus expected level of each of those at each place, reading after reading; NaN where unheard.
    residuals_db: Vec<f32>,
    /// Variances of those, without the offset's.
    variances_db2: Vec<f32>,
    /// Logarithm of the likelihood that the cells are there to be heard, over all readings.
    presence: Vec<f32>,
    /// Residuals of the reading before at the places where the car was then.
    before_db: Vec<f32>,
}

/// Squared scale of Student's distribution over the variance of the readings: its middle then fits the measured one.
const STUDENT_SCALE: f64 = 0.45;
/// Likelihood of a known reading on a road that no survey drove, against that of one that fits.
const UNSURVEYED_LIKELIHOOD: f64 = 0.4;
/// Likelihood, in a search, of the level of a cell where no survey heard it, against that of one that fits. Places close
/// by differ little in it; a whole tunnel has places where nothing can be misfitted.
const UNHEARD_LIKELIHOOD: f32 = 0.3;
/// Time within which fixes usually come back after a tunnel, seconds.
const FIX_RETURN_S: f64 = 5.0;
/// Likelihood of any scan beyond the ends of the route, against that of one that fits.
const OFF_ROUTE_LIKELIHOOD: f32 = 1e-4;
/// The least likelihood that is told apart from none.
const LEAST_LIKELIHOOD: f32 = 1e-25;
/// Deviation at which a reading that fits has the likelihood 1, dB.
const REFERENCE_SIGMA_DB: f32 = 3.0;
/// Squared residual of the reading before, in variances, at which half of it is held to last.
const OUTLYING_VARIANCES: f32 = 9.0;

/// How what one reading says goes on from the one before of the same cell.
#[derive(Clone, Copy, Debug)]
struct Carried {
    /// Correlation of what lasts.
    rho: f32,
    /// Level then minus level now, dB.
    change_db: f32,
    /// Grid steps that the car has moved since.
    steps: f64,
}

impl ScanScore {
    /// Scores `scan` at `places`, with the phone's `offset`, once for each gait of `history`.
    ///
    /// A level's difference from the surveys' mean lasts for some metres, so a level tells by how it *changes* with the
    /// place: given the difference e₀ at the place where the car was, the next one is ρ e₀ with the variance
    /// σ² ((1 − c)(1 + ρ²) + c (1 − ρ²)), where c is the share that lasts and ρ what is left of it. A car that stands
    /// learns next to nothing from the same level again, and a level that stays the same says that it stands.
    pub fn score<F: Fn(Option<usize>, &EarlierReading) -> f64>(
        &mut self,
        places: Places<'_>,
        scan: &CellScan,
        offset: LevelOffset,
        history: &History<'_, F>,
        model: &RadioModel,
    ) {
        let points = places.window.points;
        self.known = 0;
        self.heard.clear();
        self.residuals_db.clear();
        self.variances_db2.clear();
        self.likelihood.clear();
        self.likelihood.resize(points * history.gaits, 1.0);
        self.presence.clear();
        self.presence.resize(points, 0.0);
        let serving = scan.cells.iter().find(|reading| reading.serving);
        let plmn = serving.and_then(|reading| reading.cell.plmn);
        for reading in &scan.cells {
            let Some(cell) = nearest_candidate(places, reading, plmn) else {
                continue;
            };
            self.known += 1;
            let earlier = history.earlier.iter().find(|earlier| earlier.cell == cell);
            let held = |earlier: &EarlierReading| {
                Some(earlier.rsrp_dbm) == reading.rsrp_dbm
                    && scan.time.seconds_since(earlier.time) < model.held_s
            };
            if earlier.is_some_and(held) {
                continue;
            }
            self.expect(
                places,
                reading,
                cell,
                {
                    let moved_m = earlier.map(|earlier| (history.moved_m)(None, earlier).abs());
                    moved_m.map_or(1.0, |m| share_of_news(libm::exp(-m / model.presence_m)))
                },
                model,
            );
            let Some(rsrp_dbm) = reading.rsrp_dbm else {
                continue;
            };
            self.heard.push((cell, rsrp_dbm));
            for gait in 0..history.gaits {
                let carried = earlier.map(|earlier| {
                    let moved_m = (history.moved_m)(Some(gait), earlier);
                    Carried {
                        rho: model.lasting(moved_m, scan.time.seconds_since(earlier.time)) as f32,
                        change_db: (earlier.rsrp_dbm - rsrp_dbm) as f32,
                        steps: moved_m / places.window.step_m,
                    }
                });
                self.weigh_reading(
                    gait,
                    carried,
                    offset,
                    (history.gaits > 1, history.searching),
                    model,
                );
            }
        }
        self.weigh_presence(places, libm::exp(-history.silence_s / FIX_RETURN_S) as f32);
    }

    /// Appends what is expected of `reading` at each place, and adds to the presence the share `news` of what hearing its
    /// cell says.
    fn expect(
        &mut self,
        places: Places<'_>,
        reading: &CellReading,
        cell: CellIx,
        news: f64,
        model: &RadioModel,
    ) {
        let Places { db, legs, window } = places;
        let first = self.residuals_db.len();
        if reading.rsrp_dbm.is_some() {
            self.residuals_db.resize(first + window.points, f32::NAN);
            self.variances_db2.resize(first + window.points, 1.0);
        }
        let noise_var = model.reading_sigma_db * model.reading_sigma_db;
        let least_var = model.least_spread_db * model.least_spread_db;
        let weight = news
            * if reading.serving {
                model.serving_weight
            } else {
                model.heard_weight
            };
        let unsurveyed = (news * libm::log(UNSURVEYED_LIKELIHOOD)) as f32;
        for_each_leg(legs, window, |leg, along| {
            let (Some(profile), mirrored) = profile_of(db, leg.edge) else {
                self.presence[along].iter_mut().for_each(|sum| *sum += unsurveyed);
                return;
            };
            let levels = profile.cell(cell);
            let mut share = ShareOfPasses::default();
            for j in along {
                let along_m = window.base_m + j as f64 * window.step_m - leg.start_m;
                let at = if mirrored { leg.length_m - along_m } else { along_m } / profile.step_m;
                let level = levels.and_then(|levels| Level::at(levels, at));
                let count = level.as_ref().map_or(0, |level| {
                    if reading.serving {
                        level.serving
                    } else {
                        level.heard
                    }
                });
                let passes = profile.passes[(at as usize).min(profile.passes.len() - 1)];
                self.presence[j] += (weight * share.log(count, passes, model.unheard_passes)) as f32;
                if let (Some(level), Some(rsrp_dbm)) = (level, reading.rsrp_dbm) {
                    let var = STUDENT_SCALE * (level.spread_db.powi(2).max(least_var) + noise_var);
                    self.residuals_db[first + j] = (rsrp_dbm - level.mean_dbm) as f32;
                    self.variances_db2[first + j] = var as f32;
                }
            }
        });
    }

    /// Multiplies the likelihood at `gait` by that of the last reading appended. What lasts of a residual is held to be less
    /// the more it outlies where the speed is not known or the car is searched for: the place may have been the wrong one.
    fn weigh_reading(
        &mut self,
        gait: usize,
        carried: Option<Carried>,
        offset: LevelOffset,
        (speed_unknown, searching): (bool, bool),
        model: &RadioModel,
    ) {
        let points = self.presence.len();
        let first = self.residuals_db.len() - points;
        let (residuals, variances) = (&self.residuals_db[first..], &self.variances_db2[first..]);
        let rho = carried.map_or(0.0, |carried| carried.rho);
        match carried {
            Some(carried) => shift_back(residuals, carried.steps, &mut self.before_db),
            None => {
                self.before_db.clear();
                self.before_db.resize(points, f32::NAN);
            }
        }
        let change_db = carried.map_or(0.0, |carried| carried.change_db);
        let (mean, offset_var) = (offset.mean_db as f32, offset.var_db2 as f32);
        let lasting = model.lasting_share as f32;
        let doubt = if speed_unknown || searching {
            1.0 / OUTLYING_VARIANCES
        } else {
            0.0
        };
        let row = &mut self.likelihood[gait * points..][..points];
        let unheard = if searching { UNHEARD_LIKELIHOOD } else { 1.0 };
        let readings = residuals.iter().zip(variances).zip(&self.before_db);
        for (likelihood, ((&residual, &var), &before)) in row.iter_mut().zip(readings) {
            let before = before + change_db - mean;
            let left = rho / (1.0 + doubt * before * before / var);
            let (left, before) = if before.is_nan() {
                (0.0, 0.0)
            } else {
                (left, before)
            };
            let square = left * left;
            let total = var * ((1.0 - lasting) * (1.0 + square) + lasting * (1.0 - square))
                + offset_var * (1.0 - left) * (1.0 - left);
            let off = residual - mean - left * before;
            let tail = 1.0 / (1.0 + off * off / (total * STUDENT_DOF as f32));
            let density = REFERENCE_SIGMA_DB / total.sqrt() * tail * tail;
            let factor = if residual.is_nan() { unheard } else { density };
            *likelihood = (*likelihood * factor).max(LEAST_LIKELIHOOD);
        }
    }

    /// Multiplies the likelihoods by that of the cells being there, by `no_fix` after a tunnel, and by that of being on the
    /// route.
    fn weigh_presence(&mut self, places: Places<'_>, no_fix: f32) {
        let Places { db, legs, window } = places;
        let inside = |leg: &Leg| db.network.edge(leg.edge).tunnel.is_some();
        let first_inside = legs.iter().position(inside).unwrap_or(legs.len());
        let ends = (
            legs.first().map_or(0.0, |leg| leg.start_m),
            legs.last().map_or(0.0, |leg| leg.start_m + leg.length_m),
        );
        self.presence.iter_mut().for_each(|sum| *sum = libm::expf(*sum));
        for_each_leg(&legs[first_inside..], window, |leg, along| {
            if !inside(leg) {
                self.presence[along].iter_mut().for_each(|share| *share *= no_fix);
            }
        });
        for row in self.likelihood.chunks_exact_mut(window.points) {
            for (j, (likelihood, presence)) in row.iter_mut().zip(&self.presence).enumerate() {
                let at_m = window.base_m + j as f64 * window.step_m;
                *likelihood = if at_m < ends.0 || at_m > ends.1 {
                    OFF_ROUTE_LIKELIHOOD
                } else {
                    *likelihood * presence
                };
            }
        }
    }

    /// The phone's offset after this scan, with the likelihood of the places (summing to 1) after the scan, and the
    /// share of information that it kept.
    pub fn learn_offset(&self, offset: LevelOffset, places: &[f32], share: f64) -> LevelOffset {
        let points = places.len().max(1);
        let mut learnt = offset;
        let readings = self
            .residuals_db
            .chunks_exact(points)
            .zip(self.variances_db2.chunks_exact(points));
        for (residuals, variances) in readings {
            let (mut total, mut mean, mut square, mut var) = (0.0, 0.0, 0.0, 0.0);
            for ((&place, &residual), &variance) in places.iter().zip(residuals).zip(variances) {
                if !residual.is_nan() {
                    let (p, e) = (f64::from(place), f64::from(residual));
                    total += p;
                    mean += p * e;
                    square += p * e * e;
                    var += p * f64::from(variance);
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

/// Writes `row` as it was `steps` grid points behind into `out`; NaN where that is off the row.
fn shift_back(row: &[f32], steps: f64, out: &mut Vec<f32>) {
    let whole = libm::floor(-steps);
    let fraction = (-steps - whole) as f32;
    let points = row.len();
    out.clear();
    out.resize(points, f32::NAN);
    let whole = whole as isize;
    let from = whole.clamp(-(points as isize), points as isize);
    let (skipped, start) = ((-from).max(0) as usize, from.max(0) as usize);
    let pairs = row.iter().zip(row.iter().skip(1)).skip(start);
    for (out, (&here, &next)) in out.iter_mut().skip(skipped).zip(pairs) {
        *out = here + fraction * (next - here);
    }
}

/// The logarithm of a share of passes, worked out anew only where the counts change.
#[derive(Default)]
struct ShareOfPasses {
    last: Option<(u16, u16, f64)>,
}

impl ShareOfPasses {
    /// ln((count + unheard) / (passes + 1)).
    fn log(&mut self, count: u16, passes: u16, unheard: f64) -> f64 {
        match self.last {
            Some((c, p, log)) if (c, p) == (count, passes) => log,
            _ => {
                let log = libm::log((f64::from(count) + unheard) / (f64::from(passes.max(count)) + 1.0));
                self.last = Some((count, passes, log));
                log
            }
        }
    }
}
