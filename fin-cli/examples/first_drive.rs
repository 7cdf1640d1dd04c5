//! Replays one sample drive through a tunnel and tells how well it went.
//!
//! ```sh
//! cargo run --release --example first_drive                  # a plain tube
//! cargo run --release --example first_drive -- fork-ramp-01  # another drive of data/samples/test
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use fin_cli::evaluate::{Evaluation, Sample, Summary, along_road_m, evaluate};
use fin_cli::{build, drive, replay, roads};
use fin_core::engine::{Estimate, Mode};
use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::report::BuildReport;
use fin_core::network::{EdgePosition, RoadNetwork, Tunnel};
use fin_core::observation::{Drive, TruePosition};
use fin_core::time::Time;

/// The drive that is replayed when none is named.
const DEFAULT_DRIVE: &str = "tube-east-01";
/// Lines along a tunnel at most; in a jam they are further apart than ten seconds.
const MOST_LINES: f64 = 16.0;
/// Length of road that is searched for a portal, metres.
const SEARCH_M: f64 = 20_000.0;

fn main() -> Result<()> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/samples");
    let name = std::env::args().nth(1);
    let name = name.as_deref().unwrap_or(DEFAULT_DRIVE);
    let (drive, truth) = read_drive(&samples, name)?;

    let started = Instant::now();
    let (db, report) = build_database(&samples)?;
    let building_s = started.elapsed().as_secs_f64();
    println!(
        "database   {} survey drives, {} cells, {:.0} kB, built in {building_s:.1} s",
        report.used().count(),
        report.cells,
        db.to_bytes().len() as f64 / 1e3
    );

    let started = Instant::now();
    let rows = replay::replay(&db, &drive).rows;
    let replaying_ms = 1e3 * started.elapsed().as_secs_f64();
    let (first, last) = drive.span().context("the drive is empty")?;
    println!(
        "drive      {name}, {} long, {} fixes, {} wheel speeds, {} cell scans, replayed in {replaying_ms:.0} ms\n",
        clock(last, first),
        drive.gnss.len(),
        drive.speed.len(),
        drive.cells.len()
    );

    let evaluation = evaluate(&db, &drive, &truth);
    let passes: Vec<&[Sample]> = evaluation.samples.chunk_by(|a, b| a.pass == b.pass).collect();
    if passes.is_empty() {
        bail!("{name} goes through no tunnel");
    }
    for pass in passes {
        tell_pass(&db.network, &report, &rows, pass, first);
    }
    let without_cells = Drive {
        cells: Vec::new(),
        ..drive
    };
    tell_summary(&evaluation, &evaluate(&db, &without_cells, &truth));
    Ok(())
}

/// The test drive called `name` and its truth.
fn read_drive(samples: &Path, name: &str) -> Result<(Drive, Vec<TruePosition>)> {
    let folder = samples.join("test").join(name);
    if !folder.is_dir() {
        let names: Vec<String> = folders(&samples.join("test"))?
            .iter()
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect();
        bail!("expected one of {}, got {name}", names.join(", "));
    }
    let truth = drive::read_truth(&folder)?.context("the drive has no truth.csv")?;
    Ok((drive::read(&folder)?.drive, truth.positions))
}

/// The folders in `parent`, by name.
fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(parent).with_context(|| parent.display().to_string())?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// The database of all sample surveys.
fn build_database(samples: &Path) -> Result<(Arc<FingerprintDb>, BuildReport)> {
    let ways = roads::read(&samples.join("roads.geojson"))?.ways;
    let network = Arc::new(build::database_roads(ways)?);
    let built = build::from_folders(&network, &folders(&samples.join("survey"))?);
    let db = built.database.context("no survey drive could be used")?;
    Ok((Arc::new(db), built.report))
}

/// Prints one pass through a tunnel: where GNSS went, the way through, where GNSS came back.
fn tell_pass(network: &RoadNetwork, report: &BuildReport, rows: &[Estimate], pass: &[Sample], start: Time) {
    let tunnel = network.tunnel(pass[0].tunnel);
    let surveys = report.tunnels.get(tunnel.id.index());
    println!(
        "tunnel     {}, {:.0} m, driven through by {} survey drives",
        tunnel.name,
        tunnel.length_m,
        surveys.map_or(0, |told| told.passes)
    );
    let entry = nearest_portal(network, tunnel, &pass[0].estimate, true);
    let exit = pass
        .last()
        .and_then(|last| nearest_portal(network, tunnel, &last.estimate, false));
    let away = away_from_gnss(rows, pass);
    if let Some((lost, _)) = away {
        let when = clock(rows[lost].time, start);
        println!(
            "GNSS lost  at {when}, {}",
            beside(network, entry, &rows[lost], "the entry portal")
        );
    }
    println!(
        "\n  time   in tunnel  latitude, longitude         speed     68 %   95 %  mode            off by"
    );
    let duration_s = pass[pass.len() - 1]
        .estimate
        .time
        .seconds_since(pass[0].estimate.time);
    let interval_s = 10.0 * (duration_s / 10.0 / MOST_LINES).ceil();
    let mut due = pass[0].estimate.time;
    for sample in pass {
        if sample.estimate.time >= due {
            due = sample.estimate.time.plus_seconds(interval_s - 0.5);
            println!("{}", line(network, entry, sample, start));
        }
    }
    if let Some((_, Some(back))) = away {
        let when = clock(rows[back].time, start);
        println!(
            "\nGNSS back  at {when}, {}; the position stepped by {:.1} m",
            beside(network, exit, &rows[back], "the exit portal"),
            step_m(network, &rows[back - 1], &rows[back])
        );
    }
}

/// The first row of a pass without GNSS and, if it came back, the first with it again.
fn away_from_gnss(rows: &[Estimate], pass: &[Sample]) -> Option<(usize, Option<usize>)> {
    let times = pass[0].estimate.time..=pass[pass.len() - 1].estimate.time;
    let inside = rows
        .iter()
        .position(|row| row.mode != Mode::Gnss && times.contains(&row.time))?;
    let lost = rows[..inside].iter().rposition(|row| row.mode == Mode::Gnss)? + 1;
    let back = rows[inside..].iter().position(|row| row.mode == Mode::Gnss);
    Some((lost, back.map(|after| inside + after)))
}

/// One line of the way through the tunnel.
fn line(network: &RoadNetwork, entry: Option<EdgePosition>, sample: &Sample, start: Time) -> String {
    let estimate = &sample.estimate;
    let inside = entry.zip(place(estimate));
    let inside = inside.and_then(|(entry, at)| along_road_m(network, entry, at, SEARCH_M));
    format!(
        "{:>6} {:>9} m  {:.6}, {:.6}  {:>7.0} km/h {:>6.1} {:>6.1}  {:<14} {:>+6.1} m{}",
        clock(estimate.time, start),
        inside.map_or("?".to_owned(), |m| format!("{m:.0}")),
        estimate.position.lat_deg,
        estimate.position.lon_deg,
        3.6 * estimate.speed_mps.unwrap_or(0.0),
        estimate.accuracy_m,
        estimate.accuracy95_m,
        estimate.mode.as_str(),
        sample.error_m,
        if sample.wrong_branch { ", other branch" } else { "" },
    )
}

/// Prints how good the whole drive was, and how good it would have been without the cells.
fn tell_summary(with_cells: &Evaluation, without: &Evaluation) {
    let (with, without) = (Summary::of([with_cells]), Summary::of([without]));
    println!(
        "\nerror along the road at {} true positions  median   95 %  greatest  at the exit",
        with.samples
    );
    for (what, summary) in [("wheel speed and cells", with), ("wheel speed only", without)] {
        println!(
            "  {what:<39} {:>6.1} {:>6.1} {:>9.1} {:>12.1} m",
            summary.median_m, summary.p95_m, summary.max_m, summary.exit_median_m
        );
    }
    println!(
        "truth within the stated 68 % interval {:.0} % of the time, within the 95 % interval {:.0} %",
        100.0 * with.coverage68,
        100.0 * with.coverage95
    );
}

/// The portal of `tunnel` behind an estimate (`entering`) or ahead of it, as the place where the tunnel begins or ends.
fn nearest_portal(
    network: &RoadNetwork,
    tunnel: &Tunnel,
    estimate: &Estimate,
    entering: bool,
) -> Option<EdgePosition> {
    let at = place(estimate)?;
    let ends = tunnel
        .portals
        .iter()
        .flat_map(|portal| if entering { &portal.entries } else { &portal.exits });
    let reached = ends.filter_map(|&edge| {
        let offset_m = if entering {
            0.0
        } else {
            network.edge(edge).length_m
        };
        let end = EdgePosition { edge, offset_m };
        Some((along_road_m(network, end, at, SEARCH_M)?.abs(), end))
    });
    reached
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, portal)| portal)
}

/// Where `estimate` lies to a portal, in words.
fn beside(network: &RoadNetwork, portal: Option<EdgePosition>, estimate: &Estimate, name: &str) -> String {
    match portal
        .zip(place(estimate))
        .and_then(|(portal, at)| along_road_m(network, portal, at, SEARCH_M))
    {
        Some(past_m) if past_m < 0.0 => format!("{:.0} m before {name}", -past_m),
        Some(past_m) => format!("{past_m:.0} m past {name}"),
        None => format!("away from {name}"),
    }
}

/// How far the position moved from one row to the next beyond what its speed explains, metres.
fn step_m(network: &RoadNetwork, before: &Estimate, after: &Estimate) -> f64 {
    let driven_m = before.speed_mps.unwrap_or(0.0) * after.time.seconds_since(before.time);
    let moved_m = place(before)
        .zip(place(after))
        .and_then(|(a, b)| along_road_m(network, a, b, SEARCH_M));
    (moved_m.unwrap_or_else(|| before.position.distance_m(after.position)) - driven_m).abs()
}

/// The place of an estimate on the roads.
fn place(estimate: &Estimate) -> Option<EdgePosition> {
    estimate.road.map(|road| EdgePosition {
        edge: road.edge,
        offset_m: road.edge_offset_m,
    })
}

/// Minutes and seconds since the start of the drive.
fn clock(time: Time, start: Time) -> String {
    let seconds = time.seconds_since(start).round() as i64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
