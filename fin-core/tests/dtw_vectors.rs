//! DTW against published accuracies and against distances from other libraries, on series of the UCR archive.

use std::path::{Path, PathBuf};

use fin_core::dtw::{
    AbsoluteDifference, Constraints, Envelope, SquaredDifference, StepPattern, align, banded, full, lb_keogh,
    lb_kim,
};
use serde_json::Value;

/// A series and its class.
struct Labelled {
    values: Vec<f64>,
    class: String,
}

/// The folder of test vectors, or `None` after a loud message where it is not there.
fn vectors() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/dtw_vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no test vectors at {}",
        folder.display()
    );
    eprintln!("NOT TESTED: no test vectors at {}", folder.display());
    None
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The series of a `.ts` file: after `@data` one line each, values separated by commas, the class behind a colon.
fn ts_file(folder: &Path, dataset: &str, part: &str) -> Vec<Labelled> {
    let text = read(&folder.join(format!("aeon/{dataset}/{dataset}_{part}.ts")));
    let lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.eq_ignore_ascii_case("@data"))
        .skip(1);
    let labelled = |line: &str| {
        let (values, class) = line.rsplit_once(':').expect("a class behind a colon");
        let values = values
            .split(',')
            .map(|value| value.parse().expect("a number"))
            .collect();
        Labelled {
            values,
            class: class.to_owned(),
        }
    };
    lines.filter(|line| !line.is_empty()).map(labelled).collect()
}

/// The class of the nearest training series, the first of equals. Bounds leave out what is not nearer than the best so far.
fn nearest_class<'a>(
    query: &Labelled,
    train: &'a [Labelled],
    envelopes: &[Envelope<f64>],
) -> Option<&'a str> {
    let mut nearest = (f64::INFINITY, None);
    for (candidate, envelope) in train.iter().zip(envelopes) {
        let bounds = [
            lb_kim(&query.values, &candidate.values, SquaredDifference),
            lb_keogh(&query.values, envelope, SquaredDifference),
        ];
        if bounds.into_iter().flatten().any(|bound| bound >= nearest.0) {
            continue;
        }
        match full(&query.values, &candidate.values, SquaredDifference) {
            Some(distance) if distance < nearest.0 => nearest = (distance, Some(candidate.class.as_str())),
            _ => {}
        }
    }
    nearest.1
}

/// The share of test series whose nearest training series has their class.
fn nearest_neighbour_accuracy(folder: &Path, dataset: &str) -> f64 {
    let (train, test) = (
        ts_file(folder, dataset, "TRAIN"),
        ts_file(folder, dataset, "TEST"),
    );
    let envelopes: Vec<_> = train
        .iter()
        .map(|series| Envelope::new(&series.values, series.values.len()))
        .collect();
    let correct = test
        .iter()
        .filter(|query| nearest_class(query, &train, &envelopes) == Some(&query.class))
        .count();
    correct as f64 / test.len() as f64
}

/// The published accuracy of 1-NN with full-window DTW.
fn published_accuracy(folder: &Path, dataset: &str) -> f64 {
    let mut table =
        csv::Reader::from_path(folder.join("published_1nn_accuracy.csv")).expect("a readable table");
    let headers = table.headers().expect("a header row").clone();
    let column = headers
        .iter()
        .position(|name| name.starts_with("DTW_R1_1NN"))
        .expect("a column for DTW");
    let rows = table
        .records()
        .map(|row| row.expect("a row as long as the header"));
    let mut rows = rows.filter(|row| &row[0] == dataset);
    rows.next().expect("a row for the data set")[column]
        .parse()
        .expect("a number")
}

fn assert_published_accuracy(dataset: &str) {
    let Some(folder) = vectors() else { return };
    let (ours, published) = (
        nearest_neighbour_accuracy(&folder, dataset),
        published_accuracy(&folder, dataset),
    );
    // The table has nine decimals; one series more or less would change the fourth.
    assert!(
        (ours - published).abs() < 1e-8,
        "{dataset}: {ours}, published {published}"
    );
}

#[test]
fn gun_point_accuracy_is_as_published() {
    assert_published_accuracy("GunPoint");
}

#[test]
fn italy_power_demand_accuracy_is_as_published() {
    assert_published_accuracy("ItalyPowerDemand");
}

#[test]
fn arrow_head_accuracy_is_as_published() {
    assert_published_accuracy("ArrowHead");
}

fn assert_close(ours: Option<f64>, theirs: &Value, what: &str) {
    let (ours, theirs) = (ours.expect(what), theirs.as_f64().expect(what));
    assert!(
        (ours - theirs).abs() <= 1e-12 * theirs,
        "{what}: {ours}, reference {theirs}"
    );
}

#[test]
fn distances_are_those_of_other_libraries() {
    let Some(folder) = vectors() else { return };
    let (train, test) = (
        ts_file(&folder, "GunPoint", "TRAIN"),
        ts_file(&folder, "GunPoint", "TEST"),
    );
    let references: Vec<Value> =
        serde_json::from_str(&read(&folder.join("gunpoint_reference_distances.json"))).expect("valid JSON");
    assert!(!references.is_empty());
    for reference in &references {
        let series = |part: &[Labelled], key: &str| {
            part[reference[key].as_u64().expect("an index") as usize]
                .values
                .clone()
        };
        let (a, b) = (series(&train, "train"), series(&test, "test"));
        let distance = |query: &[f64], constraints| {
            align(query, &b, AbsoluteDifference, &constraints).map(|found| found.distance)
        };
        let pattern = |pattern| Constraints {
            pattern,
            ..Constraints::default()
        };

        let key = "sqeuclid_dtw_full";
        assert_close(full(&a, &b, SquaredDifference), &reference[key], key);
        // A window of 11 counts the diagonal: ten samples to either side.
        let key = "sqeuclid_dtw_dtaidistance_window11";
        assert_close(banded(&a, &b, 10, SquaredDifference), &reference[key], key);
        let key = "dtw_python_symmetric1_abs";
        assert_close(
            distance(&a, pattern(StepPattern::Symmetric1)),
            &reference[key],
            key,
        );
        let key = "dtw_python_symmetric2_abs";
        assert_close(
            distance(&a, pattern(StepPattern::Symmetric2)),
            &reference[key],
            key,
        );
        let key = "asymmetric_open_end_abs";
        let open_end = Constraints {
            open_end: true,
            ..pattern(StepPattern::Asymmetric)
        };
        assert_close(distance(&a, open_end), &reference[key], key);

        let key = "sub_query_40_100_asymmetric_obe";
        let open_both = Constraints {
            open_begin: true,
            ..open_end
        };
        let found = align(&a[40..100], &b, AbsoluteDifference, &open_both).expect(key);
        assert_close(Some(found.distance), &reference[key]["distance"], key);
        let place = |end: &str| reference[key][end].as_u64().expect("an index") as usize;
        assert_eq!(
            (found.start, found.end),
            (place("start"), place("end")),
            "{reference}"
        );
    }
}
