//! What the engine has to reach on real drives; `examples/accuracy` prints the whole tables.

#![allow(unreachable_pub, dead_code, reason = "shared with examples/accuracy")]

#[path = "../examples/accuracy/cork.rs"]
mod cork;
#[path = "../examples/accuracy/jack_lynch.rs"]
mod jack_lynch;
#[path = "../examples/accuracy/survey.rs"]
mod survey;

use std::path::PathBuf;

use cork::Inputs;

/// The Cork data set, or `None` with a loud word where it is missing.
fn cork_data() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/cork_5g"));
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing",
        folder.display()
    );
    eprintln!(
        "SKIPPED: {} is missing, real drives are not tested",
        folder.display()
    );
    None
}

#[test]
fn an_open_road_declared_a_tunnel_is_followed_closer_than_by_the_reference() {
    let Some(folder) = cork_data() else { return };
    let rows = cork::run(&folder, &cork::TUNNELS_M[1..2]).unwrap();
    for row in rows {
        // Median and 95 % of an untuned particle filter and of wheel speed with a learnt scale. Cells alone reach the
        // median only: see docs/experiments.md.
        let (median_m, p95_m) = match row.inputs {
            Inputs::WheelAndCells => (11.0, 42.0),
            Inputs::CellsOnly => (39.0, 300.0),
            Inputs::WheelOnly => (18.0, 45.0),
        };
        let s = row.summary;
        assert!(row.drives >= 24, "{row:?}");
        assert!(s.median_m < median_m && s.p95_m < p95_m, "{row:?}");
    }
}

#[test]
fn a_real_tunnel_is_passed_on_its_road_forwards_and_within_the_stated_interval() {
    let Some(folder) = cork_data() else { return };
    let passes = jack_lynch::run(&folder).unwrap();
    assert_eq!(passes.len(), 4);
    for pass in &passes {
        assert!(pass.on_road, "{pass:?}");
        assert!(pass.backwards_m < 2.0, "{pass:?}");
        assert!(
            matches!(pass.modes.first(), Some(&"tunnel" | &"dead_reckoning")),
            "{pass:?}"
        );
    }
    let inside = passes
        .iter()
        .filter(|pass| pass.exit_error_m.abs() <= pass.exit_accuracy95_m)
        .count();
    assert!(inside >= 3, "{passes:?}");
}
