use proptest::prelude::*;

use super::*;
use crate::fingerprint::cells::{CellIx, CellTable, KnownCell};
use crate::fingerprint::profile::{CellProfile, EdgeProfile, Provenance, mean_from_code, spread_from_code};
use crate::fingerprint::testing::{by_channel, straight_road};
use crate::network::{EdgeId, RoadNetwork};
use crate::radio::{Channel, GlobalId, Plmn, Rat};

fn cell() -> impl Strategy<Value = KnownCell> {
    let rat = prop::sample::select(vec![Rat::Lte, Rat::Nr, Rat::Wcdma, Rat::Gsm, Rat::Unknown]);
    let plmn = prop::option::of((0..1000_u16, 0..1000_u16).prop_map(|(mcc, mnc)| Plmn { mcc, mnc }));
    let global = prop::option::of((prop::option::of(any::<u32>()), any::<u64>()));
    let channels = prop::collection::vec((any::<u32>(), any::<u16>()), 0..3);
    (rat, plmn, global, channels).prop_map(|(rat, plmn, global, channels)| KnownCell {
        rat,
        plmn,
        global: global.map(|(tac, cell_id)| GlobalId { tac, cell_id }),
        channels: channels
            .into_iter()
            .map(|(arfcn, pci)| Channel { arfcn, pci })
            .collect(),
    })
}

/// The profile of a cell on the points from `first` on; `seed` varies the values.
fn cell_profile(cell: u32, first: u32, points: u32, seed: u8) -> CellProfile {
    let codes = || (0..points - first).map(move |i| (i as u8).wrapping_mul(3).wrapping_add(seed));
    CellProfile {
        cell: CellIx(cell),
        first,
        mean_dbm: codes().map(mean_from_code).collect(),
        spread_db: codes().map(|code| spread_from_code(code.max(1))).collect(),
        passes: codes().map(|code| u16::from(code) / 40 * 900).collect(),
        serving: codes().map(|code| u16::from(code) / 200).collect(),
    }
}

fn profile(network: &RoadNetwork, edge: u32, cells: &[u8]) -> EdgeProfile {
    let (points, step_m) = EdgeProfile::grid(network.edge(EdgeId(edge)).length_m);
    let chosen = (0_u32..).zip(cells).filter(|&(_, &seed)| seed > 80);
    let cells = chosen
        .map(|(cell, &seed)| cell_profile(cell, u32::from(seed) % points, points, seed))
        .collect();
    EdgeProfile {
        points,
        step_m,
        passes: vec![3; points as usize],
        cells,
    }
}

fn database() -> impl Strategy<Value = FingerprintDb> {
    let roads = prop::collection::vec(6.0..90.0_f64, 1..6);
    let cells = prop::collection::vec(cell(), 0..5);
    let days =
        prop::option::of((-1000..20_000_i32, 0..1000_i32).prop_map(|(first, more)| (first, first + more)));
    let seeds = prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 5)), 6);
    (roads, cells, seeds, days, any::<u32>(), "[a-z 0-9.]{0,12}").prop_map(
        |(roads, cells, seeds, days, drives, tool)| {
            let network = straight_road(&roads);
            let seeds_of = |edge: u32| seeds[edge as usize % seeds.len()].as_ref();
            let profiles = (0..network.edge_count() as u32)
                .map(|edge| seeds_of(edge).map(|seeds| profile(&network, edge, &seeds[..cells.len()])))
                .collect();
            FingerprintDb {
                network: Arc::new(network),
                cells: CellTable::new(cells),
                profiles,
                provenance: Provenance { tool, drives, days },
            }
        },
    )
}

fn example() -> FingerprintDb {
    let network = straight_road(&[20.0, 35.0]);
    let cell = KnownCell {
        rat: Rat::Lte,
        plmn: Some(Plmn { mcc: 228, mnc: 1 }),
        global: Some(GlobalId {
            tac: Some(7),
            cell_id: 300,
        }),
        channels: by_channel(5).channel.into_iter().collect(),
    };
    let profiles = vec![None, Some(profile(&network, 1, &[100]))];
    let provenance = Provenance {
        tool: "fin 0.1.0".to_owned(),
        drives: 3,
        days: Some((18_000, 18_003)),
    };
    FingerprintDb {
        network: Arc::new(network),
        cells: CellTable::new(vec![cell]),
        profiles,
        provenance,
    }
}

fn assert_same(a: &FingerprintDb, b: &FingerprintDb) {
    assert_eq!(a.network.ways(), b.network.ways());
    assert!(a.network.edges().eq(b.network.edges()));
    assert_eq!(a.cells, b.cells);
    assert_eq!(a.profiles, b.profiles);
    assert_eq!(a.provenance, b.provenance);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_database_survives_the_round_trip(database in database()) {
        let bytes = database.to_bytes();
        let back = FingerprintDb::from_bytes(&bytes).unwrap();
        assert_same(&database, &back);
        prop_assert_eq!(back.to_bytes(), bytes);
    }

    #[test]
    fn a_flipped_bit_is_refused(database in database(), at: prop::sample::Index, bit in 0..8_u32) {
        let mut bytes = database.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(FingerprintDb::from_bytes(&bytes).is_err());
    }

    #[test]
    fn other_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(FingerprintDb::from_bytes(&bytes).is_err());
    }

    /// Wrong values behind right check sums give an error or another database, never a panic.
    #[test]
    fn damaged_sections_with_right_sums_do_no_harm(
        section in 0..SECTIONS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = example().to_bytes();
        let entry = TABLE_AT + section * ENTRY_BYTES;
        let offset = u64_at(&bytes, entry + NAME_BYTES).unwrap() as usize;
        let length = u64_at(&bytes, entry + NAME_BYTES + 8).unwrap() as usize;
        for (at, value) in changes {
            bytes[offset + at.index(length)] = value;
        }
        let sum = crc32fast::hash(&bytes[offset..offset + length]);
        bytes[entry + NAME_BYTES + 16..entry + ENTRY_BYTES].copy_from_slice(&sum.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..HEADER_SUM_AT]);
        bytes[HEADER_SUM_AT..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
        if let Ok(database) = FingerprintDb::from_bytes(&bytes) {
            prop_assert!(FingerprintDb::from_bytes(&database.to_bytes()).is_ok());
        }
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_of_an_example_is_refused() {
    let bytes = example().to_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(
                FingerprintDb::from_bytes(&damaged).is_err(),
                "bit {bit} of byte {at}"
            );
        }
    }
    for length in 0..bytes.len() {
        let error = FingerprintDb::from_bytes(&bytes[..length]).unwrap_err();
        let is_truncation = matches!(error, FormatError::Truncated { .. });
        assert!(is_truncation || length == 0, "{length}: {error}");
    }
}

#[test]
fn errors_say_what_was_expected_and_what_came() {
    let bytes = example().to_bytes();
    let error = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.clone();
        change(&mut changed);
        FingerprintDb::from_bytes(&changed).unwrap_err().to_string()
    };
    let length = bytes.len();
    assert_eq!(
        error(&|b| b.truncate(length - 1)),
        format!("truncated: expected {length} bytes, got {}", length - 1)
    );
    assert_eq!(
        error(&|b| b[16] = 9),
        "expected format version 1 at byte 16, got 9"
    );
    assert!(error(&|b| b.push(0)).starts_with(&format!("expected {length} bytes, got {}", length + 1)));
    assert!(error(&|b| b[HEADER_BYTES] ^= 1).contains("check sum"));
    assert!(error(&|b| b[HEADER_BYTES] ^= 1).contains("section `roads`"));
    assert!(
        error(&|b| *b = b"PK\x03\x04 and so on and on".to_vec()).starts_with("not a fingerprint database")
    );
    assert!(error(&|b| b.retain(|&byte| byte != b'\r')).contains("text mode"));
    assert!(error(&|b| b[0] = 0x09).contains("text mode"));
    assert!(error(&Vec::clear).starts_with("not a fingerprint database"));
}

#[test]
fn coordinates_that_are_no_round_numbers_are_kept_in_full() {
    let mut ways = straight_road(&[20.0, 35.0]).ways().to_vec();
    for node in ways.iter_mut().flat_map(|way| &mut way.nodes) {
        node.position.lat_deg += 1.23e-9;
    }
    let network = RoadNetwork::build(ways).unwrap();
    let database = FingerprintDb {
        network: Arc::new(network),
        profiles: vec![None, None],
        ..example()
    };
    assert_same(
        &database,
        &FingerprintDb::from_bytes(&database.to_bytes()).unwrap(),
    );
}
