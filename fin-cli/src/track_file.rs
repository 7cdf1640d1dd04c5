//! Estimates as files: CSV in the contract's columns, GeoJSON points, GPX tracks.

use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr;

use fin_core::engine::Estimate;
use fin_core::network::RoadNetwork;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How estimates are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackFormat {
    /// One row per estimate.
    Csv,
    /// One array of objects with the same names as the columns.
    Json,
    /// One `Point` feature per estimate, its properties those of the columns.
    GeoJson,
    /// GPX 1.1, one track.
    Gpx,
}

impl TrackFormat {
    /// The format that a file name's extension stands for, or `None` for another extension.
    pub fn of(path: &Path) -> Option<TrackFormat> {
        path.extension()?.to_str()?.to_ascii_lowercase().parse().ok()
    }
}

impl FromStr for TrackFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "csv" => Ok(TrackFormat::Csv),
            "json" => Ok(TrackFormat::Json),
            "geojson" => Ok(TrackFormat::GeoJson),
            "gpx" => Ok(TrackFormat::Gpx),
            other => Err(format!("expected csv, json, geojson or gpx, got {other:?}")),
        }
    }
}

/// The columns, in order.
const COLUMNS: [&str; 12] = [
    "t_ms",
    "lat_deg",
    "lon_deg",
    "accuracy_m",
    "accuracy95_m",
    "speed_mps",
    "bearing_deg",
    "way_id",
    "offset_m",
    "tunnel",
    "mode",
    "branch_probability",
];

/// The text of a file of `estimates`, whose roads are of `network`.
pub fn write(format: TrackFormat, estimates: &[Estimate], network: &RoadNetwork) -> String {
    match format {
        TrackFormat::Csv => csv(estimates, network),
        TrackFormat::Json => {
            let rows: Vec<Value> = estimates
                .iter()
                .map(|e| Value::Object(properties(e, network)))
                .collect();
            format!("{:#}\n", Value::Array(rows))
        }
        TrackFormat::GeoJson => geojson(estimates, network),
        TrackFormat::Gpx => gpx(estimates, network),
    }
}

/// The fields of an estimate as they are written, in the order of the columns; empty where nothing is known.
fn fields(estimate: &Estimate, network: &RoadNetwork) -> [String; COLUMNS.len()] {
    let optional =
        |value: Option<f64>, digits: usize| value.map_or(String::new(), |v| format!("{v:.digits$}"));
    let road = estimate.road;
    let tunnel = road
        .and_then(|road| road.tunnel)
        .map(|id| network.tunnel(id).name.clone());
    [
        estimate.time.as_millis().to_string(),
        format!("{:.7}", estimate.position.lat_deg),
        format!("{:.7}", estimate.position.lon_deg),
        format!("{:.2}", estimate.accuracy_m),
        format!("{:.2}", estimate.accuracy95_m),
        optional(estimate.speed_mps, 2),
        optional(estimate.bearing_deg, 1),
        road.map_or(String::new(), |road| road.way_id.to_string()),
        optional(road.map(|road| road.offset_m), 2),
        tunnel.unwrap_or_default(),
        estimate.mode.as_str().to_owned(),
        format!("{:.3}", estimate.branch_probability),
    ]
}

/// The same with numbers as numbers.
fn properties(estimate: &Estimate, network: &RoadNetwork) -> Map<String, Value> {
    let value = |(name, text): (&str, String)| {
        let number = if matches!(name, "tunnel" | "mode") {
            None
        } else {
            serde_json::from_str(&text).ok()
        };
        let value = match number {
            Some(number) => number,
            None if text.is_empty() => Value::Null,
            None => Value::String(text),
        };
        (name.to_owned(), value)
    };
    COLUMNS
        .into_iter()
        .zip(fields(estimate, network))
        .map(value)
        .collect()
}

fn csv(estimates: &[Estimate], network: &RoadNetwork) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(COLUMNS).and_then(|()| {
        estimates
            .iter()
            .try_for_each(|e| writer.write_record(fields(e, network)))
    });
    written.expect("writing into memory does not fail");
    let bytes = writer.into_inner().expect("flushing into memory does not fail");
    String::from_utf8(bytes).expect("fields are text")
}

fn geojson(estimates: &[Estimate], network: &RoadNetwork) -> String {
    let round = |degrees: f64| (degrees * 1e7).round() / 1e7;
    let features: Vec<Value> = estimates
        .iter()
        .map(|e| {
            let coordinates = [round(e.position.lon_deg), round(e.position.lat_deg)];
            json!({
                "type": "Feature",
                "geometry": { "type": "Point", "coordinates": coordinates },
                "properties": properties(e, network),
            })
        })
        .collect();
    format!(
        "{}\n",
        json!({ "type": "FeatureCollection", "features": features })
    )
}

fn gpx(estimates: &[Estimate], network: &RoadNetwork) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <gpx version=\"1.1\" creator=\"fin\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n<trk><trkseg>\n",
    );
    for estimate in estimates {
        let [_, lat, lon, accuracy, accuracy95, ..] = fields(estimate, network);
        let time =
            Timestamp::from_millisecond(estimate.time.as_millis()).map_or(String::new(), |t| t.to_string());
        let mode = estimate.mode.as_str();
        let _ = writeln!(
            text,
            "<trkpt lat=\"{lat}\" lon=\"{lon}\"><time>{time}</time>\
             <desc>{mode}, 68 % within {accuracy} m, 95 % within {accuracy95} m</desc></trkpt>"
        );
    }
    text + "</trkseg></trk>\n</gpx>\n"
}
