//! The same roads in every format.

use super::{pbf, read_bytes};
use fin_core::frame::LatLon;
use fin_core::network::{Direction, RoadClass, RoadNetwork};
use std::io::Write;

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
  <node id="1" lat="47.0" lon="8.0"/>
  <node id="2" lat="47.001" lon="8.0"/>
  <node id="3" lat="47.002" lon="8.0001"/>
  <node id="4" lat="47.003" lon="8.0"><tag k="highway" v="crossing"/></node>
  <way id="10"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way>
  <way id="11">
    <nd ref="4"/><nd ref="3"/><nd ref="2"/>
    <tag k="highway" v="primary"/><tag k="tunnel" v="yes"/><tag k="layer" v="-1"/><tag k="oneway" v="-1"/>
    <tag k="name" v="Under the &quot;Hill&quot;"/><tag k="ref" v="A 1"/><tag k="maxspeed" v="90"/>
  </way>
  <way id="12"><nd ref="1"/><nd ref="3"/><tag k="highway" v="footway"/></way>
  <relation id="5"><member type="way" ref="11" role=""/><tag k="highway" v="primary"/></relation>
</osm>
"#;

const GEOJSON: &str = r#"{"type": "FeatureCollection", "features": [
  {"type": "Feature", "id": 10, "properties": {"highway": "primary", "surface": ["any"]},
   "geometry": {"type": "LineString", "coordinates": [[8.0, 47.0], [8.0, 47.001]]}},
  {"type": "Feature", "geometry": {"type": "LineString",
     "coordinates": [[8.0, 47.003, 412.5], [8.0001, 47.002, 412.0], [8.0, 47.001, 411.0]]},
   "properties": {"id": 11, "highway": "primary", "tunnel": true, "layer": -1, "oneway": -1,
     "name": "Under the \"Hill\"", "ref": "A 1", "maxspeed": 90}},
  {"type": "Feature", "id": 12, "properties": {"highway": "footway", "name": null},
   "geometry": {"type": "LineString", "coordinates": [[8.0, 47.0], [8.0001, 47.002]]}}
]}"#;

fn small_pbf() -> Vec<u8> {
    let e7 = 10_000_000;
    let nodes = [
        (1, 47 * e7, 8 * e7),
        (2, 470_010_000, 8 * e7),
        (3, 470_020_000, 80_001_000),
        (4, 470_030_000, 8 * e7),
    ];
    let strings: [&[u8]; 14] = [
        b"",
        b"highway",
        b"primary",
        b"tunnel",
        b"yes",
        b"layer",
        b"-1",
        b"oneway",
        b"name",
        b"Under the \"Hill\"",
        b"ref",
        b"A 1",
        b"maxspeed",
        b"90",
    ];
    let tags = [(1, 2), (3, 4), (5, 6), (7, 6), (8, 9), (10, 11), (12, 13)];
    [
        pbf::header("OsmSchema-V0.6"),
        pbf::nodes(&nodes),
        pbf::way(10, &strings, &tags[..1], &[1, 2]),
        pbf::way(11, &strings, &tags, &[4, 3, 2]),
    ]
    .concat()
}

#[test]
fn every_format_gives_the_same_roads() {
    let from_xml = read_bytes("a.osm", XML).unwrap();
    let [plain, tunnel] = &from_xml.ways[..] else {
        panic!("two roads")
    };
    assert_eq!(
        (plain.id, plain.tunnel, plain.oneway, plain.layer),
        (10, false, Direction::Both, 0)
    );
    assert_eq!(
        (tunnel.id, tunnel.tunnel, tunnel.oneway, tunnel.layer),
        (11, true, Direction::Backward, -1)
    );
    assert_eq!(tunnel.name.as_deref(), Some("Under the \"Hill\""));
    assert_eq!(tunnel.reference.as_deref(), Some("A 1"));
    assert_eq!(
        (tunnel.max_speed_mps, tunnel.class),
        (Some(25.0), RoadClass::Primary)
    );
    assert_eq!(tunnel.nodes[1].position, LatLon::new(47.002, 8.0001));

    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(XML.as_bytes()).unwrap();
    assert_eq!(
        read_bytes("a.osm.gz", packer.finish().unwrap()).unwrap(),
        from_xml
    );
    assert_eq!(read_bytes("a.osm.pbf", small_pbf()).unwrap(), from_xml);

    // GeoJSON has no node ids; everything else is the same, the junction too.
    let from_geojson = read_bytes("a.geojson", GEOJSON).unwrap();
    let keyless = |roads: &fin_cli::roads::Roads| {
        let mut ways = roads.ways.clone();
        ways.iter_mut()
            .flat_map(|way| &mut way.nodes)
            .for_each(|node| node.key = 0);
        ways
    };
    assert_eq!(keyless(&from_geojson), keyless(&from_xml));
    let network = RoadNetwork::build(from_geojson.ways).unwrap();
    assert_eq!(
        (
            network.node_count(),
            network.edge_count(),
            network.tunnels().len()
        ),
        (3, 3, 1)
    );
}

#[test]
fn geojson_lines_meet_only_at_their_ends() {
    let line = |id: i64, coordinates: &str| {
        format!(
            r#"{{"type":"Feature","id":{id},"properties":{{"highway":"road"}},
               "geometry":{{"type":"LineString","coordinates":{coordinates}}}}}"#
        )
    };
    let through = line(1, "[[8,47],[8.001,47],[8.002,47]]");
    let crossing = line(2, "[[8.001,46.999],[8.001,47],[8.001,47.001]]");
    let from_the_end = line(3, "[[8.002,47],[8.002,46.999]]");
    let text = format!(r#"{{"type":"FeatureCollection","features":[{through},{crossing},{from_the_end}]}}"#);
    let network = RoadNetwork::build(read_bytes("a.json", text).unwrap().ways).unwrap();
    assert_eq!((network.node_count(), network.edge_count()), (5, 6));
}

#[test]
fn ways_are_clipped_where_points_are_missing() {
    let xml = r#"<osm><node id="1" lat="1" lon="1"/><node id="2" lat="2" lon="2"/><node id="4" lat="4" lon="4"/>
        <node id="5" lat="5" lon="5"/><node id="6" lat="6" lon="6"/>
        <way id="7"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="5"/><nd ref="6"/><tag k="highway" v="road"/></way>
        <way id="8"><nd ref="1"/><nd ref="3"/><nd ref="4"/><tag k="highway" v="road"/></way>
        <way id="7"><nd ref="1"/><nd ref="2"/><tag k="highway" v="road"/></way></osm>"#;
    let roads = read_bytes("a.osm", xml).unwrap();
    assert_eq!(roads.ways.len(), 1);
    assert_eq!(
        roads.ways[0]
            .nodes
            .iter()
            .map(|node| node.key)
            .collect::<Vec<_>>(),
        [4, 5, 6]
    );
    let losses = roads.losses;
    assert_eq!(
        (
            losses.missing_points,
            losses.clipped_ways,
            losses.short_ways,
            losses.repeated_ways
        ),
        (2, 1, 1, 1)
    );
}
