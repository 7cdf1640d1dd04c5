//! One survey drive as the builder takes it: where it was over time, and what it heard.

use crate::network::{EdgeId, EdgePosition, Route};
use crate::observation::CellScan;
use crate::time::Time;

/// Where a survey drive was at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StretchPoint {
    /// When.
    pub time: Time,
    /// Distance from the beginning of the stretch's route, metres.
    pub offset_m: f64,
    /// Standard deviation of the offset, metres.
    pub sigma_m: f64,
}

/// An unbroken stretch of a survey drive along the roads.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// The edges driven.
    pub route: Route,
    /// Places along the route, in time order.
    pub points: Vec<StretchPoint>,
}

/// One survey drive.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyPass {
    /// How the drive is called in reports.
    pub name: String,
    /// Where it was, in time order; nothing is known between stretches.
    pub track: Vec<Stretch>,
    /// What it heard, in time order.
    pub scans: Vec<CellScan>,
}

/// A place of a survey drive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Index of the stretch.
    pub stretch: usize,
    /// Distance from the beginning of the stretch's route, metres.
    pub route_offset_m: f64,
    /// The same place on the network.
    pub at: EdgePosition,
    /// Standard deviation along the road, metres.
    pub sigma_m: f64,
}

impl SurveyPass {
    /// The place at `time`, interpolated between the points of a stretch; `None` outside of all stretches.
    pub fn place_at(&self, time: Time) -> Option<Place> {
        let stretch = self
            .track
            .partition_point(|s| s.points.last().is_some_and(|p| p.time < time));
        let Stretch { route, points } = self.track.get(stretch)?;
        let next = points.partition_point(|p| p.time < time);
        let after = points.get(next)?;
        let (route_offset_m, sigma_m) = if after.time == time {
            (after.offset_m, after.sigma_m)
        } else {
            let before = &points[next.checked_sub(1)?];
            let share = time.seconds_since(before.time) / after.time.seconds_since(before.time);
            let between = |a: f64, b: f64| a + share * (b - a);
            (
                between(before.offset_m, after.offset_m),
                between(before.sigma_m, after.sigma_m),
            )
        };
        Some(Place {
            stretch,
            route_offset_m,
            at: route.locate(route_offset_m)?,
            sigma_m,
        })
    }

    /// The edges of all stretches, in driving order, with repetitions.
    pub fn edges(&self) -> impl Iterator<Item = EdgeId> {
        self.track
            .iter()
            .flat_map(|stretch| stretch.route.edges().iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::testing::straight_road;

    #[test]
    fn places_lie_between_points_and_nowhere_between_stretches() {
        let network = straight_road(&[30.0, 40.0]);
        let point = |s: i64, offset_m| StretchPoint {
            time: Time::from_millis(1000 * s),
            offset_m,
            sigma_m: 2.0,
        };
        let route = Route::from_edges(&network, [EdgeId(0), EdgeId(1)]);
        let pass = SurveyPass {
            name: String::new(),
            track: vec![
                Stretch {
                    route: route.clone(),
                    points: vec![point(0, 10.0), point(2, 50.0)],
                },
                Stretch {
                    route,
                    points: vec![point(5, 0.0), point(6, 1.0)],
                },
            ],
            scans: Vec::new(),
        };
        let place = pass.place_at(Time::from_millis(1500)).unwrap();
        assert_eq!((place.stretch, place.at.edge), (0, EdgeId(1)));
        assert!((place.route_offset_m - 40.0).abs() < 1e-9 && (place.at.offset_m - 10.0).abs() < 0.2);
        assert_eq!(pass.place_at(Time::from_millis(5000)).unwrap().stretch, 1);
        for outside in [-1, 3000, 4999, 6001] {
            assert_eq!(pass.place_at(Time::from_millis(outside)), None);
        }
    }
}
