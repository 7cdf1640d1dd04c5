//! Patches: the steps are put between sums that are right for the old file, and anything may come of them; and whole patches.
#![no_main]

use fin_core::fingerprint::format::patch::{FileSum, PATCH_SIGNATURE, apply, diff};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let (old, steps) = rest.split_at(rest.len() / 2);
    match kind % 3 {
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
        _ => {
            let patch = diff(old, steps, None);
            assert_eq!(apply(old, &patch, None).as_deref(), Ok(steps));
        }
    }
});
