//! Ways: the road lines that road files yield, databases store and [`RoadNetwork`](super::RoadNetwork) is built from.

use crate::frame::LatLon;

/// One point of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WayNode {
    /// What makes two points one junction: ways meet where keys are equal (the OSM node id in OSM files).
    pub key: i64,
    /// Where the point is; the same in every way that has the key.
    pub position: LatLon,
}

/// In which directions of its geometry a way may be driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Both.
    #[default]
    Both,
    /// From its first node to its last.
    Forward,
    /// From its last node to its first.
    Backward,
}

impl Direction {
    /// Whether the way may be driven from its first node to its last.
    pub fn forward(self) -> bool {
        self != Direction::Backward
    }

    /// Whether the way may be driven from its last node to its first.
    pub fn backward(self) -> bool {
        self != Direction::Forward
    }
}

/// A line that cars may drive on, as mapped: the unit that has a stable id and attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Stable id, unique in a network (the OSM way id in OSM files).
    pub id: i64,
    /// The line, in the direction of its geometry.
    pub nodes: Vec<WayNode>,
    /// Which directions may be driven, defaults of the road class already applied.
    pub oneway: Direction,
    /// Whether the whole way is in a tunnel.
    pub tunnel: bool,
    /// Vertical order against crossing ways; 0 when not tagged.
    pub layer: i8,
    /// Name of the road.
    pub name: Option<String>,
    /// Reference number of the road, such as `A 1`.
    pub reference: Option<String>,
    /// Speed limit, m/s, when it is a number.
    pub max_speed_mps: Option<f64>,
    /// Class of the road.
    pub class: RoadClass,
}

macro_rules! road_classes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Classes of road that a car may drive on, by the value of OSM's `highway` key.
        ///
        /// Left out on purpose: ways for other traffic (`footway`, `cycleway`, `busway`, …), `track`, and roads that do not
        /// exist (`construction`, `proposed`).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RoadClass {
            $($(#[$doc])* $variant,)*
        }

        impl RoadClass {
            /// All classes, most important first.
            pub const ALL: &[RoadClass] = &[$(RoadClass::$variant),*];

            /// The value of OSM's `highway` key for the class.
            pub const fn as_str(self) -> &'static str {
                match self { $(RoadClass::$variant => $text,)* }
            }
        }
    };
}

road_classes! {
    /// `motorway`
    Motorway = "motorway",
    /// `motorway_link`
    MotorwayLink = "motorway_link",
    /// `trunk`
    Trunk = "trunk",
    /// `trunk_link`
    TrunkLink = "trunk_link",
    /// `primary`
    Primary = "primary",
    /// `primary_link`
    PrimaryLink = "primary_link",
    /// `secondary`
    Secondary = "secondary",
    /// `secondary_link`
    SecondaryLink = "secondary_link",
    /// `tertiary`
    Tertiary = "tertiary",
    /// `tertiary_link`
    TertiaryLink = "tertiary_link",
    /// `unclassified`
    Unclassified = "unclassified",
    /// `residential`
    Residential = "residential",
    /// `living_street`
    LivingStreet = "living_street",
    /// `service`
    Service = "service",
    /// `road`: class not known
    #[default]
    Road = "road",
}

impl RoadClass {
    /// The class for a value of OSM's `highway` key; `None` when a car may not drive there.
    pub fn from_highway(value: &str) -> Option<RoadClass> {
        RoadClass::ALL
            .iter()
            .copied()
            .find(|class| class.as_str() == value)
    }

    /// Whether a way of this class is one-way where nothing else is tagged: motorways and their links.
    pub fn is_oneway_by_default(self) -> bool {
        matches!(self, RoadClass::Motorway | RoadClass::MotorwayLink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_survive_the_round_trip_through_their_text() {
        for &class in RoadClass::ALL {
            assert_eq!(RoadClass::from_highway(class.as_str()), Some(class));
        }
        for other in ["footway", "construction", "", "Motorway"] {
            assert_eq!(RoadClass::from_highway(other), None);
        }
    }
}
