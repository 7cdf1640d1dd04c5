//! WGS 84 degrees and local east/north metres.

use serde::{Deserialize, Serialize};

/// Semi-major axis of WGS 84, metres.
const WGS84_A_M: f64 = 6_378_137.0;
/// First eccentricity squared of WGS 84.
const WGS84_E2: f64 = 6.694_379_990_141_316_5e-3;

/// A point in WGS 84 degrees: latitude −90…90, longitude −180…180.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatLon {
    /// Latitude, degrees north.
    pub lat_deg: f64,
    /// Longitude, degrees east.
    pub lon_deg: f64,
}

impl LatLon {
    /// The point at `lat_deg`, `lon_deg`.
    pub const fn new(lat_deg: f64, lon_deg: f64) -> Self {
        Self { lat_deg, lon_deg }
    }

    /// Whether both coordinates are finite and in range.
    pub fn is_valid(self) -> bool {
        self.lat_deg.abs() <= 90.0 && self.lon_deg.abs() <= 180.0
    }

    /// Metres from `self` to `other`, in the plane tangent half way; within 1e-4 of the geodesic up to 20 km.
    pub fn distance_m(self, other: LatLon) -> f64 {
        let mid = LatLon::new(0.5 * (self.lat_deg + other.lat_deg), self.lon_deg);
        let frame = LocalFrame::new(mid);
        let (a, b) = (frame.to_local(self), frame.to_local(other));
        libm::hypot(b.east_m - a.east_m, b.north_m - a.north_m)
    }
}

/// A point or vector in a [`LocalFrame`], metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EastNorth {
    /// Metres east.
    pub east_m: f64,
    /// Metres north.
    pub north_m: f64,
}

impl EastNorth {
    /// The vector from `other` to `self`.
    pub fn minus(self, other: EastNorth) -> EastNorth {
        EastNorth {
            east_m: self.east_m - other.east_m,
            north_m: self.north_m - other.north_m,
        }
    }

    /// Square of the length, m².
    pub(crate) fn square_m2(self) -> f64 {
        self.east_m * self.east_m + self.north_m * self.north_m
    }

    /// Length, metres.
    pub fn length_m(self) -> f64 {
        libm::hypot(self.east_m, self.north_m)
    }

    /// Direction of the vector, degrees clockwise from north, 0…360.
    pub fn bearing_deg(self) -> f64 {
        let bearing = libm::atan2(self.east_m, self.north_m).to_degrees();
        if bearing < 0.0 { bearing + 360.0 } else { bearing }
    }
}

/// The plane tangent to WGS 84 at an origin: degrees times the radii of curvature there.
///
/// Distances within 10 km of the origin are right to about 1e-3 below 60° of latitude
/// (Torge, *Geodesy*, 3rd ed. 2001, section 4.1: radii of curvature in the meridian and the prime vertical).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalFrame {
    origin: LatLon,
    east_m_per_deg: f64,
    north_m_per_deg: f64,
}

impl LocalFrame {
    /// The frame with its zero at `origin`.
    pub fn new(origin: LatLon) -> Self {
        let (sin, cos) = libm::sincos(origin.lat_deg.to_radians());
        let w2 = 1.0 - WGS84_E2 * sin * sin;
        let w = w2.sqrt();
        Self {
            origin,
            east_m_per_deg: (WGS84_A_M / w * cos).to_radians(),
            north_m_per_deg: (WGS84_A_M * (1.0 - WGS84_E2) / (w2 * w)).to_radians(),
        }
    }

    /// `point` in metres from the origin. Longitudes are taken the short way round.
    pub fn to_local(&self, point: LatLon) -> EastNorth {
        let mut dlon = point.lon_deg - self.origin.lon_deg;
        if dlon > 180.0 {
            dlon -= 360.0;
        } else if dlon < -180.0 {
            dlon += 360.0;
        }
        EastNorth {
            east_m: dlon * self.east_m_per_deg,
            north_m: (point.lat_deg - self.origin.lat_deg) * self.north_m_per_deg,
        }
    }

    /// The point `local` metres from the origin.
    pub fn to_lat_lon(&self, local: EastNorth) -> LatLon {
        let mut lon_deg = self.origin.lon_deg + local.east_m / self.east_m_per_deg;
        if lon_deg > 180.0 {
            lon_deg -= 360.0;
        } else if lon_deg < -180.0 {
            lon_deg += 360.0;
        }
        LatLon {
            lat_deg: self.origin.lat_deg + local.north_m / self.north_m_per_deg,
            lon_deg,
        }
    }

    /// Degrees of latitude and of longitude that span `metres` at the origin.
    pub fn degrees_of(&self, metres: f64) -> (f64, f64) {
        (metres / self.north_m_per_deg, metres / self.east_m_per_deg)
    }
}

/// The angle from bearing `a_deg` to `b_deg`, degrees, −180…180.
pub fn bearing_difference_deg(a_deg: f64, b_deg: f64) -> f64 {
    let d = (b_deg - a_deg).rem_euclid(360.0);
    if d > 180.0 { d - 360.0 } else { d }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Distance, Geodesic, Point};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distance_agrees_with_the_geodesic(
            lat in -60.0..60.0_f64, lon in -180.0..180.0_f64, de in -0.05..0.05_f64, dn in -0.05..0.05_f64,
        ) {
            let (a, b) = (LatLon::new(lat, lon), LatLon::new(lat + dn, lon + de));
            let exact = Geodesic.distance(Point::new(a.lon_deg, a.lat_deg), Point::new(b.lon_deg, b.lat_deg));
            prop_assert!((a.distance_m(b) - exact).abs() <= 1e-4 * exact + 1e-6);
        }

        #[test]
        fn local_metres_survive_the_round_trip(
            lat in -80.0..80.0_f64, lon in -180.0..180.0_f64, e in -5e3..5e3_f64, n in -5e3..5e3_f64,
        ) {
            let frame = LocalFrame::new(LatLon::new(lat, lon));
            let p = EastNorth { east_m: e, north_m: n };
            let back = frame.to_local(frame.to_lat_lon(p));
            prop_assert!(back.minus(p).length_m() < 1e-6);
        }
    }

    #[test]
    fn bearings_wrap() {
        assert_eq!(bearing_difference_deg(350.0, 10.0), 20.0);
        assert_eq!(bearing_difference_deg(10.0, 350.0), -20.0);
        assert_eq!(
            EastNorth {
                east_m: -1.0,
                north_m: 0.0
            }
            .bearing_deg(),
            270.0
        );
    }
}
