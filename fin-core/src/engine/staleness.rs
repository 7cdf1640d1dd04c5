//! How well what is heard in each tunnel still fits its surveys: operators switch cells off, renumber, move and weaken them.

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::fingerprint::fit::Fit;
use crate::fingerprint::matcher::{Places, Window};
use crate::frame::LatLon;
use crate::network::{RoadNetwork, TunnelId};
use crate::observation::CellScan;

/// How far the car moves between scans that are held against the surveys, metres: closer ones say the same again.
const APART_M: f64 = 20.0;
/// Distance on either side within which a reading may fit, metres: at least, so that handovers may come a little sooner or later,
/// and at most.
const REACH_M: (f64, f64) = (30.0, 200.0);
/// Scans that were held against the surveys over which the share that fits is averaged.
const AVERAGED: f64 = 15.0;
/// Shares of fitting readings up to which the surveys are not trusted, and from which they are.
const TRUSTED: (f64, f64) = (0.15, 0.35);
/// Share of fitting readings below which what fits may be chance.
const DOUBTED: f64 = 0.4;
/// Distance between the places that are looked at, metres.
const STEP_M: f64 = 10.0;

/// How what was heard in one tunnel fits its surveys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelFit {
    /// The tunnel's name.
    pub tunnel: String,
    /// The id of its first way.
    pub way_id: i64,
    /// Counts of readings, from scans at least 20 m apart.
    pub fit: Fit,
}

/// All that an engine has found about the surveys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TunnelFits {
    /// By the ids of the tunnels' first ways, ascending.
    tunnels: Vec<TunnelFit>,
    /// Where the last scan was that counted.
    counted_at: Option<LatLon>,
    /// Share of the readings that fitted lately, in tunnels and before them, 0…1.
    lately: f64,
}

impl Default for TunnelFits {
    /// None yet, and no doubt in any survey.
    fn default() -> Self {
        Self {
            tunnels: Vec::new(),
            counted_at: None,
            lately: 1.0,
        }
    }
}

impl TunnelFits {
    /// Whether these are what counting can have come to: for those read from bytes.
    pub(super) fn is_sound(&self) -> bool {
        let ascend = |pair: &[TunnelFit]| pair[0].way_id < pair[1].way_id;
        (0.0..=1.0).contains(&self.lately)
            && self.tunnels.windows(2).all(ascend)
            && self.tunnels.iter().all(|tunnel| tunnel.fit.is_sound())
    }

    /// How much of the evidence of a scan counts, 0…1: where next to nothing fits, what seems to is chance.
    pub(super) fn trust(&self) -> f64 {
        ((self.lately - TRUSTED.0) / (TRUSTED.1 - TRUSTED.0)).clamp(0.0, 1.0)
    }

    /// Whether what fits may be chance.
    pub(super) fn doubted(&self) -> bool {
        self.lately < DOUBTED
    }

    /// Counts `fit` for `tunnel`.
    fn count(&mut self, network: &RoadNetwork, tunnel: TunnelId, fit: Fit) {
        let tunnel = network.tunnel(tunnel);
        let way_id = network.ways()[tunnel.ways[0] as usize].id;
        let at = match self.tunnels.binary_search_by_key(&way_id, |known| known.way_id) {
            Ok(at) => at,
            Err(at) => {
                let new = TunnelFit {
                    tunnel: tunnel.name.clone(),
                    way_id,
                    fit: Fit::default(),
                };
                self.tunnels.insert(at, new);
                at
            }
        };
        let known = &mut self.tunnels[at];
        known.fit = known.fit.and(fit);
    }
}

#[cfg(test)]
impl TunnelFits {
    /// One reading in one tunnel, counted at `place`.
    pub(super) fn example(place: LatLon) -> Self {
        let fit = Fit {
            readings: 1,
            ..Fit::default()
        };
        Self {
            tunnels: vec![TunnelFit {
                tunnel: "Tube".to_owned(),
                way_id: 1,
                fit,
            }],
            counted_at: Some(place),
            lately: 1.0,
        }
    }

    /// Counts `misfits` without the readings.
    pub(super) fn add_misfits(&mut self, misfits: u64) {
        self.tunnels[0].fit.unheard += misfits;
    }
}

impl Engine {
    /// How what was heard in each tunnel since the engine was made fits its surveys, by the ids of the tunnels' first ways. A
    /// scan counts when the car is in a surveyed tunnel and 20 m from where the last one counted.
    pub fn tunnel_fits(&self) -> &[TunnelFit] {
        &self.fits.tunnels
    }

    /// Holds `scan`, `lag_s` old, against the surveys where the car is.
    pub(super) fn hold_against_surveys(&mut self, scan: &CellScan, lag_s: f64) {
        let network = &self.db.network;
        let Some(best) = self.hypotheses.get(self.best).filter(|best| !best.is_search()) else {
            return;
        };
        let spot = best.spot(&self.options.drift);
        let here_m = spot.offset_m - lag_s * spot.speed_mps;
        if scan.cells.is_empty() {
            return;
        }
        let here = best.locate(here_m);
        let place = network.point_at(here.edge, here.offset_m).position;
        if self
            .fits
            .counted_at
            .is_some_and(|last| last.distance_m(place) < APART_M)
        {
            return;
        }
        let window = around(here_m, spot.half68_m);
        let places = Places {
            db: &self.db,
            legs: &best.legs,
            window,
            around: window,
        };
        let Some(fit) = Fit::of(places, scan, best.level_offset, &self.options.radio) else {
            return;
        };
        if let Some(tunnel) = best.tunnel_at(network, here_m) {
            self.fits.count(network, tunnel, fit);
        }
        self.fits.lately += (1.0 - fit.misfits() - self.fits.lately) / AVERAGED;
        self.fits.counted_at = Some(place);
    }
}

/// The places within `half68_m` of `here_m`.
fn around(here_m: f64, half68_m: f64) -> Window {
    let reach_m = half68_m.clamp(REACH_M.0, REACH_M.1);
    let steps = libm::ceil(reach_m / STEP_M);
    Window {
        base_m: here_m - steps * STEP_M,
        step_m: STEP_M,
        points: 2 * steps as usize + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of the evidence counts when `lately` of the readings fitted.
    fn trust(lately: f64) -> f64 {
        let fits = TunnelFits {
            lately,
            ..TunnelFits::default()
        };
        fits.trust()
    }

    #[test]
    fn surveys_are_trusted_until_next_to_nothing_fits() {
        assert_eq!(TunnelFits::default().trust(), 1.0);
        let [none, all] = [TRUSTED.0, TRUSTED.1];
        assert_eq!((trust(0.0), trust(none), trust(all)), (0.0, 0.0, 1.0));
        assert!((trust(0.5 * (none + all)) - 0.5).abs() < 1e-9);
        // Before they are trusted less, what fits is looked at twice.
        const { assert!(DOUBTED > TRUSTED.1) };
    }
}
