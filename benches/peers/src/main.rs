//! fin-core, and the Rust libraries beside it, on request: reads the name of a work and of who is to do it from each line of the
//! standard input, does it for at least ten milliseconds, and answers with the seconds that it took once and with what came out.

mod inputs;
mod kalman;
mod matching;
mod nearest;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use fin_core::dtw::{
    AbsoluteDifference, Constraints, Frames, Level, LevelRow, Metric, Missing, NearestNeighbours,
    SquaredDifference, WithMissing, barycenter, pairwise,
};

use inputs::{CHANNELS, COPY, Inputs, REFERENCE};

const SUBSEQUENCE: Constraints = Constraints {
    pattern: fin_core::dtw::StepPattern::Symmetric1,
    radius: None,
    open_begin: true,
    open_end: true,
};

/// What a missing level costs.
const MISSING: u8 = 10;

/// A work that can be done again and again: what comes out is compared.
pub type Work = Box<dyn FnMut() -> Vec<f64>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("expected the folder for the inputs")?;
    let inputs: &'static Inputs = Box::leak(Box::new(Inputs::new(20_191_120)));
    inputs.write(Path::new(&folder))?;
    matching::write(Path::new(&folder))?;
    let levels: Vec<&str> = Level::available().iter().map(|level| level.name()).collect();
    println!("{}", levels.join(" "));
    let mut works: HashMap<String, Work> = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let (Some(work), Some(by)) = (words.next(), words.next()) else {
            break;
        };
        let work = match works.entry(line.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(prepare(inputs, work, by).ok_or_else(|| format!("expected a work, got {line:?}"))?)
            }
        };
        let (seconds, answer) = timed(work);
        let answer: Vec<String> = answer.iter().map(f64::to_string).collect();
        println!("{seconds} {}", answer.join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// The seconds of one run, the mean over as many as fill ten milliseconds, and the last answer. One run goes before.
fn timed(work: &mut Work) -> (f64, Vec<f64>) {
    let mut answer = work();
    let begin = Instant::now();
    let mut runs = 0u32;
    while runs == 0 || begin.elapsed().as_secs_f64() < 0.01 {
        answer = black_box(work());
        runs += 1;
    }
    (begin.elapsed().as_secs_f64() / f64::from(runs), answer)
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn prepare(inputs: &'static Inputs, work: &str, by: &str) -> Option<Work> {
    let (kind, size) = work.split_once('_').unwrap_or((work, "0"));
    let size: usize = size.parse().ok()?;
    let other = kalman::prepare(inputs, kind, size, by)
        .or_else(|| nearest::prepare(kind, by))
        .or_else(|| matching::prepare(kind));
    if other.is_some() {
        return other;
    }
    let level = Level::available().into_iter().find(|level| level.name() == by);
    let (a, b) = &inputs.walks[usize::from(size == 4000)];
    let radius = size / 10;
    Some(match (kind, level) {
        ("full32", Some(level)) => {
            let (a, b) = (narrow(a), narrow(b));
            Box::new(move || {
                vec![f64::from(
                    SquaredDifference
                        .distance(level, &a, &b, None)
                        .unwrap_or(f32::NAN),
                )]
            })
        }
        ("full64", Some(level)) => {
            Box::new(move || vec![SquaredDifference.distance(level, a, b, None).unwrap_or(f64::NAN)])
        }
        ("band32", Some(level)) => {
            let (a, b) = (narrow(a), narrow(b));
            Box::new(move || {
                let distance = SquaredDifference.distance(level, &a, &b, Some(radius));
                vec![f64::from(distance.unwrap_or(f32::NAN))]
            })
        }
        ("full64", None) if by == "augurs-dtw" => {
            let augurs = augurs_dtw::Dtw::euclidean();
            Box::new(move || vec![augurs.distance(a, b).powi(2)])
        }
        ("full64", None) if by == "dtw_rs" => Box::new(move || {
            use dtw_rs::Solution;
            let squared = |x: &f64, y: &f64| (x - y) * (x - y);
            vec![dtw_rs::dtw_with_distance(a, b, squared).distance()]
        }),
        ("sub32", Some(level)) => {
            let reals =
                |levels: &[u8]| -> Vec<f32> { levels.iter().map(|&level| f32::from(level)).collect() };
            let (query, reference) = (
                reals(&inputs.frames.0),
                reals(&inputs.frames.1[..size * CHANNELS]),
            );
            let metric = WithMissing {
                metric: SquaredDifference,
                missing: Missing::LeftOut,
            };
            Box::new(move || {
                let frames = |values| Frames::new(values, CHANNELS).expect("whole frames");
                let found = metric.align(level, frames(&query), frames(&reference), &SUBSEQUENCE);
                found.map_or(vec![], |found| vec![f64::from(found.distance), found.end as f64])
            })
        }
        ("subu8", Some(level)) => {
            let metric = WithMissing {
                metric: AbsoluteDifference,
                missing: Missing::Costs(u32::from(MISSING)),
            };
            Box::new(move || {
                let frames = |values| Frames::new(values, CHANNELS).expect("whole frames");
                let reference = frames(&inputs.frames.1[..size * CHANNELS]);
                let found = metric.align(level, frames(&inputs.frames.0), reference, &SUBSEQUENCE);
                found.map_or(vec![], |found| vec![f64::from(found.distance), found.end as f64])
            })
        }
        ("live" | "livegaps", Some(level)) => {
            let (samples, reference) = if kind == "live" {
                &inputs.frames
            } else {
                &inputs.gapped
            };
            let reference = Frames::new(&reference[..size * CHANNELS], CHANNELS).ok()?;
            let mut row = LevelRow::at_level(level, reference, MISSING).ok()?;
            // 120 samples from the beginning on, so that each run does the same; the time is that of one.
            Box::new(move || {
                row.start_anywhere();
                for sample in samples.chunks(CHANNELS) {
                    row.advance_freely(sample).expect("as many channels");
                }
                row.best()
                    .map_or(vec![], |(end, cost)| vec![cost as f64, end as f64])
            })
        }
        ("nn", Some(level)) => {
            let series: Vec<&[f32]> = inputs.references.chunks(REFERENCE).collect();
            let among =
                NearestNeighbours::at_level(level, &series[1..], REFERENCE / 10, SquaredDifference).ok()?;
            let query = series[0];
            Box::new(move || {
                let found = among.nearest(query, 1).unwrap_or_default();
                found
                    .iter()
                    .flat_map(|one| [f64::from(one.distance), one.index as f64])
                    .collect()
            })
        }
        ("pairs", Some(_)) => {
            let series: Vec<&[f32]> = inputs.references.chunks(REFERENCE).take(200).collect();
            Box::new(move || {
                let all = pairwise(&series, None, SquaredDifference);
                let sum = all.iter().flatten().map(|&distance| f64::from(distance)).sum();
                vec![sum, f64::from(all[0].unwrap_or(f32::NAN))]
            })
        }
        ("mean", Some(_)) => {
            let series: Vec<&[f64]> = inputs.copies.chunks(COPY).collect();
            Box::new(move || barycenter(&series, series[0], None, 10).unwrap_or_default())
        }
        _ => return None,
    })
}
