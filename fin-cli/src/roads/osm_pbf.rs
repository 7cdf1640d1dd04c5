//! OSM PBF.
//!
//! The file is a row of blobs, each with its length in front; the lengths are checked against the file's before anything is
//! decoded. Ways stand behind the nodes in the usual order, so the file is read twice: ways first, then the nodes they need.

use super::Roads;
use super::assemble::{Collector, Points};
use super::error::{Place, RoadsError};
use super::tags::Tags;
use fin_core::frame::LatLon;
use osmpbf::{Blob, BlobReader, BlobType, ByteOffset, PrimitiveBlock};
use std::fs::File;
use std::io::{BufReader, SeekFrom};
use std::path::Path;

/// Most bytes of a blob, packed or not (OSM wiki, *PBF format*, file format).
const MAX_BLOB_BYTES: i32 = 32 << 20;
/// Features of the format that a reader has to know of, and this one does.
const KNOWN_FEATURES: [&str; 2] = ["OsmSchema-V0.6", "DenseNodes"];

pub(super) fn read(path: &Path) -> Result<Roads, RoadsError> {
    let file = PbfFile { path };
    file.check_frames()?;
    let mut collector = Collector::default();
    file.for_each_block(|block, offset| {
        for way in block.groups().flat_map(|group| group.ways()) {
            collector.ways_in_file += 1;
            let mut tags = Tags::default();
            for (key, value) in way.raw_tags() {
                let text = |index: u32| file.text(way.raw_stringtable(), index, way.id(), offset);
                let key = text(key)?;
                if Tags::KEYS.contains(&key) {
                    tags.set(key, text(value)?);
                }
            }
            if let Some(road) = tags.into_way(way.id()) {
                let refs = way.raw_refs().iter().scan(0_i64, |id, &delta| {
                    *id = id.wrapping_add(delta);
                    Some(*id)
                });
                collector.push(path, road, refs.collect())?;
            }
        }
        Ok(())
    })?;
    let mut points = collector.points();
    file.for_each_block(|block, offset| take_nodes(&file, block, offset, &mut points))?;
    collector.finish(path, &points)
}

fn take_nodes(
    file: &PbfFile<'_>,
    block: &PrimitiveBlock,
    offset: u64,
    points: &mut Points,
) -> Result<(), RoadsError> {
    for (id, lat_nano, lon_nano) in
        wanted_nodes(block, points).ok_or_else(|| file.malformed(offset, OVERFLOW))?
    {
        // Dividing whole nanodegrees rounds once, so that the position is that of the same number written in decimals.
        points.set(
            file.path,
            id,
            LatLon::new(lat_nano as f64 / 1e9, lon_nano as f64 / 1e9),
        )?;
    }
    Ok(())
}

const OVERFLOW: &str = "expected node ids and coordinates of at most 64 bits, found a sum beyond that";

/// Id, latitude and longitude (nanodegrees) of the nodes that roads refer to; `None` when a sum overflows.
///
/// The decoder adds differences with plain `+`: checked in builds with overflow checks, where the panic is caught here, and
/// wrapping in others, where what comes out is checked as any coordinate is.
fn wanted_nodes(block: &PrimitiveBlock, points: &Points) -> Option<Vec<(i64, i64, i64)>> {
    let collect = || {
        let mut found = Vec::new();
        for group in block.groups() {
            let plain = group.nodes().filter(|node| points.wants(node.id()));
            found.extend(plain.map(|node| (node.id(), node.nano_lat(), node.nano_lon())));
            let dense = group.dense_nodes().filter(|node| points.wants(node.id()));
            found.extend(dense.map(|node| (node.id(), node.nano_lat(), node.nano_lon())));
        }
        found
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(collect)).ok()
}

struct PbfFile<'a> {
    path: &'a Path,
}

impl PbfFile<'_> {
    fn open(&self) -> Result<BlobReader<BufReader<File>>, RoadsError> {
        let io = |source| RoadsError::Io {
            path: self.path.to_owned(),
            source,
        };
        BlobReader::seekable_from_path(self.path).map_err(|error| io(error.into()))
    }

    fn malformed(&self, byte: u64, reason: impl Into<String>) -> RoadsError {
        RoadsError::Malformed {
            path: self.path.to_owned(),
            place: Place::Byte(byte),
            reason: reason.into(),
        }
    }

    /// Follows the lengths from blob to blob up to the end of the file.
    fn check_frames(&self) -> Result<(), RoadsError> {
        let io = |source| RoadsError::Io {
            path: self.path.to_owned(),
            source,
        };
        let length = std::fs::metadata(self.path).map_err(io)?.len();
        let mut reader = self.open()?;
        let mut start = 0_u64;
        while start < length {
            let header = match reader.next_header_skip_blob() {
                Some(Ok((header, _))) => header,
                Some(Err(error)) => {
                    return Err(self.malformed(start, format!("expected a blob header, found {error}")));
                }
                None => {
                    return Err(self.malformed(
                        start,
                        format!("the file ends inside a blob header, after {length} bytes"),
                    ));
                }
            };
            if start == 0 && header.blob_type() != BlobType::OsmHeader {
                let found = header.blob_type().as_str().escape_debug().to_string();
                return Err(self.malformed(
                    0,
                    format!("expected a blob of type OSMHeader, found one of type {found}"),
                ));
            }
            let size = header.get_blob_size();
            if !(0..=MAX_BLOB_BYTES).contains(&size) {
                return Err(self.malformed(
                    start,
                    format!("expected a blob of 0…{MAX_BLOB_BYTES} bytes, found one of {size}"),
                ));
            }
            let end = reader
                .seek_raw(SeekFrom::Current(0))
                .map_err(|error| io(error.into()))?;
            if end > length {
                let missing = end - length;
                return Err(self.malformed(
                    start,
                    format!("the file ends inside this blob; {missing} bytes are missing"),
                ));
            }
            start = end;
        }
        Ok(())
    }

    /// Decodes block after block; what `each` gets besides is the offset of the block's blob.
    fn for_each_block(
        &self,
        mut each: impl FnMut(&PrimitiveBlock, u64) -> Result<(), RoadsError>,
    ) -> Result<(), RoadsError> {
        let mut last = 0;
        for blob in self.open()? {
            let damaged = |offset, error: osmpbf::Error| {
                self.malformed(offset, format!("expected a readable blob, found {error}"))
            };
            let blob = blob.map_err(|error| damaged(last, error))?;
            last = blob.offset().map_or(last, |ByteOffset(offset)| offset);
            match blob.get_type() {
                BlobType::OsmHeader => self.check_features(&blob, last)?,
                BlobType::OsmData => {
                    each(
                        &blob.to_primitiveblock().map_err(|error| damaged(last, error))?,
                        last,
                    )?;
                }
                BlobType::Unknown(_) => {}
            }
        }
        Ok(())
    }

    fn check_features(&self, blob: &Blob, offset: u64) -> Result<(), RoadsError> {
        let header = blob.to_headerblock().map_err(|error| {
            self.malformed(offset, format!("expected a readable file header, found {error}"))
        })?;
        match header
            .required_features()
            .iter()
            .find(|name| !KNOWN_FEATURES.contains(&name.as_str()))
        {
            Some(name) => Err(self.malformed(
                offset,
                format!(
                    "the file needs a reader for {}; only {} are known",
                    name.escape_debug(),
                    KNOWN_FEATURES.join(", ")
                ),
            )),
            None => Ok(()),
        }
    }

    fn text<'t>(
        &self,
        table: &'t [Vec<u8>],
        index: u32,
        way: i64,
        offset: u64,
    ) -> Result<&'t str, RoadsError> {
        let bytes = table.get(index as usize).ok_or_else(|| {
            let found = table.len();
            self.malformed(
                offset,
                format!("way {way}: expected a string number below {found}, found {index}"),
            )
        })?;
        std::str::from_utf8(bytes).map_err(|error| {
            self.malformed(
                offset,
                format!("way {way}: expected UTF-8 in its tags, found {error}"),
            )
        })
    }
}
