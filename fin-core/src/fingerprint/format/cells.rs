//! Section `cells`.

use super::error::FormatError;
use super::wire::{Reader, Writer};
use crate::fingerprint::cells::KnownCell;
use crate::radio::{Channel, GlobalId, Plmn, Rat};

/// Technologies by the number that stands for them.
const RATS: [Rat; 5] = [Rat::Unknown, Rat::Gsm, Rat::Wcdma, Rat::Lte, Rat::Nr];
const PLMN: u8 = 1 << 3;
const GLOBAL: u8 = 1 << 4;
const AREA: u8 = 1 << 5;
const RAT_BITS: u8 = 0b111;
/// Flags and number of channels.
const MIN_CELL_BYTES: usize = 2;
const MIN_CHANNEL_BYTES: usize = 2;

/// The section for `cells`.
pub(super) fn write(cells: &[&KnownCell]) -> Vec<u8> {
    let mut out = Writer::default();
    out.count(cells.len());
    for cell in cells {
        let rat = (0..)
            .zip(RATS)
            .find(|(_, rat)| *rat == cell.rat)
            .map_or(0, |(code, _)| code);
        let area = cell.global.and_then(|global| global.tac);
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(cell.plmn.is_some(), PLMN)
            | flag(cell.global.is_some(), GLOBAL)
            | flag(area.is_some(), AREA);
        out.u8(rat | flags);
        if let Some(plmn) = cell.plmn {
            out.varint(u64::from(plmn.mcc));
            out.varint(u64::from(plmn.mnc));
        }
        if let Some(global) = cell.global {
            out.varint(global.cell_id);
        }
        area.iter().for_each(|&area| out.varint(u64::from(area)));
        out.count(cell.channels.len());
        for channel in &cell.channels {
            out.varint(u64::from(channel.arfcn));
            out.varint(u64::from(channel.pci));
        }
    }
    out.bytes
}

/// The cells in `section`.
pub(super) fn read(mut section: Reader<'_>) -> Result<Vec<KnownCell>, FormatError> {
    let count = section.count(MIN_CELL_BYTES, "a number of cells")?;
    let mut cells = Vec::with_capacity(count);
    for _ in 0..count {
        cells.push(read_cell(&mut section)?);
    }
    section.finish()?;
    Ok(cells)
}

fn read_cell(section: &mut Reader<'_>) -> Result<KnownCell, FormatError> {
    let flags = section.u8("flags of a cell")?;
    let rat = RATS.get(usize::from(flags & RAT_BITS)).copied();
    let area_alone = flags & AREA != 0 && flags & GLOBAL == 0;
    let (Some(rat), false, 0) = (rat, area_alone, flags & !(RAT_BITS | PLMN | GLOBAL | AREA)) else {
        return Err(section.error(1, "flags of a cell", format!("{flags:#010b}")));
    };
    let plmn = if flags & PLMN == 0 {
        None
    } else {
        let mcc = section.up_to(999, "a mobile country code up to 999")? as u16;
        let mnc = section.up_to(999, "a mobile network code up to 999")? as u16;
        Some(Plmn { mcc, mnc })
    };
    let global = if flags & GLOBAL == 0 {
        None
    } else {
        let cell_id = section.varint("a cell identity")?;
        let tac = if flags & AREA == 0 {
            None
        } else {
            Some(read_u32(section, "an area code")?)
        };
        Some(GlobalId { tac, cell_id })
    };
    let count = section.count(MIN_CHANNEL_BYTES, "a number of channels")?;
    let mut channels = Vec::with_capacity(count);
    for _ in 0..count {
        let arfcn = read_u32(section, "a channel number")?;
        let pci = section.up_to(u64::from(u16::MAX), "a cell code up to 65535")? as u16;
        channels.push(Channel { arfcn, pci });
    }
    Ok(KnownCell {
        rat,
        plmn,
        global,
        channels,
    })
}

fn read_u32(section: &mut Reader<'_>, expected: &'static str) -> Result<u32, FormatError> {
    Ok(section.up_to(u64::from(u32::MAX), expected)? as u32)
}
