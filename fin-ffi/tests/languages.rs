//! The packages of the other languages, built and tested with their own tools. Each skips with a message where its tools are
//! missing, and fails there when the environment says `CI`.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod workshop;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A folder that stays from run to run, so that the tools there need not build everything again.
fn work(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("languages")
        .join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn package(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Bindings, library and session of this build.
fn prepared() -> &'static Path {
    static PREPARED: OnceLock<PathBuf> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let out = work("prepared");
        workshop::prepare(&workshop::built_library(), &out);
        out
    })
}

/// Whether `command` can be run with `argument`; if not, says what is missing, and fails under CI.
fn is_there(what: &str, command: impl AsRef<std::ffi::OsStr>, argument: &str) -> bool {
    let found = Command::new(command).arg(argument).output();
    if found.is_ok_and(|output| output.status.success()) {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "the test needs {what}");
    eprintln!("SKIPPED: the test needs {what}");
    false
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{out}\n{err}",
        output.status
    );
    println!("{out}");
}

#[test]
fn python_package() {
    if !is_there("python3", "python3", "--version") {
        return;
    }
    succeed(
        Command::new("python3")
            .args([
                "-B",
                "-m",
                "unittest",
                "discover",
                "--verbose",
                "--start-directory",
            ])
            .arg(package("python/tests"))
            .env("PYTHONPATH", python_path())
            .env("FIN_SESSION", prepared().join("session")),
    );
}

/// A folder with the package `fin` as the wheel has it: our part of it, the generated one and the library.
fn python_path() -> PathBuf {
    let folder = work("python");
    let package_folder = folder.join("fin");
    std::fs::create_dir_all(&package_folder).unwrap();
    for from in [package("python/fin"), prepared().join("python")] {
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), package_folder.join(entry.file_name())).unwrap();
            }
        }
    }
    folder
}

#[test]
fn kotlin_package() {
    if !is_there("Maven and a JDK of version 17 or newer", "mvn", "--version") {
        return;
    }
    succeed(
        Command::new("mvn")
            .args(["--batch-mode", "--no-transfer-progress", "test"])
            .arg(format!("-Dfin.prepared={}", prepared().display()))
            .arg(format!("-Dfin.build={}", work("kotlin").display()))
            .current_dir(package("kotlin")),
    );
}

#[test]
fn swift_package() {
    let root = std::env::var_os("FIN_SWIFT_ROOT").map(PathBuf::from);
    let in_root = root
        .map(|root| root.join(".swift-is-here"))
        .filter(|mark| mark.exists());
    let needed = "Swift 6, or FIN_SWIFT_ROOT with a folder that fin-ffi/swift/linux-root made";
    if !cfg!(target_os = "linux") || (in_root.is_none() && !is_there(needed, "swift", "--version")) {
        return;
    }
    for arguments in [
        &["test", "--disable-swift-testing"][..],
        &["run", "FirstDrive", "../session"],
    ] {
        let mut command = Command::new(package("swift/linux"));
        succeed(command.arg(prepared()).arg(work("swift")).args(arguments));
    }
}
