//! The roads of real extracts are those that osmium-tool finds.

use super::{EXTRACTS, extracts};
use fin_cli::roads::{self, Roads};
use fin_core::network::{Direction, Way};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What `osmium_counts.sh` printed with osmium-tool 1.15.0.
const COMMITTED: &str = include_str!("osmium_counts.csv");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/roads/osmium_counts.sh");

/// Number of ways by file and tag.
type Counts = BTreeMap<(String, String), usize>;

fn parse(csv: &str) -> Counts {
    let rows = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>());
    rows.map(|row| {
        (
            (row[0].to_owned(), row[1].to_owned()),
            row[2].parse().expect("a count"),
        )
    })
    .collect()
}

fn osmium_is_installed() -> bool {
    Command::new("osmium")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// What osmium gives now, or `None` where it is not installed.
fn counted_now(folder: &Path) -> Option<Counts> {
    if !osmium_is_installed() {
        eprintln!("osmium is not installed; comparing with the counts that it gave before");
        return None;
    }
    let output = Command::new("sh")
        .arg(SCRIPT)
        .args(EXTRACTS.map(|name| folder.join(name)))
        .output()
        .expect("sh can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(parse(
        &String::from_utf8(output.stdout).expect("the table is UTF-8"),
    ))
}

fn counted_here(file: &str, roads: &Roads) -> Counts {
    let mut counts = Counts::new();
    let mut add = |tag: String, ways: usize| {
        if ways > 0 {
            *counts.entry((file.to_owned(), tag)).or_default() += ways;
        }
    };
    add("(all)".into(), roads.ways.len());
    add("(fewer than 2 points)".into(), roads.losses.short_ways);
    for way in &roads.ways {
        add(format!("highway={}", way.class.as_str()), 1);
        add(format!("layer={}", way.layer), usize::from(way.layer != 0));
        add("tunnel=yes".into(), way.tunnel.into());
        add("name".into(), way.name.is_some().into());
        add("ref".into(), way.reference.is_some().into());
        let direction = match way.oneway {
            Direction::Both => continue,
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        };
        add(direction.into(), 1);
    }
    counts
}

/// osmium's counts of tags, in the terms of [`counted_here`].
fn translate(osmium: &Counts) -> Counts {
    let mut counts = Counts::new();
    for ((file, tag), ways) in osmium {
        let tag = match tag.as_str() {
            "oneway=yes" | "oneway=true" | "oneway=1" | "(implied one-way)" => "forward",
            "oneway=-1" => "backward",
            // Nothing follows from these, and one-way tunnels are counted apart.
            "oneway=no" | "layer=0" | "tunnel=no" | "tunnel=building_passage" | "(one-way tunnel)" => {
                continue;
            }
            other => other,
        };
        *counts.entry((file.clone(), tag.to_owned())).or_default() += ways;
    }
    counts
}

#[test]
fn counts_of_roads_and_tags_equal_those_of_osmium() {
    let Some(folder) = extracts() else { return };
    let osmium = counted_now(&folder);
    if let Some(now) = &osmium {
        assert_eq!(
            now,
            &parse(COMMITTED),
            "osmium_counts.csv is not what the script gives"
        );
    }
    let expected = osmium.unwrap_or_else(|| parse(COMMITTED));
    let mut here = Counts::new();
    for name in EXTRACTS {
        let roads = roads::read(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (roads.losses.missing_points, roads.losses.repeated_ways),
            (0, 0),
            "{name}"
        );
        let one_way = |way: &&Way| way.tunnel && way.oneway != Direction::Both;
        let tunnels = roads.ways.iter().filter(one_way).count();
        let key = (name.to_owned(), "(one-way tunnel)".to_owned());
        assert_eq!(tunnels, expected.get(&key).copied().unwrap_or(0), "{name}");
        here.extend(counted_here(name, &roads));
    }
    assert_eq!(here, translate(&expected));
}

#[test]
fn what_osmium_writes_as_xml_reads_as_the_same_roads() {
    let Some(folder) = extracts() else { return };
    if !osmium_is_installed() {
        eprintln!("SKIPPED: osmium is not installed, nothing is tested");
        return;
    }
    let target = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, ending) in EXTRACTS.iter().zip(["osm", "osm.gz"].iter().cycle()) {
        let (source, copy) = (
            folder.join(name),
            target.path().join("roads").with_extension(ending),
        );
        let status = Command::new("osmium")
            .args(["cat", "--no-progress", "--overwrite", "-o"])
            .args([&copy, &source])
            .status();
        assert!(status.expect("osmium can be started").success());
        let read = |path: &Path| roads::read(path).unwrap_or_else(|error| panic!("{error}"));
        // Not assert_eq, as the difference would fill the screen.
        assert!(read(&copy) == read(&source), "{name} differs as {ending}");
    }
}
