//! Places along a route, and what the surveys heard there.

use serde::{Deserialize, Serialize};

use super::cells::CellIx;
use super::profile::{EdgeProfile, FingerprintDb};
use crate::network::EdgeId;
use crate::observation::CellReading;
use crate::radio::Plmn;

/// An evenly spaced run of places along a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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

impl Leg {
    /// Offset of the edge's end along the route, metres.
    pub fn end_m(&self) -> f64 {
        self.start_m + self.length_m
    }
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
    /// Where surveys have to have heard a cell for a reading to be of it: the places and what is around them.
    pub around: Window,
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

/// Of the cells that the reading may stand for, the one with the longest profile around the places.
pub(super) fn nearest_candidate(
    places: Places<'_>,
    reading: &CellReading,
    plmn: Option<Plmn>,
) -> Option<CellIx> {
    let Places { db, legs, around, .. } = places;
    let mut best: Option<(usize, CellIx)> = None;
    for cell in db.cells.candidates(&reading.cell, plmn) {
        let mut covered = 0;
        for_each_leg(legs, around, |leg, places| {
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
        let places = place_from(leg.start_m)..place_from(leg.end_m());
        if !places.is_empty() {
            visit(leg, places);
        }
    }
}
