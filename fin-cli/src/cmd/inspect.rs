//! `fin inspect`: what is in a fingerprint database.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fin_core::fingerprint::FingerprintDb;
use fin_core::frame::LatLon;
use fin_core::network::{EdgeId, Tunnel};
use fin_core::radio::Plmn;
use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::Serialize;

use crate::drive::rat_name;
use crate::table::{Align, Table};

/// What may follow `fin inspect`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The database
    #[arg(value_name = "DB.fin")]
    pub database: PathBuf,
    /// Write to stdout as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    tunnels: Vec<TunnelReport>,
    cells: Vec<CellCount>,
    origin: Origin,
    directed_edges: usize,
    profiled_edges: usize,
    roads_km: f64,
    bytes: usize,
}

#[derive(Debug, Serialize)]
struct TunnelReport {
    name: String,
    length_m: f64,
    entries: Vec<Entry>,
    cells: usize,
    /// Share of the grid points, over all directed edges, that at least one pass scanned.
    coverage: f64,
    /// Mean number of passes over those points.
    mean_passes: f64,
}

/// A portal by which one can drive in, with the passes that did: one direction of the tunnel.
#[derive(Debug, Serialize)]
struct Entry {
    #[serde(flatten)]
    position: LatLon,
    bearing_deg: f64,
    passes: u16,
}

#[derive(Debug, Serialize)]
struct CellCount {
    network: Option<String>,
    rat: &'static str,
    cells: usize,
    with_global_id: usize,
    with_channel: usize,
}

#[derive(Debug, Serialize)]
struct Origin {
    tool: String,
    drives: u32,
    first_day: Option<String>,
    last_day: Option<String>,
}

/// Tells on `out` what is in a database.
///
/// # Errors
/// The file cannot be read or is no database, or `out` cannot be written.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, bytes) = read(&options.database)?;
    let report = report(&database, bytes);
    if options.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    write!(
        out,
        "{}\n{}\n{}",
        tunnel_table(&report),
        cell_table(&report),
        origin_lines(&report)
    )?;
    Ok(())
}

/// The database in the file at `path`, and the size of the file in bytes.
///
/// # Errors
/// The file cannot be read or is no database.
pub fn read(path: &Path) -> anyhow::Result<(FingerprintDb, usize)> {
    let shown = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(shown)?;
    let database = FingerprintDb::from_bytes(&bytes).with_context(shown)?;
    Ok((database, bytes.len()))
}

fn report(database: &FingerprintDb, bytes: usize) -> Report {
    let network = &database.network;
    let once = |(id, _): &(EdgeId, _)| network.opposite(*id).is_none_or(|opposite| *id < opposite);
    let roads_m: f64 = network.edges().filter(once).map(|(_, edge)| edge.length_m).sum();
    let day = |day: i32| {
        let epoch: Date = jiff::civil::date(1970, 1, 1);
        let since: Span = i64::from(day).days();
        epoch
            .checked_add(since)
            .map_or_else(|_| format!("day {day}"), |date| date.to_string())
    };
    Report {
        tunnels: network
            .tunnels()
            .iter()
            .map(|tunnel| tunnel_report(database, tunnel))
            .collect(),
        cells: cell_counts(database),
        origin: Origin {
            tool: database.provenance.tool.clone(),
            drives: database.provenance.drives,
            first_day: database.provenance.days.map(|days| day(days.0)),
            last_day: database.provenance.days.map(|days| day(days.1)),
        },
        directed_edges: network.edge_count(),
        profiled_edges: database.profiles.iter().flatten().count(),
        roads_km: roads_m / 1e3,
        bytes,
    }
}

fn tunnel_report(database: &FingerprintDb, tunnel: &Tunnel) -> TunnelReport {
    let network = &database.network;
    let (mut points, mut scanned, mut passes) = (0_u64, 0_u64, 0_u64);
    let mut cells: Vec<u32> = Vec::new();
    for &edge in &tunnel.edges {
        let Some(profile) = database.profile(edge) else {
            points += u64::from(fin_core::fingerprint::EdgeProfile::grid(network.edge(edge).length_m).0);
            continue;
        };
        points += u64::from(profile.points);
        scanned += profile.passes.iter().filter(|&&passes| passes > 0).count() as u64;
        passes += profile
            .passes
            .iter()
            .map(|&passes| u64::from(passes))
            .sum::<u64>();
        cells.extend(profile.cells.iter().map(|cell| cell.cell.0));
    }
    cells.sort_unstable();
    cells.dedup();
    let entries = tunnel
        .portals
        .iter()
        .flat_map(|portal| portal.entries.iter().map(move |edge| (portal, *edge)));
    TunnelReport {
        name: tunnel.name.clone(),
        length_m: (10.0 * tunnel.length_m).round() / 10.0,
        entries: entries
            .map(|(portal, edge)| Entry {
                position: portal.position,
                bearing_deg: network.point_at(edge, 0.0).bearing_deg.round(),
                passes: database
                    .profile(edge)
                    .and_then(|p| p.passes.iter().max().copied())
                    .unwrap_or(0),
            })
            .collect(),
        cells: cells.len(),
        coverage: if points == 0 {
            0.0
        } else {
            scanned as f64 / points as f64
        },
        mean_passes: if scanned == 0 {
            0.0
        } else {
            passes as f64 / scanned as f64
        },
    }
}

fn cell_counts(database: &FingerprintDb) -> Vec<CellCount> {
    let mut counts: BTreeMap<(Option<Plmn>, &'static str), (usize, usize, usize)> = BTreeMap::new();
    for cell in database.cells.cells() {
        let count = counts.entry((cell.plmn, rat_name(cell.rat))).or_default();
        count.0 += 1;
        count.1 += usize::from(cell.global.is_some());
        count.2 += usize::from(!cell.channels.is_empty());
    }
    let count = |((plmn, rat), (cells, with_global_id, with_channel)): ((Option<Plmn>, _), _)| CellCount {
        network: plmn.map(|plmn| format!("{:03}-{:02}", plmn.mcc, plmn.mnc)),
        rat,
        cells,
        with_global_id,
        with_channel,
    };
    counts.into_iter().map(count).collect()
}

fn tunnel_table(report: &Report) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new([
        ("tunnel", Left),
        ("length m", Right),
        ("entries", Right),
        ("passes per entry", Left),
        ("cells", Right),
        ("coverage %", Right),
    ]);
    for tunnel in &report.tunnels {
        let entry = |entry: &Entry| format!("{} ({:.0}°)", entry.passes, entry.bearing_deg);
        table.push([
            tunnel.name.clone(),
            format!("{:.0}", tunnel.length_m),
            tunnel.entries.len().to_string(),
            tunnel.entries.iter().map(entry).collect::<Vec<_>>().join(", "),
            tunnel.cells.to_string(),
            format!("{:.0}", 100.0 * tunnel.coverage),
        ]);
    }
    table
}

fn cell_table(report: &Report) -> Table {
    use Align::{Left, Right};
    let columns = [
        ("network", Left),
        ("rat", Left),
        ("cells", Right),
        ("global id", Right),
        ("channel", Right),
    ];
    let mut table = Table::new(columns);
    for count in &report.cells {
        table.push([
            count.network.clone().unwrap_or_else(|| "not known".to_owned()),
            count.rat.to_owned(),
            count.cells.to_string(),
            count.with_global_id.to_string(),
            count.with_channel.to_string(),
        ]);
    }
    table
}

fn origin_lines(report: &Report) -> String {
    let days = match (&report.origin.first_day, &report.origin.last_day) {
        (Some(first), Some(last)) if first == last => format!(" of {first}"),
        (Some(first), Some(last)) => format!(" of {first} to {last}"),
        _ => String::new(),
    };
    format!(
        "{} survey drives{days}, built by {}\n{} of {} directed edges have a profile, {:.1} km of roads, {:.1} kB\n",
        report.origin.drives,
        report.origin.tool,
        report.profiled_edges,
        report.directed_edges,
        report.roads_km,
        report.bytes as f64 / 1e3,
    )
}
