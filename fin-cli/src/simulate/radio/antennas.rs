//! Where the antennas hang in a tunnel, and which cells they belong to.

use fin_core::frame::EastNorth;

use super::CellBook;
use super::masts::Masts;
use crate::simulate::random::Stream;
use crate::simulate::roads::Tube;

/// What hangs from the roof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Antennas of cells that only this tunnel has.
    Antennas,
    /// A slotted cable, fed every few hundred metres.
    LeakyCable,
    /// Antennas that repeat the strongest mast at each portal, under its own identity.
    Repeater,
}

/// An antenna, or a feed of a cable, on one carrier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Antenna {
    pub(super) line: usize,
    pub(super) line_m: f64,
    pub(super) place: EastNorth,
    pub(super) cell: usize,
    /// RSRP at 10 m (antennas) or beside the feed (cable), dBm.
    pub(super) near_dbm: f64,
    /// Where the free-space law gives way to the wave-guide law, metres; `None` for a cable.
    pub(super) breakpoint_m: Option<f64>,
    pub(super) loss_db_per_m: f64,
}

/// Decisions that hold for a whole installation.
pub(super) struct Plan {
    kind: Kind,
    /// Loss along the tube, dB per metre, by carrier.
    loss_db_per_m: [f64; 2],
    carriers: usize,
    /// How far from west to east one cell goes before the next takes over, metres.
    cell_m: f64,
    /// The antennas of a tube that shares the installation.
    pub(super) cells: Option<Vec<Antenna>>,
    random: Stream,
    station: u64,
}

impl Plan {
    pub(super) fn new(installation: usize, operator: usize, seed: u64) -> Self {
        let mut random = Stream::new(seed, "installation", installation as u64);
        let kind = match random.unit() {
            u if u < 0.55 => Kind::Antennas,
            u if u < 0.8 => Kind::LeakyCable,
            _ => Kind::Repeater,
        };
        let guide = if kind == Kind::LeakyCable {
            (0.02, 0.04)
        } else {
            (0.005, 0.03)
        };
        let low = random.uniform(guide.0, guide.1);
        Self {
            kind,
            loss_db_per_m: [low, (low * random.uniform(0.6, 1.1)).max(0.005)],
            carriers: if random.chance(0.7) { 2 } else { 1 },
            cell_m: random.uniform(500.0, 1_300.0),
            cells: None,
            random,
            station: 50_000 + 1_000 * operator as u64 + 10 * installation as u64,
        }
    }

    pub(super) fn antennas(&mut self, tube: &Tube, masts: &Masts, book: &mut CellBook) -> Vec<Antenna> {
        let mut antennas: Vec<Antenna> = Vec::new();
        for (line, path) in tube.lines.iter().enumerate() {
            let own_from_m = if line == 0 {
                0.0
            } else {
                tube.fork_m.unwrap_or(0.0)
            };
            let mut line_m = own_from_m + self.random.uniform(30.0, 150.0);
            while line_m < path.length_m() - 20.0 {
                let place = path.at(line_m).place;
                for carrier in 0..self.carriers {
                    let cell = self.cell_at(place, carrier, &antennas, masts, book);
                    let cable = self.kind == Kind::LeakyCable;
                    antennas.push(Antenna {
                        line,
                        line_m,
                        place,
                        cell,
                        near_dbm: if cable {
                            self.random.uniform(-76.0, -66.0)
                        } else {
                            self.random.uniform(-62.0, -50.0)
                        },
                        breakpoint_m: (!cable).then(|| self.random.uniform(40.0, 80.0)),
                        loss_db_per_m: self.loss_db_per_m[carrier],
                    });
                }
                line_m += self.random.uniform(200.0, 600.0);
            }
        }
        antennas
    }

    /// The cell that an antenna at `place` belongs to.
    fn cell_at(
        &mut self,
        place: EastNorth,
        carrier: usize,
        here: &[Antenna],
        masts: &Masts,
        book: &mut CellBook,
    ) -> usize {
        if self.kind == Kind::Repeater {
            return donor(place, carrier, masts, book);
        }
        // A cell goes by its stretch from west to east, so that tubes side by side share their cells.
        let stretch = |at: EastNorth| libm::floor(at.east_m / self.cell_m) as i64;
        let known = here.iter().chain(self.cells.iter().flatten());
        let same = known
            .filter(|antenna| book.cells[antenna.cell].carrier == carrier)
            .find(|antenna| stretch(antenna.place) == stretch(place));
        let sector = stretch(place).unsigned_abs();
        same.map_or_else(
            || book.new_cell(place, carrier, (self.station + sector / 9, sector % 9)),
            |antenna| antenna.cell,
        )
    }
}

/// The strongest mast's cell on `carrier` around `place`, in steps of a kilometre as one donor feeds many antennas.
fn donor(place: EastNorth, carrier: usize, masts: &Masts, book: &CellBook) -> usize {
    let feed = EastNorth {
        east_m: (place.east_m / 1_000.0).round() * 1_000.0,
        north_m: (place.north_m / 1_000.0).round() * 1_000.0,
    };
    let mut best = (f64::MIN, 0);
    masts.visit(feed, |cell, level_dbm, _| {
        if book.cells[cell].carrier == carrier && level_dbm > best.0 {
            best = (level_dbm, cell);
        }
    });
    best.1
}
