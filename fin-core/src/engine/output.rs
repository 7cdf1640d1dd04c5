//! What the engine answers.

use crate::frame::LatLon;
use crate::network::TunnelId;
use crate::time::Time;

/// What an estimate rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Outside, GNSS matched to the road.
    Gnss,
    /// GNSS is away and fingerprints are in use.
    Tunnel,
    /// GNSS is away and no fingerprint supports the estimate right now.
    DeadReckoning,
    /// Past the exit portal, GNSS not yet trusted.
    Reacquiring,
}

impl Mode {
    /// The word for the mode in tables: `gnss`, `tunnel`, `dead_reckoning`, `reacquiring`.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Gnss => "gnss",
            Mode::Tunnel => "tunnel",
            Mode::DeadReckoning => "dead_reckoning",
            Mode::Reacquiring => "reacquiring",
        }
    }
}

/// Where the car is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// When.
    pub time: Time,
    /// Where, on the road when there is one.
    pub position: LatLon,
    /// Half-width of the 68 % interval along the road, metres.
    pub accuracy_m: f64,
    /// Half-width of the 95 % interval along the road, metres.
    pub accuracy95_m: f64,
    /// Speed, m/s; `None` while nothing has told it.
    pub speed_mps: Option<f64>,
    /// Direction of travel, degrees clockwise from north; `None` while nothing has told it.
    pub bearing_deg: Option<f64>,
    /// The road and where on it; `None` off the roads of the database.
    pub road: Option<RoadPosition>,
    /// What the estimate rests on.
    pub mode: Mode,
    /// Probability that the car is on this road and not on another branch, 0…1.
    pub branch_probability: f64,
}

/// A place on a way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoadPosition {
    /// The directed edge.
    pub edge: crate::network::EdgeId,
    /// Distance along the edge, metres.
    pub edge_offset_m: f64,
    /// The way's id in the road file.
    pub way_id: i64,
    /// Distance along the way from its start, in the direction of its geometry, metres.
    pub offset_m: f64,
    /// The tunnel; `None` in the open.
    pub tunnel: Option<TunnelId>,
}
