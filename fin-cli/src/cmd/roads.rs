//! `fin roads`: the tunnels of a road file.

use crate::roads::{self, Losses};
use crate::table::{Align, Table};
use anyhow::Context;
use clap::Args;
use fin_core::frame::LatLon;
use fin_core::network::{Direction, NodeId, RoadNetwork, Tunnel};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

/// What `fin roads` is asked for.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// OSM extract (.osm.pbf, .osm, .osm.gz) or GeoJSON lines
    pub roads: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    tunnels: Vec<TunnelReport>,
    totals: Totals,
    losses: Losses,
}

#[derive(Debug, Serialize)]
struct TunnelReport {
    name: String,
    length_m: f64,
    ways: Vec<i64>,
    portals: Vec<PortalReport>,
    branches: Vec<LatLon>,
    layers: Vec<i8>,
    one_way: bool,
}

#[derive(Debug, Serialize)]
struct PortalReport {
    #[serde(flatten)]
    position: LatLon,
    entry: bool,
    exit: bool,
}

/// Counts over the ways that became part of the network.
#[derive(Debug, Serialize)]
struct Totals {
    ways: usize,
    tunnel_ways: usize,
    one_way_ways: usize,
    backward_ways: usize,
    nodes: usize,
    directed_edges: usize,
    length_m: f64,
}

/// Writes the tunnels of a road file to `out`, the longest first.
///
/// # Errors
/// The road file is unusable or `out` is.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let roads = roads::read(&options.roads)?;
    let network = RoadNetwork::build(roads.ways).with_context(|| options.roads.display().to_string())?;
    let report = Report {
        tunnels: tunnels(&network),
        totals: totals(&network),
        losses: roads.losses,
    };
    if options.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", table(&report.tunnels))?;
        writeln!(out, "{}", summary(&report))?;
    }
    Ok(())
}

fn tunnels(network: &RoadNetwork) -> Vec<TunnelReport> {
    let mut tunnels: Vec<&Tunnel> = network.tunnels().iter().collect();
    tunnels.sort_by(|a, b| b.length_m.total_cmp(&a.length_m).then(a.id.cmp(&b.id)));
    let position = |&node: &NodeId| network.node_position(node);
    let report = |tunnel: &Tunnel| TunnelReport {
        name: tunnel.name.clone(),
        length_m: (tunnel.length_m * 10.0).round() / 10.0,
        ways: tunnel
            .ways
            .iter()
            .map(|&way| network.ways()[way as usize].id)
            .collect(),
        portals: tunnel
            .portals
            .iter()
            .map(|portal| PortalReport {
                position: portal.position,
                entry: portal.is_entry(),
                exit: portal.is_exit(),
            })
            .collect(),
        branches: tunnel.branches.iter().map(position).collect(),
        layers: tunnel.layers.clone(),
        one_way: tunnel.one_way,
    };
    tunnels.into_iter().map(report).collect()
}

fn totals(network: &RoadNetwork) -> Totals {
    let ways = network.ways();
    let count =
        |wanted: &dyn Fn(&fin_core::network::Way) -> bool| ways.iter().filter(|way| wanted(way)).count();
    let once = |&(id, _): &(_, _)| network.opposite(id).is_none_or(|opposite| id < opposite);
    let length_m: f64 = network.edges().filter(once).map(|(_, edge)| edge.length_m).sum();
    Totals {
        ways: ways.len(),
        tunnel_ways: count(&|way| way.tunnel),
        one_way_ways: count(&|way| way.oneway != Direction::Both),
        backward_ways: count(&|way| way.oneway == Direction::Backward),
        nodes: network.node_count(),
        directed_edges: network.edge_count(),
        length_m: length_m.round(),
    }
}

fn table(tunnels: &[TunnelReport]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new([
        ("tunnel", Left),
        ("length m", Right),
        ("ways", Right),
        ("portals", Right),
        ("branches", Right),
        ("layer", Right),
        ("one-way", Left),
    ]);
    for tunnel in tunnels {
        let layers = match &tunnel.layers[..] {
            [lowest, .., highest] => format!("{lowest}…{highest}"),
            other => other.iter().map(i8::to_string).collect(),
        };
        table.push([
            tunnel.name.clone(),
            format!("{:.0}", tunnel.length_m),
            tunnel.ways.len().to_string(),
            tunnel.portals.len().to_string(),
            tunnel.branches.len().to_string(),
            layers,
            if tunnel.one_way { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table
}

fn summary(report: &Report) -> String {
    let Totals {
        ways,
        tunnel_ways,
        one_way_ways,
        backward_ways,
        nodes,
        directed_edges,
        length_m,
    } = report.totals;
    let Losses {
        missing_points,
        clipped_ways,
        short_ways,
        repeated_ways,
    } = report.losses;
    let mut text = format!(
        "{}; {} ({tunnel_ways} in tunnels, {one_way_ways} one-way, {backward_ways} of them backward), {:.1} km, {}, {}",
        counted(report.tunnels.len(), "tunnel"),
        counted(ways, "way"),
        length_m / 1e3,
        counted(nodes, "node"),
        counted(directed_edges, "directed edge"),
    );
    if report.losses != Losses::default() {
        text += &format!(
            "\nleft out: {}, {} ({} clipped for these), {}",
            counted(short_ways, "too short way"),
            counted(missing_points, "missing point"),
            counted(clipped_ways, "way"),
            counted(repeated_ways, "repeated way"),
        );
    }
    text
}

fn counted(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}
