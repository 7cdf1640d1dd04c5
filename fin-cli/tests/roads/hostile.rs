//! Damaged and strange road files are refused with a place and a reason, and nothing panics.

use super::{EXTRACTS, extracts, pbf, read_bytes, refusal};

const ROAD: [(i64, i64); 1] = [(1, 2)];
const STRINGS: [&[u8]; 3] = [b"", b"highway", b"road"];
const NODES: [(i64, i64, i64); 2] = [(1, 470_000_000, 80_000_000), (2, 470_010_000, 80_000_000)];

fn sound_pbf() -> Vec<u8> {
    [
        pbf::header("DenseNodes"),
        pbf::nodes(&NODES),
        pbf::way(1, &STRINGS, &ROAD, &[1, 2]),
    ]
    .concat()
}

fn geojson(feature: &str) -> String {
    format!("{{\"type\":\"FeatureCollection\",\"features\":[{feature}]}}")
}

fn line(id: &str, coordinates: &str) -> String {
    geojson(&format!(
        r#"{{"type":"Feature",{id}"properties":{{"highway":"road"}},"geometry":{{"type":"LineString","coordinates":{coordinates}}}}}"#
    ))
}

#[test]
fn names_and_empty_files() {
    assert_eq!(
        refusal("a.shp", "x"),
        "a.shp: expected a road file named .osm.pbf, .osm, .osm.gz, .geojson or .json"
    );
    for name in ["a.osm.pbf", "a.osm", "a.osm.gz", "a.geojson"] {
        assert_eq!(
            refusal(name, ""),
            format!("{name}: expected roads, found an empty file")
        );
    }
}

#[test]
fn every_truncation_of_a_pbf_is_noticed() {
    let whole = sound_pbf();
    assert_eq!(read_bytes("a.osm.pbf", &whole).unwrap().ways.len(), 1);
    for length in 1..whole.len() {
        let text = refusal("a.osm.pbf", &whole[..length]);
        assert!(
            text.contains("byte") || text.contains("such road") || text.contains("no ways"),
            "{length}: {text}"
        );
    }
    let cut = refusal("a.osm.pbf", &whole[..whole.len() - 3]);
    assert!(
        cut.ends_with("the file ends inside this blob; 3 bytes are missing"),
        "{cut}"
    );
    let cut = refusal("a.osm.pbf", [&whole[..], &[0, 0]].concat());
    assert!(cut.contains("the file ends inside a blob header"), "{cut}");
}

#[test]
fn real_extracts_cut_short_are_noticed() {
    let Some(folder) = extracts() else { return };
    let whole = std::fs::read(folder.join(EXTRACTS[1])).unwrap();
    for length in [1, 3, 4, 20, 100, 1_000, 65_536, whole.len() / 2, whole.len() - 1] {
        let text = refusal("a.osm.pbf", &whole[..length]);
        assert!(text.starts_with("a.osm.pbf: byte "), "{text}");
    }
    // Packed blobs have checksums: a flipped bit is found, or is in bytes that no road depends on.
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        if let Err(error) = read_bytes("a.osm.pbf", &flipped) {
            assert!(error.to_string().contains("byte"), "{error}");
        }
    }
}

#[test]
fn no_flipped_byte_of_a_pbf_panics() {
    let whole = sound_pbf();
    for at in 0..whole.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut flipped = whole.clone();
            flipped[at] ^= mask;
            if let Ok(roads) = read_bytes("a.osm.pbf", &flipped) {
                assert!(
                    roads
                        .ways
                        .iter()
                        .all(|way| way.nodes.iter().all(|node| node.position.is_valid()))
                );
            }
        }
    }
}

#[test]
fn strange_pbf_files() {
    let header = pbf::header("DenseNodes");
    let with = |blobs: &[Vec<u8>]| refusal("a.osm.pbf", [header.clone(), blobs.concat()].concat());
    assert_eq!(
        refusal("a.osm.pbf", "not a PBF file at all"),
        "a.osm.pbf: byte 0: expected a blob header, found blob header is too big: 1852797984 bytes"
    );
    let text = refusal("a.osm.pbf", pbf::nodes(&NODES));
    assert_eq!(
        text,
        "a.osm.pbf: byte 0: expected a blob of type OSMHeader, found one of type OSMData"
    );
    let text = refusal("a.osm.pbf", pbf::header("HistoricalInformation"));
    assert!(text.ends_with(
        "the file needs a reader for HistoricalInformation; only OsmSchema-V0.6, DenseNodes are known"
    ));
    let text = with(&[pbf::frame("OSMData", 33 << 20, b"")]);
    assert!(
        text.ends_with("expected a blob of 0…33554432 bytes, found one of 34603008"),
        "{text}"
    );
    for size in [-1, -31, -1000, i64::from(i32::MIN)] {
        let text = with(&[pbf::frame("OSMData", size, b"")]);
        assert!(text.starts_with("a.osm.pbf: byte 31: expected a blob"), "{text}");
    }
    let text = with(&[pbf::nodes(&NODES), pbf::way(9, &STRINGS, &[(1, 7)], &[1, 2])]);
    assert!(
        text.ends_with("way 9: expected a string number below 3, found 7"),
        "{text}"
    );
    let text = with(&[
        pbf::nodes(&NODES),
        pbf::way(9, &[b"", b"highway", b"\xff"], &ROAD, &[1, 2]),
    ]);
    assert!(text.contains("way 9: expected UTF-8 in its tags"), "{text}");
    let road = || pbf::way(9, &STRINGS, &ROAD, &[1, 2]);
    let text = with(&[pbf::nodes(&[(1, 910_000_000, 0), NODES[1]]), road()]);
    assert_eq!(
        text,
        "a.osm.pbf: node 1: expected a latitude of −90…90 and a longitude of −180…180, found 91, 0"
    );
    // Sums beyond 64 bits are refused where builds check for overflow; where they wrap, what comes out is on earth or refused.
    for far in [i64::MAX, i64::MIN, i64::MAX / 50] {
        let nodes = pbf::nodes(&[(1, far, far), (2, -far.max(-i64::MAX), 0)]);
        match read_bytes("a.osm.pbf", [header.clone(), nodes, road()].concat()) {
            Ok(roads) => assert!(roads.ways[0].nodes.iter().all(|node| node.position.is_valid())),
            Err(error) => {
                let text = error.to_string();
                assert!(
                    text.contains("node 1: expected") || text.contains("at most 64 bits"),
                    "{text}"
                );
            }
        }
    }
    // Ids whose sums overflow are no ids of nodes.
    assert!(with(&[pbf::way(9, &STRINGS, &ROAD, &[i64::MAX, i64::MIN])]).contains("not the points of any"));
    assert!(with(&[pbf::nodes(&NODES)]).ends_with("found no ways"));
    assert!(
        with(&[pbf::way(9, &STRINGS, &[], &[1, 2])]).ends_with("found 1 ways and none of them such a road")
    );
}

#[test]
fn strange_xml_files() {
    let way =
        |inside: &str| format!("<osm>\n<node id='1' lat='1' lon='1'/>\n<way id='1'>{inside}</way>\n</osm>");
    let road = "<nd ref='1'/><nd ref='2'/><tag k='highway' v='road'/>";
    for (text, expected) in [
        (
            "{\"type\": 1}".to_owned(),
            "line 1: expected an <osm> element, found none",
        ),
        (
            "<gpx>\n</gpx>".to_owned(),
            "line 1: expected an <osm> element, found <gpx>",
        ),
        (
            "<osm>\n<way id='1'>".to_owned(),
            "line 2: the file ends before </osm>",
        ),
        (
            "<osm>\n<way id='1'>\n</osm>".to_owned(),
            "line 3: expected OSM XML, found",
        ),
        (
            "<osm>\n\n<way id='one'/></osm>".to_owned(),
            "line 3: expected a number in <way id=…>, found \"one\"",
        ),
        (
            "<osm><way/></osm>".to_owned(),
            "line 1: expected an attribute id in <way>, found none",
        ),
        (
            way("<nd/>"),
            "line 3: expected an attribute ref in <nd>, found none",
        ),
        (
            way("<tag k='a' v='&nothing;'/>"),
            "line 3: <tag v=…>: expected text, found",
        ),
        (
            way(road)
                .replace("lat='1'", "lat='91'")
                .replace("ref='2'", "ref='1'"),
            "node 1: expected a latitude",
        ),
        (
            way(road).replace("lat='1'", "lat='NaN'"),
            "node 1: expected a latitude",
        ),
        (
            way(road).replace("lat='1'", "lat='inf'"),
            "node 1: expected a latitude",
        ),
        (
            way(road).replace("lat='1'", "lat='north'"),
            "line 2: expected a number in <node lat=…>, found \"north\"",
        ),
        (
            way(road),
            "expected at least one road that cars may drive on, found 1 such roads, but not the points of any",
        ),
        (
            way(""),
            "expected at least one road that cars may drive on, found 1 ways and none of them such a road",
        ),
        (
            "<osm/>".to_owned(),
            "expected at least one road that cars may drive on, found no ways",
        ),
    ] {
        let found = refusal("a.osm", &text);
        assert!(
            found.starts_with(&format!("a.osm: {expected}")),
            "{text}\n{found}"
        );
    }
    let endless = format!("<osm><way id='{}", "1".repeat(3 << 20));
    assert!(refusal("a.osm", endless).contains("one of more than 1048576 bytes"));
    let latin1 = b"<osm>\n<way id='1'><tag k='name' v='Tunnel \xe9t\xe9'/></way></osm>";
    let text = refusal("a.osm", latin1);
    assert!(
        text.starts_with("a.osm: line 2: ") && text.to_lowercase().contains("utf-8"),
        "{text}"
    );
    assert!(refusal("a.osm.gz", "no gzip").starts_with("a.osm.gz: line 1: expected OSM XML, found"));
}

#[test]
fn strange_geojson_files() {
    let good = "[[8,47],[8,47.1]]";
    for (text, expected) in [
        (
            "{".to_owned(),
            "line 1: expected a GeoJSON FeatureCollection, found",
        ),
        (
            "[]".to_owned(),
            "line 1: expected a GeoJSON FeatureCollection, found",
        ),
        (
            r#"{"type":"Point","coordinates":[8,47]}"#.to_owned(),
            "line 1: expected a GeoJSON FeatureCollection, found",
        ),
        (
            line("\"id\":1,", "[[8,47],\n[NaN,47]]"),
            "line 2: expected a GeoJSON FeatureCollection, found",
        ),
        (
            line("\"id\":1,", "[[8,47],[1e999,47]]"),
            "line 1: expected a GeoJSON FeatureCollection, found",
        ),
        (line("", good), "feature 1: expected an integer id, found none"),
        (
            line("\"id\":\"w1\",", good),
            "feature 1: expected an integer id, found \"w1\"",
        ),
        (
            line("\"id\":1.5,", good),
            "feature 1: expected an integer id, found 1.5",
        ),
        (
            line("\"id\":1,", "[[8,47]]"),
            "feature 1: expected a LineString of at least 2 points, found 1",
        ),
        (
            line("\"id\":1,", "[[8,47],[8,91]]"),
            "feature 1: point 2: expected a latitude of −90…90 and a longitude of −180…180, found 91, 8",
        ),
        (
            line("\"id\":1,", good).replace("LineString", "MultiPoint"),
            "feature 1: expected a LineString, found a MultiPoint",
        ),
        (
            geojson(r#"{"type":"Feature","id":1,"properties":{"highway":"road"},"geometry":null}"#),
            "feature 1: expected a LineString, found no geometry",
        ),
        (
            line("\"id\":1,", good).replace("\"road\"", "[1]"),
            "feature 1: expected text or a number as property highway",
        ),
        (
            line("\"id\":1,", good).replace("road", "path"),
            "expected at least one road that cars may drive on, found 1 features",
        ),
        (
            geojson(""),
            "expected at least one road that cars may drive on, found no features",
        ),
    ] {
        let found = refusal("a.geojson", &text);
        assert!(
            found.starts_with(&format!("a.geojson: {expected}")),
            "{text}\n{found}"
        );
    }
    let twice = line("\"id\":1,", good);
    let feature = twice[twice.find('[').unwrap() + 1..twice.len() - 2].to_owned();
    let text = refusal("a.geojson", geojson(&format!("{feature},{feature}")));
    assert_eq!(
        text,
        "a.geojson: feature 2: expected an id of its own, found 1 again"
    );
    assert_eq!(
        refusal("a.geojson", b"{\"type\": \"\xff\"}"),
        "a.geojson: byte 10: expected UTF-8"
    );
    let deep = "[".repeat(100_000);
    assert!(refusal("a.geojson", line("\"id\":1,", &deep)).contains("line 1"));
}
