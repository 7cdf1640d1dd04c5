//! Patches: the steps are put between sums that are right for the old file, and anything may come of them; and whole patches, made
//! for any two files or for two databases.
#![no_main]

use fin_core::fingerprint::format::patch::{FileSum, PATCH_SIGNATURE, apply, diff};
use fin_fuzz::database::{assemble, sections};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let (old, steps) = rest.split_at(rest.len() / 2);
    match kind % 4 {
        0 => {
            let _ = apply(old, steps, None);
        }
        1 => {
            let mut patch = PATCH_SIGNATURE.to_vec();
            patch.extend(1_u32.to_le_bytes());
            patch.extend((steps.len() as u64).to_le_bytes());
            let sum = FileSum::of(old);
            patch.extend(sum.length.to_le_bytes());
            patch.extend(sum.sha256);
            // A length that steps may fill, so that they are all taken.
            patch.extend((2 * old.len() as u64 + 100).to_le_bytes());
            patch.extend([0; 32]);
            patch.extend(steps);
            assert!(apply(old, &patch, None).is_err(), "no file has this digest");
        }
        2 => leads(old, steps),
        // The same sections, but for what a patch of the input puts on them.
        _ => {
            let Some((changes, file)) =
                rest.split_at_checked(usize::from(rest.first().copied().unwrap_or(0)))
            else {
                return;
            };
            let mut changed = file.to_vec();
            for change in changes.get(1..).unwrap_or_default().chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
                if let Some(byte) = changed.get_mut(at) {
                    *byte = change[2];
                }
            }
            leads(&assemble(&sections(file)), &assemble(&sections(&changed)));
        }
    }
});

fn leads(old: &[u8], new: &[u8]) {
    let patch = diff(old, new, None);
    assert_eq!(apply(old, &patch, None).as_deref(), Ok(new));
}
