//! What holds for every drive, whatever it holds.

use fin_core::estimate::{
    AlongTrack, EstimateError, Gaussian, Measured, Measurement, MotionModel, smooth_track, state,
};
use fin_core::time::Time;
use nalgebra::SMatrix;
use proptest::prelude::*;

const DIM: usize = state::DIM;
/// Eigenvalue below zero that rounding may leave in a covariance scaled to a unit diagonal.
const ROUNDING: f64 = 1e-9;

/// Measurements with steps from none over seconds to half an hour.
fn drives() -> impl Strategy<Value = Vec<Measurement>> {
    let dt_ms = prop_oneof![3 => Just(0_i64), 20 => 1_i64..3000, 1 => 3000_i64..1_800_000];
    let measured = prop_oneof![
        2 => (0.0..5000.0_f64, 1.0..50.0_f64).prop_map(|(offset_m, sigma_m)| Measured::Position { offset_m, sigma_m }),
        2 => (0.0..35.0_f64, 0.05..3.0_f64).prop_map(|(speed_mps, sigma_mps)| Measured::GnssSpeed { speed_mps, sigma_mps }),
        4 => (0_u8..130).prop_map(|kmh| Measured::Wheel { speed_mps: f64::from(kmh) / 3.6 }),
        1 => Just(Measured::Wheel { speed_mps: 0.0 }),
        2 => Just(Measured::Query),
    ];
    proptest::collection::vec((dt_ms, measured), 1..60).prop_map(|steps| {
        let mut t = 0;
        let place = |(dt, measured)| {
            t += dt;
            Measurement {
                time: Time::from_millis(t),
                measured,
            }
        };
        steps.into_iter().map(place).collect()
    })
}

fn start(model: &MotionModel) -> AlongTrack {
    AlongTrack::start(Time::from_millis(0), 0.0, 10.0, 10.0, 3.0, model).unwrap()
}

/// The forward pass by itself.
fn filter(drive: &[Measurement], start: &AlongTrack, model: &MotionModel) -> Vec<AlongTrack> {
    let mut now = *start;
    let mut all = Vec::new();
    for m in drive {
        now = now.predict(m.time, model);
        now = match m.measured {
            Measured::Position { offset_m, sigma_m } => now.update_position(offset_m, sigma_m, None).track,
            Measured::GnssSpeed { speed_mps, sigma_mps } => {
                now.update_gnss_speed(speed_mps, sigma_mps, None).track
            }
            Measured::Wheel { speed_mps } => now.update_wheel(speed_mps, model, None).track,
            Measured::Query => now,
        };
        all.push(now);
    }
    all
}

/// Smallest eigenvalue of `m` in units of the standard deviations of `unit`.
fn smallest_eigenvalue(m: &SMatrix<f64, DIM, DIM>, unit: &Gaussian<DIM>) -> f64 {
    let scaled = SMatrix::<f64, DIM, DIM>::from_fn(|i, j| m[(i, j)] / (unit.sigma(i) * unit.sigma(j)));
    scaled.symmetric_eigenvalues().min()
}

proptest! {
    #[test]
    fn covariances_are_symmetric_and_positive_and_smoothing_never_raises_them(drive in drives()) {
        let model = MotionModel::default();
        let filtered = filter(&drive, &start(&model), &model);
        let smoothed = smooth_track(&drive, &start(&model), &model, None).unwrap();
        prop_assert_eq!(smoothed.tracks.len(), drive.len());
        for (f, s) in filtered.iter().zip(&smoothed.tracks) {
            prop_assert_eq!(f.time, s.time);
            for p in [&f.state, &s.state] {
                prop_assert!(p.is_finite());
                prop_assert_eq!(p.covariance, p.covariance.transpose());
                prop_assert!(smallest_eigenvalue(&p.covariance, p) >= -ROUNDING);
            }
            let gain = f.state.covariance - s.state.covariance;
            prop_assert!(smallest_eigenvalue(&gain, &f.state) >= -ROUNDING);
        }
        prop_assert_eq!(smoothed.tracks.last().unwrap(), filtered.last().unwrap());
    }

    #[test]
    fn asking_in_between_changes_nothing(drive in drives(), at in 0.0..1.0_f64) {
        let model = MotionModel::default();
        let plain = smooth_track(&drive, &start(&model), &model, None).unwrap();
        let index = (at * drive.len() as f64) as usize;
        let before = index.checked_sub(1).map_or(Time::from_millis(0), |i| drive[i].time);
        let time = before.plus_seconds(0.5 * drive[index].time.seconds_since(before));
        let mut asked = drive.clone();
        asked.insert(index, Measurement { time, measured: Measured::Query });
        let mut asked = smooth_track(&asked, &start(&model), &model, None).unwrap();
        asked.tracks.remove(index);
        for (a, b) in plain.tracks.iter().zip(&asked.tracks) {
            for i in 0..DIM {
                let off = (a.state.mean[i] - b.state.mean[i]).abs() / a.state.sigma(i);
                prop_assert!(off < 1e-5, "component {} is {} sigma off", i, off);
            }
        }
    }

    #[test]
    fn what_makes_cars_faster_or_forgets_their_acceleration_leaves_a_distribution(
        drive in drives(),
        factor in 0.3..3.0_f64,
    ) {
        let model = MotionModel::default();
        for track in filter(&drive, &start(&model), &model) {
            for changed in [track.quickened(factor), track.unaccelerated(&model)] {
                let covariance = changed.state.covariance;
                prop_assert!((covariance - covariance.transpose()).amax() <= 1e-9 * covariance.amax());
                prop_assert!(smallest_eigenvalue(&covariance, &changed.state) > -ROUNDING);
            }
        }
    }

    #[test]
    fn the_origin_of_offsets_does_not_matter(drive in drives(), delta_m in -1e5..1e5_f64) {
        let model = MotionModel::default();
        let moved: Vec<_> = drive
            .iter()
            .map(|m| match m.measured {
                Measured::Position { offset_m, sigma_m } => {
                    Measurement { measured: Measured::Position { offset_m: offset_m + delta_m, sigma_m }, ..*m }
                }
                _ => *m,
            })
            .collect();
        let here = smooth_track(&drive, &start(&model), &model, None).unwrap();
        let there = smooth_track(&moved, &start(&model).shift(delta_m), &model, None).unwrap();
        for (a, b) in here.tracks.iter().zip(&there.tracks) {
            prop_assert!((a.offset_m() + delta_m - b.offset_m()).abs() < 1e-5 * a.offset_sigma_m().max(1.0));
            prop_assert!((a.state.mean[1] - b.state.mean[1]).abs() < 1e-5 * a.speed_sigma_mps().max(1.0));
        }
    }
}

fn at(seconds: i64, measured: Measured) -> Measurement {
    Measurement {
        time: Time::from_millis(seconds * 1000),
        measured,
    }
}

#[test]
fn a_car_that_stands_for_minutes_stays_where_it_is() {
    let model = MotionModel::default();
    let mut drive = vec![at(
        0,
        Measured::Position {
            offset_m: 500.0,
            sigma_m: 3.0,
        },
    )];
    drive.extend((1..600).map(|s| at(s, Measured::Wheel { speed_mps: 0.0 })));
    let start = AlongTrack::start(Time::from_millis(0), 500.0, 3.0, 0.0, 0.5, &model).unwrap();
    let last = *smooth_track(&drive, &start, &model, None)
        .unwrap()
        .tracks
        .last()
        .unwrap();
    eprintln!(
        "after ten minutes at rest: offset ± {:.2} m, speed ± {:.3} m/s",
        last.offset_sigma_m(),
        last.speed_sigma_mps()
    );
    assert!((last.offset_m() - 500.0).abs() < 0.5, "{} m", last.offset_m());
    assert!(last.offset_sigma_m() < 6.0, "{} m", last.offset_sigma_m());
    // It may have started since that of which it tells, 0.3 s ago.
    assert!(last.speed_mps() < 0.01 && last.speed_sigma_mps() < 0.3);
    assert!(
        (last.scale() - 1.0).abs() < 1e-9,
        "standing tells nothing of the scale"
    );
}

#[test]
fn a_quickened_car_is_as_much_faster_and_two_of_them_as_much_farther_apart() {
    let model = MotionModel::default();
    let track = start(&model).predict(Time::from_millis(4000), &model);
    let fast = track.quickened(1.5);
    let deviations =
        |track: &AlongTrack| [state::OFFSET, state::SPEED].map(|i| track.state.covariance[(i, i)].sqrt());
    assert_eq!(fast.offset_m(), track.offset_m());
    assert_eq!(fast.speed_mps(), 1.5 * track.speed_mps());
    for (fast, before) in std::iter::zip(deviations(&fast), deviations(&track)) {
        assert!((fast / before - 1.5).abs() < 1e-12, "{before} became {fast}");
    }
    let same = [state::ACCELERATION, state::SCALE, state::LATENCY];
    assert!(
        same.iter()
            .all(|&i| fast.state.covariance[(i, i)] == track.state.covariance[(i, i)])
    );
}

#[test]
fn of_an_acceleration_that_nothing_tells_all_else_is_independent() {
    let model = MotionModel::default();
    let track = start(&model).predict(Time::from_millis(4000), &model);
    let (mut braking, ours) = (track, state::ACCELERATION);
    braking.state.mean[ours] = -2.0;
    let forgotten = braking.unaccelerated(&model);
    assert_eq!(forgotten.state.mean[ours], 0.0);
    for i in 0..DIM {
        let there = forgotten.state.covariance[(i, ours)];
        let expected = if i == ours {
            model.acceleration_sigma_mps2 * model.acceleration_sigma_mps2
        } else {
            0.0
        };
        assert_eq!(
            (there, forgotten.state.covariance[(ours, i)]),
            (expected, expected)
        );
    }
    assert!(
        track.state.covariance[(state::SPEED, ours)] != 0.0,
        "nothing was there to forget"
    );
    assert_eq!(
        (forgotten.offset_m(), forgotten.speed_mps()),
        (track.offset_m(), track.speed_mps())
    );
}

#[test]
fn an_outlier_is_refused_and_counted() {
    let model = MotionModel::default();
    let mut drive: Vec<_> = (0..20)
        .map(|s| {
            at(
                s,
                Measured::Position {
                    offset_m: 10.0 * s as f64,
                    sigma_m: 3.0,
                },
            )
        })
        .collect();
    let clean = smooth_track(&drive, &start(&model), &model, Some(10.8)).unwrap();
    assert_eq!(clean.rejected(), 0);
    drive.insert(
        11,
        at(
            10,
            Measured::Position {
                offset_m: 5200e3,
                sigma_m: 3.0,
            },
        ),
    );
    let mut hit = smooth_track(&drive, &start(&model), &model, Some(10.8)).unwrap();
    assert_eq!(hit.rejected(), 1);
    assert!(!hit.accepted[11]);
    hit.tracks.remove(11);
    assert_eq!(hit.tracks, clean.tracks);
}

#[test]
fn bad_numbers_are_refused() {
    let model = MotionModel::default();
    let track = start(&model);
    for (value, sigma) in [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, 0.0), (1.0, f64::NAN)] {
        for outcome in [
            track.update_position(value, sigma, None),
            track.update_gnss_speed(value, sigma, None),
        ] {
            assert!(!outcome.accepted && outcome.nis == f64::INFINITY);
            assert_eq!(outcome.track, track);
        }
        let drive = [at(
            1,
            Measured::Position {
                offset_m: value,
                sigma_m: sigma,
            },
        )];
        let err = smooth_track(&drive, &track, &model, None).unwrap_err();
        assert!(
            matches!(err, EstimateError::Measurement { index: 0, .. }),
            "{err}"
        );
    }
    let wheel = track.update_wheel(f64::NAN, &model, None);
    assert!(!wheel.accepted && wheel.track.state == track.state);
    assert!(AlongTrack::start(track.time, 0.0, 0.0, 0.0, 1.0, &model).is_err());
    assert!(AlongTrack::start(track.time, 0.0, 1.0, f64::NAN, 1.0, &model).is_err());
}

#[test]
fn time_that_goes_back_is_an_error() {
    let model = MotionModel::default();
    let drive = [at(5, Measured::Query), at(3, Measured::Query)];
    let err = smooth_track(&drive, &start(&model), &model, None).unwrap_err();
    assert_eq!(
        err.to_string(),
        "expected measurements in time order, got measurement 1 2 s before the one before it"
    );
    assert!(
        smooth_track(&[], &start(&model), &model, None)
            .unwrap()
            .tracks
            .is_empty()
    );
}
