//! Every importer of foreign logs; the first byte picks one.
#![no_main]

use fin_cli::import::{FORMATS, ImportOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let format = &FORMATS[usize::from(*kind) % FORMATS.len()];
    let _ = (format.read)(&fin_fuzz::file("log.txt", rest), &ImportOptions::default());
});
