//! What lasts of the differences between the levels that a phone hears and those that the surveys expect.
//!
//! A level differs from the surveys' mean by what lasts for some metres, and by what is new in each reading. What lasts is
//! estimated for each cell at every place where the car may be, once for each gait at which it may have come there, by a
//! Kalman filter: a car that stands hears the same difference again, one that moves hears it fade, and how far it fades
//! tells how far the car has moved. With a scan the estimates of a gait go as far ahead as the car does at it, and where
//! the car may have changed its gait they are mixed by how likely that is, as in the interacting multiple model
//! estimator (Blom and Bar-Shalom 1988).

use fearless_simd::{Level, dispatch};
use serde::{Deserialize, Serialize};

use super::cells::CellIx;
use super::places::Window;
use super::radio_model::RadioModel;
use super::reading::{LEAST_OPEN, ReadingTerms};

/// Variance of differences by which that of mixed means is measured, dB².
const USUAL_DB2: f32 = 9.0;
/// The most that is open, where very different estimates were mixed.
const MOST_OPEN: f32 = 100.0;
/// Cells whose rows are made room for at a time.
const SPARE_CELLS: usize = 16;
/// What keeps weights apart from none.
const LEAST_MASS: f32 = 1e-30;

/// How the car may have moved since the last scan.
#[derive(Clone, Copy, Debug)]
pub struct Gaits<'a> {
    /// How far it has come at each gait, metres.
    pub moved_m: &'a [f64],
    /// What may have become of each; nothing is asked of it where there is one gait.
    pub changes: GaitChanges<'a>,
}

/// What became of each gait: shares, which sum to about 1 for each gait that it was.
#[derive(Clone, Copy, Debug, Default)]
pub struct GaitChanges<'a> {
    /// What went over to the gait below, stayed, and went over to the one above.
    pub near: &'a [[f32; 3]],
    /// What became any gait.
    pub leaving: &'a [f32],
    /// The first gait that is not slow.
    pub slow: usize,
    /// What those who left slow gaits went over to: the share of each gait.
    pub after_slow: &'a [f32],
    /// What those who left others did.
    pub after_other: &'a [f32],
}

/// The estimates for all cells heard lately.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lasting {
    /// The places of the last scan.
    window: Window,
    gaits: usize,
    /// Entries that a row may come to have.
    #[serde(skip)]
    most: usize,
    /// How likely the car was there at each gait after it, gait after gait.
    mass: Vec<f32>,
    cells: Vec<Estimates>,
}

/// Those of one cell, gait after gait.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Estimates {
    cell: CellIx,
    /// The phone's offset on it that differences are without, dB.
    offset_db: f32,
    /// What lasts, dB.
    mean_db: Vec<f32>,
    /// The share of the variance of differences that is still open: 1 where nothing is known.
    open: Vec<f32>,
}

/// Room to work in, kept so that steps do not allocate.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// How likely the car has come to the places at each gait, and the inverse of how likely it is there after what changed of it.
    arrived: Vec<f32>,
    per_mass: Vec<f32>,
    /// What is left of differences at each gait.
    left: Vec<f32>,
    /// What comes from the slow gaits and from the others that were left.
    pools: Vec<f32>,
    /// Estimates of a cell before they are mixed.
    mean_db: Vec<f32>,
    open: Vec<f32>,
    /// Rows of cells that are no longer heard.
    spare: Vec<Estimates>,
}

impl Room {
    /// Rows with room for `most` entries.
    fn rows(&mut self, most: usize) -> Estimates {
        if self.spare.is_empty() {
            self.spare.resize_with(SPARE_CELLS, Estimates::default);
            for rows in &mut self.spare {
                rows.mean_db.reserve(most);
                rows.open.reserve(most);
            }
        }
        self.spare.pop().unwrap_or_default()
    }
}

/// What is known of a cell's difference at the places of a scan, gait after gait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// What lasts, dB.
    pub(super) mean_db: &'a [f32],
    /// The share of the variance of differences that is still open.
    pub(super) open: &'a [f32],
}

impl Lasting {
    /// Forgets all.
    pub fn clear(&mut self, room: &mut Room) {
        room.spare.append(&mut self.cells);
        self.mass.clear();
    }

    /// Whether these can have come from readings: for those read from bytes.
    pub fn is_sound(&self) -> bool {
        let rows = self.gaits.checked_mul(self.window.points);
        let all = |row: &[f32], within: std::ops::RangeInclusive<f32>| {
            Some(row.len()) == rows && row.iter().all(|v| within.contains(v))
        };
        (self.cells.is_empty() && self.mass.is_empty())
            || self.window.points > 0
                && self.window.base_m.is_finite()
                && self.window.step_m.is_finite()
                && self.window.step_m > 0.0
                && all(&self.mass, 0.0..=2.0)
                && self.cells.len() <= 1 << 12
                && self.cells.iter().all(|cell| {
                    cell.offset_db.is_finite()
                        && all(&cell.mean_db, -1e3..=1e3)
                        && all(&cell.open, 0.0..=MOST_OPEN)
                })
    }

    /// Has the estimates go on to the places of `window`, at which the next scan is heard, where the phone's offset on a cell is
    /// `offset_db(cell)`. There may come to be `most_places`.
    pub fn carry(
        &mut self,
        (window, most_places): (Window, usize),
        gaits: &Gaits<'_>,
        model: &RadioModel,
        offset_db: impl Fn(CellIx) -> f64,
        room: &mut Room,
    ) {
        let count = gaits.moved_m.len();
        if self.gaits != count || self.mass.len() != count * self.window.points {
            self.clear(room);
        }
        let before = std::mem::replace(&mut self.window, window);
        (self.gaits, self.most) = (count, count * most_places);
        if self.cells.is_empty() {
            self.mass.clear();
            return;
        }
        let (points, most) = (window.points, self.most);
        let Room {
            arrived,
            per_mass,
            left,
            pools,
            mean_db,
            open,
            spare: _,
        } = room;
        // Where the first of the new places was before, at each gait.
        let from = |gait: usize| (window.base_m - gaits.moved_m[gait] - before.base_m) / before.step_m;
        let step = window.step_m / before.step_m;
        let resampled = |rows: &[f32], beyond: f32, out: &mut Vec<f32>| {
            resize(out, count * points, most);
            let rows = rows.chunks_exact(before.points);
            for (gait, (row, out)) in rows.zip(out.chunks_exact_mut(points)).enumerate() {
                resample(row, (from(gait), step), beyond, out);
            }
        };
        left.clear();
        left.extend(gaits.moved_m.iter().map(|&moved_m| model.lasting(moved_m) as f32));
        if count > 1 {
            resampled(&self.mass, 0.0, arrived);
            resize(per_mass, count * points, most);
            resize(pools, 2 * points, most);
            gaits.changes.mix((arrived, 1.0), pools, per_mass);
            per_mass.iter_mut().for_each(|mass| *mass = 1.0 / *mass);
        }
        for cell in &mut self.cells {
            resampled(&cell.mean_db, 0.0, mean_db);
            resampled(&cell.open, 1.0, open);
            let now_db = offset_db(cell.cell) as f32;
            let less_db = std::mem::replace(&mut cell.offset_db, now_db) - now_db;
            let rows = mean_db
                .chunks_exact_mut(points)
                .zip(open.chunks_exact_mut(points));
            for (&left, rows) in left.iter().zip(rows) {
                fade(less_db, left, rows);
            }
            if count == 1 {
                std::mem::swap(&mut cell.mean_db, mean_db);
                std::mem::swap(&mut cell.open, open);
                continue;
            }
            resize(&mut cell.mean_db, count * points, most);
            resize(&mut cell.open, count * points, most);
            weigh_moments(arrived, (mean_db, open));
            gaits.changes.mix((mean_db, 0.0), pools, &mut cell.mean_db);
            gaits.changes.mix((open, 1.0), pools, &mut cell.open);
            spread(per_mass, (&mut cell.mean_db, &mut cell.open));
        }
    }

    /// What is known of `cell` where the next scan is heard; `None` when nothing is.
    pub(super) fn of(&self, cell: CellIx) -> Option<Known<'_>> {
        let known = self.cells.iter().find(|known| known.cell == cell)?;
        Some(Known {
            mean_db: &known.mean_db,
            open: &known.open,
        })
    }

    /// Learns from a reading of `cell`: its residuals at the places, dB, and their variances, dB², as the `terms` take them.
    pub(super) fn learn(
        &mut self,
        cell: CellIx,
        terms: &ReadingTerms,
        readings: (&[f32], &[f32]),
        room: &mut Room,
    ) {
        let rows = self.gaits * self.window.points;
        let at = match self.cells.iter().position(|known| known.cell == cell) {
            Some(at) => at,
            None => {
                let mut fresh = room.rows(self.most);
                (fresh.cell, fresh.offset_db) = (cell, terms.offset_db());
                resize(&mut fresh.mean_db, rows, self.most);
                resize(&mut fresh.open, rows, self.most);
                fresh.open.fill(1.0);
                self.cells.reserve(SPARE_CELLS);
                self.cells.push(fresh);
                self.cells.len() - 1
            }
        };
        let known = &mut self.cells[at];
        let points = self.window.points;
        let means = known.mean_db.chunks_exact_mut(points);
        for gait in means.zip(known.open.chunks_exact_mut(points)) {
            terms.teach(gait, readings);
        }
    }

    /// Keeps the estimates of the cells that are `kept`, and takes `mass` for how likely each place is at each gait now; nothing is
    /// known any more when `mass` does not belong to the places.
    pub fn settle(&mut self, mass: &[f32], kept: impl Fn(CellIx) -> bool, room: &mut Room) {
        let mut at = 0;
        while let Some(known) = self.cells.get(at) {
            if kept(known.cell) {
                at += 1;
            } else {
                room.spare.push(self.cells.swap_remove(at));
            }
        }
        self.mass.clear();
        if self.cells.is_empty() {
            return;
        }
        self.mass.reserve(self.most);
        self.mass.extend_from_slice(mass);
        if self.mass.len() != self.gaits * self.window.points {
            self.clear(room);
        }
    }
}

#[cfg(test)]
impl Lasting {
    /// What is known of one cell at two places at one gait.
    pub(crate) fn example(cell: CellIx) -> Self {
        let window = Window {
            base_m: 10.0,
            step_m: 1.0,
            points: 2,
        };
        let estimates = Estimates {
            cell,
            offset_db: 1.0,
            mean_db: vec![3.0, 2.0],
            open: vec![0.4, 0.5],
        };
        Self {
            window,
            gaits: 1,
            most: 2,
            mass: vec![0.6, 0.4],
            cells: vec![estimates],
        }
    }
}

/// Has `row` hold as many zeros, with room for `most` entries.
fn resize(row: &mut Vec<f32>, entries: usize, most: usize) {
    row.clear();
    row.reserve(most);
    row.resize(entries, 0.0);
}

/// Writes into `out` what `row` is at the fractional index `from` and every `step` after it, `beyond` where that is off the row.
fn resample(row: &[f32], (from, step): (f64, f64), beyond: f32, out: &mut [f32]) {
    if step == 1.0 {
        return shift(row, from, beyond, out);
    }
    let last = row.len() as f64 - 1.0;
    for (j, out) in out.iter_mut().enumerate() {
        let at = from + j as f64 * step;
        *out = if at < 0.0 || at > last {
            beyond
        } else {
            let low = at as usize;
            let next = row[(low + 1).min(row.len() - 1)];
            row[low] + (at - low as f64) as f32 * (next - row[low])
        };
    }
}

/// The same for a step of one, in a loop that compilers turn into vector instructions.
fn shift(row: &[f32], from: f64, beyond: f32, out: &mut [f32]) {
    let whole = libm::floor(from);
    let fraction = (from - whole) as f32;
    let entries = row.len().max(out.len()) as f64;
    let whole = whole.clamp(-entries - 1.0, entries + 1.0) as isize;
    let skipped = whole.min(0).unsigned_abs().min(out.len());
    let row = row.get(whole.max(0).unsigned_abs()..).unwrap_or(&[]);
    let pairs = row.len().saturating_sub(1).min(out.len() - skipped);
    let (before, rest) = out.split_at_mut(skipped);
    let (inside, after) = rest.split_at_mut(pairs);
    before.fill(beyond);
    dispatch!(Level::new(), _simd => for (out, (here, next)) in inside.iter_mut().zip(row.iter().zip(row.iter().skip(1))) {
        *out = here + fraction * (next - here);
    });
    after.fill(beyond);
    // The last entry has no next one, and is met only where the fraction is none.
    if let (Some(out), Some(&last), true) = (
        after.first_mut(),
        row.last(),
        fraction == 0.0 && row.len() == pairs + 1,
    ) {
        *out = last;
    }
}

/// Takes `less_db` more for the difference, as far as it is known, and has what lasts of it fade to the share `left`.
fn fade(less_db: f32, left: f32, (mean_db, open): (&mut [f32], &mut [f32])) {
    let square = left * left;
    for (mean, open) in mean_db.iter_mut().zip(open) {
        *mean = left * (*mean + less_db * (1.0 - *open).max(0.0));
        *open = square * *open + (1.0 - square);
    }
}

/// Writes the means and second moments that the estimates stand for in their place, those in units of the usual variance, times
/// `mass`: these are what mixes.
fn weigh_moments(mass: &[f32], (mean_db, open): (&mut [f32], &mut [f32])) {
    dispatch!(Level::new(), _simd => for (mass, (mean, open)) in mass.iter().zip(mean_db.iter_mut().zip(open)) {
        *open = mass * (*open + *mean * *mean / USUAL_DB2);
        *mean *= mass;
    });
}

/// The inverse of [`weigh_moments`], with the inverse of the mass.
fn spread(per_mass: &[f32], (mean_db, open): (&mut [f32], &mut [f32])) {
    dispatch!(Level::new(), _simd => for (per_mass, (mean, open)) in per_mass.iter().zip(mean_db.iter_mut().zip(open)) {
        *mean *= per_mass;
        *open = (*open * per_mass - *mean * *mean / USUAL_DB2).clamp(LEAST_OPEN, MOST_OPEN);
    });
}

impl GaitChanges<'_> {
    /// Writes into `out`, rows gait after gait, what of `rows` has come to each gait, and `nothing` times a little for where nothing
    /// comes from. `pools` are two rows to work in.
    fn mix(&self, (rows, nothing): (&[f32], f32), pools: &mut [f32], out: &mut [f32]) {
        let points = pools.len() / 2;
        let row = |gait: usize| &rows[gait * points..][..points];
        let (from_slow, from_other) = pools.split_at_mut(points);
        from_slow.fill(0.0);
        from_other.fill(0.0);
        let last = self.leaving.len().saturating_sub(1);
        dispatch!(Level::new(), _simd => {
            for (gait, &leaving) in self.leaving.iter().enumerate() {
                let pool = if gait < self.slow { &mut *from_slow } else { &mut *from_other };
                for (sum, value) in pool.iter_mut().zip(row(gait)) {
                    *sum += leaving * value;
                }
            }
            for (to, out) in out.chunks_exact_mut(points).enumerate() {
                let (below, above) = (to.saturating_sub(1), (to + 1).min(last));
                let up = if below < to { self.near[below][2] } else { 0.0 };
                let down = if above > to { self.near[above][0] } else { 0.0 };
                let (stay, after_slow, after_other) = (self.near[to][1], self.after_slow[to], self.after_other[to]);
                let near = row(below).iter().zip(row(to)).zip(row(above));
                for ((out, ((below, here), above)), (slow, other)) in out.iter_mut().zip(near).zip(from_slow.iter().zip(&*from_other)) {
                    let stayed = LEAST_MASS * nothing + stay * here;
                    let came = up * below + down * above;
                    *out = stayed + came + (after_slow * slow + after_other * other);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::matcher::LevelOffset;

    const WINDOW: Window = Window {
        base_m: 100.0,
        step_m: 1.0,
        points: 40,
    };
    const CELL: CellIx = CellIx(3);
    const NO_OFFSET: LevelOffset = LevelOffset {
        mean_db: 0.0,
        var_db2: 0.0,
    };

    /// Gaits that are what they were.
    const STEADY: GaitChanges<'static> = GaitChanges {
        near: &[[0.0, 1.0, 0.0]; 2],
        leaving: &[0.0; 2],
        slow: 1,
        after_slow: &[0.0; 2],
        after_other: &[0.0; 2],
    };

    /// Goes on to `window` at gaits that have moved the car so far, with these changes between them and this offset of the phone.
    fn carry(
        lasting: &mut Lasting,
        window: Window,
        moved_m: &[f64],
        changes: GaitChanges<'_>,
        offset_db: f64,
    ) {
        let gaits = Gaits { moved_m, changes };
        let model = RadioModel::default();
        let places = (window, window.points);
        lasting.carry(places, &gaits, &model, |_| offset_db, &mut Room::default());
    }

    /// Hears a level that is `residual_db` above the surveys' mean at each place of `window`, at gaits that have moved the car so far
    /// since the last scan and are what they were.
    fn hear(
        lasting: &mut Lasting,
        window: Window,
        moved_m: &[f64],
        residual_db: impl Fn(f64) -> f32,
        offset: LevelOffset,
    ) {
        let count = moved_m.len();
        carry(lasting, window, moved_m, STEADY, offset.mean_db);
        let places = (0..window.points).map(|j| window.base_m + j as f64 * window.step_m);
        let residuals: Vec<f32> = places.map(residual_db).collect();
        let variances = vec![6.0; window.points];
        let terms = ReadingTerms::of(offset, moved_m[0], &RadioModel::default());
        let mut room = Room::default();
        lasting.learn(CELL, &terms, (&residuals, &variances), &mut room);
        lasting.settle(&vec![0.01; count * window.points], |_| true, &mut room);
    }

    #[test]
    fn a_car_that_stands_gets_to_know_the_difference_and_one_that_drives_forgets_it() {
        let mut lasting = Lasting::default();
        for _ in 0..30 {
            hear(&mut lasting, WINDOW, &[0.0], |_| 5.0, NO_OFFSET);
        }
        let known = lasting.of(CELL).unwrap();
        assert!(
            (known.mean_db[7] - 5.0).abs() < 0.3 && known.open[7] < 0.1,
            "{known:?}"
        );
        assert!(lasting.is_sound());
        let ahead = Window {
            base_m: WINDOW.base_m + 28.0,
            ..WINDOW
        };
        carry(&mut lasting, ahead, &[28.0], STEADY, 0.0);
        let known = lasting.of(CELL).unwrap();
        assert!((known.mean_db[7] - 5.0 / std::f32::consts::E).abs() < 0.2);
        assert!((0.8..1.0).contains(&known.open[7]));
    }

    #[test]
    fn each_gait_goes_on_from_where_the_car_was_at_it() {
        let mut lasting = Lasting::default();
        let rising = |at_m: f64| (0.2 * (at_m - 100.0)) as f32;
        hear(&mut lasting, WINDOW, &[0.0, 10.0], rising, NO_OFFSET);
        let heard = lasting.of(CELL).unwrap().mean_db.to_vec();
        let finer = Window {
            base_m: 110.25,
            step_m: 0.5,
            points: 40,
        };
        carry(&mut lasting, finer, &[0.0, 10.0], STEADY, 0.0);
        let known = lasting.of(CELL).unwrap();
        let at = |m: f64| {
            let index = m - 100.0;
            let low = index as usize;
            heard[low] + (index - low as f64) as f32 * (heard[low + 1] - heard[low])
        };
        for j in 0..40 {
            let place_m = 110.25 + 0.5 * j as f64;
            assert!((known.mean_db[j] - at(place_m)).abs() < 1e-3);
            let faded = RadioModel::default().lasting(10.0) as f32 * at(place_m - 10.0);
            assert!((known.mean_db[40 + j] - faded).abs() < 1e-3);
        }
    }

    #[test]
    fn gaits_that_may_have_changed_are_mixed_by_how_likely_that_is() {
        // The same shares by what goes over to neighbours, and by what is left for any.
        let near = GaitChanges {
            near: &[[0.0, 0.75, 0.25], [0.5, 0.5, 0.0]],
            ..STEADY
        };
        let any = GaitChanges {
            near: &[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
            leaving: &[1.0, 1.0],
            slow: 1,
            after_slow: &[0.75, 0.25],
            after_other: &[0.5, 0.5],
        };
        for changes in [near, any] {
            let mut lasting = Lasting::default();
            hear(&mut lasting, WINDOW, &[0.0, 0.0], |_| 4.0, NO_OFFSET);
            lasting.cells[0].mean_db[40..].fill(-4.0);
            let (mean, open) = (lasting.cells[0].mean_db[5], lasting.cells[0].open[5]);
            carry(&mut lasting, WINDOW, &[0.0, 0.0], changes, 0.0);
            let known = lasting.of(CELL).unwrap();
            for (place, share) in [(5, 0.6), (45, 1.0 / 3.0)] {
                let want = share * mean - (1.0 - share) * 4.0;
                let got = known.mean_db[place];
                assert!((got - want).abs() < 1e-4, "{place}: {got} {want}");
                let spread = share * mean * mean + (1.0 - share) * 16.0 - want * want;
                assert!((known.open[place] - open - spread / USUAL_DB2).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn what_turns_out_to_be_the_phones_offset_is_no_difference() {
        let mut lasting = Lasting::default();
        for _ in 0..30 {
            hear(&mut lasting, WINDOW, &[0.0], |_| 6.0, NO_OFFSET);
        }
        carry(&mut lasting, WINDOW, &[0.0], STEADY, 6.0);
        let known = lasting.of(CELL).unwrap();
        assert!(known.mean_db[5].abs() < 0.7, "{}", known.mean_db[5]);
    }

    #[test]
    fn a_row_shifted_by_whole_steps_and_parts_is_that_resampled() {
        let row: Vec<f32> = (0..20).map(|j| (j * j % 17) as f32).collect();
        for from in [
            -30.0, -21.0, -3.0, -2.25, -0.5, 0.0, 0.25, 4.0, 11.75, 19.0, 19.5, 40.0,
        ] {
            let (mut shifted, mut resampled) = ([0.0; 12], [0.0; 12]);
            resample(&row, (from, 1.0), 9.0, &mut shifted);
            // Not a step of one, but as good as that.
            resample(&row, (from, 1.0 + 1e-12), 9.0, &mut resampled);
            let at_the_end = |j: usize| (from + j as f64 - 19.0).abs() < 1e-9;
            for j in (0..12).filter(|&j| !at_the_end(j)) {
                assert!(
                    (shifted[j] - resampled[j]).abs() < 1e-4,
                    "{from} {j}: {shifted:?} {resampled:?}"
                );
            }
            let ends = (0..12).find(|&j| at_the_end(j));
            assert!(ends.is_none_or(|j| shifted[j] == row[19]));
        }
    }

    #[test]
    fn estimates_of_other_gaits_are_given_up() {
        let mut lasting = Lasting::default();
        hear(&mut lasting, WINDOW, &[0.0], |_| 5.0, NO_OFFSET);
        carry(&mut lasting, WINDOW, &[0.0, 1.0], STEADY, 0.0);
        assert!(lasting.of(CELL).is_none() && lasting.is_sound());
    }

    #[test]
    fn estimates_that_are_no_numbers_or_too_few_are_not_sound() {
        let changed = |change: &dyn Fn(&mut Lasting)| {
            let mut lasting = Lasting::example(CELL);
            change(&mut lasting);
            lasting.is_sound()
        };
        assert!(changed(&|_| ()));
        assert!(!changed(&|lasting| lasting.cells[0].offset_db = f32::NAN));
        assert!(!changed(&|lasting| lasting.cells[0].mean_db[1] = f32::INFINITY));
        assert!(!changed(&|lasting| lasting.cells[0].open.truncate(1)));
        assert!(!changed(&|lasting| lasting.mass.clear()));
        assert!(!changed(&|lasting| lasting.window.step_m = 0.0));
        assert!(!changed(&|lasting| lasting.gaits = usize::MAX));
    }
}
