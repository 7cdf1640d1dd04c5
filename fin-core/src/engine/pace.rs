//! How fast traffic flows where the car is, against where GNSS went: drivers keep to speed limits, and slow down where others did.

use serde::{Deserialize, Serialize};

use super::hypothesis::{Hypothesis, MOST_OFFSET_M, MOST_SPEED_MPS};
use crate::fingerprint::FingerprintDb;
use crate::network::{EdgePosition, RoadNetwork};

/// Time that drivers take to come to another limit, seconds.
const ADAPTING_S: f64 = 3.0;
/// By what factor traffic becomes slower or faster at most where limits tell.
const MOST_CHANGE: f64 = 2.0;
/// Limits and usual speeds that there may be, m/s.
const LIMITS_MPS: (f64, f64) = (1.0, 100.0);
/// How far back the car's own pace is told from, metres: beyond, its weight has fallen by a factor e.
const APPROACH_M: f64 = 600.0;
/// How many times as fast as others a car may be thought to drive.
const OWN_PACES: (f64, f64) = (0.3, 3.0);

/// How the car and others drove where its last fix was, and before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Speed of the car there, m/s.
    pub mps: f64,
    /// The speed limit that it obeyed there, m/s.
    limit_mps: Option<f64>,
    /// How many times as fast as surveys it drove on average, and the route offset up to which, metres.
    own_pace: Option<(f64, f64)>,
}

impl Entry {
    /// Of a car at `mps` of which nothing else is known.
    pub(super) fn at(mps: f64) -> Self {
        Self {
            mps,
            ..Self::default()
        }
    }

    /// Whether it can have come from a road: for one read from bytes.
    pub(super) fn is_sound(self) -> bool {
        let own_is_sound = |(own, at_m): (f64, f64)| {
            (OWN_PACES.0..=OWN_PACES.1).contains(&own) && at_m.abs() <= MOST_OFFSET_M
        };
        (0.0..=MOST_SPEED_MPS).contains(&self.mps)
            && self.limit_mps.is_none_or(is_limit)
            && self.own_pace.is_none_or(own_is_sound)
    }

    /// How traffic flows at a place.
    pub(super) fn pace(self, db: &FingerprintDb, at: EdgePosition) -> Pace {
        if let Some(((own, _), here_mps)) = self.own_pace.zip(usual_mps(db, at)) {
            return Pace::BySurveys { own, here_mps };
        }
        let limits = self.limit_mps.zip(limit_mps(&db.network, at));
        let pace = limits.map_or(1.0, |(before_mps, here_mps)| here_mps / before_mps);
        Pace::ByLimits(pace.clamp(1.0 / MOST_CHANGE, MOST_CHANGE))
    }
}

fn is_limit(mps: f64) -> bool {
    (LIMITS_MPS.0..=LIMITS_MPS.1).contains(&mps)
}

/// How traffic flows at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// So many times as fast as where the last fix was, by the speed limits; 1 where these are not known.
    ByLimits(f64),
    /// As surveys usually drove.
    BySurveys {
        /// How many times as fast as they the car drove before.
        own: f64,
        /// How fast they drove here, m/s.
        here_mps: f64,
    },
}

impl Pace {
    /// By what factor traffic is faster at `next` than here, as surveys tell; 1 where they do not.
    pub(super) fn quickening(self, next: Pace) -> f64 {
        match (self, next) {
            (
                Pace::BySurveys { here_mps, .. },
                Pace::BySurveys {
                    here_mps: next_mps, ..
                },
            ) => next_mps / here_mps,
            _ => 1.0,
        }
    }
}

impl Hypothesis {
    /// How a car at a route offset drives, at `mps` now, and others there.
    pub(super) fn entry(&self, db: &FingerprintDb, offset_m: f64, mps: f64) -> Entry {
        let usual_mps = usual_mps(db, self.locate(offset_m));
        let own = usual_mps.map(|usual_mps| (mps / usual_mps).clamp(OWN_PACES.0, OWN_PACES.1));
        let own_pace = match (self.entry.own_pace, own) {
            (Some((before, at_m)), Some(own)) => {
                let kept = libm::exp(-(offset_m - at_m).max(0.0) / APPROACH_M);
                let mean = libm::pow(before, kept) * libm::pow(own, 1.0 - kept);
                Some((mean.clamp(OWN_PACES.0, OWN_PACES.1), at_m.max(offset_m)))
            }
            (before, own) => own.map(|own| (own, offset_m)).or(before),
        };
        Entry {
            mps,
            limit_mps: limit_mps(&db.network, self.locate(offset_m - ADAPTING_S * mps)),
            own_pace,
        }
    }

    /// How traffic flows at a route offset.
    pub(super) fn pace(&self, db: &FingerprintDb, offset_m: f64) -> Pace {
        self.entry.pace(db, self.locate(offset_m))
    }
}

fn limit_mps(network: &RoadNetwork, at: EdgePosition) -> Option<f64> {
    let way = network.way_of(at.edge);
    way.max_speed_mps.filter(|&mps| is_limit(mps))
}

/// How fast surveys usually drove at a place, m/s.
fn usual_mps(db: &FingerprintDb, at: EdgePosition) -> Option<f64> {
    let usual_mps = db.profile(at.edge)?.usual_mps_at(at.offset_m)?;
    Some(usual_mps.clamp(LIMITS_MPS.0, LIMITS_MPS.1))
}
