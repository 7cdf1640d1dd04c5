//! The hard cases: what drivers, phones and networks do to the engine, one thing at a time.

use anyhow::Result;
use fin_cli::evaluate::{Evaluation, Sample, Summary, evaluate};
use fin_cli::replay::estimates_at;
use fin_cli::simulate::path::Path;
use fin_cli::simulate::{DriveConfig, Motion, Scenario, SimulatedDrive, Traffic, WorldConfig};
use fin_core::engine::Estimate;
use fin_core::fingerprint::fit::Fit;
use fin_core::frame::EastNorth;
use fin_core::observation::{CellScan, Drive, GnssFix, SpeedSample};
use fin_core::time::Time;
use rayon::prelude::*;
use serde::Serialize;

use crate::bound::{self, Bound};
use crate::town::{SURVEY_DRIVES, Town};

const FLUENT: [Traffic; 2] = [Traffic::Free, Traffic::Varying];
/// Test drives over each route in each kind of traffic.
const TEST_DRIVES: u64 = 2;

/// Errors that a case should stay within, metres: 68 % and 95 % of them, with wheel speed and without.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Aim {
    pub with_wheel: (f64, f64),
    pub without: (f64, f64),
}

/// One thing that is different from an ordinary drive.
struct Case {
    name: &'static str,
    scenario: Scenario,
    length_m: Option<f64>,
    /// Survey drives over each route.
    surveys: u64,
    traffic: &'static [Traffic],
    /// What is different about the drive.
    drive: fn(&mut DriveConfig),
    /// What is different about what the engine gets of it.
    given: fn(&mut Drive),
    aim: Option<Aim>,
}

/// A case as most of the others are: a tube of 2 km in free and varying traffic.
const ORDINARY: Case = Case {
    name: "2 km",
    scenario: Scenario::Tube,
    length_m: None,
    surveys: SURVEY_DRIVES,
    traffic: &FLUENT,
    drive: |_| (),
    given: |_| (),
    aim: aim((3.5, 9.0), (8.0, 25.0)),
};

const fn aim(with_wheel: (f64, f64), without: (f64, f64)) -> Option<Aim> {
    Some(Aim { with_wheel, without })
}

const CASES: [Case; 23] = [
    ORDINARY,
    Case {
        name: "10 km",
        scenario: Scenario::Long,
        length_m: Some(10_000.0),
        aim: aim((4.0, 10.0), (9.0, 28.0)),
        ..ORDINARY
    },
    Case {
        name: "jam",
        traffic: &[Traffic::Jam],
        aim: aim((5.0, 12.0), (12.0, 40.0)),
        ..ORDINARY
    },
    Case {
        name: "1 survey drive",
        surveys: 1,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "2 survey drives",
        surveys: 2,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "10 survey drives",
        surveys: 10,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "20 survey drives",
        surveys: 20,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "serving cell only",
        given: |drive| {
            let scans = drive.cells.iter_mut();
            scans.for_each(|scan| scan.cells.retain(|reading| reading.serving));
        },
        aim: aim((4.5, 12.0), (12.0, 40.0)),
        ..ORDINARY
    },
    Case {
        name: "a scan every 2 s",
        drive: |drive| every(drive, 2.0),
        aim: aim((5.0, 13.0), (14.0, 45.0)),
        ..ORDINARY
    },
    Case {
        name: "a scan every 10 s",
        drive: |drive| every(drive, 10.0),
        aim: aim((8.0, 22.0), (35.0, 110.0)),
        ..ORDINARY
    },
    Case {
        name: "levels 8 dB too low",
        given: |drive| {
            let readings = drive.cells.iter_mut().flat_map(|scan| &mut scan.cells);
            let levels = readings.filter_map(|reading| reading.rsrp_dbm.as_mut());
            levels.for_each(|level_dbm| *level_dbm = (*level_dbm - 8.0).max(-140.0));
        },
        aim: aim((4.0, 10.0), (10.0, 32.0)),
        ..ORDINARY
    },
    Case {
        name: "a fifth of the cells gone",
        drive: |drive| drive.changes.off = 0.2,
        aim: aim((5.0, 13.0), (14.0, 45.0)),
        ..ORDINARY
    },
    Case {
        name: "a fifth of the cells renumbered",
        drive: |drive| drive.changes.renumbered = 0.2,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "a fifth of the cells moved",
        drive: |drive| drive.changes.moved = 0.2,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "half of the cells moved",
        drive: |drive| drive.changes.moved = 0.5,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "all cells moved",
        drive: |drive| drive.changes.moved = 1.0,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "half of the cells 6 dB weaker",
        drive: |drive| drive.changes.weaker = 0.5,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "all cells renumbered",
        drive: |drive| drive.changes.renumbered = 1.0,
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "no cells",
        given: |drive| drive.cells.iter_mut().for_each(|scan| scan.cells.clear()),
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "no scans",
        given: |drive| drive.cells.clear(),
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "no scans, jam",
        traffic: &[Traffic::Jam],
        given: |drive| drive.cells.clear(),
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "scans end inside",
        given: |drive| {
            let last_heard = entered(drive).map(|entered| entered.plus_seconds(HEARD_INSIDE_S));
            drive
                .cells
                .retain(|scan| last_heard.is_some_and(|last| scan.time < last));
        },
        aim: None,
        ..ORDINARY
    },
    Case {
        name: "scans stamped 2 s late",
        drive: |drive| drive.defects.clock_offset_s = 2.0,
        aim: None,
        ..ORDINARY
    },
];

/// How long there still are scans where they end inside, seconds.
const HEARD_INSIDE_S: f64 = 25.0;

/// The time of the fix after which there is none for longest.
fn entered(drive: &Drive) -> Option<Time> {
    let away_s = |pair: &&[GnssFix]| pair[1].time.seconds_since(pair[0].time);
    let longest = drive
        .gnss
        .windows(2)
        .max_by(|a, b| away_s(a).total_cmp(&away_s(b)));
    longest.map(|pair| pair[0].time)
}

fn every(drive: &mut DriveConfig, interval_s: f64) {
    drive.scans.refresh_s = interval_s;
}

/// One row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub case: &'static str,
    pub wheel: bool,
    pub drives: usize,
    pub summary: Summary,
    pub aim: Option<(f64, f64)>,
    pub bound: Bound,
    /// How stale the surveys look, 0…1.
    pub staleness: f64,
}

/// The table of the cases that `is_asked` names, over `seeds`, each a town of its own for every case.
pub fn run(seeds: &[u64], is_asked: impl Fn(&str) -> bool) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for case in CASES.iter().filter(|case| is_asked(case.name)) {
        let judged = seeds
            .par_iter()
            .map(|&seed| run_case(seed, case))
            .collect::<Result<Vec<_>>>()?
            .concat();
        for wheel in [true, false] {
            let of_kind: Vec<&Judged> = judged.iter().filter(|judged| judged.wheel == wheel).collect();
            let sigmas_m: Vec<f64> = of_kind
                .iter()
                .flat_map(|judged| judged.least_sigmas_m.clone())
                .collect();
            let fit = of_kind
                .iter()
                .fold(Fit::default(), |sum, judged| sum.and(judged.evaluation.fit));
            let aim = case
                .aim
                .map(|aim| if wheel { aim.with_wheel } else { aim.without });
            rows.push(Row {
                case: case.name,
                wheel,
                drives: of_kind.len(),
                summary: Summary::of(of_kind.iter().map(|judged| &judged.evaluation)),
                aim,
                bound: Bound::of(&sigmas_m),
                staleness: fit.staleness(),
            });
        }
    }
    Ok(rows)
}

/// A drive and what became of it.
#[derive(Clone)]
struct Judged {
    wheel: bool,
    evaluation: Evaluation,
    /// The least standard deviations of the place that are possible, metres.
    least_sigmas_m: Vec<f64>,
}

/// The drives of one town, each with wheel speed and without.
fn run_case(seed: u64, case: &Case) -> Result<Vec<Judged>> {
    let config = WorldConfig {
        length_m: case.length_m,
        ..WorldConfig::new(seed, case.scenario)
    };
    let town = Town::surveyed(&config, case.surveys)?;
    let mut found = Vec::new();
    for mut config in town.tests(case.traffic, TEST_DRIVES) {
        (case.drive)(&mut config);
        let SimulatedDrive { mut drive, truth, .. } = town.world.drive(&config)?;
        let scans = drive.cells.clone();
        (case.given)(&mut drive);
        // The bound is asked for at each scan, also at those that the engine does not get.
        let heard = Drive {
            cells: scans.iter().map(|scan| given_of(scan, &drive)).collect(),
            ..Drive::default()
        };
        for wheel in [true, false] {
            if !wheel {
                drive.speed.clear();
            }
            found.push(Judged {
                wheel,
                evaluation: evaluate(&town.db, &drive, &truth),
                least_sigmas_m: bound::sigmas_m(&town.db, &heard, &truth, wheel),
            });
        }
    }
    Ok(found)
}

/// What the engine gets of a scan: nothing where `drive` does not have it.
fn given_of(scan: &CellScan, drive: &Drive) -> CellScan {
    let nothing = CellScan {
        time: scan.time,
        cells: Vec::new(),
    };
    let at = drive.cells.binary_search_by_key(&scan.time, |given| given.time);
    at.map_or(nothing, |at| drive.cells[at].clone())
}

/// How the engine took a fork inside a tunnel.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Forks {
    pub wheel: bool,
    pub passes: usize,
    /// Passes reported on the right branch from 5 s after the branches were 50 m apart, to the end.
    pub right: usize,
    /// Positions inside the tunnel, and those reported on the wrong branch as more than 90 % probable.
    pub positions: usize,
    pub surely_wrong: usize,
}

/// Distance between the branches from which on they have to be told apart, metres, and the time given for it, seconds.
const APART: (f64, f64) = (50.0, 5.0);

/// Every pass through the forked tunnels of `seeds`, with wheel speed and without.
pub fn forks(seeds: &[u64]) -> Result<[Forks; 2]> {
    let found: Vec<Vec<Forks>> = seeds
        .par_iter()
        .map(|&seed| forks_of_town(seed))
        .collect::<Result<_>>()?;
    Ok([true, false].map(|wheel| {
        let of_kind = found.iter().flatten().filter(|forks| forks.wheel == wheel);
        of_kind.fold(
            Forks {
                wheel,
                ..Forks::default()
            },
            |sum, one| Forks {
                wheel,
                passes: sum.passes + one.passes,
                right: sum.right + one.right,
                positions: sum.positions + one.positions,
                surely_wrong: sum.surely_wrong + one.surely_wrong,
            },
        )
    }))
}

fn forks_of_town(seed: u64) -> Result<Vec<Forks>> {
    let town = Town::surveyed(&WorldConfig::new(seed, Scenario::Fork), SURVEY_DRIVES)?;
    let mut found = Vec::new();
    for config in town.tests(&FLUENT, 2 * TEST_DRIVES) {
        let SimulatedDrive {
            mut drive,
            truth,
            motions,
            ..
        } = town.world.drive(&config)?;
        let routes = town.world.routes();
        let here = |motion: &Motion| routes[config.route].path.at(motion.along_m).aside(0.0);
        let is_apart = |motion: &Motion| {
            let others = routes
                .iter()
                .enumerate()
                .filter(|(route, _)| *route != config.route);
            others
                .into_iter()
                .all(|(_, other)| distance_m(here(motion), &other.path) >= APART.0)
        };
        let apart = std::iter::zip(&truth, &motions).find(|(_, motion)| is_apart(motion));
        let Some(decided) = apart.map(|(at, _)| at.time.plus_seconds(APART.1)) else {
            continue;
        };
        for wheel in [true, false] {
            if !wheel {
                drive.speed.clear();
            }
            let samples = evaluate(&town.db, &drive, &truth).samples;
            let surely = |sample: &&Sample| sample.wrong_branch && sample.estimate.branch_probability > 0.9;
            let mut late = samples.iter().filter(|s| s.estimate.time >= decided);
            found.push(Forks {
                wheel,
                passes: 1,
                right: usize::from(late.all(|sample| !sample.wrong_branch)),
                positions: samples.len(),
                surely_wrong: samples.iter().filter(surely).count(),
            });
        }
    }
    Ok(found)
}

/// The distance of `place` from the nearest of the points of `path` 5 m apart, metres.
fn distance_m(place: EastNorth, path: &Path) -> f64 {
    let points = (0..(path.length_m() / 5.0) as usize).map(|step| path.at(5.0 * step as f64).aside(0.0));
    let distances = points.map(|point| point.minus(place).length_m());
    distances.fold(f64::INFINITY, f64::min)
}

/// How the engine did when the app was started inside a tunnel, without a fix.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ColdStarts {
    pub wheel: bool,
    pub starts: usize,
    /// Seconds after the start at which the place was asked for.
    pub after_s: f64,
    /// Starts with an answer within 50 m of the truth.
    pub found: usize,
    /// Starts with an answer whose 95 % interval holds the truth.
    pub honest: usize,
}

/// Shares of the way through the tunnel at which the app is started.
const STARTS: [f64; 2] = [0.2, 0.5];
/// How near an answer has to be, metres.
const NEAR_M: f64 = 50.0;

/// Starts inside the tubes of `seeds`, with wheel speed and without.
pub fn cold_starts(seeds: &[u64]) -> Result<[ColdStarts; 2]> {
    let found: Vec<Vec<ColdStarts>> = seeds
        .par_iter()
        .map(|&seed| cold_starts_of_town(seed))
        .collect::<Result<_>>()?;
    Ok([true, false].map(|wheel| {
        let of_kind = found.iter().flatten().filter(|starts| starts.wheel == wheel);
        of_kind.fold(ColdStarts::default(), |sum, one| ColdStarts {
            wheel,
            after_s: one.after_s,
            starts: sum.starts + one.starts,
            found: sum.found + one.found,
            honest: sum.honest + one.honest,
        })
    }))
}

fn cold_starts_of_town(seed: u64) -> Result<Vec<ColdStarts>> {
    let town = Town::surveyed(&WorldConfig::new(seed, Scenario::Tube), SURVEY_DRIVES)?;
    let mut found = Vec::new();
    for config in town.tests(&FLUENT, TEST_DRIVES) {
        let simulated = town.world.drive(&config)?;
        let Some((entry, exit)) = simulated.facts.tunnel else {
            continue;
        };
        for share in STARTS {
            let start = entry.plus_seconds(share * exit.seconds_since(entry));
            for (wheel, after_s) in [(true, 20.0), (false, 30.0)] {
                let all = &simulated.drive;
                let drive = Drive {
                    gnss: Vec::new(),
                    speed: all
                        .speed
                        .iter()
                        .filter(|sample: &&SpeedSample| wheel && sample.time >= start)
                        .copied()
                        .collect(),
                    cells: all.cells.iter().filter(|s| s.time >= start).cloned().collect(),
                };
                let asked = start.plus_seconds(after_s);
                let Some(truth) = simulated.truth.iter().find(|at| at.time >= asked) else {
                    continue;
                };
                let (estimates, _) = estimates_at(&town.db, &drive, &[truth.time]);
                let error_m = |estimate: &Estimate| estimate.position.distance_m(truth.position);
                let answer = estimates[0].as_ref();
                found.push(ColdStarts {
                    wheel,
                    starts: 1,
                    after_s,
                    found: answer.is_some_and(|e| error_m(e) <= NEAR_M).into(),
                    honest: answer.is_some_and(|e| error_m(e) <= e.accuracy95_m).into(),
                });
            }
        }
    }
    Ok(found)
}
