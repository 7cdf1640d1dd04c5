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

/// Version 2, which came with usual speeds: the same of two drives each way by `fin simulate --seed 2 --length-m 300 --survey-drives 2
/// --test-drives 0 --scan-interval-s 8`.
#[test]
fn version_2_opens_and_is_written_as_it_was() {
    let bytes = include_bytes!("files/v2.fin");
    let key = PublicKey::from_hex(KEY).unwrap();
    let database = Atlas::open_signed(&bytes[..], &key).unwrap().whole().unwrap();
    assert_eq!(database.network.edge_count(), 52);
    let speeds = |mps: &Option<f32>| mps.is_some_and(|mps| (10.0..25.0).contains(&mps));
    let surveyed: Vec<_> = database.profiles.iter().flatten().collect();
    assert_eq!(surveyed.len(), 16);
    let known = surveyed
        .iter()
        .flat_map(|profile| &profile.usual_mps)
        .filter(|mps| speeds(mps));
    assert!(known.count() > 200);
    let written = database.to_bytes();
    assert_eq!(written, bytes[..bytes.len() - 104]);
    // What knows no speeds is still written so that earlier programs can read it.
    let mut without = database;
    let profiles = without.profiles.iter_mut().flatten();
    profiles.for_each(|profile| profile.usual_mps.clear());
    assert_eq!((written[16], without.to_bytes()[16]), (2, 1));
}
