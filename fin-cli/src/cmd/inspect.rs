//! `fin inspect`: what is in a fingerprint database.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use fin_core::fingerprint::FingerprintDb;
use fin_core::frame::LatLon;
use fin_core::network::{EdgeId, Tunnel};
use fin_core::radio::Plmn;
use jiff::civil::Date;
use serde::Serialize;

use super::survey::{self, day_number};
use crate::db_file;
use crate::drive::rat_name;
use crate::table::{Align, Table};

/// What may follow `fin inspect`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The database
    #[arg(value_name = "DB.fin")]
    pub database: PathBuf,
    /// The public key that the database has to be signed with
    #[arg(long, value_name = "KEY.pub")]
    pub key: Option<PathBuf>,
    /// The day to which ages are counted; today unless given
    #[arg(long, value_name = "DATE")]
    pub today: Option<Date>,
    /// Age from which a tunnel's surveys count as stale, days
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    pub stale_days: i64,
    /// Write to stdout as JSON
    #[arg(long)]
    pub json: bool,
}

/// What ages are counted to and how old is stale.
struct Clock {
    today: i32,
    stale_days: i64,
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
    /// The lowest and the highest usual speed of surveys, km/h; `None` where none is known.
    usual_kmh: Option<(f64, f64)>,
    last_surveyed: Option<String>,
    age_days: Option<i64>,
    /// Whether the last survey is older than it should be; `None` when its day is not known.
    stale: Option<bool>,
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
    expires: Option<String>,
    expired: bool,
    min_passes: u16,
    /// Whether new drives can be merged into it.
    statistics: bool,
    regions: usize,
    signed_by: Option<String>,
}

/// Tells on `out` what is in a database.
///
/// # Errors
/// The file cannot be read or is no database, or `out` cannot be written.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let atlas = db_file::open(&options.database, options.key.as_deref())?;
    let shown = || options.database.display().to_string();
    let database = atlas.whole().with_context(shown)?;
    let today = options.today.unwrap_or_else(|| jiff::Zoned::now().date());
    let clock = Clock {
        today: day_number(today),
        stale_days: options.stale_days,
    };
    let mut report = report(&database, atlas.byte_count() as usize, &clock);
    report.origin.regions = atlas.contents().regions.len();
    report.origin.signed_by = atlas
        .signed_by()
        .map(|key| key.iter().map(|byte| format!("{byte:02x}")).collect());
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

fn report(database: &FingerprintDb, bytes: usize, clock: &Clock) -> Report {
    let network = &database.network;
    let once = |(id, _): &(EdgeId, _)| network.opposite(*id).is_none_or(|opposite| *id < opposite);
    let roads_m: f64 = network.edges().filter(once).map(|(_, edge)| edge.length_m).sum();
    let day = survey::date_text;
    let provenance = &database.provenance;
    Report {
        tunnels: network
            .tunnels()
            .iter()
            .map(|tunnel| tunnel_report(database, tunnel, clock))
            .collect(),
        cells: cell_counts(database),
        origin: Origin {
            tool: provenance.tool.clone(),
            drives: provenance.drives,
            first_day: provenance.days.map(|days| day(days.0)),
            last_day: provenance.days.map(|days| day(days.1)),
            expires: provenance.expires.map(day),
            expired: provenance.expires.is_some_and(|last| last < clock.today),
            min_passes: provenance.min_passes,
            statistics: database
                .evidence
                .edges
                .values()
                .any(|edge| !edge.cells.is_empty()),
            regions: 0,
            signed_by: None,
        },
        directed_edges: network.edge_count(),
        profiled_edges: database.profiles.iter().flatten().count(),
        roads_km: roads_m / 1e3,
        bytes,
    }
}

fn tunnel_report(database: &FingerprintDb, tunnel: &Tunnel, clock: &Clock) -> TunnelReport {
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
    let profiles = tunnel.edges.iter().filter_map(|&edge| database.profile(edge));
    let usual_mps = profiles.flat_map(|profile| profile.usual_mps.iter().copied().flatten());
    let usual_kmh = usual_mps
        .map(|mps| (36.0 * f64::from(mps)).round() / 10.0)
        .fold(None, |span, kmh| {
            let (low, high) = span.unwrap_or((kmh, kmh));
            Some((kmh.min(low), kmh.max(high)))
        });
    let days = tunnel
        .edges
        .iter()
        .filter_map(|edge| database.evidence.edges.get(edge)?.days);
    let last_day = days.map(|(_, last)| last).max();
    let age_days = last_day.map(|day| i64::from(clock.today) - i64::from(day));
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
        usual_kmh,
        last_surveyed: last_day.map(survey::date_text),
        age_days,
        stale: age_days.map(|age| age > clock.stale_days),
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
        ("usual km/h", Right),
        ("age d", Right),
        ("remark", Left),
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
            tunnel
                .usual_kmh
                .map_or_else(String::new, |(low, high)| format!("{low:.0}–{high:.0}")),
            tunnel.age_days.map_or_else(String::new, |days| days.to_string()),
            if tunnel.stale == Some(true) { "stale" } else { "" }.to_owned(),
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
    let origin = &report.origin;
    let expiry = match (&origin.expires, origin.expired) {
        (Some(day), true) => format!("expired after {day}\n"),
        (Some(day), false) => format!("to be used until {day}\n"),
        (None, _) => String::new(),
    };
    let rare = match origin.min_passes {
        0 => String::new(),
        least => format!("without what fewer than {least} drives told\n"),
    };
    let signed = origin
        .signed_by
        .as_ref()
        .map_or_else(String::new, |key| format!("signed with key {key}\n"));
    let statistics = if origin.statistics {
        ""
    } else {
        "without statistics: nothing can be merged into it\n"
    };
    format!(
        "{expiry}{rare}{signed}{statistics}{} survey drives{days}, built by {}\n{} of {} directed edges have a profile, {:.1} km of roads, {:.1} kB\n",
        report.origin.drives,
        report.origin.tool,
        report.profiled_edges,
        report.directed_edges,
        report.roads_km,
        report.bytes as f64 / 1e3,
    )
}
