//! Map matching as a whole, on small drawn networks.

use super::chain::Chain;
use super::score::{Hop, Site};
use super::tables::Roads;
use super::*;
use crate::frame::{EastNorth, LatLon, LocalFrame};
use crate::network::sketch::{self, CORNER};
use crate::network::{EdgeId, RoadNetwork, Route};
use crate::observation::SpeedSample;
use crate::time::Time;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

fn second(s: f64) -> Time {
    Time::from_millis(1_000_000).plus_seconds(s)
}

fn fix(time_s: f64, position: LatLon) -> GnssFix {
    GnssFix {
        time: second(time_s),
        position,
        accuracy_m: None,
        speed_mps: None,
        bearing_deg: None,
    }
}

fn route(network: &RoadNetwork, points: &str) -> Route {
    let points: Vec<char> = points.chars().collect();
    Route::from_edges(
        network,
        points
            .windows(2)
            .map(|pair| sketch::edge(network, pair[0], pair[1])),
    )
}

/// Fixes once a second along `route` at `speed_mps`, with `noise_m` of noise each way.
fn drive(network: &RoadNetwork, route: &Route, speed_mps: f64, noise_m: f64, seed: u64) -> Vec<GnssFix> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let noise = Normal::new(0.0, noise_m).unwrap();
    let count = (route.length_m() / speed_mps) as usize;
    let along = (0..=count).map(|i| {
        let pose = route.pose_at(network, i as f64 * speed_mps).unwrap();
        let frame = LocalFrame::new(pose.position);
        let off = EastNorth {
            east_m: noise.sample(&mut rng),
            north_m: noise.sample(&mut rng),
        };
        fix(i as f64, frame.to_lat_lon(off))
    });
    along.collect()
}

fn run(network: &RoadNetwork, fixes: &[GnssFix]) -> TrackMatch {
    match_track(network, fixes, &Odometer::new(&[]), &MatchOptions::default())
}

fn roads_of(network: &RoadNetwork) -> Roads<'_> {
    Roads {
        network,
        tables: None,
    }
}

fn only(matched: TrackMatch) -> MatchedSegment {
    assert_eq!(matched.segments.len(), 1, "{:?}", matched.counts);
    matched.segments.into_iter().next().unwrap()
}

const FORK: &str = "
                                   e-------f
                                  /
                                 /
 a------b------c----------------d------------------g";

#[test]
fn at_a_fork_the_branch_driven_is_found() {
    let network = sketch::network(FORK, &["abcd", "def", "dg"]);
    for (points, seed) in [("abcdef", 1), ("abcdg", 2), ("fedcba", 3), ("gdcba", 4)] {
        let points: String = points.chars().filter(|c| !"bce".contains(*c)).collect();
        let truth = route(&network, &points);
        let segment = only(run(&network, &drive(&network, &truth, 12.0, 6.0, seed)));
        assert_eq!(segment.route.edges(), truth.edges(), "{points}");
        for placed in &segment.fixes {
            let off_m = placed.route_m - 12.0 * placed.index as f64;
            assert!(
                off_m.abs() < 25.0,
                "{points}: fix {} is {off_m} m off",
                placed.index
            );
        }
    }
}

const PARALLEL: &str = "
  c--------------------------------------------------------------------------------------------d
 /                                                                                              \\
a                                                                                                b
 \\e--------------------------------------------------------------------------------------------f/";

#[test]
fn parallel_roads_twenty_metres_apart_are_kept_apart() {
    let network = sketch::network(PARALLEL, &["acdb", "aefb"]);
    // Both have the same ends: edges 0 and 1 run over c and d, 2 and 3 over e and f.
    for seed in 0..20 {
        let noise_m = 5.0 + 0.15 * seed as f64;
        for edge in (0..4).map(EdgeId) {
            let truth = Route::from_edges(&network, [edge]);
            let segment = only(run(&network, &drive(&network, &truth, 15.0, noise_m, seed)));
            let on_edge = |placed: &&MatchedFix| segment.route.locate(placed.route_m).unwrap().edge == edge;
            // At the very ends, where both roads meet, noise may take in some metres of the other.
            let right = segment.fixes.iter().filter(on_edge).count();
            assert!(
                right + 3 >= segment.fixes.len(),
                "seed {seed}: {right} of {}",
                segment.fixes.len()
            );
        }
    }
}

#[test]
fn opposite_bores_are_told_apart_by_direction() {
    let map = "
a------------------------------------b
c------------------------------------d";
    // 10 m apart, one-way, tunnels: no single fix tells which.
    let network = sketch::network(map, &["ab>=", "dc>="]);
    for (points, seed) in [("ab", 5), ("dc", 6)] {
        let truth = route(&network, points);
        let segment = only(run(&network, &drive(&network, &truth, 20.0, 8.0, seed)));
        assert_eq!(segment.route.edges(), truth.edges());
    }
}

const BRANCHES: &str = "
                         e-----------f
                        /             \\
                       /               \\
                      /                 \\
                     /                   \\
                    /                     \\
                   /                       \\
 a--------------bc--------------------------dg---------------h";

#[test]
fn only_the_odometer_tells_which_branch_of_a_tunnel_was_driven() {
    let network = sketch::network(BRANCHES, &["ab", "bc=", "cefd=", "cd=", "dg=", "gh"]);
    let (long, short) = (EdgeId(4), EdgeId(6));
    assert!(network.edge(long).length_m > network.edge(short).length_m + 50.0);
    let outer = |edge| {
        let edges = ["ab", "bc"]
            .map(|p| sketch::edge(&network, p.chars().next().unwrap(), p.chars().nth(1).unwrap()));
        let rest = ["dg", "gh"]
            .map(|p| sketch::edge(&network, p.chars().next().unwrap(), p.chars().nth(1).unwrap()));
        Route::from_edges(&network, edges.into_iter().chain([edge]).chain(rest))
    };
    for driven in [long, short] {
        let truth = outer(driven);
        let mut fixes = drive(&network, &truth, 10.0, 3.0, 7);
        let inside = |fix: &GnssFix| {
            let at_m = 10.0 * fix.time.seconds_since(second(0.0));
            at_m > 150.0 && at_m < truth.length_m() - 160.0
        };
        fixes.retain(|fix| !inside(fix));
        let wheel: Vec<SpeedSample> = (0..100)
            .map(|s| SpeedSample {
                time: second(f64::from(s)),
                speed_mps: 9.8,
            })
            .collect();
        let odometer = Odometer::calibrated(&wheel, &fixes);
        let with = only(match_track(&network, &fixes, &odometer, &MatchOptions::default()));
        assert_eq!(with.route.edges(), truth.edges());
        // Without it, the branch nearer to the straight line is taken, whichever was driven.
        let without = only(run(&network, &fixes));
        assert_eq!(without.route.edges(), outer(short).edges());
    }
}

const STREET: &str = "
a-----------b----------------c
            |
            |
            |
            |
            |
            |
            d";

#[test]
fn standing_still_goes_nowhere() {
    let network = sketch::network(STREET, &["abc", "bd"]);
    let truth = route(&network, "abc");
    let moving = drive(&network, &truth, 10.0, 2.0, 8);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let noise = Normal::new(0.0, 5.0).unwrap();
    // Ten minutes of noise at the junction, half way through the drive.
    let stand = sketch::at(STREET, 'b');
    let (before, after) = moving.split_at(13);
    let standing = (0..600).map(|i| {
        let off = EastNorth {
            east_m: noise.sample(&mut rng),
            north_m: noise.sample(&mut rng),
        };
        fix(13.0 + f64::from(i), LocalFrame::new(stand).to_lat_lon(off))
    });
    let mut fixes: Vec<GnssFix> = before.to_vec();
    fixes.extend(standing);
    fixes.extend(after.iter().map(|f| GnssFix {
        time: f.time.plus_seconds(600.0),
        ..*f
    }));
    let matched = run(&network, &fixes);
    assert_eq!(matched.counts.placed, fixes.len());
    let segment = only(matched);
    assert_eq!(segment.route.edges(), truth.edges());
    for placed in segment.fixes.iter().filter(|f| (13..613).contains(&f.index)) {
        assert!((placed.route_m - 120.0).abs() < 45.0, "{placed:?}");
    }
}

#[test]
fn roads_that_do_not_meet_give_two_segments() {
    let map = "a---------------b     c----------------d";
    let network = sketch::network(map, &["ab", "cd"]);
    let mut fixes = drive(&network, &route(&network, "ab"), 10.0, 1.0, 1);
    let later = drive(&network, &route(&network, "cd"), 10.0, 1.0, 2);
    fixes.extend(later.iter().map(|f| GnssFix {
        time: f.time.plus_seconds(22.0),
        ..*f
    }));
    let matched = run(&network, &fixes);
    assert_eq!(matched.segments.len(), 2);
    assert_eq!(matched.counts.breaks, 1);
    assert_eq!(matched.segments[1].route.edges(), route(&network, "cd").edges());
}

#[test]
fn one_wild_fix_is_passed_over() {
    let map =
        "a---------------------------------b\n\n\n\n\n\n\n\n\n\n\n\n\n\nc---------------------------------d";
    let network = sketch::network(map, &["ab", "cd"]);
    let truth = route(&network, "ab");
    let mut fixes = drive(&network, &truth, 10.0, 2.0, 3);
    fixes[15].position = LatLon::new(CORNER.lat_deg - 0.00126, fixes[15].position.lon_deg);
    fixes[20].position = LatLon::new(CORNER.lat_deg + 0.01, fixes[20].position.lon_deg);
    let matched = run(&network, &fixes);
    let counts = matched.counts;
    assert_eq!((counts.unreachable, counts.off_road, counts.breaks), (1, 1, 0));
    assert_eq!(counts.placed, fixes.len() - 2);
    assert_eq!(only(matched).route.edges(), truth.edges());
}

#[test]
fn nothing_comes_of_nothing() {
    let network = sketch::network("a----b", &["ab"]);
    assert_eq!(run(&network, &[]), TrackMatch::default());
    let far = run(
        &network,
        &[
            fix(0.0, LatLon::new(0.0, 0.0)),
            fix(1.0, LatLon::new(f64::NAN, 0.0)),
        ],
    );
    assert_eq!((far.segments.len(), far.counts.off_road), (0, 2));
}

const GRID: &str = "
a----b----c
|    |    |
d----e----f
|    |    |
g----h----i";
const GRID_ROADS: [&str; 12] = [
    "ab", "bc", "de", "ef", "gh", "hi", "ad", "dg", "be", "eh", "cf", "fi",
];

/// The specification: the best score over every sequence of places.
fn brute_force(network: &RoadNetwork, sites: &[Site], odometer: &Odometer, options: &MatchOptions) -> f64 {
    fn go(network: &RoadNetwork, sites: &[Site], hops: &[Hop], at: usize) -> f64 {
        let Some(next) = sites.get(1) else {
            return sites[0].emissions[at];
        };
        let from = sites[0].places[at].place();
        let onward = (0..next.places.len()).map(|j| {
            let to = next.places[j].place();
            let path = network.shortest_path(from, to, hops[0].limit_m);
            let step = hops[0].best(network, from, to, path);
            step.map_or(f64::NEG_INFINITY, |step| {
                step.score + go(network, &sites[1..], &hops[1..], j)
            })
        });
        sites[0].emissions[at] + onward.fold(f64::NEG_INFINITY, f64::max)
    }
    let hops: Vec<Hop> = sites
        .windows(2)
        .map(|pair| Hop::between(&pair[0], &pair[1], odometer, options))
        .collect();
    (0..sites[0].places.len())
        .map(|i| go(network, sites, &hops, i))
        .fold(f64::NEG_INFINITY, f64::max)
}

proptest! {
    #[test]
    fn the_chain_scores_as_the_best_of_all_sequences(
        built in proptest::collection::vec(0..3_u8, 12),
        points in proptest::collection::vec((-10.0..110.0_f64, -10.0..50.0_f64), 2..5),
        speed_mps in proptest::option::of(2.0..20.0_f64),
    ) {
        let roads: Vec<String> = GRID_ROADS.iter().zip(&built).filter(|(_, kind)| **kind > 0)
            .map(|(road, kind)| if *kind == 2 { format!("{road}>") } else { (*road).to_string() })
            .collect();
        let roads: Vec<&str> = roads.iter().map(String::as_str).collect();
        let network = sketch::network(GRID, &roads);
        let frame = LocalFrame::new(CORNER);
        let fixes: Vec<GnssFix> = points.iter().enumerate()
            .map(|(i, &(east_m, south_m))| fix(8.0 * i as f64, frame.to_lat_lon(EastNorth { east_m, north_m: -south_m })))
            .collect();
        let wheel = speed_mps.map_or(Vec::new(), |speed_mps| {
            (0..20).map(|i| SpeedSample { time: second(2.0 * f64::from(i)), speed_mps }).collect()
        });
        let odometer = Odometer::new(&wheel);
        let options = MatchOptions { max_candidates: 5, ..MatchOptions::default() };
        let sites: Vec<Site> = fixes.iter().enumerate()
            .filter_map(|(i, fix)| Site::new(roads_of(&network), i, fix, &options))
            .collect();
        prop_assume!(!sites.is_empty());
        let expected = brute_force(&network, &sites, &odometer, &options);
        let mut chain = Chain::start(sites[0].clone(), fixes.len());
        let reached = sites[1..].iter().all(|site| chain.extend(roads_of(&network), &odometer, site.clone(), &options));
        prop_assert_eq!(reached, expected > f64::NEG_INFINITY);
        if reached {
            let score = chain.best().1;
            prop_assert!((score - expected).abs() < 1e-9, "{} instead of {}", score, expected);
        }
        // Whatever the input, routes are continuous and the fixes on them add up.
        let matched = match_track(&network, &fixes, &odometer, &options);
        for max_m in [0.0, 35.0, 1e4] {
            let tables = MatchTables::new(&network, max_m);
            prop_assert_eq!(&match_track_with(&network, &tables, &fixes, &odometer, &options), &matched);
        }
        let counts = matched.counts;
        prop_assert_eq!(counts.placed + counts.off_road + counts.unreachable + counts.isolated, fixes.len());
        for segment in &matched.segments {
            for pair in segment.route.edges().windows(2) {
                prop_assert!(network.successors(pair[0]).contains(&pair[1]));
            }
            for placed in &segment.fixes {
                prop_assert!(placed.route_m >= 0.0 && placed.route_m <= segment.route.length_m() + 1e-9);
                let pose = segment.route.pose_at(&network, placed.route_m).unwrap();
                let apart_m = pose.position.distance_m(fixes[placed.index].position);
                prop_assert!((apart_m - placed.cross_track_m).abs() < 0.01);
            }
        }
    }
}
