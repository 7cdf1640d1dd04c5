//! Files of released versions have to open for ever.

use fin_core::fingerprint::FingerprintDb;
use fin_core::fingerprint::format::{Atlas, PublicKey};

/// The key of the stored files, whose secret is 32 times the byte 1.
const KEY: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

/// Version 1, of `fin` 0.1.0: a made-up tunnel of 300 m, two drives each way, all that a file may have.
#[test]
fn version_1_opens_and_is_written_as_it_was() {
    let bytes = include_bytes!("files/v1.fin");
    let key = PublicKey::from_hex(KEY).unwrap();
    let atlas = Atlas::open_signed(&bytes[..], &key).unwrap();
    let contents = atlas.contents();
    assert_eq!(contents.provenance.tool, "fin 0.1.0");
    assert_eq!(
        (contents.provenance.drives, contents.provenance.expires),
        (4, Some(21_183))
    );
    let [region] = &contents.regions[..] else {
        panic!("one region")
    };
    let [tunnel] = &region.tunnels[..] else {
        panic!("one tunnel")
    };
    assert_eq!((tunnel.name.as_str(), tunnel.length_m), ("Alder Tunnel", 300.0));
    assert_eq!((tunnel.passes, tunnel.last_day), (1, Some(20_248)));
    let database = atlas.whole().unwrap();
    assert_eq!(
        (database.network.edge_count(), database.cells.cells().len()),
        (52, 25)
    );
    let levels = database
        .profiles
        .iter()
        .flatten()
        .flat_map(|profile| &profile.cells);
    assert_eq!(levels.map(|cell| cell.mean_dbm.len()).sum::<usize>(), 1632);
    assert!(region.has_statistics());
    let written = FingerprintDb::from_bytes(bytes).unwrap().to_bytes();
    assert_eq!(written, bytes[..bytes.len() - 104]);
}
