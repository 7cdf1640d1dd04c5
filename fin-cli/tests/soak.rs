//! The long drive with faults, shortened: `cargo run --release --example soak` drives a whole day.

use fin_cli::drive;
use fin_cli::soak::{Plan, run};
use fin_core::fingerprint::format::Atlas;

use crate::build::{build, samples, tube_drives};

#[test]
fn an_hour_of_faults_at_ten_times_the_rate_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.fin");
    build(&path, &tube_drives()).assert().success();
    let drives: Vec<_> = ["tube-east-01", "fork-ramp-01", "tube-west-02"]
        .iter()
        .map(|name| drive::read(&samples().join("test").join(name)).unwrap().drive)
        .collect();
    let plan = Plan {
        seconds: 3600.0,
        rate: 10,
        seed: 3,
    };
    let report = run(Atlas::open(std::fs::read(&path).unwrap()).unwrap(), &drives, plan).unwrap();
    assert!(report.hours >= 1.0 && report.observations > 50_000, "{report:?}");
    let faults = report.faults;
    for count in [
        faults.gaps,
        faults.repeats,
        faults.reorderings,
        faults.late,
        faults.nonsense,
        faults.clock_jumps,
    ] {
        assert!(count > 0, "{report:?}");
    }
    assert_eq!(report.bad_estimates, 0, "{report:?}");
    assert_eq!(
        report.refused_values + report.refused_late,
        report.refusals_counted,
        "{report:?}"
    );
    assert!(report.refused_values > 0 && report.refused_late > 0, "{report:?}");
    // A clock that is set back silences the engine for some observations only.
    assert!(
        report.clocks_set_back > 0 && report.refused_late < report.observations / 20,
        "{report:?}"
    );
    // The same faults give the same report.
    let again = run(Atlas::open(std::fs::read(&path).unwrap()).unwrap(), &drives, plan).unwrap();
    assert_eq!(
        (again.estimates, again.fixes_not_taken),
        (report.estimates, report.fixes_not_taken)
    );
}
