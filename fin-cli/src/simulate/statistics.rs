//! Whether the simulated radio has the statistics that were measured on repeated real drives.

use std::collections::{BTreeMap, BTreeSet};

use fin_core::observation::CellReading;

use super::*;

const DRIVES: u64 = 8;

/// A reading with the place where the car was and the cell's index in the coverage.
struct Placed {
    drive: usize,
    t_s: f64,
    along_m: f64,
    cell: usize,
    serving: bool,
    rsrp_dbm: f64,
    mean_dbm: f64,
}

struct Sample {
    world: World,
    drives: Vec<SimulatedDrive>,
    readings: Vec<Placed>,
}

/// Drives on one route of a town.
fn sample(seed: u64) -> Sample {
    let world = World::new(&WorldConfig::new(seed, Scenario::Tube)).unwrap();
    let drives: Vec<SimulatedDrive> = (0..DRIVES)
        .map(|number| world.drive(&DriveConfig::new(0, number)).unwrap())
        .collect();
    let readings = drives
        .iter()
        .enumerate()
        .flat_map(|(index, drive)| placed(&world, index, drive))
        .collect();
    Sample {
        world,
        drives,
        readings,
    }
}

/// Six towns; worked out once for all tests.
fn samples() -> &'static [Sample] {
    static SAMPLES: std::sync::OnceLock<Vec<Sample>> = std::sync::OnceLock::new();
    SAMPLES.get_or_init(|| (1..=6_u64).into_par_iter().map(sample).collect())
}

fn placed(world: &World, drive: usize, simulated: &SimulatedDrive) -> Vec<Placed> {
    let radio = &world.operators[0];
    let coverage = &radio.coverages[0];
    let place = |reading: &CellReading, t_s: f64, along_m: f64| {
        // A code may stand for two far-apart cells: the stronger one here is meant.
        let same = |&(_, &cell): &(usize, &usize)| {
            radio.network.cells[cell].identity.channel == reading.cell.channel
        };
        let (index, &cell) = coverage
            .cells
            .iter()
            .enumerate()
            .filter(same)
            .max_by(|a, b| {
                coverage
                    .at(a.0, along_m)
                    .level_dbm
                    .total_cmp(&coverage.at(b.0, along_m).level_dbm)
            })
            .expect("every reported cell is in the coverage");
        Placed {
            drive,
            t_s,
            along_m,
            cell,
            serving: reading.serving,
            rsrp_dbm: reading.rsrp_dbm.unwrap(),
            mean_dbm: coverage.at(index, along_m).level_dbm + 1.5 * coverage.at(index, along_m).ahead,
        }
    };
    let mut last = None;
    let fresh = simulated
        .drive
        .cells
        .iter()
        .filter(|scan| last.replace(scan.time) != Some(scan.time));
    fresh
        .flat_map(|scan| {
            let t_s = scan.time.seconds_since(simulated.truth[0].time);
            let index = ((t_s * 5.0) as usize).min(simulated.motions.len() - 1);
            let along_m = simulated.motions[index].along_m;
            scan.cells
                .iter()
                .map(move |reading| place(reading, t_s, along_m))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn rms(values: &[f64]) -> f64 {
    mean(&values.iter().map(|x| x * x).collect::<Vec<_>>()).sqrt()
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(share * sorted.len() as f64) as usize]
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Asserts that a measured figure lies in its band, and says what came.
fn within(what: &str, value: f64, low: f64, high: f64) {
    eprintln!("{what}: {value:.3} (band {low}…{high})");
    assert!(
        value >= low && value <= high,
        "{what}: {value:.3} is outside {low}…{high}"
    );
}

/// Residuals against the level of every day, less the median of the drive, by drive and cell in time order.
fn residuals(sample: &Sample) -> BTreeMap<(usize, usize), Vec<(f64, f64)>> {
    let mut by_drive: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for reading in &sample.readings {
        by_drive
            .entry(reading.drive)
            .or_default()
            .push(reading.rsrp_dbm - reading.mean_dbm);
    }
    let offsets: BTreeMap<usize, f64> = by_drive
        .iter()
        .map(|(&drive, all)| (drive, median(all)))
        .collect();
    let mut residuals: BTreeMap<(usize, usize), Vec<(f64, f64)>> = BTreeMap::new();
    for reading in &sample.readings {
        let residual_db = reading.rsrp_dbm - reading.mean_dbm - offsets[&reading.drive];
        residuals
            .entry((reading.drive, reading.cell))
            .or_default()
            .push((reading.t_s, residual_db));
    }
    residuals
}

#[test]
fn the_level_changes_with_the_place_as_measured() {
    let mut changes = Vec::new();
    for sample in samples() {
        let coverage = &sample.world.operators[0].coverages[0];
        let length_m = sample.world.routes()[0].path.length_m();
        for index in 0..coverage.cells.len() {
            for step in 0..(length_m / 22.0) as usize - 1 {
                let (a, b) = (step as f64 * 22.0, step as f64 * 22.0 + 22.0);
                let levels = [coverage.at(index, a).level_dbm, coverage.at(index, b).level_dbm];
                if levels.iter().all(|&level| level > -110.0) {
                    changes.push(levels[1] - levels[0]);
                }
            }
        }
    }
    within("rms change over 22 m, dB", rms(&changes), 3.0, 4.6);
}

#[test]
fn the_noise_of_one_drive_is_as_large_heavy_and_long_as_measured() {
    let (mut all, mut lagged) = (Vec::new(), [const { Vec::new() }; 3]);
    let mut white = Vec::new();
    for sample in samples() {
        for series in residuals(sample).values() {
            all.extend(series.iter().map(|&(_, residual)| residual));
            for (i, &(t_s, residual)) in series.iter().enumerate() {
                for &(later_s, later) in series[i + 1..].iter().take(3) {
                    let lag = (later_s - t_s).round() as usize;
                    if (1..=3).contains(&lag) {
                        lagged[lag - 1].push(residual * later);
                    }
                }
            }
            // What three neighbours on a line leave over: sixfold white variance when the rest is smooth.
            white.extend(
                series
                    .windows(3)
                    .filter(|w| w[2].0 - w[0].0 < 2.6)
                    .map(|w| w[0].1 - 2.0 * w[1].1 + w[2].1),
            );
        }
    }
    let spread = all.iter().map(|x| x.abs()).collect::<Vec<_>>();
    let roughness = white.iter().map(|x| x.abs()).collect::<Vec<_>>();
    within(
        "white part, dB",
        1.4826 * median(&roughness) / 6.0_f64.sqrt(),
        1.1,
        1.9,
    );
    within("robust deviation, dB", 1.4826 * median(&spread), 1.8, 2.9);
    within("rms deviation, dB", rms(&all), 3.7, 5.6);
    let variance = rms(&all) * rms(&all);
    for (lag, (low, high)) in [(0.38, 0.65), (0.05, 0.30), (-0.1, 0.15)].into_iter().enumerate() {
        within(
            &format!("correlation at {} s", lag + 1),
            mean(&lagged[lag]) / variance,
            low,
            high,
        );
    }
}

#[test]
fn drives_weeks_apart_agree_in_shape_as_measured() {
    let (mut correlations, mut differences) = (Vec::new(), Vec::new());
    for sample in samples() {
        let mut bins: BTreeMap<(usize, usize, i64), Vec<f64>> = BTreeMap::new();
        for reading in &sample.readings {
            let key = (reading.cell, reading.drive, (reading.along_m / 35.0) as i64);
            bins.entry(key).or_default().push(reading.rsrp_dbm);
        }
        let cells: BTreeSet<usize> = bins.keys().map(|key| key.0).collect();
        for &cell in &cells {
            for pair in 0..DRIVES as usize / 2 {
                let level = |drive: usize| -> BTreeMap<i64, f64> {
                    bins.range((cell, drive, i64::MIN)..=(cell, drive, i64::MAX))
                        .map(|(k, v)| (k.2, mean(v)))
                        .collect()
                };
                let (a, b) = (level(2 * pair), level(2 * pair + 1));
                let both: Vec<(f64, f64)> =
                    a.iter().filter_map(|(bin, &x)| Some((x, *b.get(bin)?))).collect();
                if both.len() < 20 {
                    continue;
                }
                let (ma, mb) = (
                    mean(&both.iter().map(|p| p.0).collect::<Vec<_>>()),
                    mean(&both.iter().map(|p| p.1).collect::<Vec<_>>()),
                );
                let dot = |f: fn(f64, f64) -> f64| both.iter().map(|p| f(p.0 - ma, p.1 - mb)).sum::<f64>();
                correlations.push(dot(|x, y| x * y) / (dot(|x, _| x * x) * dot(|_, y| y * y)).sqrt());
                let d: Vec<f64> = both.iter().map(|p| p.0 - p.1 - (ma - mb)).collect();
                differences.push(rms(&d));
            }
        }
    }
    within("correlation of the shape", median(&correlations), 0.84, 0.96);
    within("deviation of the shape, dB", median(&differences), 2.6, 4.4);
}

#[test]
fn reported_neighbours_differ_from_drive_to_drive_as_measured() {
    let mut overlaps = Vec::new();
    for sample in samples() {
        let mut sets: BTreeMap<(i64, usize), BTreeSet<usize>> = BTreeMap::new();
        for reading in sample.readings.iter().filter(|reading| !reading.serving) {
            sets.entry(((reading.along_m / 50.0) as i64, reading.drive))
                .or_default()
                .insert(reading.cell);
        }
        for (&(bin, drive), set) in &sets {
            for other in drive + 1..DRIVES as usize {
                if let Some(other) = sets.get(&(bin, other)) {
                    overlaps.push(set.intersection(other).count() as f64 / set.union(other).count() as f64);
                }
            }
        }
    }
    within("mean overlap of neighbour lists", mean(&overlaps), 0.2, 0.6);
}

#[test]
fn handovers_repeat_as_measured() {
    let mut spreads = Vec::new();
    for sample in samples() {
        let mut places: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
        for drive in 0..sample.drives.len() {
            let own: Vec<&Placed> = sample
                .readings
                .iter()
                .filter(|r| r.serving && r.drive == drive)
                .collect();
            for pair in own.windows(2).filter(|pair| pair[0].cell != pair[1].cell) {
                places
                    .entry((pair[0].cell, pair[1].cell))
                    .or_default()
                    .push(pair[1].along_m);
            }
        }
        for found in places
            .values()
            .filter(|found| (5..=DRIVES as usize).contains(&found.len()))
        {
            let m = mean(found);
            spreads.push(rms(&found.iter().map(|x| x - m).collect::<Vec<_>>()));
        }
    }
    spreads.sort_by(f64::total_cmp);
    within(
        "spread of the best handovers, m",
        mean(&spreads[..spreads.len() / 3]),
        6.0,
        40.0,
    );
}

#[test]
fn wheel_speed_is_late_coarse_and_off_in_scale_as_measured() {
    let (mut scales, mut kept) = (Vec::new(), Vec::new());
    for sample in samples() {
        for simulated in &sample.drives {
            let wheel = simulated.facts.wheel;
            assert!((0.95..=1.02).contains(&wheel.scale) && (0.1..=0.5).contains(&wheel.latency_s));
            scales.push(wheel.scale);
            let readings = &simulated.drive.speed;
            for reading in readings.iter().filter(|reading| reading.speed_mps > 5.0) {
                let kmh = reading.speed_mps * 3.6;
                assert!((kmh - kmh.round()).abs() < 1e-9, "{kmh} is not whole");
                let t_s = reading.time.seconds_since(simulated.truth[0].time) - wheel.latency_s;
                let index = ((t_s * 5.0).round().max(0.0) as usize).min(simulated.motions.len() - 1);
                kept.push(reading.speed_mps - wheel.scale * simulated.motions[index].speed_mps);
            }
            let rate_hz = readings.len() as f64 / (simulated.truth.len() as f64 / 5.0);
            assert!((0.8..=6.5).contains(&rate_hz), "{rate_hz} readings a second");
        }
    }
    within("mean scale", mean(&scales), 0.988, 0.999);
    within("residual of the wheel speed, m/s", rms(&kept), 0.12, 0.30);
}

#[test]
fn fixes_are_as_good_outside_as_the_phone_says_and_made_up_inside() {
    let (mut errors, mut honest) = (Vec::new(), Vec::new());
    for sample in samples() {
        for simulated in &sample.drives {
            let (entry, exit) = simulated.facts.tunnel.unwrap();
            let inside = simulated
                .drive
                .gnss
                .iter()
                .filter(|fix| fix.time > entry && fix.time < exit)
                .count();
            let made_up = match simulated.facts.gnss.loss {
                Loss::Silence => 0,
                Loss::Repeat(seconds) | Loss::Extrapolate(seconds) => seconds as usize,
            };
            assert!(inside <= made_up, "{inside} fixes inside, {made_up} made up");
            // Ten seconds and more before the portal, where neither the hill nor the tunnel has a say.
            for fix in simulated
                .drive
                .gnss
                .iter()
                .filter(|fix| fix.time < entry.plus_seconds(-10.0))
            {
                let t_s = fix.time.seconds_since(simulated.truth[0].time);
                let at = simulated.truth[((t_s * 5.0).round() as usize).min(simulated.truth.len() - 1)];
                let error_m = at.position.distance_m(fix.position);
                errors.push(error_m);
                honest.push(f64::from(u8::from(error_m < fix.accuracy_m.unwrap())));
            }
        }
    }
    within(
        "68 % error before the portal, m",
        quantile(&errors, 0.68),
        3.0,
        8.0,
    );
    within("share of fixes inside their radius", mean(&honest), 0.55, 0.80);
}
