//! Drive folders: the first byte says which file the rest is, and whether it is gzipped.
#![no_main]

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 5] = ["gnss.csv", "obd.csv", "cells.csv", "truth.csv", "cells.csv.gz"];

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let folder = fin_fuzz::folder_without(&NAMES);
    fin_fuzz::file("gnss.csv", b"t_ms,lat_deg,lon_deg\n0,47,8\n");
    fin_fuzz::file(NAMES[usize::from(*kind) % NAMES.len()], rest);
    let _ = fin_cli::drive::read(&folder);
    let _ = fin_cli::drive::read_truth(&folder);
});
