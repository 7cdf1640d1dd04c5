//! Radio in the tunnels: antennas, leaky cables or repeaters inside, and what leaks in and out of the portals.

use fin_core::frame::EastNorth;

use super::antennas::{Antenna, Plan};
use super::masts::Masts;
use super::{CellBook, Sums, carriers};
use crate::simulate::noise::Field;
use crate::simulate::path::OnPath;
use crate::simulate::random::Stream;
use crate::simulate::roads::{Roads, Route, Tube};

/// Standard deviation of the level inside around the smooth laws below, dB, and its correlation length, metres: the beat
/// of the modes of a tube that is wide in wavelengths.
const INSIDE: (f64, f64) = (4.3, 58.0);
/// Loss between two branches of a fork once rock is between them, dB, and over how much separation it builds up, metres.
const ROCK: (f64, f64) = (22.0, 12.0);
/// Length of the cutting before a portal, metres.
const CUTTING_M: f64 = 120.0;
/// How far from a portal the antennas inside are still heard, metres.
const LEAK_REACH_M: f64 = 1_200.0;

#[derive(Clone, Debug)]
struct TubeRadio {
    tube: Tube,
    antennas: Vec<Antenna>,
    /// One field per cell that is heard in the tube.
    fields: std::collections::BTreeMap<usize, Field>,
    /// What the walls of the cutting take away at the portal, dB.
    cutting_db: f64,
    /// How the loss from the portals inwards differs from the usual, as a factor.
    inward_factor: f64,
}

/// The radio of all tubes, by tube index.
#[derive(Clone, Debug)]
pub(super) struct Installations {
    tubes: Vec<TubeRadio>,
    inward_db_per_m: Vec<f64>,
}

impl Installations {
    pub(super) fn new(roads: &Roads, operator: usize, seed: u64, masts: &Masts, book: &mut CellBook) -> Self {
        let mut tubes: Vec<TubeRadio> = Vec::new();
        for (index, tube) in roads.tubes.iter().enumerate() {
            let siblings = tubes
                .iter()
                .find(|other| other.tube.installation == tube.installation);
            let mut plan = Plan::new(tube.installation, operator, seed);
            plan.cells = siblings.map(|other| other.antennas.clone());
            let antennas = plan.antennas(tube, masts, book);
            let mut random = Stream::new(seed, "tube", index as u64);
            let (cutting_db, inward_factor) = (random.uniform(1.0, 6.0), random.uniform(0.75, 1.3));
            tubes.push(TubeRadio {
                tube: tube.clone(),
                antennas,
                fields: std::collections::BTreeMap::new(),
                cutting_db,
                inward_factor,
            });
        }
        for (index, tube) in tubes.iter_mut().enumerate() {
            tube.fields = (0..book.cells.len())
                .map(|cell| {
                    let field_seed = Stream::new(seed, "tube field", index as u64).seed();
                    (
                        cell,
                        Field::new(INSIDE.1, &mut Stream::new(field_seed, "cell", cell as u64)),
                    )
                })
                .collect();
        }
        let carriers = carriers(operator);
        let inward_db_per_m = book
            .cells
            .iter()
            .map(|cell| carriers[cell.carrier].inward_db_per_m)
            .collect();
        Self {
            tubes,
            inward_db_per_m,
        }
    }

    /// What the cutting takes away `along_m` on `route`, dB; outside only.
    pub(super) fn cutting_db(&self, route: &Route, along_m: f64) -> f64 {
        let to_portal_m = (route.entry_m - along_m).max(along_m - route.exit_m);
        self.tubes[route.tube].cutting_db * (1.0 - to_portal_m / CUTTING_M).max(0.0)
    }

    /// Adds what the antennas in the tubes send to `at`, which is `along_m` on `route`, inside or out.
    pub(super) fn add(&self, route: &Route, along_m: f64, at: OnPath, sums: &mut Sums) {
        let inside = along_m >= route.entry_m && along_m <= route.exit_m;
        for (index, radio) in self.tubes.iter().enumerate() {
            if inside {
                if index == route.tube {
                    radio.add_inside(route, along_m, at.place, sums);
                }
                continue;
            }
            for (line, path) in radio.tube.lines.iter().enumerate() {
                // The lines of a fork share their first portal.
                let portals = [(0.0, line == 0), (path.length_m(), true)];
                for (line_m, _) in portals.into_iter().filter(|&(_, own)| own) {
                    radio.add_leak((line, line_m), at, sums);
                }
            }
        }
    }

    /// The two portals of `route` as openings for what the masts send.
    pub(super) fn doors(&self, masts: &Masts, route: &Route) -> [Door; 2] {
        let radio = &self.tubes[route.tube];
        [(route.entry_m, -1.0), (route.exit_m, 1.0)].map(|(portal_m, ahead)| {
            let portal = route.path.at(portal_m);
            let mut cells = Vec::new();
            masts.visit(portal.place, |cell, level_dbm, to_mast| {
                // A wave along the axis gets in, one from the side does not.
                let axial = to_mast.east_m * portal.heading.east_m + to_mast.north_m * portal.heading.north_m;
                cells.push((
                    cell,
                    level_dbm - radio.cutting_db,
                    6.0 + 10.0 * (1.0 - axial * axial),
                ));
            });
            Door {
                portal_m,
                ahead,
                cells,
            }
        })
    }

    /// Adds what comes through `doors` to the place `along_m` on `route`, inside.
    pub(super) fn add_from_doors(&self, doors: &[Door; 2], route: &Route, along_m: f64, sums: &mut Sums) {
        let radio = &self.tubes[route.tube];
        let place = route.path.at(along_m).place;
        for door in doors {
            let inside_m = (along_m - door.portal_m).abs();
            let depth = 1.0 - libm::exp(-inside_m / 15.0);
            for &(cell, portal_dbm, entry_db) in &door.cells {
                let inward_db = self.inward_db_per_m[cell] * radio.inward_factor * inside_m;
                let level_dbm = portal_dbm - entry_db * depth - inward_db;
                if level_dbm > -135.0 {
                    let field_db = INSIDE.0 * radio.fields[&cell].at(place);
                    sums.add(cell, level_dbm + depth * field_db, door.ahead);
                }
            }
        }
    }
}

/// A portal as an opening for what the masts send.
#[derive(Clone, Debug)]
pub(super) struct Door {
    portal_m: f64,
    /// Whether it is ahead (1) or behind (−1) of a car in the tunnel.
    ahead: f64,
    /// Cell, its level in the portal in dBm, and what it loses on the first metres in, dB.
    cells: Vec<(usize, f64, f64)>,
}

impl TubeRadio {
    fn add_inside(&self, route: &Route, along_m: f64, place: EastNorth, sums: &mut Sums) {
        let line_m = route.line_m(along_m);
        let forward = if route.against_line { -1.0 } else { 1.0 };
        for antenna in &self.antennas {
            let level_dbm = self.antenna_dbm(antenna, route.line, line_m, place);
            if level_dbm > -135.0 {
                let ahead = libm::tanh((antenna.line_m - line_m) / 15.0) * forward;
                sums.add(
                    antenna.cell,
                    level_dbm + INSIDE.0 * self.fields[&antenna.cell].at(place),
                    ahead,
                );
            }
        }
    }

    /// What comes out of the portal at `line_m` of `line`, for a place outside.
    fn add_leak(&self, (line, line_m): (usize, f64), at: OnPath, sums: &mut Sums) {
        let portal = self.tube.lines[line].at(line_m).place;
        let d = portal.minus(at.place);
        let distance_m = d.length_m();
        if distance_m > LEAK_REACH_M {
            return;
        }
        let ahead = (d.east_m * at.heading.east_m + d.north_m * at.heading.north_m) / distance_m.max(1.0);
        let leak_db = 25.0 * libm::log10(1.0 + distance_m / 12.0);
        for antenna in &self.antennas {
            let level_dbm = self.antenna_dbm(antenna, line, line_m, portal) - leak_db;
            if level_dbm > -135.0 {
                sums.add(
                    antenna.cell,
                    level_dbm + INSIDE.0 * self.fields[&antenna.cell].at(at.place),
                    ahead,
                );
            }
        }
    }

    /// The smooth level of `antenna` at `line_m` of `line`.
    fn antenna_dbm(&self, antenna: &Antenna, line: usize, line_m: f64, place: EastNorth) -> f64 {
        let fork_m = self.tube.fork_m.unwrap_or(f64::MAX);
        let shared_m = line_m.min(antenna.line_m);
        let (distance_m, rock_db) = if line == antenna.line || shared_m <= fork_m {
            ((line_m - antenna.line_m).abs(), 0.0)
        } else {
            let apart_m = self.tube.lines[0]
                .at(shared_m)
                .place
                .minus(self.tube.lines[1].at(shared_m).place);
            let rock_db = ROCK.0 * (1.0 - libm::exp(-apart_m.length_m() / ROCK.1));
            (place.minus(antenna.place).length_m(), rock_db)
        };
        let smooth_dbm = match antenna.breakpoint_m {
            None => antenna.near_dbm - antenna.loss_db_per_m * distance_m,
            Some(breakpoint_m) => {
                let near_m = distance_m.clamp(8.0, breakpoint_m);
                let far_m = (distance_m - breakpoint_m).max(0.0);
                antenna.near_dbm - 20.0 * libm::log10(near_m / 10.0) - antenna.loss_db_per_m * far_m
            }
        };
        smooth_dbm - rock_db
    }
}
