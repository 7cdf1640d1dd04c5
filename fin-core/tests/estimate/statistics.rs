//! Seeded drives simulated from the model: errors have the size that the filter says.

use fin_core::estimate::consistency::{average_limits, nees};
use fin_core::estimate::{
    AlongTrack, Measured, Measurement, MotionModel, SpeedReversion, smooth_track, state,
};
use fin_core::time::Time;
use nalgebra::SVector;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

type State = SVector<f64, { state::DIM }>;

const RUNS: u64 = 200;
const CONFIDENCE: f64 = 0.999;
const POSITION_SIGMA_M: f64 = 4.0;
const SPEED_SIGMA_MPS: f64 = 0.3;

/// Latency known well enough that the linearisation of k (v − τ a) costs nothing, seconds.
const KNOWN_LATENCY_SIGMA_S: f64 = 0.02;

/// A model whose noise is white, as χ² limits ask for, and whose cars do not reverse.
fn white(latency_sigma_s: f64) -> MotionModel {
    MotionModel {
        latency_sigma_s,
        wheel_correlation_s: 0.0,
        reversion: Some(SpeedReversion {
            speed_mps: 20.0,
            time_s: 20.0,
        }),
        ..MotionModel::default()
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// A drive of `seconds` with its true states, one per measurement; GNSS is silent in `gap`.
fn simulate(
    model: &MotionModel,
    seed: u64,
    seconds: i64,
    gap: std::ops::Range<i64>,
) -> (AlongTrack, Vec<Measurement>, Vec<State>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let start = AlongTrack::start(Time::from_millis(0), 0.0, 5.0, 20.0, 1.0, model).unwrap();
    let mut x =
        start.state.mean + start.state.covariance.map(f64::sqrt) * State::from_fn(|_, _| normal(&mut rng));
    let (mut measurements, mut truth) = (Vec::new(), Vec::new());
    let step = model.transition(1.0);
    let root = step.q.cholesky().unwrap().l();
    for s in 1..=seconds {
        x = step.f * x + step.shift + root * State::from_fn(|_, _| normal(&mut rng));
        let mut push = |measured| {
            measurements.push(Measurement {
                time: Time::from_millis(s * 1000),
                measured,
            });
            truth.push(x);
        };
        let wheel = model.expect_wheel(&x, 1.0, None);
        push(Measured::Wheel {
            speed_mps: wheel.hx[0] + wheel.r[0].sqrt() * normal(&mut rng),
        });
        if !gap.contains(&s) {
            push(Measured::Position {
                offset_m: x[state::OFFSET] + POSITION_SIGMA_M * normal(&mut rng),
                sigma_m: POSITION_SIGMA_M,
            });
            push(Measured::GnssSpeed {
                speed_mps: x[state::SPEED] + SPEED_SIGMA_MPS * normal(&mut rng),
                sigma_mps: SPEED_SIGMA_MPS,
            });
        }
    }
    (start, measurements, truth)
}

/// The states of the forward pass and the NIS of each measurement.
fn filter(model: &MotionModel, start: &AlongTrack, drive: &[Measurement]) -> (Vec<AlongTrack>, Vec<f64>) {
    let mut now = *start;
    drive
        .iter()
        .map(|m| {
            let predicted = now.predict(m.time, model);
            let outcome = match m.measured {
                Measured::Position { offset_m, sigma_m } => {
                    predicted.update_position(offset_m, sigma_m, None)
                }
                Measured::GnssSpeed { speed_mps, sigma_mps } => {
                    predicted.update_gnss_speed(speed_mps, sigma_mps, None)
                }
                Measured::Wheel { speed_mps } => predicted.update_wheel(speed_mps, model, None),
                Measured::Query => unreachable!("the simulation asks nothing"),
            };
            now = outcome.track;
            (now, outcome.nis)
        })
        .unzip()
}

fn assert_in_limits(values: &[f64], dof: u32, what: &str) {
    let average = values.iter().sum::<f64>() / values.len() as f64;
    let (low, high) = average_limits(values.len(), dof, CONFIDENCE).unwrap();
    eprintln!("{what}: {average:.3} in {low:.3}…{high:.3}");
    assert!(
        average >= low && average <= high,
        "{what}: average {average} outside {low}…{high}"
    );
}

#[test]
fn nis_and_nees_lie_within_their_limits() {
    let model = white(KNOWN_LATENCY_SIGMA_S);
    let (mut nis, mut at_end, mut in_gap, mut smoothed_in_gap) = (vec![], vec![], vec![], vec![]);
    for seed in 0..RUNS {
        let (start, drive, truth) = simulate(&model, seed, 120, 40..100);
        let (filtered, run_nis) = filter(&model, &start, &drive);
        nis.extend(run_nis);
        at_end.push(nees(&filtered.last().unwrap().state, truth.last().unwrap()).unwrap());
        let middle = drive
            .iter()
            .position(|m| m.time == Time::from_millis(70_000))
            .unwrap();
        in_gap.push(nees(&filtered[middle].state, &truth[middle]).unwrap());
        let smoothed = smooth_track(&drive, &start, &model, None).unwrap().tracks;
        smoothed_in_gap.push(nees(&smoothed[middle].state, &truth[middle]).unwrap());
    }
    assert_in_limits(&nis, 1, "NIS");
    assert_in_limits(&at_end, 5, "NEES at the end");
    assert_in_limits(&in_gap, 5, "NEES of the filter in the gap");
    assert_in_limits(&smoothed_in_gap, 5, "NEES of the smoother in the gap");
}

#[test]
fn a_gap_with_both_ends_known_is_smoothed() {
    let model = white(MotionModel::default().latency_sigma_s);
    let (mut filter_sum, mut smoother_sum) = (0.0, 0.0);
    for seed in 0..50 {
        let (start, drive, truth) = simulate(&model, 1000 + seed, 160, 40..130);
        let middle = drive
            .iter()
            .position(|m| m.time == Time::from_millis(85_000))
            .unwrap();
        let filtered = filter(&model, &start, &drive).0[middle];
        let smoothed = smooth_track(&drive, &start, &model, None).unwrap().tracks[middle];
        assert!(smoothed.offset_sigma_m() < filtered.offset_sigma_m());
        filter_sum += (filtered.offset_m() - truth[middle][0]).powi(2);
        smoother_sum += (smoothed.offset_m() - truth[middle][0]).powi(2);
    }
    let (filter_rms, smoother_rms) = ((filter_sum / 50.0).sqrt(), (smoother_sum / 50.0).sqrt());
    eprintln!("rms in the middle of the gap: filter {filter_rms:.2} m, smoother {smoother_rms:.2} m");
    assert!(
        smoother_rms < 0.75 * filter_rms,
        "filter {filter_rms} m, smoother {smoother_rms} m"
    );
}

/// The product τ a is linearised; with the latency known to 0.15 s only that makes innovations a little larger than S.
#[test]
fn an_unknown_latency_costs_little_consistency() {
    let model = white(MotionModel::default().latency_sigma_s);
    let (mut nis, mut offset_nees) = (vec![], vec![]);
    for seed in 0..RUNS {
        let (start, drive, truth) = simulate(&model, seed, 120, 40..100);
        let (filtered, run_nis) = filter(&model, &start, &drive);
        nis.extend(run_nis);
        let middle = drive
            .iter()
            .position(|m| m.time == Time::from_millis(95_000))
            .unwrap();
        let error = truth[middle][state::OFFSET] - filtered[middle].offset_m();
        offset_nees.push((error / filtered[middle].offset_sigma_m()).powi(2));
    }
    let average = nis.iter().sum::<f64>() / nis.len() as f64;
    eprintln!("NIS with an unknown latency: {average:.3}");
    assert!((average - 1.0).abs() < 0.06, "average NIS {average}");
    assert_in_limits(
        &offset_nees,
        1,
        "offset error squared over its variance in the gap",
    );
}
