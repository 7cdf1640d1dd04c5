use proptest::prelude::*;

use std::sync::Arc;

use super::contents::SECTIONS;
use super::*;
use crate::fingerprint::cells::{CellIx, CellTable, KnownCell};
use crate::fingerprint::evidence::{
    Bin, CellEvidence, EdgeEvidence, Evidence, scatter_from_code, weight_from_code,
};
use crate::fingerprint::profile::{CellProfile, EdgeProfile, Provenance, mean_from_code, spread_from_code};
use crate::fingerprint::testing::{by_channel, straight_road};
use crate::frame::LatLon;
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
    let places = EdgeProfile::speed_places(network.edge(EdgeId(edge)).length_m);
    let speeds = (0..places as u8).map(|place| (place % 3 > 0).then_some(12.25 + f32::from(place)));
    EdgeProfile {
        points,
        step_m,
        passes: vec![3; points as usize],
        cells,
        usual_mps: speeds.collect(),
    }
}

/// Some statistics for each cell of each profile.
fn evidence(profiles: &[Option<EdgeProfile>], days: Option<(i32, i32)>) -> Evidence {
    let bin = |index: u32| Bin {
        index,
        weight_per_db2: weight_from_code(90 + index as u8),
        mean_dbm: f64::from(mean_from_code(130)),
        scatter_db: scatter_from_code(3 * index as u8),
    };
    let of = |profile: &EdgeProfile| EdgeEvidence {
        days,
        cells: profile
            .cells
            .iter()
            .map(|cell| CellEvidence {
                cell: cell.cell,
                bins: (0..profile.points.div_ceil(2))
                    .step_by(1 + cell.first as usize % 2)
                    .map(bin)
                    .collect(),
            })
            .collect(),
    };
    let edges = (0..).map(EdgeId).zip(profiles);
    Evidence {
        edges: edges
            .filter_map(|(edge, profile)| Some((edge, of(profile.as_ref()?))))
            .collect(),
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
            let profiles: Vec<_> = (0..network.edge_count() as u32)
                .map(|edge| seeds_of(edge).map(|seeds| profile(&network, edge, &seeds[..cells.len()])))
                .collect();
            let evidence = evidence(&profiles, days);
            FingerprintDb {
                network: Arc::new(network),
                cells: CellTable::new(cells),
                profiles,
                evidence,
                provenance: Provenance {
                    tool,
                    drives,
                    days,
                    expires: days.map(|(_, last)| last + 90),
                    min_passes: (drives % 4) as u16,
                },
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
        expires: Some(18_100),
        min_passes: 2,
    };
    FingerprintDb {
        network: Arc::new(network),
        cells: CellTable::new(vec![cell]),
        evidence: evidence(&profiles, provenance.days),
        profiles,
        provenance,
    }
}

/// What the profiles and statistics of an edge say, with the cells by name.
type Said = (
    Option<EdgeProfile>,
    Vec<(KnownCell, CellProfile)>,
    Vec<(KnownCell, Vec<Bin>)>,
);

fn said(db: &FingerprintDb) -> Vec<Said> {
    let name = |cell: CellIx| db.cells.get(cell).clone();
    let of = |edge: EdgeId| {
        let profile = db.profile(edge);
        let bare = profile.map(|profile| EdgeProfile {
            cells: Vec::new(),
            ..profile.clone()
        });
        let cells = profile.into_iter().flat_map(|profile| &profile.cells);
        let mut cells: Vec<_> = cells
            .map(|cell| {
                (
                    name(cell.cell),
                    CellProfile {
                        cell: CellIx(0),
                        ..cell.clone()
                    },
                )
            })
            .collect();
        cells.sort_by(|a, b| a.0.cmp(&b.0));
        let evidence = db
            .evidence
            .edges
            .get(&edge)
            .into_iter()
            .flat_map(|edge| &edge.cells);
        let mut evidence: Vec<_> = evidence
            .map(|cell| (name(cell.cell), cell.bins.clone()))
            .collect();
        evidence.sort_by(|a, b| a.0.cmp(&b.0));
        (bare, cells, evidence)
    };
    db.network.edges().map(|(edge, _)| of(edge)).collect()
}

fn assert_same(a: &FingerprintDb, b: &FingerprintDb) {
    assert_eq!(a.network.ways(), b.network.ways());
    assert!(a.network.edges().eq(b.network.edges()));
    assert_eq!(said(a), said(b));
    let days = |db: &FingerprintDb| {
        db.evidence
            .edges
            .iter()
            .map(|(&edge, of)| (edge, of.days))
            .collect::<Vec<_>>()
    };
    assert_eq!(days(a), days(b));
    assert_eq!(a.provenance, b.provenance);
}

/// `example` twice, the second time half a degree further north.
fn two_regions() -> FingerprintDb {
    let one = example();
    let mut ways = one.network.ways().to_vec();
    for way in one.network.ways() {
        let mut way = way.clone();
        way.id += 100;
        way.nodes.iter_mut().for_each(|node| {
            node.key += 100;
            node.position = rounded(LatLon::new(node.position.lat_deg + 0.5, node.position.lon_deg));
        });
        ways.push(way);
    }
    let network = RoadNetwork::build(ways).unwrap();
    let profiles: Vec<_> = (0..4)
        .map(|edge| (edge % 2 == 1).then(|| profile(&network, edge, &[100])))
        .collect();
    FingerprintDb {
        network: Arc::new(network),
        evidence: evidence(&profiles, one.provenance.days),
        profiles,
        ..one
    }
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

    /// Wrong values behind right digests give an error or another database, never a panic.
    #[test]
    fn damaged_sections_with_right_digests_do_no_harm(
        section in 0..SECTIONS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (mut contents, mut sections) = regions::split(&example());
        for (at, value) in changes {
            let at = at.index(sections[section].len());
            sections[section][at] = value;
        }
        contents.regions[0].sections[section].digest = regions::digest(&sections[section]);
        let contents = contents.to_bytes();
        let length = HEADER_BYTES + contents.len() + sections.iter().map(Vec::len).sum::<usize>();
        let bytes = [contents::write_header(VERSION, &contents, length as u64), contents, sections.concat()].concat();
        if let Ok(database) = FingerprintDb::from_bytes(&bytes) {
            prop_assert!(FingerprintDb::from_bytes(&database.to_bytes()).is_ok());
        }
    }

    /// The same for the table of contents behind a right check sum.
    #[test]
    fn a_damaged_table_with_right_sums_does_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = two_regions().to_bytes();
        let end = HEADER_BYTES + contents::read_header(&bytes).unwrap().contents_bytes as usize;
        for (at, value) in changes {
            bytes[HEADER_BYTES + at.index(end - HEADER_BYTES)] = value;
        }
        let header = contents::write_header(VERSION, &bytes[HEADER_BYTES..end], bytes.len() as u64);
        bytes[..HEADER_BYTES].copy_from_slice(&header);
        if let Ok(atlas) = Atlas::open(&bytes) {
            (0..atlas.contents().regions.len()).for_each(|region| drop(atlas.region(region)));
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
fn a_file_of_the_version_without_usual_speeds_that_goes_on_with_them_is_refused() {
    let mut bytes = example().to_bytes();
    let end = HEADER_BYTES + contents::read_header(&bytes).unwrap().contents_bytes as usize;
    let as_version = |version, bytes: &[u8]| {
        contents::write_header(version, &bytes[HEADER_BYTES..end], bytes.len() as u64)
    };
    assert!(
        bytes.starts_with(&as_version(VERSION, &bytes)),
        "the example has usual speeds"
    );
    let header = as_version(VERSION_WITHOUT_SPEEDS, &bytes);
    bytes[..HEADER_BYTES].copy_from_slice(&header);
    let error = FingerprintDb::from_bytes(&bytes).unwrap_err().to_string();
    let expected = "expected the end of the section";
    assert!(
        error.contains("`profiles`") && error.contains(expected),
        "{error}"
    );
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
        "expected format version 1 to 2 at byte 16, got 9"
    );
    assert!(error(&|b| b.push(0)).starts_with(&format!("expected {length} bytes, got {}", length + 1)));
    assert!(error(&|b| b[HEADER_BYTES] ^= 1).contains("check sum"));
    assert!(error(&|b| b[length - 1] ^= 1).contains("digest"));
    assert!(error(&|b| b[length - 1] ^= 1).contains("section `statistics`"));
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
        evidence: Evidence::default(),
        ..example()
    };
    assert_same(
        &database,
        &FingerprintDb::from_bytes(&database.to_bytes()).unwrap(),
    );
}

#[test]
fn a_region_is_read_alone_and_found_by_place() {
    let database = two_regions();
    let bytes = database.to_bytes();
    let atlas = Atlas::open(&bytes).unwrap();
    assert_eq!(atlas.contents().regions.len(), 2);
    let tunnel = &atlas.contents().regions[0].tunnels[0];
    assert_eq!(
        (tunnel.name.as_str(), tunnel.passes, tunnel.last_day),
        ("Tube", 3, Some(18_003))
    );
    assert_eq!(tunnel.age_days(18_010), Some(7));
    let place = |edge| database.network.point_at(EdgeId(edge), 1.0).position;
    assert_eq!(atlas.region_at(place(0)), Some(0));
    assert_eq!(atlas.region_at(place(3)), Some(1));
    assert_eq!(atlas.region_at(LatLon::new(47.25, 8.0)), None);

    let second = atlas.region(1).unwrap();
    assert_eq!(second.network.ways(), &database.network.ways()[2..]);
    assert_eq!(second.profile(EdgeId(1)), database.profile(EdgeId(3)));
    assert!(second.evidence.edges.values().all(|edge| edge.cells.is_empty()));
    assert_same(&database, &atlas.whole().unwrap());

    // Damage to one region is found when that one is read.
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let atlas = Atlas::open(&damaged).unwrap();
    assert!(atlas.region(0).is_ok() && atlas.region(1).is_ok());
    assert!(matches!(
        atlas.whole(),
        Err(FormatError::SectionDigest {
            section: "statistics",
            ..
        })
    ));
    let second_at = bytes.len() - atlas.contents().regions[1].byte_count() as usize;
    damaged[second_at] ^= 1;
    let atlas = Atlas::open(&damaged).unwrap();
    assert!(atlas.region(0).is_ok());
    assert!(matches!(
        atlas.region(1),
        Err(FormatError::SectionDigest { section: "roads", .. })
    ));
}

#[test]
fn regions_whose_roads_meet_are_refused_together() {
    let database = example();
    let (mut contents, sections) = regions::split(&database);
    contents.regions.push(contents.regions[0].clone());
    let contents = contents.to_bytes();
    let twice = [sections.concat(), sections.concat()].concat();
    let length = HEADER_BYTES + contents.len() + twice.len();
    let bytes = [
        contents::write_header(VERSION, &contents, length as u64),
        contents,
        twice,
    ]
    .concat();
    assert!(Atlas::open(&bytes).unwrap().region(1).is_ok());
    assert!(matches!(
        FingerprintDb::from_bytes(&bytes),
        Err(FormatError::Roads(_))
    ));
}

#[test]
fn a_signature_is_asked_for_and_covers_everything() {
    let (key, other) = (SecretKey::from_bytes(&[7; 32]), SecretKey::from_bytes(&[8; 32]));
    let bytes = two_regions().to_bytes();
    let open = |bytes: &[u8], key: &SecretKey| {
        let atlas = Atlas::open_signed(bytes, &key.public())?;
        atlas.whole().map(|_| atlas.signed_by())
    };
    let unsigned = open(&bytes, &key).unwrap_err();
    assert!(matches!(
        unsigned,
        FormatError::Signature(SignatureError::Unsigned { .. })
    ));
    assert!(unsigned.to_string().ends_with("got a file without one"));

    let signed = sign(&bytes, &key).unwrap();
    assert_eq!(open(&signed, &key).unwrap(), Some(key.public().to_bytes()));
    assert_same(&two_regions(), &FingerprintDb::from_bytes(&signed).unwrap());
    let wrong = open(&signed, &other).unwrap_err();
    assert!(
        wrong
            .to_string()
            .contains(&format!("got one of key {}", key.public())),
        "{wrong}"
    );
    assert_eq!(sign(&sign(&bytes, &other).unwrap(), &key).unwrap(), signed);
    assert_eq!(
        open(&sign(&bytes, &other).unwrap(), &other).unwrap(),
        Some(other.public().to_bytes())
    );

    for at in 0..signed.len() {
        let mut altered = signed.clone();
        altered[at] ^= 0x10;
        assert!(open(&altered, &key).is_err(), "byte {at}");
    }
    // Whoever changes a value and puts all sums right cannot put the signature right.
    let mut forged = two_regions();
    forged.provenance.drives += 1;
    let forged = [forged.to_bytes(), signed[bytes.len()..].to_vec()].concat();
    assert!(FingerprintDb::from_bytes(&forged).is_ok());
    let altered = open(&forged, &key).unwrap_err();
    assert!(
        altered
            .to_string()
            .starts_with("the file was altered after it was signed"),
        "{altered}"
    );
}

#[test]
fn few_bytes_make_little() {
    // Two points 40,000 km apart by the road between them: runs make millions of grid points of it.
    let far = |key, lat_deg, lon_deg| crate::network::WayNode {
        key,
        position: LatLon::new(lat_deg, lon_deg),
    };
    let mut way = straight_road(&[10.0]).ways()[0].clone();
    way.nodes = (0..40)
        .map(|i| far(i, 0.0, if i % 2 == 0 { -170.0 } else { 0.0 }))
        .collect();
    let network = RoadNetwork::build(vec![way]).unwrap();
    let (points, step_m) = EdgeProfile::grid(network.edge(EdgeId(0)).length_m);
    let profile = EdgeProfile {
        points,
        step_m,
        passes: vec![1; points as usize],
        cells: Vec::new(),
        usual_mps: Vec::new(),
    };
    let database = FingerprintDb {
        network: Arc::new(network),
        profiles: vec![Some(profile)],
        evidence: Evidence::default(),
        ..example()
    };
    let bytes = database.to_bytes();
    let error = FingerprintDb::from_bytes(&bytes).unwrap_err();
    assert!(
        error.to_string().contains("fewer points in all profiles"),
        "{error}"
    );
}

/// The database after levels rose by 0.5 dB wherever `rises` says so, over and over.
fn risen(db: &FingerprintDb, rises: &[bool]) -> FingerprintDb {
    let mut risen = db.clone();
    let cells = risen
        .profiles
        .iter_mut()
        .flatten()
        .flat_map(|profile| &mut profile.cells);
    for cell in cells {
        for (mean_dbm, &rises) in cell.mean_dbm.iter_mut().zip(rises.iter().cycle()) {
            *mean_dbm = (*mean_dbm + if rises { 0.5 } else { 0.0 }).min(mean_from_code(255));
        }
    }
    risen
}

proptest! {
    #[test]
    fn a_patch_leads_to_other_levels(db in database(), rises in prop::collection::vec(any::<bool>(), 1..9)) {
        let (old, new) = (db.to_bytes(), risen(&db, &rises).to_bytes());
        let patch = patch::diff(&old, &new, None);
        prop_assert_eq!(patch::apply(&old, &patch, None).unwrap(), new);
    }
}

#[test]
fn a_patch_says_how_levels_changed_and_not_what_they_are() {
    let network = straight_road(&[3000.0]);
    let profiles = vec![Some(profile(&network, 0, &[90, 200, 250]))];
    let known = |pci| KnownCell {
        rat: Rat::Lte,
        plmn: None,
        global: None,
        channels: vec![Channel { arfcn: 1, pci }],
    };
    let db = FingerprintDb {
        cells: CellTable::new((0..3).map(known).collect()),
        profiles,
        network: Arc::new(network),
        ..FingerprintDb::default()
    };
    let (old, new) = (db.to_bytes(), risen(&db, &[false, false, false, true]).to_bytes());
    let steps = patch::diff(&old, &new, None).len() - patch::diff(&old, &old, None).len();
    let points: usize = db.profiles[0]
        .iter()
        .flat_map(|profile| &profile.cells)
        .map(|cell| cell.mean_dbm.len())
        .sum();
    // Two or three bits a point for the means, one for the spreads, and the digests.
    assert!(steps < 4 * points / 8 + 120, "{steps} bytes for {points} points");
}
