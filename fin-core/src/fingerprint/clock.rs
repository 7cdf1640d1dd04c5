//! Drives whose radio clock and position clock disagree.
//!
//! A log may stamp its scans some seconds off its fixes: GPS time is 18 s ahead of UTC since 2017, and loggers queue. The
//! levels of such a drive fit those of the other drives when its scans are moved in time.

use super::chain::Chains;
use super::coarse::OtherDrives;
use super::offsets::weighted_median;
use super::pass::SurveyPass;
use super::placed::{KnownScan, PlacedScan, sure_place};
use crate::network::EdgePosition;
use crate::time::Time;

/// Clock errors are searched up to this, seconds, at steps of 1 s, then at steps of a quarter.
const MAX_SHIFT_S: i32 = 25;
const FINE_STEP_S: f64 = 0.25;
/// Smaller shifts are within what place errors and slow modems do, seconds.
const MIN_SHIFT_S: f64 = 0.7;
/// Mismatches above this count as this, dB.
const MAX_MISMATCH_DB: f64 = 15.0;
/// A shift has to keep this share of the readings that can be compared at best.
const MIN_OVERLAP: f64 = 0.5;
/// Errors of readings are correlated over some seconds: evidence is counted by blocks of this length, seconds.
const BLOCK_S: f64 = 10.0;
/// No judgement on fewer blocks than this.
const MIN_BLOCKS: usize = 8;
/// Sum of the blocks' gains over its standard deviation without a gain: above this a shift is believed. It is √n
/// for equal gains in n blocks, and stays below 2 for good clocks.
const MIN_GAIN_SIGMAS: f64 = 2.75;
/// A believed shift lowers the mismatch to less than this share.
const MAX_SHARE_LEFT: f64 = 0.85;
/// Every shift further than this from the best one, seconds…
const CLEAR_OF_S: f64 = 4.0;
/// …has to be worse than the best by this factor for the best to be clear.
const CLEAR_FACTOR: f64 = 1.12;
/// Other drives that have to have been where the drive was.
const MIN_OTHERS: u32 = 2;

/// What the cross-check of one drive found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Too little to compare with.
    Unknown,
    /// It fits best, or as well as can be told, with the clock that it has.
    Fits {
        /// Mean mismatch, dB.
        mismatch_db: f64,
    },
    /// It fits clearly better with its scans `shift_s` later.
    Shifted {
        /// What to add to the times of the scans, seconds.
        shift_s: f64,
        /// Mean mismatch that is left, as a share of that with the clock that it has.
        share_left: f64,
    },
    /// It would fit better with another clock, but with more than one.
    Ambiguous {
        /// Mean mismatch with the clock that it has, dB.
        mismatch_db: f64,
    },
}

/// Mismatch of the readings, one entry per scan: its time, weight and weighted mismatch.
struct Fit {
    scans: Vec<(Time, f64, f64)>,
    weight: f64,
    mismatch_db: f64,
    weight_with_enough_others: f64,
}

/// Compares the levels of a drive, at clock shifts around `shift_s`, with those of the other drives.
pub(super) fn check(
    pass: &SurveyPass,
    scans: &[PlacedScan<'_>],
    known: &[KnownScan],
    chains: &Chains,
    others: &OtherDrives,
    shift_s: f64,
) -> Verdict {
    let fit = |extra_s: f64| {
        let place = |time| sure_place(pass, time, shift_s + extra_s).map(|place| place.at);
        fit(scans, known, chains, others, place)
    };
    let Some(now) = fit(0.0) else {
        return Verdict::Unknown;
    };
    if 2.0 * now.weight_with_enough_others < now.weight || blocks(&now, &now).len() < MIN_BLOCKS {
        return Verdict::Unknown;
    }
    let coarse: Vec<(f64, Option<Fit>)> = (-MAX_SHIFT_S..=MAX_SHIFT_S)
        .map(f64::from)
        .map(|shift_s| (shift_s, fit(shift_s)))
        .collect();
    let most = coarse
        .iter()
        .filter_map(|(_, fit)| fit.as_ref())
        .map(|fit| fit.weight)
        .fold(now.weight, f64::max);
    let enough = |fit: &Fit| fit.weight >= MIN_OVERLAP * most;
    let coarse: Vec<(f64, f64)> = coarse
        .into_iter()
        .filter_map(|(shift_s, fit)| fit.filter(&enough).map(|fit| (shift_s, fit.mismatch_db)))
        .collect();
    let fits = Verdict::Fits {
        mismatch_db: now.mismatch_db,
    };
    let Some(&(around_s, _)) = coarse.iter().min_by(|a, b| a.1.total_cmp(&b.1)) else {
        return fits;
    };
    let fine = (-4..=4).map(|step| around_s + f64::from(step) * FINE_STEP_S);
    let fine = fine.filter_map(|shift_s| Some((shift_s, fit(shift_s).filter(&enough)?)));
    let Some((best_s, best)) = fine.min_by(|a, b| a.1.mismatch_db.total_cmp(&b.1.mismatch_db)) else {
        return fits;
    };

    let gain_sigmas = gain_sigmas(&blocks(&now, &best));
    let share_left = best.mismatch_db / now.mismatch_db;
    if best_s.abs() < MIN_SHIFT_S || gain_sigmas < MIN_GAIN_SIGMAS || share_left > MAX_SHARE_LEFT {
        return fits;
    }
    let rival = coarse
        .iter()
        .filter(|(shift_s, _)| (shift_s - best_s).abs() > CLEAR_OF_S)
        .map(|c| c.1);
    if rival.fold(f64::INFINITY, f64::min) < CLEAR_FACTOR * best.mismatch_db {
        return Verdict::Ambiguous {
            mismatch_db: now.mismatch_db,
        };
    }
    Verdict::Shifted {
        shift_s: best_s,
        share_left,
    }
}

/// How well the readings fit when each scan is at the place that `place` gives for its time.
fn fit(
    placed: &[PlacedScan<'_>],
    known: &[KnownScan],
    chains: &Chains,
    others: &OtherDrives,
    place: impl Fn(Time) -> Option<EdgePosition>,
) -> Option<Fit> {
    let typical = placed
        .iter()
        .map(|scan| 1.0 / scan.variance_db2)
        .fold(0.0, f64::max);
    let mut weights = placed.iter().peekable();
    // Differences and weights, and where each scan's begin.
    let mut all: Vec<(f64, f64)> = Vec::new();
    let mut spans: Vec<(Time, usize)> = Vec::new();
    let mut weight_with_enough_others = 0.0;
    for scan in known {
        let own = weights.next_if(|own| std::ptr::eq(own.scan, scan));
        let weight = own.map_or(typical, |own| 1.0 / own.variance_db2);
        let Some(at) = place(scan.time).and_then(|at| chains.place(at)) else {
            continue;
        };
        spans.push((scan.time, all.len()));
        for reading in &scan.readings {
            let Some(level_dbm) = reading.level_dbm else {
                continue;
            };
            let Some(expected) = others.at(at.chain, at.x_m, reading.cell) else {
                continue;
            };
            all.push((level_dbm - expected.level_dbm, weight));
            if expected.drives >= MIN_OTHERS {
                weight_with_enough_others += weight;
            }
        }
    }
    let offset_db = weighted_median(&mut all.clone())?;
    let ends = spans.iter().skip(1).map(|span| span.1).chain([all.len()]);
    let scans: Vec<(Time, f64, f64)> = spans
        .iter()
        .zip(ends)
        .filter(|((_, start), end)| start < end)
        .map(|(&(time, start), end)| {
            let readings = &all[start..end];
            let weight: f64 = readings.iter().map(|r| r.1).sum();
            let mismatch: f64 = readings
                .iter()
                .map(|r| r.1 * (r.0 - offset_db).abs().min(MAX_MISMATCH_DB))
                .sum();
            (time, weight, mismatch)
        })
        .collect();
    let weight: f64 = scans.iter().map(|s| s.1).sum();
    let mismatch_db = scans.iter().map(|s| s.2).sum::<f64>() / weight;
    Some(Fit {
        scans,
        weight,
        mismatch_db,
        weight_with_enough_others,
    })
}

/// By how much `b` fits better than `a`, block by block, over the scans that both have.
fn blocks(a: &Fit, b: &Fit) -> Vec<f64> {
    let mut gains: Vec<f64> = Vec::new();
    let mut block_start: Option<Time> = None;
    let mut rest = b.scans.iter().peekable();
    for &(time, weight_a, mismatch_a) in &a.scans {
        while rest.next_if(|s| s.0 < time).is_some() {}
        let Some(&(_, weight_b, mismatch_b)) = rest.next_if(|s| s.0 == time) else {
            continue;
        };
        if block_start.is_none_or(|start| time.seconds_since(start) >= BLOCK_S) {
            block_start = Some(time);
            gains.push(0.0);
        }
        if let Some(gain) = gains.last_mut() {
            *gain += (mismatch_a / weight_a - mismatch_b / weight_b) * weight_a.min(weight_b);
        }
    }
    gains
}

/// The sum of `gains` over the standard deviation that it would have if each were as likely to be a loss.
fn gain_sigmas(gains: &[f64]) -> f64 {
    let square: f64 = gains.iter().map(|gain| gain * gain).sum();
    if gains.len() < MIN_BLOCKS || square <= 0.0 {
        0.0
    } else {
        gains.iter().sum::<f64>() / square.sqrt()
    }
}
