//! Databases. Digests and check sums are put right before the file is opened, or no mutation would get past them; what
//! opens is read by region and as a whole, and has to give the same bytes again and again.
#![no_main]

use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::format::Atlas;
use fin_fuzz::database::{assemble, sections};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    if kind % 4 == 0 {
        let _ = FingerprintDb::from_bytes(rest);
        return;
    }
    let bytes = assemble(&sections(rest));
    let Ok(atlas) = Atlas::open(&bytes) else { return };
    for (index, region) in atlas.contents().regions.iter().enumerate() {
        let _ = region.has_statistics();
        let _ = atlas.region(index);
    }
    if let Ok(database) = atlas.whole() {
        let once = database.to_bytes();
        let again = FingerprintDb::from_bytes(&once).expect("what was written can be read");
        assert_eq!(again.to_bytes(), once);
        let _ = again.without_rare(2);
    }
});
