//! The level that the surveys expect of a cell, stretch by stretch along an edge: between two points of its grid it is a line.

use super::profile::{CellProfile, EdgeProfile};
use super::radio_model::STUDENT_SCALE;

/// Variances that a spread is taken with, dB².
pub(super) struct Variances {
    /// Of a reading about the smoothed level of its drive.
    pub(super) noise: f32,
    /// The least of a drive's level about the surveys' mean.
    pub(super) least: f32,
}

impl Variances {
    /// The squared scale of the readings where the surveys' spread is `spread_db`.
    pub(super) fn of(&self, spread_db: f32) -> f32 {
        STUDENT_SCALE * ((spread_db * spread_db).max(self.least) + self.noise)
    }
}

/// What is the same, or a line, from one point of an edge's grid to the next.
pub(super) struct Stretch {
    /// Where it begins and ends, fractional grid points.
    from: f64,
    to: f64,
    /// The expected level, where the surveys heard the cell.
    pub(super) line: Option<Line>,
    /// Passes that scanned here, that heard the cell, and that were registered on it.
    pub(super) surveyed: u16,
    heard: u16,
    serving: u16,
}

/// Mean and spread of a level at `at`, and how they change from there to the next grid point.
pub(super) struct Line {
    at: f64,
    mean_dbm: f32,
    mean_step_db: f32,
    spread_db: f32,
    spread_step_db: f32,
}

impl Line {
    /// Mean and spread at the fractional grid point `at`; beyond the ends of the line those of its ends.
    pub(super) fn at(&self, at: f64) -> (f32, f32) {
        self.on((at - self.at) as f32)
    }

    /// The same at `at` and at the fractional grid points `step` apart after it, without end.
    pub(super) fn along(&self, at: f64, step: f64) -> impl Iterator<Item = (f32, f32)> + '_ {
        let (begin, step) = ((at - self.at) as f32, step as f32);
        (0_u16..).map(move |place| self.on(begin + f32::from(place) * step))
    }

    fn on(&self, share: f32) -> (f32, f32) {
        let share = share.clamp(0.0, 1.0);
        (
            self.mean_dbm + share * self.mean_step_db,
            self.spread_db + share * self.spread_step_db,
        )
    }
}

impl Stretch {
    /// How many places `step` grid points apart lie on it from `at` on, which does: at least 1.
    pub(super) fn places(&self, at: f64, step: f64) -> usize {
        let to_end = if step < 0.0 { at - self.from } else { self.to - at };
        let steps = to_end / step.abs();
        let whole = steps as i32;
        (whole.unsigned_abs() as usize + usize::from(steps > f64::from(whole))).max(1)
    }

    /// Passes that were registered on the cell here, or that heard it.
    pub(super) fn count(&self, registered: bool) -> u16 {
        if registered { self.serving } else { self.heard }
    }

    /// Passes that were registered on the cell of `levels` here, or within the next `ahead` grid points, which may be behind.
    pub(super) fn registered_soon(&self, levels: Option<&CellProfile>, ahead: f64) -> u16 {
        let Some(levels) = levels else {
            return self.serving;
        };
        let first = f64::from(levels.first);
        let (here, there) = (self.from - first, self.from + ahead - first);
        // A negative number becomes 0.
        let (low, high) = (
            here.min(there).max(0.0) as usize,
            (here.max(there) + 1.0) as usize,
        );
        let soon = levels.serving.get(low..high.min(levels.serving.len()));
        soon.into_iter().flatten().copied().fold(self.serving, u16::max)
    }

    /// The stretch of `profile` around `at`, where `levels` are those of the cell. They reach half a step beyond their ends.
    #[inline]
    pub(super) fn around(at: f64, profile: &EdgeProfile, levels: Option<&CellProfile>) -> Self {
        // Numbers of 32 bits, which processors turn into each other in one instruction.
        let towards_zero = at as i32;
        let before = usize::try_from(towards_zero).unwrap_or(0);
        let surveyed = profile.passes[before.min(profile.passes.len() - 1)];
        let towards_zero = f64::from(towards_zero);
        let point = if at < towards_zero {
            towards_zero - 1.0
        } else {
            towards_zero
        };
        let bare = Self {
            from: point,
            to: point + 1.0,
            line: None,
            surveyed,
            heard: 0,
            serving: 0,
        };
        let Some((levels, last)) = levels.and_then(|l| Some((l, l.mean_dbm.len().checked_sub(1)?))) else {
            return bare;
        };
        let first = f64::from(levels.first);
        let (begin, end) = (first - 0.5, first + last as f64 + 0.5);
        if at < begin {
            return Self {
                to: bare.to.min(begin),
                ..bare
            };
        }
        if at > end {
            return Self {
                from: bare.from.max(end),
                ..bare
            };
        }
        let low = before
            .saturating_sub(levels.first as usize)
            .min(last.saturating_sub(1));
        let high = (low + 1).min(last);
        let (mean, spread) = (&levels.mean_dbm, &levels.spread_db);
        Self {
            from: bare.from.max(begin),
            to: bare.to.min(end),
            line: Some(Line {
                at: first + low as f64,
                mean_dbm: mean[low],
                mean_step_db: mean[high] - mean[low],
                spread_db: spread[low],
                spread_step_db: spread[high] - spread[low],
            }),
            heard: levels.passes[low],
            serving: levels.serving[low],
            ..bare
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::CellIx;

    fn profile(first: u32, means: &[f32]) -> EdgeProfile {
        let n = means.len();
        let cell = CellProfile {
            cell: CellIx(0),
            first,
            mean_dbm: means.to_vec(),
            spread_db: (0..n).map(|j| 2.0 + j as f32).collect(),
            passes: (0..n as u16).map(|j| 10 + j).collect(),
            serving: (0..n as u16).map(|j| 20 + j).collect(),
        };
        EdgeProfile {
            points: 12,
            step_m: 5.0,
            passes: (0..12).map(|j| 50 + j).collect(),
            cells: vec![cell],
            usual_mps: Vec::new(),
        }
    }

    /// Mean and spread at `at`, worked out for it alone.
    fn expected(profile: &EdgeProfile, at: f64) -> Option<(f64, f64)> {
        let cell = &profile.cells[0];
        let (on, last) = (at - f64::from(cell.first), cell.mean_dbm.len() - 1);
        if on < -0.5 || on > last as f64 + 0.5 {
            return None;
        }
        let on = on.clamp(0.0, last as f64);
        let low = (on as usize).min(last.saturating_sub(1));
        let high = (low + 1).min(last);
        let mix = |row: &[f32]| {
            f64::from(row[low]) + (on - low as f64) * (f64::from(row[high]) - f64::from(row[low]))
        };
        Some((mix(&cell.mean_dbm), mix(&cell.spread_db)))
    }

    proptest! {
        #[test]
        fn stretches_say_at_every_place_what_it_says_alone(
            first in 0_u32..6,
            means in prop::collection::vec(-120.0..-60.0_f32, 1..6),
            start in -0.3..11.3_f64,
            step in prop_oneof![-4.0..-0.05_f64, 0.05..4.0_f64],
        ) {
            let profile = profile(first, &means);
            let mut at = start;
            while (-0.3..11.3).contains(&at) {
                let stretch = Stretch::around(at, &profile, Some(&profile.cells[0]));
                prop_assert_eq!(stretch.surveyed, 50 + (at.max(0.0) as u16).min(11));
                let places = stretch.places(at, step);
                prop_assert!(places > 0);
                for place in 0..places {
                    let here = at + place as f64 * step;
                    // Where a place is on the border of two stretches, rounding decides.
                    let on_border = (2.0 * here - (2.0 * here).round()).abs() < 1e-6;
                    let want = expected(&profile, here);
                    let got = stretch.line.as_ref().and_then(|line| line.along(at, step).nth(place));
                    prop_assert!(on_border || got.is_some() == want.is_some(), "{here}: {got:?}, not {want:?}");
                    if let (Some(got), Some(want)) = (got, want) {
                        prop_assert!((f64::from(got.0) - want.0).abs() < 1e-3, "{here}: {got:?}, not {want:?}");
                        prop_assert!((f64::from(got.1) - want.1).abs() < 1e-3, "{here}: {got:?}, not {want:?}");
                    }
                }
                at += places as f64 * step;
            }
        }
    }

    #[test]
    fn a_stretch_counts_the_passes_of_the_point_before() {
        let profile = profile(3, &[-80.0, -90.0, -85.0]);
        let counts = |at| {
            let stretch = Stretch::around(at, &profile, Some(&profile.cells[0]));
            (stretch.count(false), stretch.count(true), stretch.surveyed)
        };
        assert_eq!(counts(2.2), (0, 0, 52));
        assert_eq!(counts(2.7), (10, 20, 52));
        assert_eq!(counts(4.1), (11, 21, 54));
        assert_eq!(counts(5.4), (11, 21, 55));
        assert_eq!(counts(5.6), (0, 0, 55));
        let soon = |at, ahead| {
            let levels = Some(&profile.cells[0]);
            Stretch::around(at, &profile, levels).registered_soon(levels, ahead)
        };
        assert_eq!((soon(0.4, 6.0), soon(0.4, 2.0), soon(0.4, -6.0)), (22, 0, 0));
        assert_eq!((soon(3.1, 1.0), soon(9.3, -4.0), soon(9.3, -1.0)), (21, 22, 0));
        assert_eq!(soon(5.3, 6.0), 22);
        let unheard = Stretch::around(4.1, &profile, None);
        assert!(unheard.line.is_none() && unheard.count(false) == 0 && unheard.surveyed == 54);
    }
}
