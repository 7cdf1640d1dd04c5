//! Scans of a drive put onto the chains.

use super::chain::{ChainPlace, Chains};
use super::field::Summary;
use super::identity::{Directory, Sightings, Tile};
use super::pass::{Place, SurveyPass};
use super::radio_model::SCAN_LAG_S;
use super::report::Refusal;
use super::scans::{Dropped, clean};
use super::shape::{SHAPE_LENGTH_M, SHAPE_SIGMA_DB};
use crate::network::{EdgePosition, RoadNetwork};
use crate::observation::CellScan;
use crate::time::Time;

/// Variance of the change of a level along a road, dB² per metre, over more than some metres: chosen by how well cars are placed with the maps.
/// With 0.85 it would be 3.8 dB rms over 22 m, as on repeated drives, but such maps place cars less well.
pub(super) const FIELD_DB2_PER_M: f64 = 1.5;
/// White part of a single reading's error, dB.
pub(super) const READING_SIGMA_DB: f64 = 1.5;
/// Variance of a lone reading at a sure place about the mean of all drives, dB².
pub(super) const LEAST_VARIANCE_DB2: f64 =
    READING_SIGMA_DB * READING_SIGMA_DB + SHAPE_SIGMA_DB * SHAPE_SIGMA_DB;
/// Scans whose place is less sure than this tell nothing of a place, metres.
pub(super) const MAX_PLACE_SIGMA_M: f64 = 60.0;
/// A reading tells of the road up to half way to the next scan, but no further than this, metres.
pub(super) const REACH_M: f64 = 70.0;
/// Closer than this, scans count as taken at one place, metres.
const MIN_SPACING_M: f64 = 0.1;
/// Distance that a lone scan stands for, metres.
const LONE_SPACING_M: f64 = 20.0;

/// One reading whose cell is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct KnownReading {
    /// Index of the cell in the directory.
    pub(super) cell: u32,
    /// Level; `None` when the phone gave none.
    pub(super) level_dbm: Option<f64>,
    /// Whether the phone was registered on it.
    pub(super) serving: bool,
}

/// The cleaned scans of a drive, before cells are told apart.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    scans: Vec<(CellScan, Option<Tile>)>,
    /// What was dropped.
    pub(super) dropped: Dropped,
}

impl Prepared {
    /// The cleaned scans of `pass` with where they were taken.
    pub(super) fn new(pass: &SurveyPass, network: &RoadNetwork) -> Self {
        let (scans, dropped) = clean(&pass.scans);
        let tile = |time| {
            let place = pass.place_at(time)?;
            Some(Tile::of(
                network.point_at(place.at.edge, place.at.offset_m).position,
            ))
        };
        let scans = scans
            .into_iter()
            .map(|scan| (tile(scan.time), scan))
            .map(|(tile, scan)| (scan, tile))
            .collect();
        Self { scans, dropped }
    }

    /// Why nothing can be made of the scans; `None` when something can.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let with_level = self
            .scans
            .iter()
            .filter(|(scan, _)| scan.cells.iter().any(|c| c.rsrp_dbm.is_some()));
        if with_level.clone().next().is_none() {
            return Some(Refusal::NoScans);
        }
        let scans = with_level.clone().count();
        with_level
            .clone()
            .all(|(_, tile)| tile.is_none())
            .then_some(Refusal::NotOnRoads { scans })
    }

    /// The names that the scans teach.
    pub(super) fn sightings(&self) -> Sightings {
        let mut sightings = Sightings::default();
        for (scan, tile) in &self.scans {
            scan.cells
                .iter()
                .for_each(|reading| sightings.add(&reading.cell, *tile));
        }
        sightings
    }

    /// The scans with their cells found in `directory`; of readings of one cell in one scan one with a level is
    /// kept, the serving one first; the others are counted into `dropped`.
    pub(super) fn known(self, directory: &Directory) -> (Vec<KnownScan>, Dropped) {
        let mut dropped = self.dropped;
        let known = self.scans.into_iter().map(|(scan, tile)| {
            let found = scan.cells.iter().filter_map(|reading| {
                let cell = directory.find(&reading.cell, tile)?;
                Some(KnownReading {
                    cell,
                    level_dbm: reading.rsrp_dbm,
                    serving: reading.serving,
                })
            });
            let mut readings: Vec<KnownReading> = found.collect();
            let before = readings.len();
            readings.sort_by_key(|r| (r.cell, r.level_dbm.is_none(), !r.serving));
            readings.dedup_by_key(|r| r.cell);
            dropped.doubled_readings += (before - readings.len()) as u32;
            KnownScan {
                time: scan.time,
                readings,
            }
        });
        (known.collect(), dropped)
    }
}

/// A scan whose cells are known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KnownScan {
    /// When, on the drive's own clock.
    pub(super) time: Time,
    /// What was heard, by cell.
    pub(super) readings: Vec<KnownReading>,
}

/// A scan on a chain.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlacedScan<'a> {
    /// Where on its own chain.
    pub(super) place: ChainPlace,
    /// Where on the network.
    pub(super) at: EdgePosition,
    /// How far back along the road the scan tells of, metres.
    pub(super) reach_back_m: f64,
    /// How far ahead along the road the scan tells of, metres.
    pub(super) reach_ahead_m: f64,
    /// Variance of a level read here about its drive's level, dB².
    pub(super) noise_db2: f64,
    /// Variance of a level read here about the mean of all drives, dB²; larger where scans are so close together that they
    /// tell the same thing.
    pub(super) variance_db2: f64,
    /// The scan.
    pub(super) scan: &'a KnownScan,
    /// What its levels stand for when they are sums over many drives.
    pub(super) summary: Option<Summary>,
}

impl PlacedScan<'_> {
    /// Of how many drives it is.
    pub(super) fn drives(&self) -> u32 {
        self.summary.map_or(1, |summary| u32::from(summary.drives))
    }

    /// How many levels the scan has.
    pub(super) fn levels(&self) -> usize {
        self.scan
            .readings
            .iter()
            .filter(|reading| reading.level_dbm.is_some())
            .count()
    }
}

/// The place that a scan of the drive tells of when its clock is `shift_s` slow, when it is sure enough.
pub(super) fn sure_place(pass: &SurveyPass, time: Time, shift_s: f64) -> Option<Place> {
    pass.place_at(time.plus_seconds(shift_s - SCAN_LAG_S))
        .filter(|place| place.sigma_m <= MAX_PLACE_SIGMA_M)
}

/// The scans of `pass` that have a place when their clock is `shift_s` slow, in time order.
pub(super) fn place_scans<'a>(
    pass: &SurveyPass,
    scans: &'a [KnownScan],
    chains: &Chains,
    shift_s: f64,
) -> Vec<PlacedScan<'a>> {
    let found = scans.iter().filter_map(|scan| {
        let place = sure_place(pass, scan.time, shift_s)?;
        Some((scan, place, chains.place(place.at)?))
    });
    let found: Vec<_> = found.collect();
    let distance_m = |from: usize, to: usize| {
        let (a, b) = (&found.get(from)?.1, &found.get(to)?.1);
        (a.stretch == b.stretch).then_some((b.route_offset_m - a.route_offset_m).max(0.0))
    };
    let placed = found.iter().enumerate().map(|(i, (scan, place, on_chain))| {
        let back_m = i.checked_sub(1).and_then(|before| distance_m(before, i));
        let ahead_m = distance_m(i, i + 1);
        let (back_m, ahead_m) = match (back_m, ahead_m) {
            (Some(back_m), Some(ahead_m)) => (back_m, ahead_m),
            (Some(one_m), None) | (None, Some(one_m)) => (one_m, one_m),
            (None, None) => (LONE_SPACING_M, LONE_SPACING_M),
        };
        PlacedScan {
            place: *on_chain,
            at: place.at,
            reach_back_m: (0.5 * back_m).min(REACH_M),
            reach_ahead_m: (0.5 * ahead_m).min(REACH_M),
            noise_db2: noise_db2(place.sigma_m),
            variance_db2: variance_db2(0.5 * (back_m + ahead_m), place.sigma_m),
            scan,
            summary: None,
        }
    });
    placed.collect()
}

/// Variance of a level about its drive's, dB²: white noise, and what the field changes over the place's error (mean of |error|).
fn noise_db2(place_sigma_m: f64) -> f64 {
    let mean_error_m = place_sigma_m * (2.0 / std::f64::consts::PI).sqrt();
    READING_SIGMA_DB * READING_SIGMA_DB + FIELD_DB2_PER_M * mean_error_m
}

/// Variance of a level about the mean of all drives, dB²: besides, the drive's own shape, shared by all readings within
/// [`SHAPE_LENGTH_M`].
fn variance_db2(spacing_m: f64, place_sigma_m: f64) -> f64 {
    let shared_by = (SHAPE_LENGTH_M / spacing_m.max(MIN_SPACING_M)).max(1.0);
    noise_db2(place_sigma_m) + SHAPE_SIGMA_DB * SHAPE_SIGMA_DB * shared_by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_readings_at_one_place_tell_little_more_than_one_drive_can() {
        let moving = 1.0 / variance_db2(30.0, 2.0);
        let standing = 100.0 / variance_db2(0.0, 2.0);
        assert!(standing < 2.0 * moving, "{standing} against {moving}");
    }
}
