//! Map matching: five minutes of fixes through a city of small blocks, and drives at 1 Hz on the roads of Andorra.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fin_benches::{city, road_drives};
use fin_core::matching::{MatchOptions, MatchTables, Odometer, match_track, match_track_with};
use fin_core::network::RoadNetwork;

/// An extract of OpenStreetMap beside the repository.
const ANDORRA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/osm_tunnels/gh-andorra.osm.pbf"
);
/// Metres up to which ways are kept.
const TABLE_M: f64 = 300.0;
/// A fix is right within so many metres of the truth, and at least this share of them has to be.
const RIGHT_M: f64 = 25.0;
const LEAST_RIGHT: f64 = 0.995;

fn in_a_city(c: &mut Criterion) {
    let city = city(60, 300, 2);
    let odometer = Odometer::new(&[]);
    let options = MatchOptions::default();
    let mut group = c.benchmark_group("matching");
    group.throughput(Throughput::Elements(city.track.len() as u64));
    group.bench_function("five_minutes", |b| {
        b.iter(|| match_track(&city.network, black_box(&city.track), &odometer, &options));
    });
    group.finish();
}

fn on_real_roads(c: &mut Criterion) {
    let Ok(roads) = fin_cli::roads::read(Path::new(ANDORRA)) else {
        eprintln!("left out: {ANDORRA} is not there");
        return;
    };
    let network = RoadNetwork::build(roads.ways).expect("the ways of an extract make a network");
    let drives = road_drives(&network, 20, 600, 5);
    let (odometer, options) = (Odometer::new(&[]), MatchOptions::default());
    let tables = MatchTables::new(&network, TABLE_M);
    let fixes: usize = drives.iter().map(|drive| drive.fixes.len()).sum();
    let mut right = 0;
    for drive in &drives {
        let matched = match_track_with(&network, &tables, &drive.fixes, &odometer, &options);
        assert_eq!(matched, match_track(&network, &drive.fixes, &odometer, &options));
        right += drive.right(&network, &matched, RIGHT_M);
    }
    let share = right as f64 / fixes as f64;
    eprintln!(
        "{:.2} % of {fixes} fixes within {RIGHT_M} m of the truth; {} pairs of edges in the table",
        100.0 * share,
        tables.distances().len()
    );
    assert!(share >= LEAST_RIGHT, "{share}");

    let mut group = c.benchmark_group("matching/andorra");
    group.sample_size(10);
    group.throughput(Throughput::Elements(fixes as u64));
    group.bench_function("searched", |b| {
        b.iter(|| {
            drives
                .iter()
                .map(|drive| {
                    match_track(&network, &drive.fixes, &odometer, &options)
                        .counts
                        .placed
                })
                .sum::<usize>()
        });
    });
    group.bench_function("tables", |b| {
        b.iter(|| {
            drives
                .iter()
                .map(|drive| {
                    match_track_with(&network, &tables, &drive.fixes, &odometer, &options)
                        .counts
                        .placed
                })
                .sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, in_a_city, on_real_roads);
criterion_main!(benches);
