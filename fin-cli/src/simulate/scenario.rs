//! Which tunnels a town has.

use std::str::FromStr;

use super::SimulateError;

/// Which tunnels a town has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// One plain tube with two-way traffic, 2 km unless told otherwise.
    Tube,
    /// One long tube with two-way traffic, 6 km unless told otherwise.
    Long,
    /// A one-way tunnel of 2 km that a ramp leaves at 4° after 600 m; the ramp has a portal of its own.
    Fork,
    /// Three one-way tubes side by side, 22 and 25 m apart: one each way and a second one eastwards, 1.6 km.
    Bores,
    /// All of these in one town.
    City,
}

impl Scenario {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Tube => "tube2km",
            Scenario::Long => "long",
            Scenario::Fork => "fork",
            Scenario::Bores => "bores",
            Scenario::City => "city",
        }
    }

    /// All of them.
    pub const ALL: [Scenario; 5] = [
        Scenario::Tube,
        Scenario::Long,
        Scenario::Fork,
        Scenario::Bores,
        Scenario::City,
    ];
}

impl FromStr for Scenario {
    type Err = SimulateError;

    fn from_str(name: &str) -> Result<Self, SimulateError> {
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.name() == name)
            .ok_or_else(|| SimulateError::Scenario {
                name: name.to_owned(),
            })
    }
}
