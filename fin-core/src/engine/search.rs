//! Finding the car by fingerprints alone, when the app is started inside a tunnel.

use std::collections::BTreeSet;

use super::belief::Belief;
use super::hypothesis::Hypothesis;
use super::{Engine, MOST_HYPOTHESES};
use crate::estimate::AlongTrack;
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::matcher::LevelOffset;
use crate::network::{EdgeId, EdgePosition, RoadNetwork, TunnelId};
use crate::observation::CellScan;
use crate::time::Time;

/// Time without a fix after which an engine that tracks nothing looks for the car in the tunnels, seconds.
const FIX_PATIENCE_S: f64 = 5.0;
/// Ways through tunnels that are searched at once, at most.
const MOST_STRANDS: usize = MOST_HYPOTHESES / 2;
/// Longest way through a tunnel that is searched, metres.
const MOST_LENGTH_M: f64 = 20_000.0;

/// A way through a tunnel: where it begins, and how long the longest way on from there is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Strand {
    entry: EdgeId,
    length_m: f64,
}

/// The ways through a tunnel, by their first edges.
fn strands(network: &RoadNetwork, tunnel: TunnelId) -> Vec<Strand> {
    let inside = |edge: &EdgeId| network.edge(*edge).tunnel == Some(tunnel);
    let edges = &network.tunnel(tunnel).edges;
    let is_entry = |edge: &&EdgeId| {
        let back = network.opposite(**edge);
        let mut before = network.predecessors(**edge).iter().filter(|e| Some(**e) != back);
        !before.any(inside)
    };
    let mut found = Vec::new();
    for &entry in edges.iter().filter(is_entry) {
        let mut seen = BTreeSet::new();
        let mut length_m: f64 = 0.0;
        let mut open = vec![(entry, 0.0)];
        while let Some((edge, start_m)) = open.pop() {
            if !seen.insert(edge) || start_m > MOST_LENGTH_M {
                continue;
            }
            let end_m = start_m + network.edge(edge).length_m;
            length_m = length_m.max(end_m.min(MOST_LENGTH_M));
            let back = network.opposite(edge);
            let onward = network.successors(edge).iter().filter(|e| Some(**e) != back);
            open.extend(onward.filter(|e| inside(e)).map(|&next| (next, end_m)));
        }
        found.push(Strand { entry, length_m });
    }
    found
}

/// The readings of `scan` that may be of cells which surveys heard in a tunnel.
fn heard_in(db: &FingerprintDb, tunnel: TunnelId, scan: &CellScan) -> usize {
    let serving = scan.cells.iter().find(|reading| reading.serving);
    let plmn = serving.and_then(|reading| reading.cell.plmn);
    let edges = &db.network.tunnel(tunnel).edges;
    let known = |cell| {
        let mut profiles = edges.iter().filter_map(|&edge| db.profile(edge));
        profiles.any(|profile| profile.cell(cell).is_some())
    };
    scan.cells
        .iter()
        .filter(|reading| db.cells.candidates(&reading.cell, plmn).any(known))
        .count()
}

impl Engine {
    /// Starts to look for the car in every tunnel in which surveys heard what `scan` did, when nothing is tracked and GNSS
    /// is silent.
    pub(super) fn search_everywhere(&mut self, scan: &CellScan, now: Time, wheel: bool) {
        let last_fix = self.gate.last_seen();
        let waits = last_fix.is_some_and(|fix| now.seconds_since(fix.time) < FIX_PATIENCE_S);
        if waits || !self.hypotheses.is_empty() {
            return;
        }
        let db = std::sync::Arc::clone(&self.db);
        let mut tunnels: Vec<(usize, TunnelId)> = db
            .network
            .tunnels()
            .iter()
            .map(|tunnel| (heard_in(&db, tunnel.id, scan), tunnel.id))
            .filter(|&(known, _)| known > 0)
            .collect();
        tunnels.sort_by_key(|&(known, id)| (std::cmp::Reverse(known), id));
        let strands = tunnels
            .iter()
            .flat_map(|&(_, id)| strands(&db.network, id))
            .take(MOST_STRANDS);
        let level_offset = LevelOffset::unknown(&self.options.radio);
        for strand in strands {
            let hypothesis = self.anywhere_along(strand, now, wheel, level_offset);
            self.hypotheses.extend(hypothesis);
        }
        self.best = 0;
    }

    fn anywhere_along(
        &self,
        strand: Strand,
        now: Time,
        wheel: bool,
        level_offset: LevelOffset,
    ) -> Option<Hypothesis> {
        let half_m = 0.5 * strand.length_m;
        let (speed_mps, sigma_mps) = super::belief::ANY_SPEED_MPS;
        let motion = &self.options.motion;
        let track = AlongTrack::start(now, half_m, half_m.max(1.0), speed_mps, sigma_mps, motion).ok()?;
        let at = EdgePosition {
            edge: strand.entry,
            offset_m: 0.0,
        };
        let mut hypothesis = Hypothesis::new(&self.db.network, at, track, level_offset, 0.0);
        hypothesis.fixed_at_m = None;
        hypothesis.sought_since = Some(now);
        hypothesis.belief = Some(Belief::anywhere(0.0, strand.length_m, &track, wheel));
        Some(hypothesis)
    }
}
