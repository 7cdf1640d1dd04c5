//! The streets of a made-up town: ways, tubes and the routes through them.

use fin_core::frame::{EastNorth, LatLon, LocalFrame};
use serde_json::{Map, Value, json};

use super::path::Path;

/// The zero of every made-up town: a place where no such town is.
pub const ORIGIN: LatLon = LatLon::new(46.0, 8.0);

/// One way of the road file.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Number in the road file, from 1.
    pub id: i64,
    /// What kind of road, and its rules.
    pub class: Class,
    /// Its line, in the direction of travel when one-way.
    pub path: Path,
}

/// What kind of road a way is, and its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Street name.
    pub name: String,
    /// Value of the OSM tag `highway`.
    pub highway: &'static str,
    /// Whether traffic goes only along the line.
    pub one_way: bool,
    /// Whether it is in a tunnel.
    pub tunnel: bool,
    /// Speed limit, km/h.
    pub limit_kmh: f64,
}

impl Class {
    /// An open two-way road.
    pub(super) fn road(name: &str, highway: &'static str, limit_kmh: f64) -> Self {
        Self {
            name: name.to_owned(),
            highway,
            one_way: false,
            tunnel: false,
            limit_kmh,
        }
    }

    /// The same, one-way.
    pub(super) fn one_way(self) -> Self {
        Self {
            one_way: true,
            ..self
        }
    }

    /// The same under ground, by another name.
    pub(super) fn tunnel(self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tunnel: true,
            ..self
        }
    }
}

/// A tunnel tube, with the lines that one can drive through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tube {
    /// The tunnel's name.
    pub name: String,
    /// From portal to portal; the lines of a forked tube share their first `fork_m` metres.
    pub lines: Vec<Path>,
    /// Where the second line leaves the first, metres from the portal; `None` for a plain tube.
    pub fork_m: Option<f64>,
    /// Tubes with the same number share one radio installation.
    pub installation: usize,
}

/// A way to drive: an approach, a tunnel and the road after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// For instance `tube-east`.
    pub name: String,
    /// Index of the tube.
    pub tube: usize,
    /// Index of the line in the tube.
    pub line: usize,
    /// Whether the line is driven from its end to its start.
    pub against_line: bool,
    /// Whether the other direction shares the road.
    pub two_way: bool,
    /// The driven line.
    pub path: Path,
    /// Where the tunnel begins on `path`, metres.
    pub entry_m: f64,
    /// Where it ends, metres.
    pub exit_m: f64,
    /// Speed limits: each holds up to this distance on `path`; metres and km/h.
    pub limits: Vec<(f64, f64)>,
}

impl Route {
    /// The speed limit `along_m` metres from the start, km/h.
    pub fn limit_kmh(&self, along_m: f64) -> f64 {
        let next = self.limits.partition_point(|&(until_m, _)| until_m <= along_m);
        self.limits[next.min(self.limits.len() - 1)].1
    }

    /// The distance along the tube's line at `along_m` on the route, metres; outside 0…length when out of the tunnel.
    pub fn line_m(&self, along_m: f64) -> f64 {
        if self.against_line {
            self.exit_m - along_m
        } else {
            along_m - self.entry_m
        }
    }
}

/// All roads of a made-up town.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roads {
    /// All ways; they meet where their ends are equal.
    pub ways: Vec<Way>,
    /// All tubes.
    pub tubes: Vec<Tube>,
    /// All routes through them.
    pub routes: Vec<Route>,
}

impl Roads {
    /// Adds a way.
    pub(super) fn way(&mut self, class: &Class, path: &Path) {
        let id = self.ways.len() as i64 + 1;
        self.ways.push(Way {
            id,
            class: class.clone(),
            path: path.clone(),
        });
    }

    /// Adds a tube and returns its index.
    pub(super) fn tube(
        &mut self,
        name: &str,
        lines: Vec<Path>,
        fork_m: Option<f64>,
        installation: usize,
    ) -> usize {
        self.tubes.push(Tube {
            name: name.to_owned(),
            lines,
            fork_m,
            installation,
        });
        self.tubes.len() - 1
    }

    /// Adds the route over `legs`, which follow each other, through line `line` of `tube`.
    pub(super) fn route(&mut self, name: &str, (tube, line): (usize, usize), legs: &[(&Class, Path)]) {
        let (mut limits, mut along_m, mut tunnel_m) = (Vec::new(), 0.0, Vec::new());
        for (class, path) in legs {
            if class.tunnel {
                tunnel_m.push(along_m);
            }
            along_m += path.length_m();
            if class.tunnel {
                tunnel_m.push(along_m);
            }
            limits.push((along_m, class.limit_kmh));
        }
        let path = legs[1..]
            .iter()
            .fold(legs[0].1.clone(), |all, (_, leg)| all.then(leg));
        let (entry_m, exit_m) = (tunnel_m[0], tunnel_m[tunnel_m.len() - 1]);
        let line_start = self.tubes[tube].lines[line].points()[0];
        self.routes.push(Route {
            name: name.to_owned(),
            tube,
            line,
            against_line: path.at(entry_m).place.minus(line_start).length_m() > 1.0,
            two_way: !legs[0].0.one_way,
            path,
            entry_m,
            exit_m,
            limits,
        });
    }

    /// The road file: GeoJSON, one line per feature, coordinates to 1e-7 degrees.
    pub fn geojson(&self) -> String {
        let features: Vec<String> = self.ways.iter().map(|way| feature(way).to_string()).collect();
        format!(
            "{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n",
            features.join(",\n")
        )
    }
}

fn feature(way: &Way) -> Value {
    let coordinates: Vec<[f64; 2]> = way
        .path
        .points()
        .iter()
        .map(|&p| to_degrees(p))
        .map(|p| [p.lon_deg, p.lat_deg])
        .collect();
    let mut properties = Map::new();
    properties.insert("id".into(), json!(way.id));
    properties.insert("highway".into(), json!(way.class.highway));
    properties.insert("name".into(), json!(way.class.name));
    properties.insert("maxspeed".into(), json!(format!("{}", way.class.limit_kmh)));
    if way.class.one_way {
        properties.insert("oneway".into(), json!("yes"));
    }
    if way.class.tunnel {
        properties.insert("tunnel".into(), json!("yes"));
        properties.insert("layer".into(), json!("-1"));
    }
    json!({
        "type": "Feature",
        "properties": properties,
        "geometry": { "type": "LineString", "coordinates": coordinates },
    })
}

/// `place` in degrees, rounded to 1e-7 as files have it.
pub(super) fn to_degrees(place: EastNorth) -> LatLon {
    let exact = LocalFrame::new(ORIGIN).to_lat_lon(place);
    let round = |deg: f64| (deg * 1e7).round() / 1e7;
    LatLon::new(round(exact.lat_deg), round(exact.lon_deg))
}
