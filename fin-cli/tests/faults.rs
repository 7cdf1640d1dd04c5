//! What happens to files when the system does not do as it should. `tests/kill.sh` kills at random moments.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fin_cli::db_file::FileSource;
use fin_core::fingerprint::format::{Atlas, FormatError};

use crate::build::{build, fin, samples, tube_drives};

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn refusal(command: &mut assert_cmd::Command) -> String {
    let run = command.assert().code(1);
    let text = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.fin");
    build(&out, &tube_drives()[..2]).assert().success();
    let before = fs::read(&out).unwrap();
    // No file may grow beyond 8 blocks of 1 kB: writes fail as on a full disk.
    let program = assert_cmd::cargo::cargo_bin("fin");
    let mut limited = assert_cmd::Command::new("bash");
    limited
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 8; exec \"$@\"")
        .arg("bash")
        .arg(program);
    limited
        .arg("build")
        .arg("--roads")
        .arg(samples().join("roads.geojson"))
        .arg("--out")
        .arg(&out)
        .args(tube_drives());
    let text = refusal(&mut limited);
    assert!(text.contains("a.fin: File too large"), "{text}");
    assert_eq!(fs::read(&out).unwrap(), before);
    assert_eq!(names(folder.path()), ["a.fin"]);
}

#[test]
fn folders_in_the_way_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.fin");
    fs::create_dir(&out).unwrap();
    let text = refusal(&mut build(&out, &tube_drives()[..1]));
    assert!(text.contains("a.fin: is a directory"), "{text}");
    for command in ["inspect", "sign", "patch", "merge"] {
        let mut fin = fin();
        match command {
            "inspect" => fin.arg(command).arg(&out),
            "sign" => fin.arg(command).arg(&out).arg("--key").arg(&out),
            "patch" => fin.arg(command).arg(&out).arg(&out),
            _ => fin
                .arg(command)
                .arg("--db")
                .arg(&out)
                .arg("--out")
                .arg(folder.path().join("b.fin")),
        };
        let text = refusal(&mut fin).to_lowercase();
        assert!(
            text.contains("a.fin: ") && text.contains("is a directory"),
            "{command}: {text}"
        );
    }
    assert_eq!(names(folder.path()), ["a.fin"]);
    let missing = folder.path().join("missing/a.fin");
    assert!(refusal(&mut build(&missing, &tube_drives()[..1])).contains("a.fin: "));
    // A folder that cannot be written, whoever runs this: /proc takes no files, even from root.
    assert!(refusal(&mut build(Path::new("/proc/a.fin"), &tube_drives()[..1])).contains("/proc/a.fin: "));
}

#[test]
fn a_file_that_shrinks_while_it_is_read_gives_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.fin");
    build(&out, &tube_drives()[..2]).assert().success();
    let file = fs::OpenOptions::new().write(true).open(&out).unwrap();
    let atlas = Atlas::open(FileSource::open(&out).unwrap()).unwrap();
    assert!(atlas.whole().is_ok());
    file.set_len(fs::metadata(&out).unwrap().len() / 2).unwrap();
    assert!(matches!(atlas.whole(), Err(FormatError::Unreadable { .. })));
    file.set_len(10).unwrap();
    assert!(matches!(atlas.region(0), Err(FormatError::Unreadable { .. })));
    // Another file in its place, as when it is downloaded anew: found out by the digest.
    file.write_all_at(&vec![7; 1 << 20], 0).unwrap();
    assert!(matches!(atlas.whole(), Err(FormatError::SectionDigest { .. })));
}

/// A build of the sample drives, running.
fn start(out: &Path, drives: usize) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("fin"));
    command
        .arg("build")
        .arg("--roads")
        .arg(samples().join("roads.geojson"))
        .arg("--out")
        .arg(out);
    command
        .args(&tube_drives()[..drives])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn two_builds_to_one_output_leave_one_of_the_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    build(&path("three.fin"), &tube_drives()[..3]).assert().success();
    build(&path("four.fin"), &tube_drives()).assert().success();
    for _ in 0..3 {
        let mut running = [start(&path("both.fin"), 3), start(&path("both.fin"), 4)];
        for build in &mut running {
            assert!(build.wait().unwrap().success());
        }
        let both = fs::read(path("both.fin")).unwrap();
        let one_of = ["three.fin", "four.fin"].map(|name| fs::read(path(name)).unwrap());
        assert!(one_of.contains(&both));
    }
    assert_eq!(names(folder.path()), ["both.fin", "four.fin", "three.fin"]);
}

#[test]
fn an_interrupt_ends_a_build_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.fin");
    fs::write(&out, "what was there").unwrap();
    for signal in ["INT", "TERM"] {
        let running = start(&out, 4);
        // Long enough for the handler to be there, and shorter than any build. A signal that comes before is no test.
        std::thread::sleep(Duration::from_millis(30));
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(running.id().to_string())
            .status();
        assert!(sent.unwrap().success());
        let ended = running.wait_with_output().unwrap();
        let text = String::from_utf8(ended.stderr).unwrap();
        let is_told = ended.status.code() == Some(1) && text.contains("error: interrupted");
        assert!(
            is_told || ended.status.code().is_none() || ended.status.success(),
            "{text}"
        );
        if !ended.status.success() {
            assert_eq!(fs::read_to_string(&out).unwrap(), "what was there");
        }
        fs::write(&out, "what was there").unwrap();
        assert_eq!(names(folder.path()), ["a.fin"]);
    }
}
