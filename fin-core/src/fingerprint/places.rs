//! Places along a route, and what the surveys heard there.

use serde::{Deserialize, Serialize};

use super::cells::CellIx;
use super::profile::{CellProfile, EdgeProfile, FingerprintDb};
use crate::network::EdgeId;
use crate::observation::CellReading;
use crate::radio::Plmn;

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

/// Where a scan is held against the surveys.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The surveys.
    pub db: &'a FingerprintDb,
    /// The route, its edges end to end.
    pub legs: &'a [Leg],
    /// The places along it.
    pub window: Window,
}

/// The expected level at a fractional grid point.
pub(super) struct Level {
    pub(super) mean_dbm: f64,
    pub(super) spread_db: f64,
    /// Passes that heard the cell, and passes that were registered on it, at the grid point before.
    pub(super) heard: u16,
    pub(super) serving: u16,
}

impl Level {
    pub(super) fn at(profile: &CellProfile, at: f64) -> Option<Level> {
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
        Some(Level {
            mean_dbm: mix(&profile.mean_dbm),
            spread_db: mix(&profile.spread_db),
            heard: profile.passes[low],
            serving: profile.serving[low],
        })
    }
}

/// The profile along an edge, or, where none was surveyed, along the other direction of the same road: `true` when its
/// grid runs the other way.
pub(super) fn profile_of(db: &FingerprintDb, edge: EdgeId) -> (Option<&EdgeProfile>, bool) {
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
pub(super) fn nearest_candidate(
    places: Places<'_>,
    reading: &CellReading,
    plmn: Option<Plmn>,
) -> Option<CellIx> {
    let Places { db, legs, window } = places;
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

/// Calls `visit` with each leg that the window touches and the places of the window on it.
pub(super) fn for_each_leg(
    legs: &[Leg],
    window: Window,
    mut visit: impl FnMut(&Leg, std::ops::Range<usize>),
) {
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
