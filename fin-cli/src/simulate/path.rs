//! Lines in the plane, measured along.

use fin_core::frame::EastNorth;

/// Distance between the points of a curve, metres: with radii above 300 m the chord stays within 0.3 m of the arc.
const STEP_M: f64 = 25.0;

/// A line through at least two points, measured along.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    points: Vec<EastNorth>,
    along_m: Vec<f64>,
}

/// A place on a [`Path`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnPath {
    /// Where.
    pub place: EastNorth,
    /// Unit vector along the path.
    pub heading: EastNorth,
}

impl OnPath {
    /// The place `right_m` metres to the right of this one (left when negative).
    pub fn aside(self, right_m: f64) -> EastNorth {
        EastNorth {
            east_m: self.place.east_m + right_m * self.heading.north_m,
            north_m: self.place.north_m - right_m * self.heading.east_m,
        }
    }
}

impl Path {
    /// The path through `points`. A path of fewer than two distinct points has no direction and is a bug of the caller.
    pub fn new(mut points: Vec<EastNorth>) -> Self {
        points.dedup_by(|b, a| b.minus(*a).length_m() < 1e-6);
        debug_assert!(points.len() >= 2, "a path needs two points");
        let mut along_m = vec![0.0];
        let mut total_m = 0.0;
        for pair in points.windows(2) {
            total_m += pair[1].minus(pair[0]).length_m();
            along_m.push(total_m);
        }
        Self { points, along_m }
    }

    /// The points.
    pub fn points(&self) -> &[EastNorth] {
        &self.points
    }

    /// The last point.
    pub fn end(&self) -> EastNorth {
        self.points[self.points.len() - 1]
    }

    /// Length, metres.
    pub fn length_m(&self) -> f64 {
        *self.along_m.last().expect("a path has at least its first point")
    }

    /// The place `along_m` metres from the start; straight on beyond the ends.
    pub fn at(&self, along_m: f64) -> OnPath {
        let after = self
            .along_m
            .partition_point(|&a| a <= along_m)
            .clamp(1, self.points.len() - 1);
        let (a, b) = (self.points[after - 1], self.points[after]);
        let span = self.along_m[after] - self.along_m[after - 1];
        let d = b.minus(a);
        let heading = EastNorth {
            east_m: d.east_m / span,
            north_m: d.north_m / span,
        };
        let rest = along_m - self.along_m[after - 1];
        let place = EastNorth {
            east_m: a.east_m + rest * heading.east_m,
            north_m: a.north_m + rest * heading.north_m,
        };
        OnPath { place, heading }
    }

    /// Largest change of direction per metre within `half_m` of `along_m`, radians per metre.
    pub fn curvature(&self, along_m: f64, half_m: f64) -> f64 {
        let (a, b) = (
            self.at(along_m - half_m).heading,
            self.at(along_m + half_m).heading,
        );
        let cross = a.east_m * b.north_m - a.north_m * b.east_m;
        libm::asin(cross.abs().min(1.0)) / (2.0 * half_m)
    }

    /// The same line the other way.
    pub fn reversed(&self) -> Self {
        Self::new(self.points.iter().rev().copied().collect())
    }

    /// The line `right_m` metres to the right, through the mitred corners.
    pub fn beside(&self, right_m: f64) -> Self {
        let last = self.points.len() - 1;
        let points = (0..=last).map(|i| {
            let before = self.at(self.along_m[i.max(1)] - 1e-3).heading;
            let after = self.at(self.along_m[i.min(last - 1)] + 1e-3).heading;
            let sum = EastNorth {
                east_m: before.east_m + after.east_m,
                north_m: before.north_m + after.north_m,
            };
            // The mitre of two unit vectors: n / (1 + cos) keeps both sides at the wanted distance.
            let cos = before.east_m * after.east_m + before.north_m * after.north_m;
            let scale = right_m / (1.0 + cos);
            EastNorth {
                east_m: self.points[i].east_m + scale * sum.north_m,
                north_m: self.points[i].north_m - scale * sum.east_m,
            }
        });
        Self::new(points.collect())
    }

    /// The lines `right_m` metres to the right of `legs`, which follow each other, and so do these: where two legs meet at
    /// an angle, the lines beside them meet on its mitre.
    pub(super) fn beside_each<const N: usize>(legs: [&Path; N], right_m: f64) -> [Path; N] {
        let whole = legs[1..].iter().fold(legs[0].clone(), |all, leg| all.then(leg));
        let beside = whole.beside(right_m);
        let mut first = 0;
        legs.map(|leg| {
            let last = first + leg.points.len() - 1;
            let line = Self::new(beside.points[first..=last].to_vec());
            first = last;
            line
        })
    }

    /// The pieces between the given distances, in order; cuts within 1 m of an end or of each other are left out.
    pub fn split(&self, cuts_m: &[f64]) -> Vec<Path> {
        let mut bounds = vec![0.0];
        for &cut in cuts_m {
            if cut > bounds[bounds.len() - 1] + 1.0 && cut < self.length_m() - 1.0 {
                bounds.push(cut);
            }
        }
        bounds.push(self.length_m());
        bounds.windows(2).map(|b| self.piece(b[0], b[1])).collect()
    }

    fn piece(&self, from_m: f64, to_m: f64) -> Path {
        let inner = self
            .points
            .iter()
            .zip(&self.along_m)
            .filter(|&(_, &a)| a > from_m + 0.5 && a < to_m - 0.5);
        // The ends of the path to the bit, not measured along it, so that what meets them still does.
        let first = if from_m <= 0.0 {
            self.points[0]
        } else {
            self.at(from_m).place
        };
        let last = if to_m >= self.length_m() {
            self.end()
        } else {
            self.at(to_m).place
        };
        let mut points = vec![first];
        points.extend(inner.map(|(p, _)| *p));
        points.push(last);
        Self::new(points)
    }

    /// This path and then `next`, which starts where it ends.
    pub fn then(&self, next: &Path) -> Self {
        Self::new(self.points.iter().chain(&next.points).copied().collect())
    }
}

/// A path drawn by going forwards and turning.
#[derive(Clone, Debug)]
pub(super) struct Pen {
    points: Vec<EastNorth>,
    bearing_rad: f64,
}

impl Pen {
    /// At `start`, looking along `bearing_deg` (clockwise from north).
    pub(super) fn new(start: EastNorth, bearing_deg: f64) -> Self {
        Self {
            points: vec![start],
            bearing_rad: bearing_deg.to_radians(),
        }
    }

    /// Goes `length_m` on while turning by `turn_deg` in all (to the right when positive).
    pub(super) fn go(mut self, length_m: f64, turn_deg: f64) -> Self {
        let steps = if turn_deg == 0.0 {
            1.0
        } else {
            libm::ceil(length_m / STEP_M).max(1.0)
        };
        let (step_m, turn) = (length_m / steps, turn_deg.to_radians() / steps);
        for _ in 0..steps as usize {
            let (sin, cos) = libm::sincos(self.bearing_rad + 0.5 * turn);
            let last = self.points[self.points.len() - 1];
            self.points.push(EastNorth {
                east_m: last.east_m + step_m * sin,
                north_m: last.north_m + step_m * cos,
            });
            self.bearing_rad += turn;
        }
        self
    }

    /// What has been drawn since the last call or the start; the pen stays where it is.
    pub(super) fn lift(&mut self) -> Path {
        let last = self.points[self.points.len() - 1];
        Path::new(std::mem::replace(&mut self.points, vec![last]))
    }

    /// Another pen at the same place, turned by `turn_deg`.
    pub(super) fn branch(&self, turn_deg: f64) -> Self {
        let last = self.points[self.points.len() - 1];
        Self {
            points: vec![last],
            bearing_rad: self.bearing_rad + turn_deg.to_radians(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarter() -> Path {
        Pen::new(EastNorth::default(), 90.0)
            .go(100.0, 0.0)
            .go(500.0, 90.0)
            .go(50.0, 0.0)
            .lift()
    }

    #[test]
    fn a_pen_draws_the_length_it_is_told() {
        assert!((quarter().length_m() - 650.0).abs() < 1e-6);
        assert!((quarter().at(640.0).heading.north_m + 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_line_beside_keeps_its_distance() {
        let (path, right) = (quarter(), quarter().beside(20.0));
        for i in 0..650 {
            let place = path.at(f64::from(i)).place;
            let nearest = (0..7_000)
                .map(|j| right.at(f64::from(j) * 0.1).place.minus(place).length_m())
                .fold(f64::MAX, f64::min);
            assert!((nearest - 20.0).abs() < 0.3, "{nearest} at {i}");
        }
    }

    #[test]
    fn lines_beside_legs_at_an_angle_meet() {
        let mut pen = Pen::new(EastNorth::default(), 90.0).go(100.0, 0.0);
        let straight = pen.lift();
        pen = pen.go(400.0, 50.0);
        let bend = pen.lift();
        let apart = straight.beside(11.0).end().minus(bend.beside(11.0).points()[0]);
        assert!(
            apart.length_m() > 0.1,
            "each by itself ends square to its own last step"
        );
        for right_m in [11.0, -11.0] {
            let [first, second] = Path::beside_each([&straight, &bend], right_m);
            assert_eq!(first.end(), second.points()[0]);
            assert_eq!(first.points().len(), straight.points().len());
            assert_eq!(second.points().len(), bend.points().len());
        }
    }

    #[test]
    fn pieces_add_up_and_meet() {
        let pieces = quarter().split(&[0.3, 90.0, 333.0, 649.5]);
        assert_eq!(pieces.len(), 3);
        assert!((pieces.iter().map(Path::length_m).sum::<f64>() - 650.0).abs() < 0.05);
        assert_eq!(pieces[0].end(), pieces[1].points()[0]);
        assert_eq!(pieces[2].end(), quarter().end());
    }
}
