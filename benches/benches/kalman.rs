//! One filter step, and a whole drive forwards and backwards.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fin_core::estimate::{AlongTrack, Measured, Measurement, MotionModel, smooth_track};
use fin_core::time::Time;

const SPEED_MPS: f64 = 22.0;

fn start(model: &MotionModel) -> AlongTrack {
    AlongTrack::start(Time::from_millis(0), 0.0, 5.0, SPEED_MPS, 1.0, model)
        .expect("the default model is valid")
}

fn step(c: &mut Criterion) {
    let model = MotionModel::default();
    let track = start(&model);
    c.bench_function("kalman/predict_and_update_wheel", |b| {
        b.iter(|| {
            let ahead = black_box(&track).predict(Time::from_millis(500), &model);
            ahead.update_wheel(black_box(SPEED_MPS), &model, None)
        });
    });
}

/// Ten minutes of wheel speed twice a second and, but for two minutes in the middle, a fix a second.
fn ten_minutes() -> Vec<Measurement> {
    let mut drive = Vec::new();
    for half_second in 1..1200_i64 {
        let seconds = 0.5 * half_second as f64;
        let mut push = |measured| {
            let time = Time::from_millis(500 * half_second);
            drive.push(Measurement { time, measured });
        };
        push(Measured::Wheel { speed_mps: SPEED_MPS });
        if half_second % 2 == 0 && !(240.0..360.0).contains(&seconds) {
            push(Measured::Position {
                offset_m: SPEED_MPS * seconds,
                sigma_m: 5.0,
            });
        }
    }
    drive
}

fn smoothing(c: &mut Criterion) {
    let model = MotionModel::default();
    let track = start(&model);
    let drive = ten_minutes();
    c.bench_function("kalman/smooth_ten_minutes", |b| {
        b.iter(|| smooth_track(black_box(&drive), &track, &model, None).expect("the drive is in order"));
    });
}

criterion_group!(benches, step, smoothing);
criterion_main!(benches);
