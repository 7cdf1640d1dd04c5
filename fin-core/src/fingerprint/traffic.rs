//! How fast surveys usually drove along the edges.
//!
//! The logarithm of a drive's speed at a place is taken for the sum of what is its own all along, what the place does to everybody's,
//! and what is of the moment. Both sums are estimated in turn, as in an analysis of variance in two ways; what the place does
//! is a random effect (Henderson 1975, *Best linear unbiased estimation and prediction under a selection model*) that is drawn
//! towards nothing where drives are few or do not keep to it, as in queues, and each drive counts by how well it keeps to it.

use std::collections::BTreeMap;

use super::former::Former;
use super::pass::{Stretch, SurveyPass};
use super::placed::MAX_PLACE_SIGMA_M;
use super::profile::{EdgeProfile, speed_code, speed_from_code};
use crate::network::{EdgeId, RoadNetwork};

/// A speed is that over so many metres before and after a place.
const REACH_M: f64 = 25.0;
/// One drive tells of itself more than of the road.
const LEAST_DRIVES: u32 = 2;
/// Standard deviation of what places do to the logarithm of speeds.
const PLACE_SIGMA: f64 = 0.15;
/// Least standard deviation of what is of the moment.
const LEAST_SIGMA: f64 = 0.1;
/// The lowest speed that is told apart from standing, m/s.
const LEAST_MPS: f64 = 1.0;
/// How often either sum is estimated.
const ROUNDS: usize = 8;

/// The speed of one drive at one place.
#[derive(Clone, Copy, Debug)]
struct Speed {
    drive: usize,
    log_mps: f64,
}

/// What is known of a drive.
#[derive(Clone, Copy, Debug)]
struct Drive {
    /// How many it stands for.
    count: u32,
    /// The logarithm of its speed but for what places do to it.
    log_mps: f64,
    /// The inverse variance of what is of the moment.
    weight: f64,
}

/// A place, and what it does to the logarithm of speeds.
#[derive(Clone, Debug, Default)]
struct Place {
    speeds: Vec<Speed>,
    effect: f64,
}

/// The usual speeds along the edges driven by `passes`, as [`EdgeProfile::usual_mps`] has them, where there are at least two drives. A
/// `former` database is a drive that counts as often as it has drives at a place.
pub(super) fn usual_speeds<'a>(
    network: &RoadNetwork,
    passes: impl Iterator<Item = &'a SurveyPass>,
    former: Option<&Former<'_>>,
) -> BTreeMap<EdgeId, Vec<Option<f32>>> {
    let mut survey = Survey::default();
    let places =
        |edge: EdgeId| vec![Place::default(); EdgeProfile::speed_places(network.edge(edge).length_m)];
    if let Some(former) = former {
        survey.add_former(former, places);
    }
    for stretch in passes.flat_map(|pass| &pass.track) {
        survey.add_drive(stretch, network, places);
    }
    for _ in 0..ROUNDS {
        survey.estimate_drives();
        survey.estimate_effects();
    }
    survey.usual()
}

/// All drives at all places.
#[derive(Clone, Debug, Default)]
struct Survey {
    places: BTreeMap<EdgeId, Vec<Place>>,
    drives: Vec<Drive>,
}

impl Survey {
    fn new_drive(&mut self, count: u32) -> usize {
        self.drives.push(Drive {
            count,
            log_mps: 0.0,
            weight: 1.0,
        });
        self.drives.len() - 1
    }

    /// Adds what an earlier database says, a drive for each number of drives that it has at places.
    fn add_former(&mut self, former: &Former<'_>, places: impl Fn(EdgeId) -> Vec<Place>) {
        let mut numbers: BTreeMap<u32, usize> = BTreeMap::new();
        for edge in former.edges() {
            let Some(profile) = former.db().profile(edge) else {
                continue;
            };
            for (place, mps) in profile.usual_mps.iter().enumerate() {
                let Some(mps) = *mps else { continue };
                let count = u32::from(profile.passes_at_speed_place(place)).max(LEAST_DRIVES);
                let drive = *numbers.entry(count).or_insert_with(|| self.new_drive(count));
                let edge = self.places.entry(edge).or_insert_with(|| places(edge));
                if let Some(place) = edge.get_mut(place) {
                    place.add(drive, f64::from(mps));
                }
            }
        }
    }

    /// Adds a drive along a stretch.
    fn add_drive(&mut self, stretch: &Stretch, network: &RoadNetwork, places: impl Fn(EdgeId) -> Vec<Place>) {
        let drive = self.new_drive(1);
        let mut passage = Passage { stretch, next: 0 };
        for (index, &edge) in stretch.route.edges().iter().enumerate() {
            let Some(start_m) = stretch.route.start_of(index) else {
                continue;
            };
            let edge_places = self.places.entry(edge).or_insert_with(|| places(edge));
            let step_m = network.edge(edge).length_m / (edge_places.len() - 1) as f64;
            for (number, place) in edge_places.iter_mut().enumerate() {
                if let Some(mps) = passage.speed_mps(start_m + number as f64 * step_m) {
                    place.add(drive, mps);
                }
            }
        }
    }

    /// What is each drive's own, and how well it keeps to that.
    fn estimate_drives(&mut self) {
        let mut sums = vec![(0.0_f64, 0.0_f64); self.drives.len()];
        for (place, speed) in self.speeds() {
            let sum = &mut sums[speed.drive];
            *sum = (sum.0 + 1.0, sum.1 + speed.log_mps - place.effect);
        }
        let means: Vec<f64> = sums.iter().map(|(count, sum)| sum / count.max(1.0)).collect();
        let mut squares = vec![0.0; self.drives.len()];
        for (place, speed) in self.speeds() {
            let off = speed.log_mps - place.effect - means[speed.drive];
            // What a place does was made of these speeds, so that they keep to it better than others would.
            let drives = f64::from(self.drives_at(place));
            squares[speed.drive] += off * off * drives / (drives - 1.0).max(1.0);
        }
        for (number, drive) in self.drives.iter_mut().enumerate() {
            let var = squares[number] / sums[number].0.max(1.0);
            drive.log_mps = means[number];
            drive.weight = f64::from(drive.count) / var.max(LEAST_SIGMA * LEAST_SIGMA);
        }
    }

    /// What each place does.
    fn estimate_effects(&mut self) {
        for place in self.places.values_mut().flatten() {
            let off = |speed: &Speed, drive: &Drive| speed.log_mps - drive.log_mps;
            let (weight, sum) = place.weighed(&self.drives, off);
            place.effect = sum / (weight + 1.0 / (PLACE_SIGMA * PLACE_SIGMA));
        }
    }

    fn speeds(&self) -> impl Iterator<Item = (&Place, &Speed)> {
        let places = self.places.values().flatten();
        places.flat_map(|place| place.speeds.iter().map(move |speed| (place, speed)))
    }

    fn drives_at(&self, place: &Place) -> u32 {
        place
            .speeds
            .iter()
            .map(|speed| self.drives[speed.drive].count)
            .sum()
    }

    /// The speeds as a database can store them.
    fn usual(&self) -> BTreeMap<EdgeId, Vec<Option<f32>>> {
        let at = |place: &Place| {
            if self.drives_at(place) < LEAST_DRIVES {
                return None;
            }
            let (weight, sum) = place.weighed(&self.drives, |_, drive| drive.log_mps);
            let mps = libm::exp(sum / weight + place.effect);
            speed_from_code(speed_code(Some(mps as f32)))
        };
        let edges = self.places.iter();
        let edges = edges.map(|(&edge, places)| (edge, places.iter().map(at).collect::<Vec<_>>()));
        edges
            .filter(|(_, usual)| usual.iter().any(Option::is_some))
            .collect()
    }
}

impl Place {
    fn add(&mut self, drive: usize, mps: f64) {
        let log_mps = libm::log(mps.max(LEAST_MPS));
        self.speeds.push(Speed { drive, log_mps });
    }

    /// The weights of its drives and the sum of `value` times weight over them.
    fn weighed(&self, drives: &[Drive], value: impl Fn(&Speed, &Drive) -> f64) -> (f64, f64) {
        self.speeds.iter().fold((0.0, 0.0), |(weight, sum), speed| {
            let drive = &drives[speed.drive];
            (weight + drive.weight, sum + drive.weight * value(speed, drive))
        })
    }
}

/// A survey drive along a stretch, from place to place.
struct Passage<'a> {
    stretch: &'a Stretch,
    /// The first point beyond what was asked for last.
    next: usize,
}

impl Passage<'_> {
    /// The speed about a place, which is not before those asked for earlier, m/s; `None` where the drive was not, or not
    /// surely.
    fn speed_mps(&mut self, at_m: f64) -> Option<f64> {
        let points = &self.stretch.points;
        while points
            .get(self.next)
            .is_some_and(|point| point.offset_m < at_m - REACH_M)
        {
            self.next += 1;
        }
        let from_s = self.reached_s(self.next, at_m - REACH_M)?;
        let beyond = points[self.next..]
            .iter()
            .position(|point| point.offset_m >= at_m + REACH_M)?;
        let to_s = self.reached_s(self.next + beyond, at_m + REACH_M)?;
        (to_s > from_s).then(|| 2.0 * REACH_M / (to_s - from_s))
    }

    /// When the drive came to an offset, of which the point `after` is the first at or beyond it, seconds since the stretch began.
    fn reached_s(&self, after: usize, offset_m: f64) -> Option<f64> {
        let points = &self.stretch.points;
        let (before, after) = (points.get(after.checked_sub(1)?)?, points.get(after)?);
        if before.sigma_m.max(after.sigma_m) > MAX_PLACE_SIGMA_M {
            return None;
        }
        let share = (offset_m - before.offset_m) / (after.offset_m - before.offset_m);
        let since_s = before.time.seconds_since(points[0].time);
        Some(since_s + share.clamp(0.0, 1.0) * after.time.seconds_since(before.time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::pass::StretchPoint;
    use crate::fingerprint::testing::straight_road;
    use crate::network::Route;
    use crate::time::Time;

    const LENGTHS_M: [f64; 2] = [1000.0, 2000.0];

    /// A drive over the whole road at `mps(offset_m)`, placed within `sigma_m` each half second.
    fn pass(network: &RoadNetwork, mps: impl Fn(f64) -> f64, sigma_m: f64) -> SurveyPass {
        let route = Route::from_edges(network, [EdgeId(0), EdgeId(1)]);
        let (mut points, mut offset_m) = (Vec::new(), 0.0);
        while offset_m < route.length_m() {
            points.push(StretchPoint {
                time: Time::from_millis(500 * points.len() as i64),
                offset_m,
                sigma_m,
            });
            offset_m += 0.5 * mps(offset_m);
        }
        SurveyPass {
            name: String::new(),
            track: vec![Stretch { route, points }],
            scans: Vec::new(),
        }
    }

    fn usual(network: &RoadNetwork, passes: &[SurveyPass]) -> BTreeMap<EdgeId, Vec<Option<f32>>> {
        usual_speeds(network, passes.iter(), None)
    }

    /// The speed 1500 m from the beginning of the road, and 2500 m from it.
    fn there(found: &BTreeMap<EdgeId, Vec<Option<f32>>>) -> (f32, f32) {
        let second = &found[&EdgeId(1)];
        (second[20].unwrap(), second[60].unwrap())
    }

    /// Slower where everybody is.
    fn bend(at_m: f64, mps: f64) -> f64 {
        if (1400.0..1600.0).contains(&at_m) {
            0.5 * mps
        } else {
            mps
        }
    }

    #[test]
    fn where_all_slow_down_speeds_are_lower_and_the_ends_of_what_was_driven_are_not_known() {
        let network = straight_road(&LENGTHS_M);
        let passes = [14.0, 15.0, 16.0, 17.0, 18.0].map(|mps| pass(&network, |at_m| bend(at_m, mps), 2.0));
        let found = usual(&network, &passes);
        let [first, second] = [&found[&EdgeId(0)], &found[&EdgeId(1)]];
        assert_eq!((first.len(), second.len()), (41, 81));
        assert_eq!((first[0], second[80]), (None, None), "half of it was not driven");
        let (bend_mps, after_mps) = there(&found);
        assert!((7.5..9.5).contains(&bend_mps), "{bend_mps}");
        assert!((15.0..17.0).contains(&after_mps), "{after_mps}");
    }

    #[test]
    fn where_some_or_all_were_in_queues_little_is_said_of_places() {
        let network = straight_road(&LENGTHS_M);
        // Queues begin and end where they will.
        let queue = |shift_m: f64| {
            move |at_m: f64| {
                if libm::sin((at_m + shift_m) / 60.0) > 0.0 {
                    2.0
                } else {
                    9.0
                }
            }
        };
        let free = [15.0, 16.0, 17.0].map(|mps| pass(&network, move |_| mps, 2.0));
        let queues = [0.0, 50.0, 130.0].map(|shift_m| pass(&network, queue(shift_m), 2.0));
        let spread = |found: &BTreeMap<EdgeId, Vec<Option<f32>>>| {
            let mps: Vec<f32> = found[&EdgeId(1)].iter().flatten().copied().collect();
            let extreme = |pick: fn(f32, f32) -> f32| mps.iter().copied().reduce(pick).unwrap();
            extreme(f32::max) / extreme(f32::min)
        };
        let mixed = usual(&network, &[free.to_vec(), queues.to_vec()].concat());
        assert!(spread(&mixed) < 1.1, "{}", spread(&mixed));
        let (one_mps, other_mps) = there(&mixed);
        assert!(one_mps > 14.0 && other_mps > 14.0, "{one_mps} {other_mps}");
        let queues = usual(&network, &queues);
        assert!(spread(&queues) < 1.5, "{}", spread(&queues));
    }

    #[test]
    fn who_was_not_surely_there_or_was_there_alone_tells_nothing() {
        let network = straight_road(&LENGTHS_M);
        let sigmas_m = [2.0, MAX_PLACE_SIGMA_M, MAX_PLACE_SIGMA_M + 1.0];
        let passes = sigmas_m.map(|sigma_m| pass(&network, |_| 15.0, sigma_m));
        assert!(!usual(&network, &passes[..2]).is_empty());
        assert!(usual(&network, &passes[1..]).is_empty());
        assert!(usual(&network, &[]).is_empty());
    }
}
