//! Wheel speeds of two real drives beside a NovAtel reference.

use std::path::PathBuf;

use fin_core::estimate::{AlongTrack, MotionModel};
use fin_core::time::Time;

/// What the GNSS speed of the reference is taken to be good to, m/s; a phone's Doppler is about 0.1.
const REFERENCE_SIGMA_MPS: f64 = 0.1;
/// The drives, and the scale of the wheel speed over the whole of each.
const DRIVES: [(&str, f64); 2] = [
    ("Speed_StereoVO_OBDII_Reference_Kingston_K19_1.csv", 0.9940),
    ("Speed_StereoVO_OBDII_Reference_Toronto_T19_2.csv", 0.9935),
];
/// Rows of motion in a stretch: 60 s.
const MOVING_ROWS: usize = 300;
/// Reference speed from which a row is one of motion, m/s.
const MOVING_MPS: f64 = 5.0;
/// How much later the reference of these files is than the wheel speed, seconds: where the regression fits best.
const REFERENCE_LAG_S: f64 = 0.1;

/// Time, reference speed and reported speed, m/s.
type Row = (Time, f64, f64);

/// The rows of a drive, or `None` where the data folder is missing.
fn recording(file: &str) -> Option<Vec<Row>> {
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

/// The stretches of a recording, each just long enough to hold 60 s of motion.
fn stretches(rows: &[Row]) -> Vec<&[Row]> {
    let mut stretches = Vec::new();
    let mut rest = rows;
    let last = |rest: &[Row]| {
        let mut moving = rest
            .iter()
            .enumerate()
            .filter(|(_, (_, reference, _))| *reference > MOVING_MPS);
        moving.nth(MOVING_ROWS - 1).map(|(at, _)| at)
    };
    while let Some(last) = last(rest) {
        let (stretch, after) = rest.split_at(last + 1);
        stretches.push(stretch);
        rest = after;
    }
    stretches
}

/// The scale and its claimed sigma that the filter comes to on a stretch.
fn filtered_scale(stretch: &[Row]) -> (f64, f64) {
    let model = MotionModel::default();
    let (time, speed, _) = stretch[0];
    let mut track = AlongTrack::start(time, 0.0, 5.0, speed, 0.5, &model).unwrap();
    for (used, &(time, reference, reported)) in stretch.iter().enumerate() {
        track = track.predict(time, &model);
        // A phone's fix comes once a second, the wheel speed with every row.
        if used % 5 == 0 {
            track = track
                .update_gnss_speed(reference, REFERENCE_SIGMA_MPS, None)
                .track;
        }
        track = track.update_wheel(reported, &model, None).track;
    }
    (track.scale(), track.scale_sigma())
}

/// The scale by regression on the reference of every row, as if that were known without error: what is left is the wheel speed's own.
fn regressed_scale(stretch: &[Row], all: &[Row]) -> f64 {
    let (mut products, mut squares) = (0.0, 0.0);
    for &(time, _, reported) in stretch {
        let reference = reference_at(all, time.plus_seconds(REFERENCE_LAG_S));
        if reference > MOVING_MPS {
            products += reported * reference;
            squares += reference * reference;
        }
    }
    products / squares
}

/// The reference speed at a time, between the rows next to it.
fn reference_at(all: &[Row], time: Time) -> f64 {
    let after = all.partition_point(|row| row.0 < time).clamp(1, all.len() - 1);
    let ((from, slow, _), (to, fast, _)) = (all[after - 1], all[after]);
    let share = (time.seconds_since(from) / to.seconds_since(from)).clamp(0.0, 1.0);
    slow + share * (fast - slow)
}

/// The root of the mean square of `errors`, and what 68 % of them are within.
fn rms_and_68(errors: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut sizes: Vec<f64> = errors.map(f64::abs).collect();
    sizes.sort_by(f64::total_cmp);
    let rms = (sizes.iter().map(|e| e * e).sum::<f64>() / sizes.len() as f64).sqrt();
    (rms, sizes[(0.68 * sizes.len() as f64).ceil() as usize - 1])
}

#[test]
fn the_scale_is_found_within_a_minute_of_motion() {
    for (file, true_scale) in DRIVES {
        let Some(rows) = recording(file) else { return };
        let stretches = stretches(&rows);
        assert!(stretches.len() >= 10, "{} stretches", stretches.len());
        let filtered: Vec<(f64, f64)> = stretches.iter().map(|s| filtered_scale(s)).collect();
        let (rms, within68) = rms_and_68(filtered.iter().map(|(scale, _)| scale - true_scale));
        let claimed = filtered.iter().map(|(_, sigma)| sigma).sum::<f64>() / filtered.len() as f64;
        let bias = filtered.iter().map(|(scale, _)| scale - true_scale).sum::<f64>() / filtered.len() as f64;
        let regressed = stretches.iter().map(|s| regressed_scale(s, &rows) - true_scale);
        let (least_rms, least68) = rms_and_68(regressed);
        eprintln!(
            "{file}: {} stretches, 68 % within {within68:.4}, rms {rms:.4}, bias {bias:.4}, claimed {claimed:.4}; \
             regression on every row's reference: 68 % within {least68:.4}, rms {least_rms:.4}",
            stretches.len()
        );
        assert!(
            rms < 1.4 * least_rms,
            "{file}: rms {rms}, by regression {least_rms}"
        );
        assert!(
            (0.8..1.25).contains(&(rms / claimed)),
            "{file}: rms {rms}, claimed {claimed}"
        );
    }
}
