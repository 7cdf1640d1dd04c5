//! How close to the truth an estimator can come: the posterior Cramér–Rao bound along simulated drives.
//!
//! Tichavský, Muravchik and Nehorai 1998 ("Posterior Cramér–Rao bounds for discrete-time nonlinear filtering", IEEE Transactions on
//! Signal Processing 46(5)): for additive Gaussian noise the bound obeys the recursion of a Kalman filter that is linearised
//! where the car is. The state is the place, the speed (or the odometer's scale), the phone's offset, and for every cell what
//! its level differs from the surveys' mean; how the speed wanders is taken from the drive itself. No unbiased estimator that goes
//! by levels alone does better in a radio world that is as the matcher's model says. Which cells are heard tells something more,
//! and what is lost when a scan fits two places is not in it.

use std::collections::BTreeMap;

use fin_core::engine::DriftModel;
use fin_core::fingerprint::matcher::RadioModel;
use fin_core::fingerprint::{CellIx, FingerprintDb};
use fin_core::frame::{LocalFrame, bearing_difference_deg};
use fin_core::network::EdgePosition;
use fin_core::observation::{CellScan, Drive, TruePosition};
use nalgebra::{DMatrix, DVector};
use serde::Serialize;

/// What is known at the portal, standard deviations: the place, metres; the speed, m/s; the odometer's scale; the phone's
/// offset, dB.
const PORTAL_SIGMA: (f64, f64, f64, f64) = (4.0, 1.0, 0.006, 1.5);
/// Half the stretch over which the slope of a level is taken, metres.
const SLOPE_M: f64 = 6.0;
/// Variance that a Gaussian has whose readings tell as much as those of the matcher's distribution: Student's t with ν degrees of
/// freedom and squared scale s² has the information (ν + 1) / (ν + 3) / s².
const STUDENT_SHARE: f64 = 0.45 * 6.0 / 4.0;
/// Places of the state.
const PLACE: usize = 0;
const RATE: usize = 1;
const OFFSET: usize = 2;

/// Errors that cannot be undercut, metres.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bound {
    pub p68_m: f64,
    pub p95_m: f64,
}

impl Bound {
    /// The bound of errors that are normal with each of `sigmas_m` in turn.
    pub fn of(sigmas_m: &[f64]) -> Self {
        let within = |x_m: f64| {
            let inside = sigmas_m
                .iter()
                .map(|s| libm::erf(x_m / (s * std::f64::consts::SQRT_2)));
            inside.sum::<f64>() / sigmas_m.len().max(1) as f64
        };
        let quantile = |share: f64| {
            let (mut low, mut high) = (0.0, 1e4);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if within(middle) < share {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            high
        };
        Self {
            p68_m: quantile(0.68),
            p95_m: quantile(0.95),
        }
    }
}

/// The least standard deviation of the place at each scan inside tunnels, metres.
pub fn sigmas_m(db: &FingerprintDb, drive: &Drive, truth: &[TruePosition], wheel: bool) -> Vec<f64> {
    let mut found = Vec::new();
    let mut filter: Option<Information> = None;
    let places: Vec<_> = drive.cells.iter().map(|scan| place(db, truth, scan)).collect();
    let walk = speed_walk_m2_per_s3(&drive.cells, &places);
    for (scan, place) in drive.cells.iter().zip(places) {
        let Some((at, speed_mps)) = place else {
            filter = None;
            continue;
        };
        let filter = filter.get_or_insert_with(|| Information::at_portal(scan, wheel));
        filter.advance(scan, speed_mps, walk);
        filter.hear(db, scan, at);
        found.push(filter.covariance[(PLACE, PLACE)].sqrt());
    }
    found
}

/// The true place and speed at a scan; `None` outside tunnels.
fn place(db: &FingerprintDb, truth: &[TruePosition], scan: &CellScan) -> Option<(EdgePosition, f64)> {
    let next = truth.partition_point(|here| here.time < scan.time);
    let (before, after) = (truth.get(next.checked_sub(5)?)?, truth.get(next)?);
    let moved = LocalFrame::new(before.position).to_local(after.position);
    let near = db.network.nearest(after.position, 15.0, 8);
    let ahead = |bearing_deg: f64| bearing_difference_deg(moved.bearing_deg(), bearing_deg).abs() < 60.0;
    let along = near
        .iter()
        .find(|near| moved.length_m() < 0.1 || ahead(near.bearing_deg))?;
    db.network.edge(along.edge).tunnel?;
    let speed_mps = moved.length_m() / after.time.seconds_since(before.time);
    Some((along.place(), speed_mps))
}

/// How the speed of this car wanders from scan to scan, m²/s³.
fn speed_walk_m2_per_s3(scans: &[CellScan], places: &[Option<(EdgePosition, f64)>]) -> f64 {
    let (mut squares, mut seconds) = (0.0, 0.0);
    for (scans, places) in scans.windows(2).zip(places.windows(2)) {
        if let [Some((_, before)), Some((_, after))] = places {
            squares += (after - before) * (after - before);
            seconds += scans[1].time.seconds_since(scans[0].time);
        }
    }
    squares / f64::max(seconds, 1.0)
}

/// The bound's recursion, as a covariance.
struct Information {
    covariance: DMatrix<f64>,
    /// The place in the state of each cell heard so far, and the variance of its difference, dB².
    cells: BTreeMap<CellIx, (usize, f64)>,
    scan: CellScan,
    /// Metres driven since the scan before.
    moved_m: f64,
    wheel: bool,
}

impl Information {
    fn at_portal(scan: &CellScan, wheel: bool) -> Self {
        let (place_m, speed_mps, scale, offset_db) = PORTAL_SIGMA;
        let rate = if wheel { scale } else { speed_mps };
        let sigmas = DVector::from_vec(vec![place_m, rate, offset_db]);
        Self {
            covariance: DMatrix::from_diagonal(&sigmas.map(|sigma| sigma * sigma)),
            cells: BTreeMap::new(),
            scan: scan.clone(),
            moved_m: 0.0,
            wheel,
        }
    }

    fn advance(&mut self, scan: &CellScan, speed_mps: f64, walk_m2_per_s3: f64) {
        let (drift, radio) = (DriftModel::default(), RadioModel::default());
        let dt_s = scan.time.seconds_since(self.scan.time);
        let moved_m = speed_mps * dt_s;
        let states = self.covariance.nrows();
        let mut f = DMatrix::identity(states, states);
        let mut q = DMatrix::zeros(states, states);
        if self.wheel {
            f[(PLACE, RATE)] = moved_m;
            q[(PLACE, PLACE)] = drift.wheel_walk_m2_per_s * moved_m.min(dt_s);
        } else {
            let walk = walk_m2_per_s3;
            f[(PLACE, RATE)] = dt_s;
            q[(PLACE, PLACE)] = walk * dt_s.powi(3) / 3.0;
            q[(PLACE, RATE)] = walk * dt_s.powi(2) / 2.0;
            q[(RATE, PLACE)] = q[(PLACE, RATE)];
            q[(RATE, RATE)] = walk * dt_s;
        }
        let left = radio.lasting(moved_m);
        for &(state, var_db2) in self.cells.values() {
            f[(state, state)] = left;
            q[(state, state)] = (1.0 - left * left) * var_db2;
        }
        self.covariance = &f * &self.covariance * f.transpose() + q;
        self.scan = scan.clone();
        self.moved_m = moved_m;
    }

    fn hear(&mut self, db: &FingerprintDb, scan: &CellScan, at: EdgePosition) {
        let radio = RadioModel::default();
        let Some(profile) = db.profile(at.edge) else {
            return;
        };
        let serving = scan.cells.iter().find(|reading| reading.serving);
        let plmn = serving.and_then(|reading| reading.cell.plmn);
        for reading in scan.cells.iter().filter(|reading| reading.rsrp_dbm.is_some()) {
            let known = db.cells.candidates(&reading.cell, plmn);
            let heard = known
                .into_iter()
                .find_map(|cell| Some((cell, profile.cell(cell)?)));
            let Some((cell, levels)) = heard else {
                continue;
            };
            let grid = |offset_m: f64| (offset_m / profile.step_m).round() as isize - levels.first as isize;
            let level = |offset_m: f64| {
                let index = usize::try_from(grid(offset_m)).ok()?;
                Some((
                    f64::from(*levels.mean_dbm.get(index)?),
                    f64::from(levels.spread_db[index]),
                ))
            };
            let around = (
                level(at.offset_m - SLOPE_M),
                level(at.offset_m),
                level(at.offset_m + SLOPE_M),
            );
            let (Some(before), Some(here), Some(after)) = around else {
                continue;
            };
            let lasting_db2 = STUDENT_SHARE * here.1.max(radio.least_spread_db).powi(2);
            let state = self.state_of(cell, lasting_db2);
            let mut h = DVector::zeros(self.covariance.nrows());
            h[PLACE] = (after.0 - before.0) / (2.0 * SLOPE_M);
            (h[OFFSET], h[state]) = (1.0, 1.0);
            let ph = &self.covariance * &h;
            let total_db2 = h.dot(&ph) + STUDENT_SHARE * radio.new_db2(self.moved_m).0;
            self.covariance -= &ph * ph.transpose() / total_db2;
        }
    }

    /// The place of a cell's difference in the state, which grows by it when it is new.
    fn state_of(&mut self, cell: CellIx, var_db2: f64) -> usize {
        let states = self.covariance.nrows();
        let covariance = &mut self.covariance;
        let (state, var) = self.cells.entry(cell).or_insert_with(|| {
            let mut grown =
                std::mem::replace(covariance, DMatrix::zeros(0, 0)).resize(states + 1, states + 1, 0.0);
            grown[(states, states)] = var_db2;
            *covariance = grown;
            (states, var_db2)
        });
        *var = var_db2;
        *state
    }
}
