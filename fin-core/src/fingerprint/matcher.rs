//! How well a scan fits each place along a route.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::carried::{Carried, Reach, shift_back};
use super::cells::CellIx;
use super::expected::{Stretch, Variances};
use super::outlying::Evidences;
pub use super::outlying::Prior;
pub use super::places::{Leg, Places, Window};
use super::places::{for_each_leg, nearest_candidate, profile_of};
pub use super::radio_model::{LevelOffset, RadioModel, share_of_news};
use super::reading::{ReadingTerms, multiply, of_change};
use super::shares::SharesOfPasses;
pub use super::shift::Shifts;
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
    /// Share of what the readings say that counts, 0…1.
    pub trust: f64,
    /// Whether the car is searched for along a whole tunnel, and not followed.
    pub searching: bool,
    /// The cells that have become weaker or stronger.
    pub shifts: &'a Shifts,
    /// Where it is thought to be: readings that do not fit there among others that do tell nothing of the place.
    pub prior: Prior<'a>,
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
    /// Likelihoods of each of those at each place, gait after gait, reading after reading.
    factors: Vec<f32>,
    /// How likely each of those is where the car is thought to be.
    evidences: Evidences,
    /// Logarithm of the likelihood that the cells are there to be heard, over all readings.
    presence: Vec<f32>,
    /// Residuals of one reading, and their variances, from as far behind the places as the car may have been at the one before.
    row_db: Vec<f32>,
    row_db2: Vec<f32>,
    /// Residuals of the reading before at the places where the car was then.
    before_db: Vec<f32>,
    /// By how much readings are above what the surveys tell, over all places: cell, mean, dB, and variance, dB².
    differences: Vec<(CellIx, f64, f64)>,
    /// What goes on from the reading before, gait by gait.
    carried: Vec<Option<Carried>>,
    shares: SharesOfPasses,
}

/// Likelihood of a known reading on a road that no survey drove, against that of one that fits.
const UNSURVEYED_LIKELIHOOD: f64 = 0.4;
/// Likelihood, in a search, of the level of a cell where no survey heard it, against that of one that fits. Places close
/// by differ little in it; a whole tunnel has places where nothing can be misfitted.
const UNHEARD_LIKELIHOOD: f32 = 0.3;
/// Time within which fixes usually come back after a tunnel, seconds.
const FIX_RETURN_S: f64 = 5.0;
/// Likelihood of any scan beyond the ends of the route, against that of one that fits.
const OFF_ROUTE_LIKELIHOOD: f32 = 1e-4;
/// Share of a scan's information below which nothing is learnt of it.
const LEAST_TAUGHT: f64 = 1e-3;
/// Correlation below which nothing lasts of a residual.
const LEAST_LASTING: f64 = 1e-4;
/// Squared residual of the reading before, in variances, at which half of it is held to last.
const OUTLYING_VARIANCES: f32 = 9.0;

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
        self.factors.clear();
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
            let mut carried = std::mem::take(&mut self.carried);
            carried.clear();
            carried.extend((0..history.gaits).map(|gait| {
                let (earlier, rsrp_dbm) = earlier.zip(reading.rsrp_dbm)?;
                let moved_m = (history.moved_m)(Some(gait), earlier);
                let rho = model.lasting(moved_m, scan.time.seconds_since(earlier.time));
                (rho > LEAST_LASTING).then(|| Carried {
                    rho: rho as f32,
                    change_db: (earlier.rsrp_dbm - rsrp_dbm) as f32,
                    steps: moved_m / places.window.step_m,
                    unheard_db2: model.unheard_var_db2(moved_m) as f32,
                })
            }));
            let reach = Reach::of(carried.iter().flatten());
            let news = earlier.map_or(1.0, |earlier| {
                let moved_m = (history.moved_m)(None, earlier).abs();
                share_of_news(libm::exp(-moved_m / model.presence_m))
            });
            self.expect((places, reach), reading, cell, news, model);
            if let Some(rsrp_dbm) = reading.rsrp_dbm {
                self.heard.push((cell, rsrp_dbm));
                self.append_factors(
                    &carried,
                    reach,
                    offset.and(history.shifts.of(cell, model)),
                    (history.gaits > 1, history.searching),
                    model,
                );
            }
            self.carried = carried;
        }
        self.weigh_readings(history.gaits, history.prior);
        self.weigh_presence(points);
        self.temper(history.trust);
        self.weigh_silence(places, libm::exp(-history.silence_s / FIX_RETURN_S) as f32);
    }

    /// Appends what is expected of `reading` at each place, and adds to the presence the share `news` of what hearing its
    /// cell says.
    fn expect(
        &mut self,
        (places, reach): (Places<'_>, Reach),
        reading: &CellReading,
        cell: CellIx,
        news: f64,
        model: &RadioModel,
    ) {
        let Places { db, legs, window, .. } = places;
        let wide = reach.widen(window);
        let (begin, end) = (reach.behind, reach.behind + window.points);
        self.row_db.clear();
        self.row_db.resize(wide.points, f32::NAN);
        self.row_db2.clear();
        self.row_db2.resize(wide.points, 1.0);
        let weight = if reading.serving {
            model.serving_weight
        } else {
            model.heard_weight
        };
        let weight = (news * weight) as f32;
        self.shares.expect(model.unheard_passes);
        let unsurveyed = (news * libm::log(UNSURVEYED_LIKELIHOOD)) as f32;
        let vars = Variances {
            noise: (model.reading_sigma_db * model.reading_sigma_db) as f32,
            least: (model.least_spread_db * model.least_spread_db) as f32,
        };
        for_each_leg(legs, wide, |leg, along| {
            let among = |here: &Range<usize>| {
                here.start.clamp(begin, end) - begin..here.end.clamp(begin, end) - begin
            };
            let (Some(profile), mirrored) = profile_of(db, leg.edge) else {
                self.presence[among(&along)]
                    .iter_mut()
                    .for_each(|sum| *sum += unsurveyed);
                return;
            };
            let levels = profile.cell(cell);
            let per_metre = 1.0 / profile.step_m;
            let from_start = |along_m: f64| if mirrored { leg.length_m - along_m } else { along_m };
            let grid_at = |j: usize| {
                let along_m = wide.base_m + j as f64 * wide.step_m - leg.start_m;
                from_start(along_m) * per_metre
            };
            let ahead = if mirrored { -per_metre } else { per_metre };
            let grid_step = window.step_m * ahead;
            let mut next = along.start;
            while next < along.end {
                let at = grid_at(next);
                let stretch = Stretch::around(at, profile, levels);
                let here = next..along.end.min(next + stretch.places(at, grid_step));
                next = here.end;
                let count = if reading.serving {
                    stretch.registered_soon(levels, model.sooner_m * ahead)
                } else {
                    stretch.count(false)
                };
                let share = self.shares.log(count, stretch.surveyed);
                let presence = weight * share;
                self.presence[among(&here)]
                    .iter_mut()
                    .for_each(|sum| *sum += presence);
                if let (Some(line), Some(rsrp_dbm)) = (&stretch.line, reading.rsrp_dbm) {
                    let residuals = self.row_db[here.clone()].iter_mut();
                    let both = residuals.zip(&mut self.row_db2[here]);
                    for ((residual, var), (mean_dbm, spread_db)) in both.zip(line.along(at, grid_step)) {
                        *residual = rsrp_dbm as f32 - mean_dbm;
                        *var = vars.of(spread_db);
                    }
                }
            }
        });
        if reading.rsrp_dbm.is_some() {
            self.residuals_db.extend_from_slice(&self.row_db[begin..end]);
            self.variances_db2.extend_from_slice(&self.row_db2[begin..end]);
        }
    }

    /// Appends the likelihoods at each gait of the last reading appended, with what goes on there from the one before. What lasts of
    /// a residual is held to be less the more it outlies where the speed is not known or the car is searched for: the place may have
    /// been the wrong one. Where no survey heard the cell its level tells nothing of the place, but how it changes tells how far
    /// the car has moved.
    fn append_factors(
        &mut self,
        carried: &[Option<Carried>],
        reach: Reach,
        offset: LevelOffset,
        (speed_unknown, searching): (bool, bool),
        model: &RadioModel,
    ) {
        let points = self.presence.len();
        let first = self.residuals_db.len() - points;
        let (residuals, variances) = (&self.residuals_db[first..], &self.variances_db2[first..]);
        let doubtful = speed_unknown || searching;
        let alone = ReadingTerms {
            rho: 0.0,
            before_db: 0.0,
            offset_mean_db: offset.mean_db as f32,
            offset_var_db2: offset.var_db2 as f32,
            lasting_share: model.lasting_share as f32,
            doubt: if doubtful { 1.0 / OUTLYING_VARIANCES } else { 0.0 },
            unheard: if searching { UNHEARD_LIKELIHOOD } else { 1.0 },
        };
        let before = self.factors.len();
        self.factors.resize(before + points * carried.len(), 0.0);
        for (row, carried) in self.factors[before..].chunks_exact_mut(points).zip(carried) {
            self.before_db.clear();
            self.before_db.resize(points, f32::NAN);
            let terms = match carried {
                Some(carried) => {
                    let from = reach.behind as f64 - carried.steps;
                    shift_back(&self.row_db, from, &mut self.before_db);
                    ReadingTerms {
                        rho: carried.rho,
                        before_db: carried.change_db - offset.mean_db as f32,
                        unheard: if speed_unknown && !searching {
                            of_change(carried.change_db, carried.unheard_db2)
                        } else {
                            alone.unheard
                        },
                        ..alone
                    }
                }
                None => alone,
            };
            terms.write(row, residuals, variances, &self.before_db);
        }
    }

    /// Multiplies the likelihoods by those of the readings. Of those that outlie nothing is learnt of the place, nor of the phone's
    /// offset: they count everywhere as they do on average, against routes on which they fit.
    fn weigh_readings(&mut self, gaits: usize, prior: Prior<'_>) {
        let points = self.presence.len();
        self.evidences.weigh(&self.factors, gaits, prior);
        let readings = self.factors.chunks_exact_mut(points * gaits);
        let residuals = self.residuals_db.chunks_exact_mut(points);
        for (reading, (factors, residuals)) in readings.zip(residuals).enumerate() {
            if let Some(evidence) = self.evidences.of_outlying(reading) {
                factors.fill(evidence);
                residuals.fill(f32::NAN);
            }
            multiply(&mut self.likelihood, factors);
        }
    }

    /// Multiplies the likelihoods by that of the cells being there, over the `points` places of each gait.
    fn weigh_presence(&mut self, points: usize) {
        self.presence.iter_mut().for_each(|sum| *sum = libm::expf(*sum));
        for row in self.likelihood.chunks_exact_mut(points) {
            for (likelihood, presence) in row.iter_mut().zip(&self.presence) {
                *likelihood *= presence;
            }
        }
    }

    /// Leaves of what the readings say the share `trust`, 0…1.
    fn temper(&mut self, trust: f64) {
        if trust < 1.0 {
            let power = trust as f32;
            self.likelihood
                .iter_mut()
                .for_each(|likelihood| *likelihood = libm::powf(*likelihood, power));
        }
    }

    /// Multiplies the likelihoods by `no_fix` after a tunnel, and by that of being on the route.
    fn weigh_silence(&mut self, places: Places<'_>, no_fix: f32) {
        let Places { db, legs, window, .. } = places;
        let inside = |leg: &Leg| db.network.edge(leg.edge).tunnel.is_some();
        let first_inside = legs.iter().position(inside).unwrap_or(legs.len());
        let (first, last) = (legs.first(), legs.last());
        let (from_m, to_m) = (
            first.map_or(0.0, |leg| leg.start_m),
            last.map_or(0.0, |leg| leg.start_m + leg.length_m),
        );
        for row in self.likelihood.chunks_exact_mut(window.points) {
            for_each_leg(&legs[first_inside..], window, |leg, along| {
                if !inside(leg) {
                    row[along].iter_mut().for_each(|likelihood| *likelihood *= no_fix);
                }
            });
            for (j, likelihood) in row.iter_mut().enumerate() {
                let at_m = window.base_m + j as f64 * window.step_m;
                if at_m < from_m || at_m > to_m {
                    *likelihood = OFF_ROUTE_LIKELIHOOD;
                }
            }
        }
    }

    /// Has the phone's offset, and the shifts of cells, learn from this scan, with the likelihood of the places (summing to 1) after the
    /// scan, and the share of information that it kept.
    pub fn teach(
        &mut self,
        (offset, shifts): (&mut LevelOffset, &mut Shifts),
        places: &[f32],
        share: f64,
        model: &RadioModel,
    ) {
        if share <= LEAST_TAUGHT {
            return;
        }
        self.compare(places);
        for &(cell, mean_db, var_db2) in &self.differences {
            let own = shifts.of(cell, model);
            *offset = offset.updated(mean_db - own.mean_db, (var_db2 + own.var_db2) / share);
        }
        for &(cell, mean_db, var_db2) in &self.differences {
            let var_db2 = (var_db2 + offset.var_db2) / share;
            shifts.learn(cell, mean_db - offset.mean_db, var_db2, model);
        }
    }

    /// Works out by how much each reading is above what the surveys tell, over places with these likelihoods.
    fn compare(&mut self, places: &[f32]) {
        let points = places.len().max(1);
        let residuals = self.residuals_db.chunks_exact(points);
        let readings = residuals.zip(self.variances_db2.chunks_exact(points));
        self.differences.clear();
        for (&(cell, _), (residuals, variances)) in self.heard.iter().zip(readings) {
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
            if total > 0.5 {
                let mean_db = mean / total;
                let var_db2 = (var + square) / total - mean_db * mean_db;
                self.differences.push((cell, mean_db, var_db2));
            }
        }
    }
}
