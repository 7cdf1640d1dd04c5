//! Section `roads`: the ways, from which the network is built anew.

use super::error::FormatError;
use super::wire::{Reader, Writer};
use crate::frame::LatLon;
use crate::network::{Direction, RoadClass, RoadNetwork, Way, WayNode};

/// Coordinates are stored as whole numbers of 1 / this many degrees.
const PER_DEGREE: f64 = 1e7;
/// Ways have at least this many bytes: id, flags, class, layer, number of nodes, two nodes.
const MIN_WAY_BYTES: usize = 11;
const MIN_NODE_BYTES: usize = 3;

const BACKWARD_OR_FORWARD: u8 = 0b11;
const TUNNEL: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const REFERENCE: u8 = 1 << 4;
const MAX_SPEED: u8 = 1 << 5;

/// `position` with both coordinates rounded to 1e-7 degrees, as OSM has them: about 1 cm.
pub(crate) fn rounded(position: LatLon) -> LatLon {
    let rounded = |deg: f64| degrees(units(deg));
    LatLon::new(rounded(position.lat_deg), rounded(position.lon_deg))
}

fn units(deg: f64) -> i64 {
    libm::round(deg * PER_DEGREE) as i64
}

fn degrees(units: i64) -> f64 {
    units as f64 / PER_DEGREE
}

/// The section for `ways`. Coordinates that are no multiples of 1e-7 degrees make it store all of them in full.
pub(super) fn write(ways: &[&Way]) -> Vec<u8> {
    let is_rounded = |node: &WayNode| rounded(node.position) == node.position;
    let in_full = !ways.iter().flat_map(|way| &way.nodes).all(is_rounded);
    let mut out = Writer::default();
    out.u8(u8::from(in_full));
    out.count(ways.len());
    let (mut last_id, mut last_node) = (0, (0, 0, 0));
    for way in ways {
        out.zigzag(way.id.wrapping_sub(last_id));
        last_id = way.id;
        let direction = match way.oneway {
            Direction::Both => 0,
            Direction::Forward => 1,
            Direction::Backward => 2,
        };
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.u8(direction
            | flag(way.tunnel, TUNNEL)
            | flag(way.name.is_some(), NAME)
            | flag(way.reference.is_some(), REFERENCE)
            | flag(way.max_speed_mps.is_some(), MAX_SPEED));
        out.text(way.class.as_str());
        out.zigzag(i64::from(way.layer));
        way.name
            .iter()
            .chain(&way.reference)
            .for_each(|text| out.text(text));
        way.max_speed_mps.iter().for_each(|&speed_mps| out.f64(speed_mps));
        out.count(way.nodes.len());
        for node in &way.nodes {
            let LatLon { lat_deg, lon_deg } = node.position;
            let (key, lat, lon) = (node.key, units(lat_deg), units(lon_deg));
            out.zigzag(key.wrapping_sub(last_node.0));
            if in_full {
                out.f64(lat_deg);
                out.f64(lon_deg);
            } else {
                out.zigzag(lat - last_node.1);
                out.zigzag(lon - last_node.2);
            }
            last_node = (key, lat, lon);
        }
    }
    out.bytes
}

/// The network of the ways in `section`.
pub(super) fn read(mut section: Reader<'_>) -> Result<RoadNetwork, FormatError> {
    let in_full = match section.u8("an encoding of coordinates, 0 or 1")? {
        0 => false,
        1 => true,
        other => return Err(section.error(1, "an encoding of coordinates, 0 or 1", other)),
    };
    let count = section.count(MIN_WAY_BYTES, "a number of ways")?;
    let mut ways: Vec<Way> = Vec::with_capacity(count);
    let (mut id, mut last_node) = (0_i64, (0, 0, 0));
    for _ in 0..count {
        id = id.wrapping_add(section.zigzag("the id of a way")?);
        ways.push(read_way(&mut section, id, in_full, &mut last_node)?);
    }
    let end = section.clone();
    section.finish()?;
    let network = RoadNetwork::build(ways.clone())?;
    if network.ways() != ways {
        return Err(end.error(0, "ways of distinct points", "ways that had to be mended"));
    }
    Ok(network)
}

fn read_way(
    section: &mut Reader<'_>,
    id: i64,
    in_full: bool,
    last_node: &mut (i64, i64, i64),
) -> Result<Way, FormatError> {
    let flags = section.u8("flags of a way")?;
    let oneway = match flags & BACKWARD_OR_FORWARD {
        0 => Direction::Both,
        1 => Direction::Forward,
        2 => Direction::Backward,
        _ => return Err(section.error(1, "flags of a way", format!("{flags:#010b}"))),
    };
    if flags & !(BACKWARD_OR_FORWARD | TUNNEL | NAME | REFERENCE | MAX_SPEED) != 0 {
        return Err(section.error(1, "flags of a way", format!("{flags:#010b}")));
    }
    let class = section.text("a class of road")?;
    let Some(class) = RoadClass::from_highway(&class) else {
        return Err(section.error(class.len(), "a class of road", format!("`{class}`")));
    };
    let layer = section.zigzag("a layer, -128 to 127")?;
    let Ok(layer) = i8::try_from(layer) else {
        return Err(section.error(1, "a layer, -128 to 127", layer));
    };
    let mut text = |flag: u8, expected| (flags & flag != 0).then(|| section.text(expected)).transpose();
    let name = text(NAME, "the name of a way")?;
    let reference = text(REFERENCE, "the reference of a way")?;
    let max_speed_mps = if flags & MAX_SPEED == 0 {
        None
    } else {
        Some(section.f64("a speed limit")?)
    };
    if let Some(speed_mps) = max_speed_mps.filter(|speed_mps| !speed_mps.is_finite()) {
        return Err(section.error(8, "a finite speed limit", speed_mps));
    }
    let count = section.count(MIN_NODE_BYTES, "a number of nodes")?;
    let mut nodes = Vec::with_capacity(count);
    for _ in 0..count {
        let key = last_node.0.wrapping_add(section.zigzag("the key of a node")?);
        let (position, lat, lon) = if in_full {
            (
                LatLon::new(section.f64("a latitude")?, section.f64("a longitude")?),
                0,
                0,
            )
        } else {
            let lat = last_node.1.wrapping_add(section.zigzag("a latitude")?);
            let lon = last_node.2.wrapping_add(section.zigzag("a longitude")?);
            (LatLon::new(degrees(lat), degrees(lon)), lat, lon)
        };
        *last_node = (key, lat, lon);
        nodes.push(WayNode { key, position });
    }
    Ok(Way {
        id,
        nodes,
        oneway,
        tunnel: flags & TUNNEL != 0,
        layer,
        name,
        reference,
        max_speed_mps,
        class,
    })
}
