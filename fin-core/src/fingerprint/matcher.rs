//! How well a scan fits each place along a route.

use serde::{Deserialize, Serialize};

use super::cells::CellIx;
use super::expected::{Stretch, Variances};
use super::lasting::Known;
pub use super::lasting::{GaitChanges, Gaits, Lasting, Room};
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
    /// What lasts of the differences of the levels heard before, at the places; `None` for a scan on its own.
    pub lasting: Option<&'a Lasting>,
    /// Metres that the car has moved since the scan before, on average over the gaits.
    pub since_scan_m: f64,
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

/// A level of a cell that the database knows.
#[derive(Clone, Copy, Debug)]
pub struct HeardLevel {
    /// The cell.
    pub cell: CellIx,
    /// Its level, dBm.
    pub rsrp_dbm: f64,
    terms: ReadingTerms,
}

/// How a scan fits the places of a window. Kept and reused, so that a step does not allocate.
#[derive(Clone, Debug, Default)]
pub struct ScanScore {
    /// Likelihood of each place, gait after gait; 1 is the fit of an average good reading.
    pub likelihood: Vec<f32>,
    /// Readings that the database knows somewhere in the window.
    pub known: usize,
    /// Known cells with their levels, but for levels that were only handed out again.
    pub heard: Vec<HeardLevel>,
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
    /// Residuals of one reading, and their variances.
    row_db: Vec<f32>,
    row_db2: Vec<f32>,
    /// By how much readings are above what the surveys tell, over all places: cell, mean, dB, and variance, dB².
    differences: Vec<(CellIx, f64, f64)>,
    shares: SharesOfPasses,
}

/// Likelihood of a known reading on a road that no survey drove, against that of one that fits.
const UNSURVEYED_LIKELIHOOD: f64 = 0.4;
/// Likelihood, in a search, of the level of a cell where no survey heard it, against that of one that fits. Places close
/// by differ little in it; a whole tunnel has places where nothing can be misfitted.
const UNHEARD_LIKELIHOOD: f32 = 0.3;
/// Time within which fixes usually come back after a tunnel, seconds.
pub(crate) const FIX_RETURN_S: f64 = 5.0;
/// Likelihood of any scan beyond the ends of the route, against that of one that fits.
const OFF_ROUTE_LIKELIHOOD: f32 = 1e-4;
/// Readings of a scan that room is made for at once; more are rare.
const USUAL_READINGS: usize = 32;
/// Share of a scan's information below which nothing is learnt of it.
const LEAST_TAUGHT: f64 = 1e-3;

impl ScanScore {
    /// Scores `scan` at `places`, with the phone's `offset`, once for each gait of `history`.
    ///
    /// A level's difference from the surveys' mean lasts for some metres, so a level tells by how it *changes* with the
    /// place: each is held against what is known of its cell's difference at the place and gait ([`Lasting`]). A car that stands
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
        self.clear(places.around.points, history.gaits, scan.cells.len());
        self.likelihood.resize(points * history.gaits, 1.0);
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
            let news = earlier.map_or(1.0, |earlier| {
                let moved_m = (history.moved_m)(None, earlier).abs();
                share_of_news(libm::exp(-moved_m / model.presence_m))
            });
            self.expect(places, reading, cell, news, model);
            if let Some(rsrp_dbm) = reading.rsrp_dbm {
                let offset = offset.and(history.shifts.of(cell, model));
                let terms = ReadingTerms::of(offset, history.since_scan_m, model);
                let unheard = |gait: usize| match earlier {
                    _ if history.searching => UNHEARD_LIKELIHOOD,
                    Some(earlier) if history.gaits > 1 => {
                        let change_db = (earlier.rsrp_dbm - rsrp_dbm) as f32;
                        of_change(
                            change_db,
                            model.unheard_var_db2((history.moved_m)(Some(gait), earlier)) as f32,
                        )
                    }
                    _ => 1.0,
                };
                let known = history.lasting.and_then(|lasting| lasting.of(cell));
                self.append_factors(&terms, known, history.gaits, unheard);
                self.heard.push(HeardLevel {
                    cell,
                    rsrp_dbm,
                    terms,
                });
            }
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
        places: Places<'_>,
        reading: &CellReading,
        cell: CellIx,
        news: f64,
        model: &RadioModel,
    ) {
        let Places { db, legs, window, .. } = places;
        let points = window.points;
        self.row_db.clear();
        self.row_db.resize(points, f32::NAN);
        self.row_db2.clear();
        self.row_db2.resize(points, 1.0);
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
        for_each_leg(legs, window, |leg, along| {
            let (Some(profile), mirrored) = profile_of(db, leg.edge) else {
                self.presence[along].iter_mut().for_each(|sum| *sum += unsurveyed);
                return;
            };
            let levels = profile.cell(cell);
            let per_metre = 1.0 / profile.step_m;
            let from_start = |along_m: f64| if mirrored { leg.length_m - along_m } else { along_m };
            let grid_at = |j: usize| {
                let along_m = window.base_m + j as f64 * window.step_m - leg.start_m;
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
                self.presence[here.clone()]
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
            self.residuals_db.extend_from_slice(&self.row_db);
            self.variances_db2.extend_from_slice(&self.row_db2);
        }
    }

    /// Forgets the scan before, and makes room for one at as many places as there may come to be.
    fn clear(&mut self, places: usize, gaits: usize, readings: usize) {
        self.known = 0;
        self.heard.clear();
        let readings = readings.min(USUAL_READINGS);
        let rows = [
            (&mut self.presence, 1),
            (&mut self.row_db, 1),
            (&mut self.row_db2, 1),
            (&mut self.likelihood, gaits),
            (&mut self.residuals_db, readings),
            (&mut self.variances_db2, readings),
            (&mut self.factors, gaits * readings),
        ];
        for (row, times) in rows {
            row.clear();
            row.reserve(places * times);
        }
    }

    /// Appends the likelihoods at each gait of the last reading appended, given what is `known` of its cell's difference. Where no
    /// survey heard the cell it is `unheard(gait)`: its level tells nothing of the place, but how it changes tells how far the car
    /// has moved.
    fn append_factors(
        &mut self,
        terms: &ReadingTerms,
        known: Option<Known<'_>>,
        gaits: usize,
        unheard: impl Fn(usize) -> f32,
    ) {
        let points = self.presence.len();
        let first = self.residuals_db.len() - points;
        let readings = (&self.residuals_db[first..], &self.variances_db2[first..]);
        let before = self.factors.len();
        self.factors.resize(before + points * gaits, 0.0);
        for (gait, row) in self.factors[before..].chunks_exact_mut(points).enumerate() {
            let here = gait * points..(gait + 1) * points;
            let known = known.map(|known| (&known.mean_db[here.clone()], &known.open[here]));
            terms.write(row, readings, known, unheard(gait));
        }
    }

    /// Has `lasting` learn from the readings that do not outlie.
    pub fn remember(&self, lasting: &mut Lasting, room: &mut Room) {
        let points = self.presence.len().max(1);
        let rows = (
            self.residuals_db.chunks_exact(points),
            self.variances_db2.chunks_exact(points),
        );
        for (heard, readings) in self.heard.iter().zip(rows.0.zip(rows.1)) {
            if readings.0.iter().any(|residual| !residual.is_nan()) {
                lasting.learn(heard.cell, &heard.terms, readings, room);
            }
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
        let (from_m, to_m) = (first.map_or(0.0, |leg| leg.start_m), last.map_or(0.0, Leg::end_m));
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
        for (&HeardLevel { cell, .. }, (residuals, variances)) in self.heard.iter().zip(readings) {
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
