//! Roads as OSM XML, plain and gzipped, and as GeoJSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let name = match kind % 4 {
        0 => "roads.osm.gz",
        1 => "roads.osm",
        _ => "roads.geojson",
    };
    if let Ok(roads) = fin_cli::roads::read(&fin_fuzz::file(name, rest)) {
        let _ = fin_core::network::RoadNetwork::build(roads.ways);
    }
});
