//! What the tags of a way say about driving on it.

use fin_core::network::{Direction, RoadClass, Way, WayNode};

/// The tags that matter, as they stand in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Tags {
    highway: Option<String>,
    oneway: Option<String>,
    junction: Option<String>,
    tunnel: Option<String>,
    layer: Option<String>,
    name: Option<String>,
    reference: Option<String>,
    maxspeed: Option<String>,
}

impl Tags {
    /// The keys that [`set`](Self::set) takes notice of.
    pub(super) const KEYS: [&str; 8] = [
        "highway", "oneway", "junction", "tunnel", "layer", "name", "ref", "maxspeed",
    ];

    /// Takes down one tag; keys that do not matter and empty values are passed over.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        let field = match key {
            "highway" => &mut self.highway,
            "oneway" => &mut self.oneway,
            "junction" => &mut self.junction,
            "tunnel" => &mut self.tunnel,
            "layer" => &mut self.layer,
            "name" => &mut self.name,
            "ref" => &mut self.reference,
            "maxspeed" => &mut self.maxspeed,
            _ => return,
        };
        *field = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
    }

    /// The way with these tags and no points yet; `None` when it is no road for cars.
    pub(super) fn into_way(self, id: i64) -> Option<Way> {
        let class = RoadClass::from_highway(self.highway.as_deref()?)?;
        Some(Way {
            id,
            nodes: Vec::<WayNode>::new(),
            oneway: direction(class, self.oneway.as_deref(), self.junction.as_deref()),
            tunnel: self.tunnel.as_deref() == Some("yes"),
            layer: self.layer.and_then(|layer| layer.parse().ok()).unwrap_or(0),
            name: self.name,
            reference: self.reference,
            max_speed_mps: self.maxspeed.as_deref().and_then(speed_mps),
            class,
        })
    }
}

/// The directions that may be driven. Without a value that is understood, motorways, their links, roundabouts and circular
/// junctions are one-way in the direction of their geometry (OSM wiki, *Key:oneway*, implied values).
fn direction(class: RoadClass, oneway: Option<&str>, junction: Option<&str>) -> Direction {
    match oneway {
        Some("yes" | "true" | "1") => Direction::Forward,
        Some("-1" | "reverse") => Direction::Backward,
        // Reversible and alternating roads are driven in both directions, if not at the same time.
        Some("no" | "false" | "0" | "reversible" | "alternating") => Direction::Both,
        _ if class.is_oneway_by_default() => Direction::Forward,
        _ if matches!(junction, Some("roundabout" | "circular")) => Direction::Forward,
        _ => Direction::Both,
    }
}

/// A speed limit in m/s: a number of km/h, or of mph when it says so; `None` for everything else (`none`, `walk`, `FR:urban`).
fn speed_mps(text: &str) -> Option<f64> {
    let (number, mps_per_unit) = match text.strip_suffix("mph") {
        Some(number) => (number, 0.447_04),
        None => (text.strip_suffix("km/h").unwrap_or(text), 1.0 / 3.6),
    };
    let value: f64 = number.trim().parse().ok()?;
    (value.is_finite() && value > 0.0).then_some(value * mps_per_unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(tags: &[(&str, &str)]) -> Option<Way> {
        let mut all = Tags::default();
        for (key, value) in tags {
            all.set(key, value);
        }
        all.into_way(1)
    }

    #[test]
    fn only_roads_for_cars() {
        assert!(way(&[("highway", "service")]).is_some());
        assert!(way(&[("highway", "footway"), ("tunnel", "yes")]).is_none());
        assert!(way(&[("railway", "rail"), ("tunnel", "yes")]).is_none());
    }

    #[test]
    fn one_way_rules() {
        use Direction::{Backward, Both, Forward};
        for (tags, expected) in [
            (&[("highway", "primary")][..], Both),
            (&[("highway", "primary"), ("oneway", "yes")], Forward),
            (&[("highway", "primary"), ("oneway", "-1")], Backward),
            (&[("highway", "motorway")], Forward),
            (&[("highway", "motorway_link")], Forward),
            (&[("highway", "motorway"), ("oneway", "-1")], Backward),
            (&[("highway", "motorway_link"), ("oneway", "no")], Both),
            (&[("highway", "trunk")], Both),
            (&[("highway", "primary"), ("junction", "roundabout")], Forward),
            (&[("highway", "primary"), ("junction", "circular")], Forward),
            (
                &[
                    ("highway", "primary"),
                    ("junction", "roundabout"),
                    ("oneway", "no"),
                ],
                Both,
            ),
            (&[("highway", "primary"), ("junction", "filter")], Both),
            (&[("highway", "primary"), ("oneway", "reversible")], Both),
            (&[("highway", "motorway"), ("oneway", "perhaps")], Forward),
        ] {
            assert_eq!(way(tags).unwrap().oneway, expected, "{tags:?}");
        }
    }

    #[test]
    fn tunnels_and_layers() {
        let tagged =
            |tunnel, layer| way(&[("highway", "road"), ("tunnel", tunnel), ("layer", layer)]).unwrap();
        assert!(tagged("yes", "-2").tunnel);
        assert!(!tagged("building_passage", "0").tunnel);
        assert!(!tagged("no", "0").tunnel);
        assert_eq!(tagged("yes", "-2").layer, -2);
        assert_eq!(tagged("yes", "-1;0").layer, 0);
        assert_eq!(tagged("yes", "300").layer, 0);
    }

    #[test]
    fn speed_limits() {
        assert_eq!(speed_mps("90"), Some(25.0));
        assert_eq!(speed_mps("90 km/h"), Some(25.0));
        assert_eq!(speed_mps("50 mph"), Some(50.0 * 0.447_04));
        for text in ["none", "walk", "FR:urban", "50;70", "-50", "NaN", "inf", ""] {
            assert_eq!(speed_mps(text), None, "{text}");
        }
    }
}
