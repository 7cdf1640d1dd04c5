//! The radio world: masts outside, installations in the tunnels, and what arrives where.

mod antennas;
mod coverage;
mod masts;
mod tunnels;

use fin_core::radio::{CellId, Channel, GlobalId, Plmn, Rat};

pub(super) use coverage::Coverage;

use super::path::OnPath;
use super::random::Stream;
use super::roads::{Roads, Route};
use masts::Masts;
use tunnels::{Door, Installations};

/// Country code of the made-up operators: the one that is set aside for networks of no country (ITU-T E.212).
const MCC: u16 = 999;
/// Cells closer than this on one channel have different codes, metres.
const CODE_REUSE_M: f64 = 4_000.0;
/// Physical cell identities of LTE (3GPP TS 36.211, section 6.11).
pub(super) const CODES: usize = 504;

/// A radio channel and how it travels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    /// LTE channel number (EARFCN).
    pub(super) arfcn: u32,
    /// RSRP 1 km in front of a mast, dBm.
    pub(super) at_1km_dbm: f64,
    /// Loss of light from a portal inwards, dB per metre: longer waves die faster in a tube.
    pub(super) inward_db_per_m: f64,
    /// How much an operator prefers it for the serving cell, dB.
    pub(super) priority_db: f64,
}

/// The channels of each operator: one near 800 MHz and one near 1800 MHz.
pub(super) fn carriers(operator: usize) -> [Carrier; 2] {
    let shift = 50 * operator as u32;
    [
        Carrier {
            arfcn: 6_200 + shift,
            at_1km_dbm: -79.0,
            inward_db_per_m: 0.09,
            priority_db: 0.0,
        },
        Carrier {
            arfcn: 1_300 + shift,
            at_1km_dbm: -86.0,
            inward_db_per_m: 0.06,
            priority_db: 4.0,
        },
    ]
}

/// A cell: who it is and on which of its operator's carriers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// Full identity.
    pub(super) identity: CellId,
    /// Index into [`carriers`].
    pub(super) carrier: usize,
}

/// One operator's network.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) cells: Vec<Cell>,
    masts: Masts,
    installations: Installations,
}

impl Network {
    /// The network of operator `operator` over `roads`.
    pub(super) fn new(roads: &Roads, operator: usize, seed: u64) -> Self {
        let seed = Stream::new(seed, "network", operator as u64).seed();
        let mut book = CellBook::new(operator, seed);
        let masts = Masts::new(roads, operator, seed, &mut book);
        let installations = Installations::new(roads, operator, seed, &masts, &mut book);
        Self {
            cells: book.cells,
            masts,
            installations,
        }
    }

    /// The portals of `route` as openings for what the masts send.
    fn doors(&self, route: &Route) -> [Door; 2] {
        self.installations.doors(&self.masts, route)
    }

    /// The power-sum of what arrives from every cell that matters at `at`, `along_m` on `route`.
    fn arrivals(&self, doors: &[Door; 2], route: &Route, along_m: f64, at: OnPath) -> Vec<(usize, Arrival)> {
        let mut sums = Sums::default();
        self.installations.add(route, along_m, at, &mut sums);
        if along_m < route.entry_m || along_m > route.exit_m {
            let cutting_db = self.installations.cutting_db(route, along_m);
            self.masts.add(at, cutting_db, &mut sums);
        } else {
            self.installations
                .add_from_doors(doors, route, along_m, &mut sums);
        }
        sums.finish()
    }
}

/// What arrives from one cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// RSRP, dBm.
    pub(super) level_dbm: f64,
    /// Cosine of the angle between the drive's heading and the way to the source: 1 ahead, −1 behind.
    pub(super) ahead: f64,
}

/// Power of each cell at one place, summed over its antennas.
#[derive(Clone, Debug, Default)]
struct Sums(std::collections::BTreeMap<usize, (f64, f64)>);

impl Sums {
    fn add(&mut self, cell: usize, level_dbm: f64, ahead: f64) {
        let power = libm::exp10(0.1 * level_dbm);
        let sum = self.0.entry(cell).or_default();
        sum.0 += power;
        sum.1 += power * ahead;
    }

    fn finish(self) -> Vec<(usize, Arrival)> {
        self.0
            .into_iter()
            .map(|(cell, (power, ahead))| {
                (
                    cell,
                    Arrival {
                        level_dbm: 10.0 * libm::log10(power),
                        ahead: ahead / power,
                    },
                )
            })
            .collect()
    }
}

/// Gives out identities.
#[derive(Debug)]
struct CellBook {
    operator: usize,
    cells: Vec<Cell>,
    places: Vec<fin_core::frame::EastNorth>,
    random: Stream,
}

impl CellBook {
    fn new(operator: usize, seed: u64) -> Self {
        Self {
            operator,
            cells: Vec::new(),
            places: Vec::new(),
            random: Stream::new(seed, "identities", 0),
        }
    }

    /// A new cell at `place`: sector `sector` of station `station`. Its code is free within [`CODE_REUSE_M`].
    fn new_cell(
        &mut self,
        place: fin_core::frame::EastNorth,
        carrier: usize,
        (station, sector): (u64, u64),
    ) -> usize {
        let arfcn = carriers(self.operator)[carrier].arfcn;
        let taken: Vec<u16> = std::iter::zip(&self.cells, &self.places)
            .filter(|(_, other)| other.minus(place).length_m() < CODE_REUSE_M)
            .filter_map(|(cell, _)| cell.identity.channel)
            .filter(|channel| channel.arfcn == arfcn)
            .map(|channel| channel.pci)
            .collect();
        let pci = loop {
            let pci = self.random.below(CODES) as u16;
            if !taken.contains(&pci) || taken.len() >= CODES {
                break pci;
            }
        };
        self.places.push(place);
        self.cells.push(Cell {
            identity: CellId {
                rat: Rat::Lte,
                plmn: Some(Plmn {
                    mcc: MCC,
                    mnc: self.operator as u16 + 1,
                }),
                global: Some(GlobalId {
                    tac: Some(4_001 + 100 * self.operator as u32),
                    cell_id: (((self.operator as u64 + 1) * 100_000 + station) << 8)
                        | (10 * carrier as u64 + sector),
                }),
                channel: Some(Channel { arfcn, pci }),
            },
            carrier,
        });
        self.cells.len() - 1
    }
}
