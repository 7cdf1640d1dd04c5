//! Databases of one region from four sections, whatever is in them.

use sha2::{Digest, Sha256};

/// What a database begins with.
const SIGNATURE: [u8; 16] = *b"\x89FINDB\r\n\x1a\n\0tunl\n";

/// `data` as four sections, each behind its length in two bytes; the last takes what is left.
pub fn sections(data: &[u8]) -> [&[u8]; 4] {
    let mut rest = data;
    let mut next = || {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            return std::mem::take(&mut rest);
        };
        let (section, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        rest = after;
        section
    };
    let first = [next(), next(), next()];
    [first[0], first[1], first[2], rest]
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A file of one region with these sections, all sums right.
pub fn assemble(sections: &[&[u8]; 4]) -> Vec<u8> {
    // No tool, one drive, no days, no expiry, nothing left out, one region without tiles or tunnels.
    let mut contents = vec![0, 1, 0, 0, 0, 1, 0, 0];
    for section in sections {
        varint(&mut contents, section.len());
        if !section.is_empty() {
            contents.extend(Sha256::digest(section));
        }
    }
    let length = 40 + contents.len() + sections.concat().len();
    let mut out = SIGNATURE.to_vec();
    out.extend(1_u32.to_le_bytes());
    out.extend((contents.len() as u32).to_le_bytes());
    out.extend((length as u64).to_le_bytes());
    out.extend(crc32fast::hash(&contents).to_le_bytes());
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out.extend(contents);
    sections.iter().for_each(|section| out.extend(*section));
    out
}
