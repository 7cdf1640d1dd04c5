//! Masts outside: path loss, sector antennas, and shadowing that neighbouring places share.

use fin_core::frame::{EastNorth, bearing_difference_deg};

use super::{Carrier, CellBook, Sums, carriers};
use crate::simulate::noise::Field;
use crate::simulate::path::OnPath;
use crate::simulate::random::Stream;
use crate::simulate::roads::Roads;

/// How far beyond the roads masts still matter, metres.
const MARGIN_M: f64 = 1_500.0;
/// Levels below this do not count, dBm: 10 dB under what a phone can decode.
const LEAST_DBM: f64 = -132.0;
/// Standard deviation of the shadowing, dB, and the length over which it is correlated, metres. Together they make the
/// level change by 0.33 dB² per metre.
const SHADOW: (f64, f64) = (6.0, 110.0);
/// Shares of the shadowing's variance that belong to the place, to the mast and to the cell: two masts shadow half alike
/// (3GPP TR 36.814, section A.2.1.1.5).
const SHADOW_SHARES: [f64; 3] = [0.4, 0.35, 0.25];
/// Half-power width of a sector antenna, degrees, and its front-to-back ratio, dB (TR 36.814, table A.2.1.1-2).
const SECTOR: (f64, f64) = (65.0, 23.0);

#[derive(Clone, Debug)]
struct Sector {
    cell: usize,
    carrier: Carrier,
    bearing_deg: f64,
    shadow: Field,
}

#[derive(Clone, Debug)]
struct Mast {
    place: EastNorth,
    exponent: f64,
    shadow: Field,
    sectors: Vec<Sector>,
}

/// All masts of one operator.
#[derive(Clone, Debug)]
pub(super) struct Masts {
    masts: Vec<Mast>,
    shadow: Field,
}

impl Masts {
    /// Masts over the area of all routes, on a shaken hexagonal grid.
    pub(super) fn new(roads: &Roads, operator: usize, seed: u64, book: &mut CellBook) -> Self {
        let mut random = Stream::new(seed, "masts", 0);
        let points = || roads.routes.iter().flat_map(|route| route.path.points());
        let range = |of: fn(&EastNorth) -> f64| {
            let low = points().map(of).fold(f64::MAX, f64::min) - MARGIN_M;
            (low, points().map(of).fold(f64::MIN, f64::max) + MARGIN_M)
        };
        let ((west, east), (south, north)) = (range(|p| p.east_m), range(|p| p.north_m));
        let spacing_m = random.uniform(1_300.0, 1_800.0);
        let (columns, rows) = (
            ((east - west) / spacing_m) as usize,
            ((north - south) / (0.87 * spacing_m)) as usize,
        );
        let mut masts = Vec::new();
        for row in 0..=rows {
            for column in 0..=columns {
                let place = EastNorth {
                    east_m: west
                        + spacing_m * (column as f64 + 0.5 * (row % 2) as f64 + random.uniform(-0.25, 0.25)),
                    north_m: south + spacing_m * (0.87 * row as f64 + random.uniform(-0.25, 0.25)),
                };
                let turn_deg = random.uniform(0.0, 120.0);
                let station = masts.len() as u64;
                let mut sectors = Vec::new();
                for sector in 0..3_u64 {
                    for (index, carrier) in carriers(operator).into_iter().enumerate() {
                        sectors.push(Sector {
                            cell: book.new_cell(place, index, (station, sector)),
                            carrier,
                            bearing_deg: turn_deg + 120.0 * sector as f64,
                            shadow: Field::new(SHADOW.1, &mut random),
                        });
                    }
                }
                let exponent = random.uniform(3.1, 3.7);
                masts.push(Mast {
                    place,
                    exponent,
                    shadow: Field::new(SHADOW.1, &mut random),
                    sectors,
                });
            }
        }
        Self {
            masts,
            shadow: Field::new(SHADOW.1, &mut random),
        }
    }

    /// Adds all cells that reach `at`, `cutting_db` weaker by the walls of the road there.
    pub(super) fn add(&self, at: OnPath, cutting_db: f64, sums: &mut Sums) {
        self.visit(at.place, |cell, level_dbm, to_mast| {
            let ahead = to_mast.east_m * at.heading.east_m + to_mast.north_m * at.heading.north_m;
            sums.add(cell, level_dbm - cutting_db, ahead);
        });
    }

    /// Calls `visit` with each cell that reaches `place`, its level in dBm and the unit vector towards its mast.
    pub(super) fn visit(&self, place: EastNorth, mut visit: impl FnMut(usize, f64, EastNorth)) {
        let amplitude = SHADOW_SHARES.map(|share| SHADOW.0 * share.sqrt());
        let common_db = amplitude[0] * self.shadow.at(place);
        for mast in &self.masts {
            let d = mast.place.minus(place);
            let distance_m = d.length_m().max(40.0);
            let loss_db = 10.0 * mast.exponent * libm::log10(distance_m / 1_000.0);
            let bearing_deg = place.minus(mast.place).bearing_deg();
            let level = |sector: &Sector| {
                let off = bearing_difference_deg(sector.bearing_deg, bearing_deg) / SECTOR.0;
                sector.carrier.at_1km_dbm - loss_db - (12.0 * off * off).min(SECTOR.1)
            };
            if mast.sectors.iter().all(|sector| level(sector) < LEAST_DBM) {
                continue;
            }
            let mast_db = common_db + amplitude[1] * mast.shadow.at(place);
            let to_mast = EastNorth {
                east_m: d.east_m / distance_m,
                north_m: d.north_m / distance_m,
            };
            for sector in mast.sectors.iter().filter(|sector| level(sector) >= LEAST_DBM) {
                visit(
                    sector.cell,
                    level(sector) + mast_db + amplitude[2] * sector.shadow.at(place),
                    to_mast,
                );
            }
        }
    }
}
