//! What comes out.

use fin_core::engine;
use fin_core::engine::{Diagnostics, Mode};
use fin_core::network::RoadNetwork;

/// What an estimate rests on.
#[uniffi::remote(Enum)]
pub enum Mode {
    Gnss,
    Tunnel,
    DeadReckoning,
    Reacquiring,
}

/// Counts of what came in and what became of it.
#[uniffi::remote(Record)]
pub struct Diagnostics {
    pub fixes_taken: u64,
    pub fixes_inaccurate: u64,
    pub fixes_stale: u64,
    pub fixes_inside: u64,
    pub fixes_outlying: u64,
    pub fixes_awaiting: u64,
    pub starts: u64,
    pub speeds_taken: u64,
    pub scans_taken: u64,
    pub scans_repeated: u64,
    pub scans_unknown: u64,
    pub observations_refused: u64,
    pub silences: u64,
    pub clocks_set_back: u64,
}

/// How what was heard in one tunnel fits its surveys.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct TunnelFit {
    /// The tunnel's name.
    pub tunnel: String,
    /// The id of its first way.
    pub way_id: i64,
    /// Readings held against the surveys, from scans at least 20 m apart.
    pub readings: u64,
    /// Of them, those of cells that none of three or more passes heard there.
    pub unheard: u64,
    /// Those whose level is far from the expected one.
    pub off_level: u64,
    /// Those of the serving cell where no survey was registered on it.
    pub misplaced: u64,
    /// How stale the surveys are, 0 to 1: the share of what is heard that they no longer describe.
    pub staleness: f64,
}

impl From<&engine::TunnelFit> for TunnelFit {
    fn from(tunnel_fit: &engine::TunnelFit) -> Self {
        let engine::TunnelFit { tunnel, way_id, fit } = tunnel_fit;
        Self {
            tunnel: tunnel.clone(),
            way_id: *way_id,
            readings: fit.readings,
            unheard: fit.unheard,
            off_level: fit.off_level,
            misplaced: fit.misplaced,
            staleness: fit.staleness(),
        }
    }
}

/// Where the car is.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Estimate {
    /// When: nanoseconds on the clock of the observations.
    pub time_ns: i64,
    /// Latitude, WGS 84 degrees.
    pub lat_deg: f64,
    /// Longitude, WGS 84 degrees.
    pub lon_deg: f64,
    /// Half-width of the 68 % interval along the road, metres.
    pub accuracy_m: f64,
    /// Half-width of the 95 % interval along the road, metres.
    pub accuracy95_m: f64,
    /// Speed, m/s; none while nothing has told it.
    pub speed_mps: Option<f64>,
    /// Direction of travel, degrees clockwise from north; none while nothing has told it.
    pub bearing_deg: Option<f64>,
    /// Id of the way in the road file; none off the roads of the database.
    pub way_id: Option<i64>,
    /// Distance along the way from its start, in the direction of its geometry, metres; none off the roads.
    pub offset_m: Option<f64>,
    /// Name of the tunnel; none in the open.
    pub tunnel: Option<String>,
    /// What the estimate rests on.
    pub mode: Mode,
    /// Probability that the car is on this road and not on another branch, 0 to 1.
    pub branch_probability: f64,
}

impl Estimate {
    /// The record of `estimate`, with the tunnel's name from `network`.
    pub(crate) fn of(estimate: &engine::Estimate, network: &RoadNetwork) -> Self {
        let road = estimate.road;
        let tunnel = road.and_then(|road| road.tunnel);
        Self {
            time_ns: estimate.time.as_nanos(),
            lat_deg: estimate.position.lat_deg,
            lon_deg: estimate.position.lon_deg,
            accuracy_m: estimate.accuracy_m,
            accuracy95_m: estimate.accuracy95_m,
            speed_mps: estimate.speed_mps,
            bearing_deg: estimate.bearing_deg,
            way_id: road.map(|road| road.way_id),
            offset_m: road.map(|road| road.offset_m),
            tunnel: tunnel.map(|id| network.tunnel(id).name.clone()),
            mode: estimate.mode,
            branch_probability: estimate.branch_probability,
        }
    }
}
