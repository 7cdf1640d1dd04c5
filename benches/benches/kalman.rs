//! One filter step, and a whole drive forwards and backwards.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fin_core::estimate::{
    AlongTrack, Gaussian, LinearModel, Measured, Measurement, MotionModel, smooth_track,
};
use fin_core::time::Time;
use nalgebra::{Matrix2, Matrix2x4, Matrix4, Vector2};

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

/// 10,000 measurements of a position in the plane, one series and eight.
fn linear(c: &mut Criterion) {
    let mut f = Matrix4::identity();
    (f[(0, 2)], f[(1, 3)]) = (1.0, 1.0);
    let model = LinearModel {
        f,
        q: Matrix4::identity() * 0.01,
        h: Matrix2x4::identity(),
        r: Matrix2::identity() * 4.0,
    };
    let begin = Gaussian::independent([0.0; 4], [10.0; 4]);
    let series: Vec<Vec<Vector2<f64>>> = (0..8)
        .map(|one| {
            (0..10_000)
                .map(|step| Vector2::new(f64::from(step), f64::from(one * step % 100)))
                .collect()
        })
        .collect();
    let series: Vec<&[Vector2<f64>]> = series.iter().map(Vec::as_slice).collect();
    for count in [1, 8] {
        c.bench_function(&format!("kalman/linear_10000_by_{count}"), |b| {
            b.iter(|| model.filter_and_smooth(&begin, black_box(&series[..count])));
        });
    }
}

criterion_group!(benches, step, smoothing, linear);
criterion_main!(benches);
