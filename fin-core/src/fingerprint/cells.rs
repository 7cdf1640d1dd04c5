//! The cells of a database and how a reading is told to be of one of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::radio::{CellId, Channel, GlobalId, Plmn, Rat};

/// Dense index of a cell in a [`CellTable`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellIx(pub u32);

/// A cell of the database: every name by which surveys have met it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownCell {
    /// Technology.
    pub rat: Rat,
    /// Network; `None` when no survey reported one.
    pub plmn: Option<Plmn>,
    /// Global identity; `None` when it was only ever heard as a neighbour.
    pub global: Option<GlobalId>,
    /// Channels and codes under which it was heard; several when it was renumbered between surveys.
    pub channels: Vec<Channel>,
}

/// All cells of a database, found by global identity or by channel and code.
///
/// Channels and codes are reused every few kilometres, so one of them may stand for several cells;
/// which one is meant is told by where the phone can be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellTable {
    cells: Vec<KnownCell>,
    by_global: BTreeMap<(Rat, u64), Vec<CellIx>>,
    by_channel: BTreeMap<(Rat, Channel), Vec<CellIx>>,
}

impl CellTable {
    /// The table of `cells`, indexed in the order given.
    pub fn new(cells: Vec<KnownCell>) -> Self {
        let mut by_global: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut by_channel: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, cell) in (0..).zip(&cells) {
            if let Some(global) = cell.global {
                by_global
                    .entry((cell.rat, global.cell_id))
                    .or_default()
                    .push(CellIx(index));
            }
            for &channel in &cell.channels {
                by_channel
                    .entry((cell.rat, channel))
                    .or_default()
                    .push(CellIx(index));
            }
        }
        Self {
            cells,
            by_global,
            by_channel,
        }
    }

    /// The cells, in the order of their indices.
    pub fn cells(&self) -> &[KnownCell] {
        &self.cells
    }

    /// The cell at `index`.
    ///
    /// # Panics
    /// When `index` is not of this table.
    pub fn get(&self, index: CellIx) -> &KnownCell {
        &self.cells[index.0 as usize]
    }

    /// Every cell that `id` may stand for: one by its global identity, any number by channel and code, none when
    /// it is unknown. Cells of another network than `plmn` are left out when both are known.
    pub fn candidates<'a>(
        &'a self,
        id: &CellId,
        plmn: Option<Plmn>,
    ) -> impl Iterator<Item = CellIx> + Clone + 'a {
        let by_global = id
            .global
            .and_then(|global| self.by_global.get(&(id.rat, global.cell_id)));
        let found = match by_global {
            Some(found) => Some(found),
            None => id
                .channel
                .and_then(|channel| self.by_channel.get(&(id.rat, channel))),
        };
        let plmn = id.plmn.or(plmn);
        found
            .into_iter()
            .flatten()
            .copied()
            .filter(move |&ix| match (plmn, self.get(ix).plmn) {
                (Some(asked), Some(known)) => asked == known,
                _ => true,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(mnc: u16, global: Option<u64>, channels: &[Channel]) -> KnownCell {
        KnownCell {
            rat: Rat::Lte,
            plmn: Some(Plmn { mcc: 228, mnc }),
            global: global.map(|cell_id| GlobalId { tac: None, cell_id }),
            channels: channels.to_vec(),
        }
    }

    #[test]
    fn a_code_stands_for_every_cell_that_uses_it_and_a_global_id_for_one() {
        let channel = Channel { arfcn: 1300, pci: 7 };
        let table = CellTable::new(vec![
            cell(1, Some(10), &[channel]),
            cell(1, Some(11), &[channel]),
            cell(2, Some(12), &[]),
        ]);
        let by_code = CellId {
            rat: Rat::Lte,
            channel: Some(channel),
            ..CellId::default()
        };
        let by_id = CellId {
            global: Some(GlobalId {
                tac: Some(5),
                cell_id: 11,
            }),
            ..by_code
        };
        assert_eq!(
            table.candidates(&by_code, None).collect::<Vec<_>>(),
            [CellIx(0), CellIx(1)]
        );
        assert_eq!(table.candidates(&by_id, None).collect::<Vec<_>>(), [CellIx(1)]);
        let other_network = Some(Plmn { mcc: 228, mnc: 2 });
        assert_eq!(table.candidates(&by_code, other_network).count(), 0);
    }
}
