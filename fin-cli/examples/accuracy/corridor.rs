//! A real road: passes of a corridor in Cork, of which a stretch is declared a tunnel.
//!
//! Each pass in turn is the drive, the other passes of the same direction or of both are the survey. Inside the declared tunnel
//! the fixes are hidden: they are the truth there. There is no wheel speed in these logs: it is made from the fixes, with a
//! scale error and rounded to whole km/h.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use fin_cli::import::{ImportOptions, gnettrack};
use fin_core::fingerprint::FingerprintDb;
use fin_core::frame::LatLon;
use fin_core::network::{Direction, EdgeId, RoadClass, RoadNetwork, Way, WayNode};
use fin_core::observation::{Drive, SpeedSample, TruePosition};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::survey;

/// Declared tunnels: offsets in travel direction, metres.
pub const TUNNELS_M: [(f64, f64); 3] = [(1600.0, 2600.0), (1600.0, 3600.0), (800.0, 4800.0)];
/// Scale errors given to the wheel speed.
const SCALES: [f64; 3] = [0.97, 0.9935, 1.03];

/// Which of the other passes are the survey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Survey {
    SameDirection,
    BothDirections,
}

impl Survey {
    /// The word for it in tables.
    pub fn name(self) -> &'static str {
        match self {
            Survey::SameDirection => "same",
            Survey::BothDirections => "both",
        }
    }
}

/// A row of `index/corridor_passes.csv`.
#[derive(Deserialize)]
struct PassEntry {
    file: String,
    dir: String,
    first_row: usize,
    last_row: usize,
}

/// A vertex of `index/corridor_centreline.csv`.
#[derive(Clone, Copy, Deserialize)]
struct Vertex {
    chainage_m: f64,
    lat: f64,
    lon: f64,
}

/// The road and all passes of it.
pub struct Corridor {
    axis: Vec<Vertex>,
    passes: Vec<Pass>,
}

/// A pass of the corridor.
struct Pass {
    name: String,
    east: bool,
    drive: Drive,
    /// Offset of each fix along the corridor in travel direction, metres.
    offsets_m: Vec<f64>,
}

/// A pass whose fixes inside the tunnel are hidden.
pub struct Hidden {
    /// What is left: fixes outside, and scans.
    pub drive: Drive,
    /// The hidden fixes.
    pub truth: Vec<TruePosition>,
    /// Where the car was in between, on straight lines from each fix of the whole pass to the next, every 0.1 s.
    pub path: Vec<TruePosition>,
    /// The wheel speed for each of [`SCALES`].
    pub wheel: [Vec<SpeedSample>; SCALES.len()],
}

impl Corridor {
    /// The road and its passes in `folder`, the `cork_5g` data set.
    pub fn read(folder: &Path) -> Result<Self> {
        let axis: Vec<Vertex> = read_csv(&folder.join("index/corridor_centreline.csv"))?;
        let passes = read_passes(folder, &axis)?;
        Ok(Self { axis, passes })
    }

    /// What `judge` makes of each pass that has a fix on either side of `tunnel_m`, with the database of the others in `survey`.
    pub fn leave_one_out<T: Send>(
        &self,
        tunnel_m: (f64, f64),
        survey: Survey,
        judge: impl Fn(&Arc<FingerprintDb>, Hidden) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        for east in [true, false] {
            let network = Arc::new(corridor(&self.axis, east, tunnel_m, true)?);
            let open_road = corridor(&self.axis, east, tunnel_m, false)?;
            let surveys = |pass: &&Pass| pass.east == east || survey == Survey::BothDirections;
            let group: Vec<&Pass> = self.passes.iter().filter(surveys).collect();
            let labelled: Vec<_> = group
                .par_iter()
                .map(|pass| survey::label(&open_road, &pass.name, &pass.drive))
                .collect::<Result<_>>()?;
            let judged: Vec<T> = (0..group.len())
                .into_par_iter()
                .filter(|&left_out| group[left_out].east == east && group[left_out].covers(tunnel_m))
                .map(|left_out| {
                    let others: Vec<_> = labelled
                        .iter()
                        .enumerate()
                        .filter(|(i, _)| *i != left_out)
                        .map(|(_, p)| p.clone())
                        .collect();
                    let db = survey::build(&network, &others)?;
                    judge(&db, group[left_out].hidden(tunnel_m))
                })
                .collect::<Result<_>>()?;
            found.extend(judged);
        }
        Ok(found)
    }
}

impl Pass {
    /// Whether the pass has a fix on either side of the tunnel.
    fn covers(&self, tunnel_m: (f64, f64)) -> bool {
        let before = self.offsets_m.iter().filter(|&&at| at <= tunnel_m.0).count();
        let after = self.offsets_m.iter().filter(|&&at| at >= tunnel_m.1).count();
        before >= 2 && after >= 1
    }

    fn hidden(&self, tunnel_m: (f64, f64)) -> Hidden {
        let hidden = |offset_m: f64| offset_m > tunnel_m.0 && offset_m < tunnel_m.1;
        let fixes = || self.drive.gnss.iter().zip(&self.offsets_m);
        let gnss = fixes()
            .filter(|(_, at)| !hidden(**at))
            .map(|(fix, _)| *fix)
            .collect();
        let truth = fixes()
            .filter(|(_, at)| hidden(**at))
            .map(|(fix, _)| TruePosition {
                time: fix.time,
                position: fix.position,
            })
            .collect();
        Hidden {
            drive: Drive {
                gnss,
                speed: Vec::new(),
                cells: self.drive.cells.clone(),
            },
            truth,
            path: self.path(),
            wheel: SCALES.map(|scale| self.wheel_speed(scale)),
        }
    }

    fn path(&self) -> Vec<TruePosition> {
        let mut path = Vec::new();
        for pair in self.drive.gnss.windows(2) {
            let (from, to) = (&pair[0], &pair[1]);
            let steps = (10.0 * to.time.seconds_since(from.time)) as usize;
            path.extend((0..steps).map(|step| {
                let share = step as f64 / steps as f64;
                let between = |from: f64, to: f64| from + share * (to - from);
                TruePosition {
                    time: from.time.plus_seconds(0.1 * step as f64),
                    position: LatLon::new(
                        between(from.position.lat_deg, to.position.lat_deg),
                        between(from.position.lon_deg, to.position.lon_deg),
                    ),
                }
            }));
        }
        path
    }

    /// Whole km/h once a second, from the distance between fixes.
    fn wheel_speed(&self, scale: f64) -> Vec<SpeedSample> {
        let fixes: Vec<_> = self.drive.gnss.iter().zip(&self.offsets_m).collect();
        let mut samples = Vec::new();
        for pair in fixes.windows(2) {
            let ((from, from_m), (to, to_m)) = (pair[0], pair[1]);
            let dt_s = to.time.seconds_since(from.time);
            let kmh = ((to_m - from_m).max(0.0) / dt_s * 3.6 * scale).round();
            let mut time = from.time;
            while time < to.time {
                samples.push(SpeedSample {
                    time,
                    speed_mps: kmh / 3.6,
                });
                time = time.plus_seconds(1.0);
            }
        }
        samples
    }
}

/// The corridor as a road in both directions, cut at the portals; its middle is a tunnel when it is `declared` one.
///
/// The survey is placed on the open road, because its fixes inside are real ones. The edges are the same.
fn corridor(axis: &[Vertex], east: bool, tunnel_m: (f64, f64), declared: bool) -> Result<RoadNetwork> {
    let length_m = axis.last().map_or(0.0, |v| v.chainage_m);
    let (from_m, to_m) = if east {
        tunnel_m
    } else {
        (length_m - tunnel_m.1, length_m - tunnel_m.0)
    };
    let cuts = [f64::NEG_INFINITY, from_m, to_m, f64::INFINITY];
    let mut ways = Vec::new();
    for (id, bounds) in (1..).zip(cuts.windows(2)) {
        let ends = bounds
            .iter()
            .filter(|m| m.is_finite())
            .map(|&m| vertex_at(axis, m));
        let within = axis
            .iter()
            .copied()
            .filter(|v| v.chainage_m > bounds[0] && v.chainage_m < bounds[1]);
        let mut vertices: Vec<Vertex> = ends.chain(within).collect();
        vertices.sort_by(|a, b| a.chainage_m.total_cmp(&b.chainage_m));
        let node = |v: &Vertex| WayNode {
            key: (v.chainage_m * 1000.0).round() as i64,
            position: LatLon::new(v.lat, v.lon),
        };
        ways.push(Way {
            id,
            nodes: vertices.iter().map(node).collect(),
            oneway: Direction::Both,
            tunnel: declared && id == 2,
            layer: 0,
            name: (id == 2).then(|| format!("{}–{} m", tunnel_m.0, tunnel_m.1)),
            reference: None,
            max_speed_mps: None,
            class: RoadClass::Primary,
        });
    }
    Ok(RoadNetwork::build(ways)?)
}

fn vertex_at(axis: &[Vertex], chainage_m: f64) -> Vertex {
    let after = axis
        .partition_point(|v| v.chainage_m < chainage_m)
        .clamp(1, axis.len() - 1);
    let (a, b) = (axis[after - 1], axis[after]);
    let f = (chainage_m - a.chainage_m) / (b.chainage_m - a.chainage_m);
    Vertex {
        chainage_m,
        lat: a.lat + f * (b.lat - a.lat),
        lon: a.lon + f * (b.lon - a.lon),
    }
}

fn read_passes(folder: &Path, axis: &[Vertex]) -> Result<Vec<Pass>> {
    let entries: Vec<PassEntry> = read_csv(&folder.join("index/corridor_passes.csv"))?;
    let whole = corridor(axis, true, (f64::INFINITY, f64::INFINITY), false)?;
    let length_m = whole.edge(EdgeId(0)).length_m;
    entries
        .par_iter()
        .map(|entry| {
            let path: PathBuf = folder.join("5G-production-dataset").join(&entry.file);
            let options = ImportOptions {
                rows: Some(entry.first_row..entry.last_row + 1),
                ..ImportOptions::default()
            };
            let drive = gnettrack::read(&path, &options)?.drive;
            let east = entry.dir == "E";
            let along = |at_m: f64| if east { at_m } else { length_m - at_m };
            let offsets_m = drive
                .gnss
                .iter()
                .map(|fix| along(whole.project(EdgeId(0), fix.position).offset_m))
                .collect();
            let name = format!("{} {}", entry.file, entry.first_row);
            Ok(Pass {
                name,
                east,
                drive,
                offsets_m,
            })
        })
        .collect()
}

fn read_csv<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}
