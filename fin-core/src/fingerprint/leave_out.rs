//! What few drives alone have told of is left out, so that no single drive can be seen in a database.

use super::cells::{CellIx, CellTable};
use super::evidence::{EdgeEvidence, Evidence, POINTS_PER_BIN};
use super::profile::{CellProfile, EdgeProfile, FingerprintDb, Provenance};
use crate::network::EdgeId;

impl FingerprintDb {
    /// The database of what at least `min_passes` drives have told of: edges that so many drives scanned somewhere, and of
    /// each cell on them the stretch from the first to the last grid point near which so many heard it. Cells of which
    /// nothing is left are left out, names and all; so are the statistics of what is left out.
    #[must_use]
    pub fn without_rare(&self, min_passes: u16) -> Self {
        let mut evidence = Evidence::default();
        let mut profiles: Vec<Option<EdgeProfile>> = vec![None; self.profiles.len()];
        for (edge, profile) in (0..).map(EdgeId).zip(&self.profiles) {
            let Some(profile) = profile else { continue };
            if profile.passes.iter().all(|&passes| passes < min_passes) {
                continue;
            }
            let cells: Vec<CellProfile> = profile
                .cells
                .iter()
                .filter_map(|cell| stretch(cell, min_passes))
                .collect();
            if let Some(before) = self.evidence.edges.get(&edge) {
                evidence.edges.insert(edge, on_stretches(before, &cells));
            }
            let usual_mps = profile.usual_mps.iter().enumerate();
            let usual_mps = usual_mps.map(|(place, mps)| {
                let is_kept = profile.passes_at_speed_place(place) >= min_passes;
                mps.filter(|_| is_kept)
            });
            profiles[edge.index()] = Some(EdgeProfile {
                usual_mps: usual_mps.collect(),
                cells,
                ..profile.clone()
            });
        }
        let cells = self.kept_cells(&mut profiles, &mut evidence);
        Self {
            network: self.network.clone(),
            cells,
            profiles,
            evidence,
            provenance: Provenance {
                min_passes: self.provenance.min_passes.max(min_passes),
                ..self.provenance.clone()
            },
        }
    }

    /// The cells that occur in `profiles`, which get their new numbers, and so does the `evidence`.
    fn kept_cells(&self, profiles: &mut [Option<EdgeProfile>], evidence: &mut Evidence) -> CellTable {
        let all = self.cells.cells();
        let mut is_used = vec![false; all.len()];
        let used = profiles.iter().flatten().flat_map(|profile| &profile.cells);
        used.for_each(|cell| is_used[cell.cell.0 as usize] = true);
        let numbers: Vec<CellIx> = is_used
            .iter()
            .scan(0, |next, &used| {
                *next += u32::from(used);
                Some(CellIx(next.saturating_sub(1)))
            })
            .collect();
        let renumber = |cell: &mut CellIx| *cell = numbers[cell.0 as usize];
        let profiled = profiles
            .iter_mut()
            .flatten()
            .flat_map(|profile| &mut profile.cells);
        profiled.for_each(|cell| renumber(&mut cell.cell));
        let summed = evidence.edges.values_mut().flat_map(|edge| &mut edge.cells);
        summed.for_each(|cell| renumber(&mut cell.cell));
        let kept = all.iter().zip(&is_used).filter(|(_, used)| **used);
        CellTable::new(kept.map(|(cell, _)| cell.clone()).collect())
    }
}

/// `cell` from the first to the last point near which `min_passes` drives heard it; `None` without such a point.
fn stretch(cell: &CellProfile, min_passes: u16) -> Option<CellProfile> {
    let often = |&passes: &u16| passes >= min_passes;
    let from = cell.passes.iter().position(often)?;
    let to = cell.passes.iter().rposition(often)? + 1;
    Some(CellProfile {
        cell: cell.cell,
        first: cell.first + from as u32,
        mean_dbm: cell.mean_dbm[from..to].to_vec(),
        spread_db: cell.spread_db[from..to].to_vec(),
        passes: cell.passes[from..to].to_vec(),
        serving: cell.serving[from..to].to_vec(),
    })
}

/// The statistics of what `cells` still cover.
fn on_stretches(before: &EdgeEvidence, cells: &[CellProfile]) -> EdgeEvidence {
    let mut evidence = before.clone();
    evidence.cells.retain_mut(|summed| {
        let Ok(at) = cells.binary_search_by_key(&summed.cell, |cell| cell.cell) else {
            return false;
        };
        let CellProfile { first, mean_dbm, .. } = &cells[at];
        let points = *first..*first + mean_dbm.len() as u32;
        summed
            .bins
            .retain(|bin| (0..POINTS_PER_BIN).any(|i| points.contains(&(bin.index * POINTS_PER_BIN + i))));
        !summed.bins.is_empty()
    });
    evidence
}
