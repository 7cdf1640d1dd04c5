//! OSM XML.
//!
//! Read twice, as in PBF: ways first, then the nodes they need.

use super::Roads;
use super::assemble::{Collector, Points};
use super::error::{Place, RoadsError};
use super::tags::Tags;
use fin_core::frame::LatLon;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::io::{self, BufRead, Read};
use std::path::Path;

/// Most bytes that one tag or text of the file may have; real ones have some hundred.
const MAX_EVENT_BYTES: u64 = 1 << 20;

/// The roads of the OSM XML that `open` starts to read.
pub(super) fn read<R: BufRead>(
    path: &Path,
    open: impl Fn() -> Result<R, RoadsError>,
) -> Result<Roads, RoadsError> {
    let mut ways = Ways {
        path,
        collector: Collector::default(),
        current: None,
    };
    for_each_element(path, open()?, |element| ways.take(element))?;
    let mut points = ways.collector.points();
    for_each_element(path, open()?, |element| take_node(path, element, &mut points))?;
    ways.collector.finish(path, &points)
}

/// What there is in an OSM file, one after the other.
enum Element<'a> {
    /// The beginning of an element, or all of one that has nothing inside.
    Start {
        tag: &'a BytesStart<'a>,
        line: u64,
        empty: bool,
    },
    /// The end of an element.
    End { name: &'a str },
}

struct Ways<'a> {
    path: &'a Path,
    collector: Collector,
    current: Option<(i64, Tags, Vec<i64>)>,
}

impl Ways<'_> {
    fn take(&mut self, element: Element<'_>) -> Result<(), RoadsError> {
        match element {
            Element::Start { tag, line, empty } => {
                let at = At {
                    path: self.path,
                    line,
                };
                match (tag.name().0, &mut self.current) {
                    ("way", _) => {
                        self.collector.ways_in_file += 1;
                        self.current = Some((at.number(tag, "id")?, Tags::default(), Vec::new()));
                        if empty {
                            self.end_way()?;
                        }
                    }
                    ("nd", Some((_, _, refs))) => refs.push(at.number(tag, "ref")?),
                    ("tag", Some((_, tags, _))) => tags.set(&at.text(tag, "k")?, &at.text(tag, "v")?),
                    _ => {}
                }
                Ok(())
            }
            Element::End { name: "way" } => self.end_way(),
            Element::End { .. } => Ok(()),
        }
    }

    fn end_way(&mut self) -> Result<(), RoadsError> {
        let Some((id, tags, refs)) = self.current.take() else {
            return Ok(());
        };
        match tags.into_way(id) {
            Some(road) => self.collector.push(self.path, road, refs),
            None => Ok(()),
        }
    }
}

fn take_node(path: &Path, element: Element<'_>, points: &mut Points) -> Result<(), RoadsError> {
    let Element::Start { tag, line, .. } = element else {
        return Ok(());
    };
    if tag.name().0 != "node" {
        return Ok(());
    }
    let at = At { path, line };
    let id = at.number(tag, "id")?;
    if !points.wants(id) {
        return Ok(());
    }
    points.set(
        path,
        id,
        LatLon::new(at.number(tag, "lat")?, at.number(tag, "lon")?),
    )
}

/// A line of the file, for errors.
struct At<'a> {
    path: &'a Path,
    line: u64,
}

impl At<'_> {
    fn malformed(&self, reason: String) -> RoadsError {
        RoadsError::Malformed {
            path: self.path.to_owned(),
            place: Place::Line(self.line),
            reason,
        }
    }

    fn text(&self, tag: &BytesStart<'_>, name: &str) -> Result<String, RoadsError> {
        let element = tag.name().0;
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| {
                self.malformed(format!("<{element}>: expected attributes, found {error}"))
            })?;
            if attribute.key.0 == name {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                return value.map(|value| value.into_owned()).map_err(|error| {
                    self.malformed(format!("<{element} {name}=…>: expected text, found {error}"))
                });
            }
        }
        Err(self.malformed(format!("expected an attribute {name} in <{element}>, found none")))
    }

    fn number<T: std::str::FromStr>(&self, tag: &BytesStart<'_>, name: &str) -> Result<T, RoadsError> {
        let text = self.text(tag, name)?;
        text.parse().map_err(|_| {
            let text: String = text.chars().take(40).collect();
            self.malformed(format!(
                "expected a number in <{} {name}=…>, found {text:?}",
                tag.name().0
            ))
        })
    }
}

/// Calls `each` for the elements of a file, whose root has to be `<osm>` and complete.
fn for_each_element<R: BufRead>(
    path: &Path,
    input: R,
    mut each: impl FnMut(Element<'_>) -> Result<(), RoadsError>,
) -> Result<(), RoadsError> {
    let mut reader = Reader::from_reader(Counted {
        input,
        line: 1,
        event_bytes: 0,
    });
    let mut buffer = Vec::new();
    let mut depth = 0_usize;
    let mut seen_root = false;
    loop {
        buffer.clear();
        reader.get_mut().event_bytes = 0;
        let line = reader.get_ref().line;
        let event = reader.read_event_into(&mut buffer);
        let at = At { path, line };
        match event.map_err(|error| at.malformed(format!("expected OSM XML, found {error}")))? {
            Event::Start(tag) => {
                check_root(&at, &tag, depth)?;
                (depth, seen_root) = (depth + 1, true);
                each(Element::Start {
                    tag: &tag,
                    line,
                    empty: false,
                })?;
            }
            Event::Empty(tag) => {
                check_root(&at, &tag, depth)?;
                seen_root = true;
                each(Element::Start {
                    tag: &tag,
                    line,
                    empty: true,
                })?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                each(Element::End { name: tag.name().0 })?;
            }
            Event::Eof if depth > 0 => {
                return Err(at.malformed("the file ends before </osm>".to_owned()));
            }
            Event::Eof if !seen_root => {
                return Err(at.malformed("expected an <osm> element, found none".to_owned()));
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn check_root(at: &At<'_>, tag: &BytesStart<'_>, depth: usize) -> Result<(), RoadsError> {
    let name = tag.name().0;
    if depth == 0 && name != "osm" {
        return Err(at.malformed(format!(
            "expected an <osm> element, found <{}>",
            name.escape_debug()
        )));
    }
    Ok(())
}

/// A reader that counts lines and refuses to go on in an event without end.
struct Counted<R> {
    input: R,
    line: u64,
    event_bytes: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(into.len());
        into[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.event_bytes > MAX_EVENT_BYTES {
            return Err(io::Error::other(format!(
                "one of more than {MAX_EVENT_BYTES} bytes"
            )));
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // The input hands out the same bytes again until they are consumed.
        if let Ok(bytes) = self.input.fill_buf() {
            let consumed = &bytes[..amount.min(bytes.len())];
            self.line += consumed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        }
        self.event_bytes += amount as u64;
        self.input.consume(amount);
    }
}
