//! The commands one after the other, as a survey team and a developer use them.

mod hostile;
mod pipeline;
mod staleness;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use assert_cmd::Command;
use flate2::read::GzDecoder;

use crate::build::{build, fin, samples, tube_drives};

/// The drive that most tests replay.
const TEST_DRIVE: &str = "test/tube-east-01";

/// The bytes of a database of one tunnel, built once by `fin build`.
fn database() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fin");
        build(&path, &tube_drives()).assert().success();
        fs::read(path).unwrap()
    })
}

/// A command `fin NAME --db` with that database, which is put into `folder`.
fn with_database(name: &str, folder: &Path) -> Command {
    let path = folder.join("tube.fin");
    fs::write(&path, database()).unwrap();
    let mut command = fin();
    command.arg(name).arg("--db").arg(path);
    command
}

/// A file of the test drive, as text.
fn text_of(file: &str) -> String {
    let path = samples().join(TEST_DRIVE).join(format!("{file}.gz"));
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// Puts the test drive into `folder`, each file as `edit` makes it from its name and text.
fn write_drive(folder: &Path, edit: impl Fn(&str, String) -> Vec<u8>) {
    fs::create_dir_all(folder).unwrap();
    for file in ["gnss.csv", "obd.csv", "cells.csv", "truth.csv"] {
        fs::write(folder.join(file), edit(file, text_of(file))).unwrap();
    }
}

/// What `command` writes to stdout, when it ends with 0.
fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
}

/// What `command` writes to stderr, when it ends with `code` and does not panic.
fn stderr(command: &mut Command, code: i32) -> String {
    let run = command.assert().code(code);
    let text = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    text
}
