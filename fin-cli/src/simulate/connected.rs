//! The road files of made-up towns make networks that one can drive through.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fin_core::frame::LocalFrame;
use fin_core::network::{EdgeId, Nearby, NodeId, RoadNetwork};

use super::dataset::{self, DatasetConfig, WheelUse};
use super::roads::{ORIGIN, Roads, Route};
use super::{Defects, RadioChanges, ScanTiming, Scenario, Traffic, WorldConfig, town};
use crate::{build, roads};

/// Lengths of the tunnels, metres; `None` for the scenarios' own.
const LENGTHS_M: [Option<f64>; 3] = [None, Some(300.0), Some(3_000.0)];

fn written(town: &Roads) -> RoadNetwork {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roads.geojson");
    fs::write(&path, town.geojson()).unwrap();
    RoadNetwork::build(roads::read(&path).unwrap().ways).unwrap()
}

/// Calls `check` with many towns of every kind and what to call them.
fn for_many_towns(check: impl Fn(&Roads, &str)) {
    for scenario in Scenario::ALL {
        for length_m in LENGTHS_M {
            for seed in 1..=3 {
                let town = town::roads(&[scenario], length_m, seed);
                check(
                    &town,
                    &format!("{} of {length_m:?} m, seed {seed}", scenario.name()),
                );
            }
        }
    }
}

#[test]
fn ends_that_are_close_are_equal() {
    for_many_towns(|town, name| {
        let network = written(town);
        let nodes: Vec<_> = (0..network.node_count() as u32)
            .map(|id| network.node_position(NodeId(id)))
            .collect();
        for (i, a) in nodes.iter().enumerate() {
            for b in &nodes[..i] {
                assert!(
                    a.distance_m(*b) > 1.0,
                    "{name}: {a:?} and {b:?} are nearly the same"
                );
            }
        }
    });
}

#[test]
fn every_tunnel_has_a_way_in_and_a_way_out() {
    for_many_towns(|town, name| {
        let network = written(town);
        assert_eq!(network.tunnels().len(), town.tubes.len(), "{name}");
        for tunnel in network.tunnels() {
            assert!(
                tunnel.portals.iter().any(|portal| portal.is_entry()),
                "{name}: no way into {}",
                tunnel.name
            );
            assert!(
                tunnel.portals.iter().any(|portal| portal.is_exit()),
                "{name}: no way out of {}",
                tunnel.name
            );
        }
    });
}

#[test]
fn every_route_follows_the_network_from_end_to_end() {
    for_many_towns(|town, name| {
        let network = written(town);
        for route in &town.routes {
            if let Err(along_m) = drivable(&network, route) {
                panic!("{name}: {} cannot be driven on after {along_m} m", route.name);
            }
        }
    });
}

/// Whether the edges under `route` follow each other; `Err` with the last distance that can be reached, metres.
fn drivable(network: &RoadNetwork, route: &Route) -> Result<(), f64> {
    const STEP_M: f64 = 10.0;
    let frame = LocalFrame::new(ORIGIN);
    let under = |along_m: f64| {
        let at = route.path.at(along_m);
        let query = Nearby {
            radius_m: 0.5,
            heading: Some((at.heading.bearing_deg(), 30.0)),
            reachable: None,
        };
        let found = network.nearby(frame.to_lat_lon(at.place), query, usize::MAX);
        found.into_iter().map(|at| at.edge).collect::<Vec<EdgeId>>()
    };
    let mut on = under(0.0);
    let mut along_m = 0.0;
    while along_m < route.path.length_m() {
        let next_m = (along_m + STEP_M).min(route.path.length_m());
        let mut next = under(next_m);
        next.retain(|edge| {
            on.iter()
                .any(|last| last == edge || network.successors(*last).contains(edge))
        });
        if next.is_empty() {
            return Err(along_m);
        }
        (on, along_m) = (next, next_m);
    }
    Ok(())
}

/// The drives in `survey` that a build refuses or finds in no tunnel, and why.
fn refusals(roads_path: &Path, survey: &Path) -> Vec<String> {
    let network = Arc::new(build::database_roads(roads::read(roads_path).unwrap().ways).unwrap());
    let folders: Vec<_> = fs::read_dir(survey)
        .unwrap()
        .map(|folder| folder.unwrap().path())
        .collect();
    let drives = build::from_folders(&network, &folders).report.drives;
    drives
        .iter()
        .filter(|drive| drive.refused.is_some() || drive.tunnels.len() != 1)
        .map(|drive| format!("{}: {:?}, in {:?}", drive.name, drive.refused, drive.tunnels))
        .collect()
}

#[test]
fn every_survey_drive_of_every_scenario_is_placed() {
    for scenario in [Scenario::Tube, Scenario::Long, Scenario::Fork, Scenario::Bores] {
        let folder = tempfile::tempdir().unwrap();
        let config = DatasetConfig {
            world: WorldConfig {
                length_m: Some(600.0),
                ..WorldConfig::new(3, scenario)
            },
            survey_drives: 2,
            test_drives: 0,
            traffic: vec![Traffic::Varying, Traffic::Free],
            test_traffic: vec![Traffic::Free],
            wheel: WheelUse::Mixed,
            scans: ScanTiming {
                ask_s: 1.0,
                refresh_s: 1.0,
            },
            defects: Defects::default(),
            changes: RadioChanges::default(),
            approach_m: 600.0,
            truth_hz: 1.0,
            survey_truth: false,
            gzip: false,
        };
        dataset::write(folder.path(), &config).unwrap();
        let refused = refusals(
            &folder.path().join("roads.geojson"),
            &folder.path().join("survey"),
        );
        assert!(refused.is_empty(), "{}: {refused:?}", scenario.name());
    }
}

#[test]
fn every_survey_drive_of_the_samples_is_placed() {
    let samples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/samples"));
    let refused = refusals(&samples.join("roads.geojson"), &samples.join("survey"));
    assert!(refused.is_empty(), "{refused:?}");
}
