//! Labelling as a whole, on simulated drives whose truth is known.

use super::*;
use crate::estimate::consistency::average_limits;
use crate::frame::{EastNorth, LatLon, LocalFrame};
use crate::network::{Direction, EdgePosition, RoadClass, Way, WayNode};
use crate::time::Time;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Standard deviation of the slow GNSS error per axis, metres.
const GNSS_SIGMA_M: f64 = 3.5;

/// A winding one-way road of 8 km, in a tunnel between two chainages (nowhere when they are equal).
fn road(tunnel: (f64, f64)) -> RoadNetwork {
    let frame = LocalFrame::new(LatLon::new(47.0, 8.0));
    let (mut east_m, mut north_m) = (0.0, 0.0);
    let mut nodes = Vec::new();
    for i in 0..=160 {
        nodes.push(WayNode {
            key: i,
            position: frame.to_lat_lon(EastNorth { east_m, north_m }),
        });
        let heading = 0.7 * (i as f64 * 0.06).sin();
        east_m += 50.0 * heading.cos();
        north_m += 50.0 * heading.sin();
    }
    let cut = [0, (tunnel.0 / 50.0) as usize, (tunnel.1 / 50.0) as usize, 160];
    let way = |i: usize| Way {
        id: i as i64,
        nodes: nodes[cut[i]..=cut[i + 1]].to_vec(),
        oneway: Direction::Forward,
        tunnel: i == 1,
        layer: 0,
        name: None,
        reference: None,
        max_speed_mps: None,
        class: RoadClass::Trunk,
    };
    RoadNetwork::build((0..3).filter(|&i| cut[i] < cut[i + 1]).map(way).collect()).unwrap()
}

struct Simulated {
    drive: Drive,
    /// True chainage at every tenth of a second.
    truth_m: Vec<f64>,
}

impl Simulated {
    fn at(&self, seconds: f64) -> f64 {
        self.truth_m[(10.0 * seconds).round() as usize]
    }

    /// When the car passed a chainage, seconds.
    fn passed_s(&self, chainage_m: f64) -> f64 {
        self.truth_m.partition_point(|&s| s < chainage_m) as f64 / 10.0
    }
}

fn instant(seconds: f64) -> Time {
    Time::from_millis(1_575_000_000_000).plus_seconds(seconds)
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// A drive along the whole road at about 20 m/s: fixes once a second outside of the tunnel, with an error that changes
/// slowly, and wheel speeds in whole km/h five times a second, wrong by up to 4 % and 0.3 s late.
fn simulate(network: &RoadNetwork, tunnel: (f64, f64), seed: u64) -> Simulated {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let route = Route::from_edges(network, network.edges().map(|(id, _)| id));
    let scale: f64 = rng.random_range(0.96..1.01);
    let (mut s_m, mut lean_mps, mut a_mps2) = (0.0, 0.0_f64, 0.0_f64);
    let mut slow = [normal(&mut rng), normal(&mut rng)].map(|b| b * GNSS_SIGMA_M);
    let (mut drive, mut truth_m, mut speeds) = (Drive::default(), Vec::new(), Vec::new());
    while s_m < route.length_m() - 50.0 {
        let tenth = truth_m.len();
        let t_s = tenth as f64 / 10.0;
        let v_mps = 20.0 + lean_mps;
        truth_m.push(s_m);
        speeds.push(v_mps);
        if tenth % 2 == 0 {
            let late_mps = speeds[tenth.saturating_sub(3)];
            let kmh = (late_mps * scale * 3.6 + 0.5 * normal(&mut rng)).round().max(0.0);
            drive.speed.push(SpeedSample {
                time: instant(t_s),
                speed_mps: kmh / 3.6,
            });
        }
        if tenth % 10 == 0 {
            let keep = (-1.0_f64 / 45.0).exp();
            slow = slow.map(|b| b * keep + GNSS_SIGMA_M * (1.0 - keep * keep).sqrt() * normal(&mut rng));
            if s_m < tunnel.0 || s_m > tunnel.1 {
                let pose = route.pose_at(network, s_m).unwrap();
                let error = slow.map(|b| b + 0.4 * normal(&mut rng));
                let off = EastNorth {
                    east_m: error[0],
                    north_m: error[1],
                };
                drive.gnss.push(GnssFix {
                    time: instant(t_s),
                    position: LocalFrame::new(pose.position).to_lat_lon(off),
                    accuracy_m: Some(1.5096 * GNSS_SIGMA_M),
                    speed_mps: Some(v_mps + 0.2 * normal(&mut rng)),
                    bearing_deg: Some(pose.bearing_deg),
                });
            }
        }
        // Accelerations of 0.3 m/s² that last some seconds, and a pull back to 20 m/s.
        a_mps2 += -0.1 * a_mps2 / 3.0 + 0.3 * (2.0 * 0.1_f64 / 3.0).sqrt() * normal(&mut rng);
        lean_mps += 0.1 * (a_mps2 - lean_mps / 25.0);
        s_m += 0.1 * v_mps.max(0.0);
    }
    Simulated { drive, truth_m }
}

/// Error and standard deviation at `seconds`.
fn error_at(simulated: &Simulated, track: &SurveyTrack, seconds: f64) -> (f64, f64) {
    let place = track.place_at(instant(seconds)).unwrap();
    (place.route_offset_m - simulated.at(seconds), place.sigma_m)
}

const TUNNEL: (f64, f64) = (2000.0, 6000.0);
const SEEDS: u64 = 60;

/// Mean of error²/σ², and root mean square of errors and of standard deviations, at a chainage, over many drives made by
/// `drive`.
fn errors_at(network: &RoadNetwork, chainage_m: f64, drive: impl Fn(u64) -> Simulated) -> (f64, f64, f64) {
    let (mut nees, mut error2, mut sigma2) = (0.0, 0.0, 0.0);
    for seed in 0..SEEDS {
        let simulated = drive(seed);
        let track = label(network, &simulated.drive, &LabelOptions::default()).unwrap();
        let (error_m, sigma_m) = error_at(&simulated, &track, simulated.passed_s(chainage_m));
        nees += error_m * error_m / (sigma_m * sigma_m);
        error2 += error_m * error_m;
        sigma2 += sigma_m * sigma_m;
    }
    let count = SEEDS as f64;
    (nees / count, (error2 / count).sqrt(), (sigma2 / count).sqrt())
}

fn assert_honest(nees: f64, what: &str) {
    let (low, high) = average_limits(SEEDS as usize, 1, 0.999).unwrap();
    assert!(
        nees > low && nees < high,
        "{what}: NEES {nees} outside of {low}…{high}"
    );
}

#[test]
fn sigmas_are_honest_with_wheel_speed_and_small_in_the_middle_of_a_tunnel() {
    let network = road(TUNNEL);
    let drive = |seed| simulate(&network, TUNNEL, seed);
    for chainage_m in [1000.0, 1950.0, 4000.0, 7000.0] {
        let (nees, error_m, sigma_m) = errors_at(&network, chainage_m, drive);
        assert_honest(nees, &format!("{chainage_m} m"));
        assert!(
            error_m < 4.0 && sigma_m < 5.0,
            "{chainage_m} m: {error_m} ± {sigma_m} m"
        );
    }
}

#[test]
fn sigmas_are_honest_without_wheel_speed_and_grow_in_the_middle_of_a_tunnel() {
    let network = road(TUNNEL);
    let drive = |seed| {
        let mut simulated = simulate(&network, TUNNEL, seed);
        simulated.drive.speed.clear();
        simulated
    };
    let sigmas = [1950.0, 3000.0, 4000.0, 5000.0, 6050.0].map(|chainage_m| {
        let (nees, _, sigma_m) = errors_at(&network, chainage_m, drive);
        assert_honest(nees, &format!("{chainage_m} m"));
        sigma_m
    });
    assert!(sigmas[0] < 5.0 && sigmas[4] < 5.0, "{sigmas:?}");
    assert!(
        sigmas[1] > 50.0 && sigmas[2] > sigmas[1] && sigmas[2] > sigmas[3],
        "{sigmas:?}"
    );
}

#[test]
fn a_log_with_a_fix_every_hundred_metres_is_placed() {
    let network = road((8e3, 8e3));
    // Between fixes the log repeats position and speed; accuracies are not in it.
    let sparse = |seed| {
        let mut simulated = simulate(&network, (8e3, 8e3), seed);
        simulated.drive.speed.clear();
        let mut shown: Option<(f64, GnssFix)> = None;
        for (second, fix) in simulated.drive.gnss.iter_mut().enumerate() {
            let at_m = simulated.truth_m[10 * second];
            if shown.is_none_or(|(shown_m, _)| at_m > shown_m + 105.0) {
                shown = Some((
                    at_m,
                    GnssFix {
                        accuracy_m: None,
                        bearing_deg: None,
                        ..*fix
                    },
                ));
            }
            *fix = GnssFix {
                time: fix.time,
                ..shown.unwrap().1
            };
        }
        simulated
    };
    let simulated = sparse(1);
    let track = label(&network, &simulated.drive, &LabelOptions::default()).unwrap();
    assert!(
        track.report.stale > 250 && track.report.used > 60,
        "{}",
        track.report
    );
    for chainage_m in [300.0, 2020.0, 3333.0, 7000.0] {
        let (nees, error_m, sigma_m) = errors_at(&network, chainage_m, sparse);
        // A phone that does not tell its accuracy is taken for a poorer one than the simulated.
        assert!(nees > 0.1 && nees < 1.5, "{chainage_m} m: NEES {nees}");
        assert!(
            error_m < 6.0 && sigma_m < 9.0,
            "{chainage_m} m: {error_m} ± {sigma_m} m"
        );
    }
}

#[test]
fn what_a_phone_makes_up_inside_a_tunnel_is_not_believed() {
    let network = road(TUNNEL);
    for seed in 0..10 {
        let simulated = simulate(&network, TUNNEL, seed);
        let honest = label(&network, &simulated.drive, &LabelOptions::default()).unwrap();
        let entry = simulated
            .drive
            .gnss
            .iter()
            .rposition(|fix| fix.time < instant(simulated.passed_s(2000.0)))
            .unwrap();
        let last = simulated.drive.gnss[entry];
        let frame = LocalFrame::new(last.position);
        let (sin, cos) = libm::sincos(last.bearing_deg.unwrap().to_radians());
        let made_up = |i: usize, ahead_m: f64, speed_mps: Option<f64>| GnssFix {
            time: last.time.plus_seconds(i as f64),
            position: frame.to_lat_lon(EastNorth {
                east_m: ahead_m * sin,
                north_m: ahead_m * cos,
            }),
            speed_mps,
            ..last
        };
        let frozen: Vec<GnssFix> = (1..180)
            .map(|i| GnssFix {
                position: last.position,
                ..made_up(i, 0.0, Some(0.0))
            })
            .collect();
        let drifting: Vec<GnssFix> = (1..40)
            .map(|i| made_up(i, 20.0 * i as f64, last.speed_mps))
            .collect();
        for (lies, has_wheel) in [
            (&frozen, true),
            (&frozen, false),
            (&drifting, true),
            (&drifting, false),
        ] {
            let mut drive = simulated.drive.clone();
            drive.gnss.extend_from_slice(lies);
            if !has_wheel {
                drive.speed.clear();
            }
            let track = label(&network, &drive, &LabelOptions::default()).unwrap();
            assert_eq!(track.segments.len(), 1, "{}", track.report);
            let report = track.report;
            let refused = report.stale + report.in_tunnel + report.off_road + report.unreachable;
            assert!(refused + 4 >= lies.len(), "{report}");
            if has_wheel {
                let middle_s = simulated.passed_s(4000.0);
                let moved_m =
                    error_at(&simulated, &track, middle_s).0 - error_at(&simulated, &honest, middle_s).0;
                assert!(moved_m.abs() < 3.0, "seed {seed}: {moved_m} m");
            }
        }
    }
}

#[test]
fn a_track_is_dense_and_never_runs_back() {
    let network = road(TUNNEL);
    let simulated = simulate(&network, TUNNEL, 3);
    let track = label(&network, &simulated.drive, &LabelOptions::default()).unwrap();
    let TrackSegment { route, points } = &track.segments[0];
    for fix in &simulated.drive.gnss {
        assert!(points.iter().any(|point| point.time == fix.time));
    }
    for pair in points.windows(2) {
        let dt_s = pair[1].time.seconds_since(pair[0].time);
        assert!(dt_s > 0.0 && dt_s <= 1.0 + 1e-9);
        assert!(pair[1].offset_m >= pair[0].offset_m);
    }
    let place = track.place_at(instant(100.25)).unwrap();
    let on_route_m = route
        .chainage_m(EdgePosition {
            edge: place.edge,
            offset_m: place.offset_m,
        })
        .unwrap();
    assert!((on_route_m - place.route_offset_m).abs() < 1e-9);
    assert!((place.speed_mps - 20.0).abs() < 6.0);
    assert_eq!(track.place_at(instant(-0.1)), None);
    assert_eq!(
        track.place_at(points[points.len() - 1].time.plus_seconds(0.1)),
        None
    );
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let network = road(TUNNEL);
    let simulated = simulate(&network, TUNNEL, 4);
    let expected = label(&network, &simulated.drive, &LabelOptions::default()).unwrap();
    let mut shuffled = simulated.drive.clone();
    shuffled.gnss.reverse();
    shuffled.speed.reverse();
    assert_eq!(
        label(&network, &shuffled, &LabelOptions::default()).unwrap(),
        expected
    );
}

#[test]
fn a_traffic_jam_is_followed() {
    let network = road((8e3, 8e3));
    let mut simulated = simulate(&network, (8e3, 8e3), 5);
    // A stand of two minutes: everything after the first minute comes later.
    let (at_s, stand_s) = (60.0, 120.0);
    let later = |time: Time| {
        if time > instant(at_s) {
            time.plus_seconds(stand_s)
        } else {
            time
        }
    };
    for fix in &mut simulated.drive.gnss {
        fix.time = later(fix.time);
    }
    simulated.drive.speed.clear();
    let here = simulated.drive.gnss[60];
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let stand = (1..120).map(|i| GnssFix {
        time: here.time.plus_seconds(f64::from(i)),
        position: LocalFrame::new(here.position).to_lat_lon(EastNorth {
            east_m: 0.5 * normal(&mut rng),
            north_m: 0.5 * normal(&mut rng),
        }),
        speed_mps: Some(0.1),
        ..here
    });
    simulated.drive.gnss.extend(stand);
    let track = label(&network, &simulated.drive, &LabelOptions::default()).unwrap();
    assert_eq!(track.segments.len(), 1, "{}", track.report);
    for seconds in [70.0, 120.0, 170.0] {
        let place = track.place_at(instant(seconds)).unwrap();
        assert!(
            (place.route_offset_m - simulated.at(60.0)).abs() < 12.0 && place.speed_mps < 1.0,
            "{place:?}"
        );
    }
}

#[test]
fn drives_that_cannot_be_placed_say_why() {
    let network = road(TUNNEL);
    let options = LabelOptions::default();
    let text = |drive: &Drive| label(&network, drive, &options).unwrap_err().to_string();
    assert_eq!(
        text(&Drive::default()),
        "expected at least 2 GNSS fixes that can be used, got 0 (0 fixes)"
    );
    let mut drive = simulate(&network, TUNNEL, 1).drive;
    drive.gnss.truncate(20);
    for fix in &mut drive.gnss {
        fix.position.lat_deg += 1.0;
    }
    assert_eq!(
        text(&drive),
        "expected GNSS fixes along the given roads, got 20 that follow none (20 fixes: 20 off the road)"
    );
    for fix in &mut drive.gnss {
        fix.accuracy_m = Some(500.0);
    }
    assert_eq!(
        text(&drive),
        "expected at least 2 GNSS fixes that can be used, got 0 (20 fixes: 20 inaccurate)"
    );
    // Fixes from inside only: the car is simulated under an open sky and labelled on a road with a tunnel.
    let inside = simulate(&network, (8e3, 8e3), 2);
    let mut drive = Drive {
        gnss: inside.drive.gnss.clone(),
        ..Drive::default()
    };
    drive
        .gnss
        .retain(|fix| (120.0..180.0).contains(&fix.time.seconds_since(instant(0.0))));
    assert!(
        text(&drive)
            .starts_with("expected a stretch with at least 2 GNSS fixes outside of tunnels, got none")
    );
}
