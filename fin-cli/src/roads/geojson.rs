//! GeoJSON: a `FeatureCollection` of `LineString` features with OSM's keys as properties and an integer `id`, of the feature or
//! among its properties. Lines meet where their end coordinates are equal.

use super::assemble::position_reason;
use super::error::{Place, RoadsError};
use super::tags::Tags;
use super::{Losses, MAX_POINTS, Roads};
use ::geojson::{Feature, FeatureCollection, GeometryValue, feature::Id};
use fin_core::frame::LatLon;
use fin_core::network::{Way, WayNode};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Most bytes of a GeoJSON file, which is held in memory as a whole.
const MAX_FILE_BYTES: u64 = 1 << 30;

pub(super) fn read(path: &Path, file_bytes: u64) -> Result<Roads, RoadsError> {
    if file_bytes > MAX_FILE_BYTES {
        return Err(RoadsError::TooLarge {
            path: path.to_owned(),
            limit: MAX_FILE_BYTES,
            what: "bytes of GeoJSON",
        });
    }
    let bytes = std::fs::read(path).map_err(|source| RoadsError::Io {
        path: path.to_owned(),
        source,
    })?;
    let malformed = |place, reason| RoadsError::Malformed {
        path: path.to_owned(),
        place,
        reason,
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        malformed(
            Place::Byte(error.valid_up_to() as u64),
            "expected UTF-8".to_owned(),
        )
    })?;
    let collection: FeatureCollection = serde_json::from_str(text).map_err(|error| {
        malformed(
            Place::Line(error.line() as u64),
            format!("expected a GeoJSON FeatureCollection, found {error}"),
        )
    })?;
    let features = collection.features.len();
    let mut lines = Lines::default();
    for (feature, number) in collection.features.into_iter().zip(1..) {
        lines
            .take(feature)
            .map_err(|reason| malformed(Place::Feature(number), reason))?;
        if lines.points > MAX_POINTS {
            return Err(RoadsError::TooLarge {
                path: path.to_owned(),
                limit: MAX_POINTS as u64,
                what: "points on roads",
            });
        }
    }
    if lines.ways.is_empty() {
        let found = match features {
            0 => "no features".to_owned(),
            n => format!("{n} features, none with a fitting property highway"),
        };
        return Err(RoadsError::NoRoads {
            path: path.to_owned(),
            found,
        });
    }
    Ok(Roads {
        ways: lines.ways,
        losses: Losses::default(),
    })
}

#[derive(Default)]
struct Lines {
    ways: Vec<Way>,
    ids: HashSet<i64>,
    ends: BTreeMap<(u64, u64), i64>,
    points: usize,
}

impl Lines {
    fn take(&mut self, feature: Feature) -> Result<(), String> {
        let id = integer_id(&feature)?;
        let mut tags = Tags::default();
        for (key, value) in feature.properties.iter().flatten() {
            if Tags::KEYS.contains(&key.as_str()) {
                tags.set(key, &property_text(key, value)?);
            }
        }
        let line = match feature.geometry.map(|geometry| geometry.value) {
            Some(GeometryValue::LineString { coordinates }) => coordinates,
            Some(other) => return Err(format!("expected a LineString, found a {}", other.type_name())),
            None => return Err("expected a LineString, found no geometry".to_owned()),
        };
        let positions = line
            .iter()
            .zip(1..)
            .map(|(at, number)| position(at.as_slice(), number));
        let positions = positions.collect::<Result<Vec<LatLon>, String>>()?;
        if positions.len() < 2 {
            return Err(format!(
                "expected a LineString of at least 2 points, found {}",
                positions.len()
            ));
        }
        if !self.ids.insert(id) {
            return Err(format!("expected an id of its own, found {id} again"));
        }
        if let Some(mut way) = tags.into_way(id) {
            let last = positions.len() - 1;
            way.nodes = positions
                .into_iter()
                .enumerate()
                .map(|(i, position)| WayNode {
                    key: self.key(position, i == 0 || i == last),
                    position,
                })
                .collect();
            self.ways.push(way);
        }
        Ok(())
    }

    /// A key for a point: the same for ends at the same place, else a new one.
    fn key(&mut self, position: LatLon, is_end: bool) -> i64 {
        self.points += 1;
        let new = self.points as i64;
        if !is_end {
            return new;
        }
        // Adding zero makes −0 and 0 the same bits.
        let bits = |degrees: f64| (degrees + 0.0).to_bits();
        *self
            .ends
            .entry((bits(position.lat_deg), bits(position.lon_deg)))
            .or_insert(new)
    }
}

fn integer_id(feature: &Feature) -> Result<i64, String> {
    let property = feature
        .properties
        .as_ref()
        .and_then(|properties| properties.get("id"));
    let (id, shown) = match (&feature.id, property) {
        (Some(Id::Number(number)), _) => (number.as_i64(), number.to_string()),
        (Some(Id::String(text)), _) => (None, format!("{text:?}")),
        (None, Some(value)) => (value.as_i64(), value.to_string()),
        (None, None) => (None, "none".to_owned()),
    };
    id.ok_or_else(|| {
        format!(
            "expected an integer id, found {}",
            shown.chars().take(40).collect::<String>()
        )
    })
}

/// A property as OSM would write it; booleans are `yes` and `no`, null is empty.
fn property_text(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(true) => Ok("yes".to_owned()),
        Value::Bool(false) => Ok("no".to_owned()),
        Value::Null => Ok(String::new()),
        Value::Array(_) => Err(format!(
            "expected text or a number as property {key}, found a list"
        )),
        Value::Object(_) => Err(format!(
            "expected text or a number as property {key}, found an object"
        )),
    }
}

fn position(coordinates: &[f64], number: usize) -> Result<LatLon, String> {
    let [lon_deg, lat_deg, ..] = *coordinates else {
        return Err(format!(
            "point {number}: expected a longitude and a latitude, found {} numbers",
            coordinates.len()
        ));
    };
    let position = LatLon::new(lat_deg, lon_deg);
    if !position.is_valid() {
        return Err(format!("point {number}: {}", position_reason(position)));
    }
    Ok(position)
}
