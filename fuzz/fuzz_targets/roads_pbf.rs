//! OSM PBF: whole files, and contents of a data block in frames that are right, so that mutations get past the lengths.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// A length-delimited protobuf field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(bytes);
    out
}

/// A blob with `contents`, not compressed, behind its header.
fn framed(kind: &str, contents: &[u8]) -> Vec<u8> {
    let blob = field(1, contents);
    let mut header = field(1, kind.as_bytes());
    header.push(3 << 3);
    let mut size = blob.len();
    while size >= 0x80 {
        header.push(size as u8 | 0x80);
        size >>= 7;
    }
    header.push(size as u8);
    let mut out = (header.len() as u32).to_be_bytes().to_vec();
    out.extend(header);
    out.extend(blob);
    out
}

/// The decoder's sums may overflow, which panics where overflow is checked, as here; the reader catches that. Every other
/// panic ends the run.
fn pass_over_caught_panics() {
    let end_run = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let caught = |place: &std::panic::Location<'_>| place.file().contains("osmpbf");
        if !panic.location().is_some_and(caught) {
            end_run(panic);
        }
    }));
}

fuzz_target!(init: pass_over_caught_panics(), |data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let path = if kind % 4 == 0 {
        fin_fuzz::file("roads.osm.pbf", rest)
    } else {
        let mut bytes = framed("OSMHeader", &field(4, b"OsmSchema-V0.6"));
        bytes.extend(framed("OSMData", rest));
        fin_fuzz::file("roads.osm.pbf", &bytes)
    };
    if let Ok(roads) = fin_cli::roads::read(&path) {
        let _ = fin_core::network::RoadNetwork::build(roads.ways);
    }
});
