//! What goes on from the reading before: a level is held against the last one of its cell, at the place where the car was then.

use super::places::Window;

/// How what one reading says goes on from the one before of the same cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    /// Correlation of what lasts.
    pub(super) rho: f32,
    /// Level then minus level now, dB.
    pub(super) change_db: f32,
    /// Grid steps that the car has moved since.
    pub(super) steps: f64,
    /// Variance of the change where no survey heard the cell, dB².
    pub(super) unheard_db2: f32,
}

/// Numbers of places behind and ahead of those that are scored at which the car may have been at earlier readings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    pub(super) behind: usize,
    pub(super) ahead: usize,
}

impl Reach {
    /// As far as all of `carried` go.
    pub(super) fn of<'a>(carried: impl Iterator<Item = &'a Carried>) -> Self {
        carried.fold(Self::default(), |reach, carried| {
            let beyond = |steps: f64| if steps > 0.0 { steps as usize + 1 } else { 1 };
            Self {
                behind: reach.behind.max(beyond(carried.steps)),
                ahead: reach.ahead.max(beyond(-carried.steps)),
            }
        })
    }

    /// `window` with those.
    pub(super) fn widen(self, window: Window) -> Window {
        Window {
            base_m: window.base_m - self.behind as f64 * window.step_m,
            points: self.behind + window.points + self.ahead,
            ..window
        }
    }
}

/// Writes into `out` what `row` is from the fractional index `from` on; entries stay as they are where that is off the row.
pub(super) fn shift_back(row: &[f32], from: f64, out: &mut [f32]) {
    let whole = libm::floor(from);
    let fraction = (from - whole) as f32;
    let points = row.len() as isize;
    let whole = (whole as isize).clamp(-points, points);
    let (skipped, start) = ((-whole).max(0) as usize, whole.max(0) as usize);
    let pairs = row.iter().zip(row.iter().skip(1)).skip(start);
    for (out, (&here, &next)) in out.iter_mut().skip(skipped).zip(pairs) {
        *out = here + fraction * (next - here);
    }
}
