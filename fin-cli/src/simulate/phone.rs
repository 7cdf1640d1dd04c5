//! A phone on one drive: what it adds to the levels, which cell serves it, and what it reports.

use fin_core::observation::{CellReading, CellScan};
use fin_core::time::Time;

use super::fading::Fading;
use super::gnss::stamp;
use super::radio::{Cell, Coverage, carriers};
use super::random::Stream;
use super::traffic::Trajectory;

/// How often the modem measures, seconds (3GPP TS 36.133, section 8.1.2.2: 200 ms).
const MEASURE_S: f64 = 0.2;
/// Weight of a new measurement in the modem's filter (TS 36.331, section 5.5.3.2, with filterCoefficient 9).
const FILTER: f64 = 0.2;
/// By how much a neighbour has to be better before it serves, dB (event A3).
const HANDOVER_DB: f64 = 4.0;
/// Below this a serving cell is lost, dBm.
const LOST_DBM: f64 = -126.0;
/// What a phone can report (TS 36.133, section 9.1.4), dBm.
const REPORTABLE_DBM: (f64, f64) = (-140.0, -44.0);
/// A cell's own load as a share of its resource elements, for RSRQ.
const LOAD: f64 = 0.45;
/// Thermal noise and the receiver's own per resource element, dBm.
const NOISE_DBM: f64 = -124.0;

/// How often a phone's scans come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScanTiming {
    /// How often the app asks, seconds.
    pub ask_s: f64,
    /// How often the modem has something new, seconds; asked sooner, it says the same again.
    pub refresh_s: f64,
}

/// A phone on one drive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhoneQuality {
    /// Constant difference of all its levels, dB: body, holder, receiver.
    pub offset_db: f64,
    /// How much more it hears from ahead than from behind, dB: half of the difference.
    pub ahead_db: f64,
    /// Over how many measurements it averages a level before it reports it.
    pub average: usize,
    /// For how many measurements a neighbour has to be better before it serves: few in a call, many in idle mode.
    pub patience: usize,
    /// How many neighbours it reports at most.
    pub neighbours: usize,
    /// The level below which it does not report neighbours, dBm.
    pub floor_dbm: f64,
    /// Whether it measures the other carrier even when the serving one is strong.
    pub other_carriers: bool,
}

impl PhoneQuality {
    /// A phone as they come: an offset of 1.7 dB is typical, 8 dB happens.
    pub(super) fn draw(random: &mut Stream) -> Self {
        Self {
            offset_db: (1.3 * random.student3()).clamp(-8.0, 8.0),
            ahead_db: 1.5 + 0.7 * random.normal(),
            average: 1 + random.below(3),
            patience: 4 + random.below(7),
            neighbours: if random.chance(0.1) {
                0
            } else {
                2 + random.below(7)
            },
            floor_dbm: -114.0 + 3.0 * random.normal(),
            other_carriers: random.chance(0.5),
        }
    }
}

/// One cell as the phone sees it.
struct Heard<'a> {
    cell: &'a Cell,
    fading: Fading,
    recent_dbm: Vec<f64>,
    filtered_dbm: f64,
    /// How much easier this one is for the phone to find than others, dB.
    favour_db: f64,
    /// Whether it is among the cells that the modem looks at just now.
    watched: bool,
    /// How often it has been better than the serving one in a row.
    better: usize,
    served: bool,
    random: Stream,
}

/// The scans of a drive.
pub(super) fn scans(
    (coverage, cells, operator): (&Coverage, &[Cell], usize),
    trajectory: &Trajectory,
    (phone, timing): (PhoneQuality, ScanTiming),
    (start, seed): (Time, u64),
) -> Vec<CellScan> {
    let mut random = Stream::new(seed, "scans", 0);
    let length_m = trajectory.at(f64::MAX).along_m;
    let mut heard: Vec<Heard> = coverage
        .cells
        .iter()
        .map(|&index| {
            let mut random = Stream::new(seed, "heard", index as u64);
            Heard {
                cell: &cells[index],
                fading: Fading::new(length_m, seed, &mut random),
                recent_dbm: Vec::new(),
                filtered_dbm: f64::NAN,
                favour_db: 5.0 * random.normal(),
                watched: random.chance(0.65),
                better: 0,
                served: false,
                random,
            }
        })
        .collect();
    let mut passing = Passing::new(Stream::new(seed, "lorries", 0));
    let mut serving = 0;
    let (mut scans, mut next_ask_s, mut last_refresh_s): (Vec<CellScan>, f64, f64) =
        (Vec::new(), random.uniform(0.2, 0.2 + timing.ask_s), f64::MIN);
    let mut mute_until_s = f64::MIN;
    for step in 0..(trajectory.duration_s() / MEASURE_S) as usize {
        let t_s = step as f64 * MEASURE_S;
        let along_m = trajectory.at(t_s).along_m;
        let shadow_db = passing.step(t_s);
        let arrivals: Vec<f64> = (0..heard.len())
            .map(|index| coverage.at(index, along_m))
            .map(|arrival| arrival.level_dbm + phone.offset_db + phone.ahead_db * arrival.ahead)
            .collect();
        let mut strongest = [f64::MIN; 2];
        for (heard, &level_dbm) in heard.iter().zip(&arrivals) {
            let best = &mut strongest[heard.cell.carrier];
            *best = best.max(level_dbm);
        }
        for (heard, &level_dbm) in heard.iter_mut().zip(&arrivals) {
            let below_db = strongest[heard.cell.carrier] - level_dbm;
            let differs_db = heard.fading.step((along_m, t_s), below_db, &mut heard.random);
            heard.measure(level_dbm + shadow_db + differs_db, phone.average);
        }
        serving = if step == 0 {
            best(&heard, operator)
        } else {
            hand_over(&mut heard, serving, operator, phone.patience)
        };
        if t_s < next_ask_s {
            continue;
        }
        next_ask_s += timing.ask_s * random.uniform(0.96, 1.04);
        // Once in a while a phone says nothing for some seconds, as after a failed handover.
        if random.chance(1.0 / 600.0) {
            mute_until_s = t_s + random.uniform(3.0, 8.0);
        }
        if t_s < mute_until_s {
            continue;
        }
        let stuck = random.chance(0.02);
        let fresh =
            t_s - last_refresh_s >= timing.refresh_s - 0.5 * timing.ask_s.min(timing.refresh_s) && !stuck;
        match scans.last() {
            Some(last) if !fresh => scans.push(last.clone()),
            _ => {
                last_refresh_s = t_s;
                let late_s = random.uniform(0.0, 0.15) + (0.02 * random.normal()).clamp(-0.06, 0.06);
                let time = stamp(start, t_s + late_s);
                scans.push(CellScan {
                    time,
                    cells: report(&mut heard, serving, &phone, &mut random),
                });
            }
        }
    }
    scans.retain(|scan| !scan.cells.is_empty());
    scans
}

impl Heard<'_> {
    fn measure(&mut self, level_dbm: f64, average: usize) {
        if self.recent_dbm.len() >= average {
            self.recent_dbm.remove(0);
        }
        self.recent_dbm.push(level_dbm);
        let mean_dbm = self.level_dbm();
        self.filtered_dbm = if self.filtered_dbm.is_nan() {
            mean_dbm
        } else {
            self.filtered_dbm + FILTER * (mean_dbm - self.filtered_dbm)
        };
        // The modem's list of cells to look at changes every quarter of a minute or so.
        if self.random.chance(MEASURE_S / 15.0) {
            self.watched = self.random.chance(0.65);
        }
    }

    fn level_dbm(&self) -> f64 {
        self.recent_dbm.iter().sum::<f64>() / self.recent_dbm.len() as f64
    }
}

/// How good a cell is as the serving one, dB.
fn rank(heard: &Heard, operator: usize) -> f64 {
    heard.filtered_dbm + carriers(operator)[heard.cell.carrier].priority_db
}

/// The index of the cell that would serve best; 0 when there is none.
fn best(heard: &[Heard], operator: usize) -> usize {
    let ranks = heard.iter().map(|heard| rank(heard, operator)).enumerate();
    ranks
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0, |(index, _)| index)
}

/// The index of the cell that serves after this measurement, when a better one has to be so `patience` times in a row.
fn hand_over(heard: &mut [Heard], serving: usize, operator: usize, patience: usize) -> usize {
    let Some(level_db) = heard.get(serving).map(|own| rank(own, operator)) else {
        return serving;
    };
    let lost = heard[serving].filtered_dbm < LOST_DBM;
    let best = best(heard, operator);
    for other in heard.iter_mut() {
        other.better = if rank(other, operator) > level_db + HANDOVER_DB {
            other.better + 1
        } else {
            0
        };
    }
    if best == serving || !(lost || heard[best].better >= patience) {
        return serving;
    }
    heard.iter_mut().for_each(|other| other.better = 0);
    heard[serving].served = true;
    best
}

/// What the phone reports just now: the serving cell with all that is known of it, neighbours with channel and code.
fn report(
    heard: &mut [Heard],
    serving: usize,
    phone: &PhoneQuality,
    random: &mut Stream,
) -> Vec<CellReading> {
    let Some(own) = heard.get(serving) else {
        return Vec::new();
    };
    let own_dbm = own.filtered_dbm;
    let own_carrier = own.cell.carrier;
    let searches = phone.other_carriers || own_dbm < -102.0;
    let mut found: Vec<usize> = (0..heard.len())
        .filter(|&index| index != serving && heard[index].watched)
        .filter(|&index| heard[index].cell.carrier == own_carrier || searches)
        .filter(|&index| {
            heard[index].filtered_dbm + heard[index].favour_db > phone.floor_dbm.max(own_dbm - 17.0)
        })
        .collect();
    found.sort_by(|&a, &b| heard[b].filtered_dbm.total_cmp(&heard[a].filtered_dbm));
    found.truncate(phone.neighbours);
    let on_carrier = |carrier: usize| {
        let levels = heard
            .iter()
            .filter(move |other| other.cell.carrier == carrier)
            .map(Heard::level_dbm);
        libm::exp10(0.1 * NOISE_DBM) + levels.map(|level| LOAD * libm::exp10(0.1 * level)).sum::<f64>()
    };
    let totals = [on_carrier(0), on_carrier(1)];
    let mut cells = Vec::new();
    for index in std::iter::once(serving).chain(found) {
        let other = &mut heard[index];
        let level_dbm = other.level_dbm() + 0.7 * other.random.normal();
        let quality_db =
            level_dbm - 10.0 * libm::log10(12.0 * totals[other.cell.carrier]) + 0.6 * other.random.normal();
        let mut cell = other.cell.identity;
        // A phone still knows the global identity of a cell that has served it, if it cares to say so.
        if index != serving && !(other.served && random.chance(0.15)) {
            cell.plmn = None;
            cell.global = None;
        }
        cells.push(CellReading {
            cell,
            serving: index == serving,
            rsrp_dbm: Some(level_dbm.round().clamp(REPORTABLE_DBM.0, REPORTABLE_DBM.1)),
            rsrq_db: Some(quality_db.round().clamp(-20.0, -3.0)),
        });
    }
    cells
}

/// Lorries beside the car: for a second or three all levels are lower.
struct Passing {
    until_s: f64,
    depth_db: f64,
    random: Stream,
}

impl Passing {
    fn new(random: Stream) -> Self {
        Self {
            until_s: f64::MIN,
            depth_db: 0.0,
            random,
        }
    }

    fn step(&mut self, t_s: f64) -> f64 {
        if t_s > self.until_s && self.random.chance(MEASURE_S / 60.0) {
            self.until_s = t_s + self.random.uniform(1.0, 3.0);
            self.depth_db = -(1.0 + self.random.exponential(3.0)).min(15.0);
        }
        if t_s <= self.until_s { self.depth_db } else { 0.0 }
    }
}
