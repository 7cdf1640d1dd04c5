//! The level that the surveys expect of a cell, stretch by stretch along an edge: between two points of its grid it is a line.

use super::profile::{CellProfile, EdgeProfile};

/// Squared scale of Student's distribution over the variance of the readings: its middle then fits the measured one.
const STUDENT_SCALE: f32 = 0.45;

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
