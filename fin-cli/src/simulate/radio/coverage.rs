//! The levels along a route, worked out once and then looked up.

use super::{Arrival, Network};
use crate::simulate::roads::Route;

/// Distance between the places where levels are worked out, metres.
const STEP_M: f64 = 4.0;
/// A cell that is nowhere on the route above this cannot be decoded there, dBm.
const DECODABLE_DBM: f64 = -124.0;
/// What stands for "not heard at all", dBm.
const SILENCE_DBM: f64 = -160.0;

/// The levels of all cells of one operator along one route, as they are on every day alike.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Coverage {
    /// Indices into the network's cells, ascending.
    pub(in crate::simulate) cells: Vec<usize>,
    /// By cell and step.
    arrivals: Vec<Vec<Arrival>>,
}

impl Coverage {
    /// The coverage of `network` along `route`.
    pub(in crate::simulate) fn new(network: &Network, route: &Route) -> Self {
        let steps = libm::ceil(route.path.length_m() / STEP_M) as usize + 1;
        let silent = Arrival {
            level_dbm: SILENCE_DBM,
            ahead: 0.0,
        };
        let doors = network.doors(route);
        let mut by_cell = vec![Vec::new(); network.cells.len()];
        for step in 0..steps {
            let along_m = (step as f64 * STEP_M).min(route.path.length_m());
            for (cell, arrival) in network.arrivals(&doors, route, along_m, route.path.at(along_m)) {
                let row: &mut Vec<Arrival> = &mut by_cell[cell];
                row.resize(step, silent);
                row.push(arrival);
            }
        }
        let heard = |row: &Vec<Arrival>| row.iter().any(|arrival| arrival.level_dbm > DECODABLE_DBM);
        let (cells, mut arrivals): (Vec<usize>, Vec<Vec<Arrival>>) = by_cell
            .into_iter()
            .enumerate()
            .filter(|(_, row)| heard(row))
            .unzip();
        for row in &mut arrivals {
            row.resize(steps, silent);
        }
        Self { cells, arrivals }
    }

    /// The same without the cells that are not `on`.
    pub(in crate::simulate) fn with_only(&self, on: impl Fn(usize) -> bool) -> Self {
        let kept = std::iter::zip(&self.cells, &self.arrivals).filter(|(cell, _)| on(**cell));
        let (cells, arrivals) = kept.map(|(&cell, row)| (cell, row.clone())).unzip();
        Self { cells, arrivals }
    }

    /// Takes `by_db` off the levels of the cells that are `weaker`.
    pub(in crate::simulate) fn weaken(&mut self, by_db: f64, weaker: impl Fn(usize) -> bool) {
        for (_, row) in std::iter::zip(&self.cells, &mut self.arrivals).filter(|(cell, _)| weaker(**cell)) {
            row.iter_mut().for_each(|arrival| arrival.level_dbm -= by_db);
        }
    }

    /// What arrives from the cell at position `index` of [`Coverage::cells`], `along_m` on the route.
    pub(in crate::simulate) fn at(&self, index: usize, along_m: f64) -> Arrival {
        let row = &self.arrivals[index];
        let x = (along_m / STEP_M).clamp(0.0, (row.len() - 1) as f64);
        let i = (x as usize).min(row.len() - 2);
        let (a, b, f) = (row[i], row[i + 1], x - i as f64);
        Arrival {
            level_dbm: a.level_dbm + f * (b.level_dbm - a.level_dbm),
            ahead: a.ahead + f * (b.ahead - a.ahead),
        }
    }
}
