//! Wheel speeds of two real drives beside a NovAtel reference.

use std::path::PathBuf;

use fin_core::estimate::{AlongTrack, MotionModel};
use fin_core::time::Time;

/// What the GNSS speed of the reference is taken to be good to, m/s; a phone's Doppler is about 0.1.
const REFERENCE_SIGMA_MPS: f64 = 0.1;
/// Regression of the reported on the reference speed over both drives.
const TRUE_SCALE: f64 = 0.994;

/// Time, reference speed and reported speed (m/s) of each row, or `None` where the data folder is missing.
fn recording(file: &str) -> Option<Vec<(Time, f64, f64)>> {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/obd_speed_plans2025"
    ))
    .join(file);
    if !path.is_file() {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
        eprintln!(
            "SKIPPED: {} is missing, so real wheel speeds are not tested",
            path.display()
        );
        return None;
    }
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let number = |i: usize| record[i].parse::<f64>().unwrap();
        (Time::from_millis(0).plus_seconds(number(0)), number(1), number(2))
    });
    Some(rows.collect())
}

/// Errors of the scale and its claimed sigma after each stretch that holds 60 s of motion.
fn scale_errors(rows: &[(Time, f64, f64)]) -> Vec<(f64, f64)> {
    let model = MotionModel::default();
    let mut errors = Vec::new();
    let mut rest = rows;
    while let Some(&(time, speed, _)) = rest.first() {
        let mut track = AlongTrack::start(time, 0.0, 5.0, speed, 0.5, &model).unwrap();
        let mut moving_rows = 0;
        let mut used = 0;
        for &(time, reference, reported) in rest {
            track = track.predict(time, &model);
            // A phone's fix comes once a second, the wheel speed with every row.
            if used % 5 == 0 {
                track = track
                    .update_gnss_speed(reference, REFERENCE_SIGMA_MPS, None)
                    .track;
            }
            track = track.update_wheel(reported, &model, None).track;
            used += 1;
            moving_rows += usize::from(reference > 5.0);
            if moving_rows == 300 {
                errors.push((track.scale() - TRUE_SCALE, track.scale_sigma()));
                break;
            }
        }
        rest = &rest[used..];
    }
    errors
}

#[test]
fn the_scale_is_found_within_a_minute_of_motion() {
    for file in [
        "Speed_StereoVO_OBDII_Reference_Kingston_K19_1.csv",
        "Speed_StereoVO_OBDII_Reference_Toronto_T19_2.csv",
    ] {
        let Some(rows) = recording(file) else { return };
        let errors = scale_errors(&rows);
        assert!(errors.len() >= 10, "{} stretches", errors.len());
        let rms = (errors.iter().map(|(e, _)| e * e).sum::<f64>() / errors.len() as f64).sqrt();
        let claimed = errors.iter().map(|(_, s)| s).sum::<f64>() / errors.len() as f64;
        let bias = errors.iter().map(|(e, _)| e).sum::<f64>() / errors.len() as f64;
        eprintln!(
            "{file}: {} stretches, rms {rms:.4}, bias {bias:.4}, claimed {claimed:.4}",
            errors.len()
        );
        assert!(rms < 0.006, "{file}: scale is {rms} off");
    }
}
