//! Drives cut down to the neighbourhood of tunnels, so that a log gives away no more of a life than it has to.

use fin_core::network::{NetworkError, RoadNetwork, Way};
use fin_core::observation::{Drive, Observation};
use fin_core::time::Time;

/// How far from a tunnel a fix may be, metres: as far as databases reach.
pub const NEAR_M: f64 = 2000.0;
/// Two fixes near a tunnel belong to one visit when they are no further apart than this, seconds: the longest tunnels take
/// half an hour in a jam.
const LONGEST_INSIDE_S: f64 = 1800.0;

/// The tunnels of a road file, by themselves.
#[derive(Clone, Debug)]
pub struct Neighbourhood {
    tunnels: RoadNetwork,
}

impl Neighbourhood {
    /// The neighbourhood of the tunnels among `ways`.
    ///
    /// # Errors
    /// The ways make no network.
    pub fn new(ways: Vec<Way>) -> Result<Self, NetworkError> {
        let tunnels = ways.into_iter().filter(|way| way.tunnel).collect();
        Ok(Self {
            tunnels: RoadNetwork::build(tunnels)?,
        })
    }

    /// Whether there is no tunnel at all.
    pub fn is_empty(&self) -> bool {
        self.tunnels.edge_count() == 0
    }

    /// What of `drive` was recorded near a tunnel: from one fix within [`NEAR_M`] of one to the next, nothing before, between
    /// or after.
    pub fn crop(&self, drive: &Drive) -> Drive {
        let fixes = drive.gnss.iter();
        let near: Vec<(Time, bool)> = fixes
            .map(|fix| {
                (
                    fix.time,
                    !self.tunnels.nearest(fix.position, NEAR_M, 1).is_empty(),
                )
            })
            .collect();
        let visited = |time: Time| {
            let next = near.partition_point(|&(at, _)| at < time);
            let (before, after) = (next.checked_sub(1).and_then(|i| near.get(i)), near.get(next));
            match (before, after) {
                (_, Some(&(at, is_near))) if at == time => is_near,
                (Some(&(from, true)), Some(&(to, true))) => to.seconds_since(from) <= LONGEST_INSIDE_S,
                _ => false,
            }
        };
        let mut cropped = Drive::default();
        for observation in drive.observations() {
            if !visited(observation.time()) {
                continue;
            }
            match observation {
                Observation::Gnss(fix) => cropped.gnss.push(fix),
                Observation::Speed(sample) => cropped.speed.push(sample),
                Observation::Cells(scan) => cropped.cells.push(scan),
            }
        }
        cropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fin_core::frame::{EastNorth, LatLon, LocalFrame};
    use fin_core::network::{Direction, RoadClass, WayNode};
    use fin_core::observation::{CellScan, GnssFix};

    fn at(east_m: f64) -> LatLon {
        LocalFrame::new(LatLon::new(47.0, 8.0)).to_lat_lon(EastNorth { east_m, north_m: 0.0 })
    }

    /// A road of 20 km whose middle is a tunnel of 1 km.
    fn neighbourhood() -> Neighbourhood {
        let way = |id: i64, from_m: f64, to_m: f64| Way {
            id,
            nodes: vec![
                WayNode {
                    key: id,
                    position: at(from_m),
                },
                WayNode {
                    key: id + 1,
                    position: at(to_m),
                },
            ],
            oneway: Direction::Both,
            tunnel: id == 1,
            layer: 0,
            name: None,
            reference: None,
            max_speed_mps: None,
            class: RoadClass::Primary,
        };
        Neighbourhood::new(vec![
            way(0, 0.0, 9500.0),
            way(1, 9500.0, 10_500.0),
            way(2, 10_500.0, 20_000.0),
        ])
        .unwrap()
    }

    #[test]
    fn nothing_far_from_a_tunnel_is_left_and_the_inside_is_whole() {
        // 20 m/s; no fix inside.
        let mut drive = Drive::default();
        for s in 0..1000_u32 {
            let (time, east_m) = (Time::from_millis(1000 * i64::from(s)), 20.0 * f64::from(s));
            if !(9500.0..10_500.0).contains(&east_m) {
                let fix = GnssFix {
                    time,
                    position: at(east_m),
                    accuracy_m: None,
                    speed_mps: None,
                    bearing_deg: None,
                };
                drive.gnss.push(fix);
            }
            drive.cells.push(CellScan {
                time,
                cells: Vec::new(),
            });
        }
        let cropped = neighbourhood().crop(&drive);
        assert!(
            cropped
                .gnss
                .iter()
                .all(|fix| fix.position.distance_m(at(10_000.0)) < 2_510.0)
        );
        let seconds: Vec<i64> = cropped
            .cells
            .iter()
            .map(|scan| scan.time.as_millis() / 1000)
            .collect();
        assert_eq!((seconds[0], seconds[seconds.len() - 1]), (376, 624));
        assert_eq!(seconds.len(), 249);
        let elsewhere = Drive {
            gnss: drive.gnss[..300].to_vec(),
            cells: drive.cells[..300].to_vec(),
            ..Drive::default()
        };
        assert_eq!(neighbourhood().crop(&elsewhere), Drive::default());
        assert!(!neighbourhood().is_empty());
    }
}
