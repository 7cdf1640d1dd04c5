//! Merging, patching and signing from the command line.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::build::{build, fin, tube_drives};

fn inspect(database: &Path) -> Value {
    let run = fin()
        .arg("inspect")
        .arg("--json")
        .arg("--today")
        .arg("2025-07-01")
        .arg(database)
        .assert()
        .success();
    serde_json::from_slice(&run.get_output().stdout).unwrap()
}

fn stderr_of(command: &mut assert_cmd::Command) -> String {
    String::from_utf8(command.assert().code(1).get_output().stderr.clone()).unwrap()
}

#[test]
fn new_drives_are_merged_into_a_database_without_the_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let [all, some, merged] = ["all.fin", "some.fin", "merged.fin"].map(|name| folder.path().join(name));
    let drives = tube_drives();
    build(&all, &drives).assert().success();
    build(&some, &drives[..2]).assert().success();
    let merge = |to: &Path| {
        let mut command = fin();
        command
            .arg("merge")
            .arg("--db")
            .arg(&some)
            .arg("--out")
            .arg(to)
            .args(&drives[2..]);
        command
    };
    merge(&merged).assert().success();
    let (of_all, of_merged) = (inspect(&all), inspect(&merged));
    assert_eq!(of_merged["origin"]["drives"], 4);
    assert_eq!(of_merged["origin"]["last_day"], of_all["origin"]["last_day"]);
    for (a, b) in of_all["tunnels"]
        .as_array()
        .unwrap()
        .iter()
        .zip(of_merged["tunnels"].as_array().unwrap())
    {
        assert_eq!(a["entries"], b["entries"]);
        assert_eq!(a["age_days"], b["age_days"]);
    }
    let again = folder.path().join("again.fin");
    merge(&again).env("RAYON_NUM_THREADS", "1").assert().success();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&merged).unwrap());

    // For phones: no statistics, less than three quarters of the size, and nothing can be merged into it.
    let phone = folder.path().join("phone.fin");
    let slim = ["--without-statistics", "--expires", "2025-06-15"];
    fin()
        .arg("merge")
        .arg("--db")
        .arg(&merged)
        .arg("--out")
        .arg(&phone)
        .args(slim)
        .assert()
        .success();
    assert!(4 * fs::metadata(&phone).unwrap().len() < 3 * fs::metadata(&merged).unwrap().len());
    let of_phone = inspect(&phone);
    assert_eq!(
        (&of_phone["origin"]["statistics"], &of_phone["origin"]["expired"]),
        (&false.into(), &true.into())
    );
    assert_eq!(of_phone["tunnels"], of_merged["tunnels"]);
    let refused = stderr_of(
        fin()
            .arg("merge")
            .arg("--db")
            .arg(&phone)
            .arg("--out")
            .arg(&again)
            .args(&drives[..1]),
    );
    assert!(refused.contains("phone.fin: expected statistics"), "{refused}");
}

#[test]
fn a_patch_leads_from_one_signed_version_to_the_next_and_to_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for key in ["key", "other"] {
        fin().arg("keygen").arg("--out").arg(path(key)).assert().success();
    }
    let drives = tube_drives();
    for (name, drives) in [("old.fin", &drives[..3]), ("new.fin", &drives[..])] {
        build(&path(name), drives).assert().success();
        fin()
            .arg("sign")
            .arg(path(name))
            .arg("--key")
            .arg(path("key"))
            .assert()
            .success();
    }
    let mut diff = fin();
    diff.arg("diff")
        .arg(path("old.fin"))
        .arg(path("new.fin"))
        .arg("--out")
        .arg(path("a.patch"));
    diff.arg("--sign").arg(path("key")).assert().success();

    let patch = |old: &str, patch: &str, key: &str| {
        let mut command = fin();
        command
            .arg("patch")
            .arg(path(old))
            .arg(path(patch))
            .arg("--key")
            .arg(path(key));
        command
    };
    let before = fs::read(path("old.fin")).unwrap();
    assert!(
        stderr_of(&mut patch("new.fin", "a.patch", "key.pub"))
            .contains("a.patch: the patch is for another file")
    );
    assert!(stderr_of(&mut patch("old.fin", "a.patch", "other.pub")).contains("got one of key"));
    assert_eq!(fs::read(path("old.fin")).unwrap(), before);
    patch("old.fin", "a.patch", "key.pub").assert().success();
    assert_eq!(
        fs::read(path("old.fin")).unwrap(),
        fs::read(path("new.fin")).unwrap()
    );

    let mut open = fin();
    open.arg("inspect")
        .arg(path("old.fin"))
        .arg("--key")
        .arg(path("key.pub"))
        .assert()
        .success();
    let open =
        |name: &str, key: &str| stderr_of(fin().arg("inspect").arg(path(name)).arg("--key").arg(path(key)));
    assert!(open("new.fin", "other.pub").contains("expected a signature of key"));
    let signed = fs::read(path("new.fin")).unwrap();
    fs::write(path("unsigned.fin"), &signed[..signed.len() - 104]).unwrap();
    assert!(open("unsigned.fin", "key.pub").contains("got a file without one"));
    let mut altered = signed;
    let at = altered.len() - 200;
    altered[at] ^= 1;
    fs::write(path("altered.fin"), altered).unwrap();
    assert!(open("altered.fin", "key.pub").contains("digest"));
    assert!(
        open("new.fin", "key").contains("got one of key") || open("new.fin", "key").contains("public key")
    );
}

#[test]
fn keys_are_not_written_over_and_only_their_owner_reads_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fin().arg("keygen").arg("--out").arg(&key).assert().success();
    let secret = fs::read(&key).unwrap();
    assert!(stderr_of(fin().arg("keygen").arg("--out").arg(&key)).contains("key: "));
    assert_eq!(fs::read(&key).unwrap(), secret);
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&key).unwrap().permissions()) & 0o777,
        0o600
    );
}

#[test]
fn what_few_drives_told_is_left_out_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.fin");
    let drives = tube_drives();
    build(&out, &drives[..1])
        .arg("--min-passes")
        .arg("2")
        .assert()
        .success();
    let report = inspect(&out);
    assert_eq!(
        (&report["profiled_edges"], &report["origin"]["min_passes"]),
        (&0.into(), &2.into())
    );
    assert_eq!(report["cells"], serde_json::json!([]));
    build(&out, &drives)
        .arg("--min-passes")
        .arg("2")
        .assert()
        .success();
    assert!(inspect(&out)["profiled_edges"].as_u64() > Some(0));
}
