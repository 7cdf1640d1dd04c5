//! What the fuzz targets share.

pub mod database;
pub mod states;

use std::path::PathBuf;
use std::sync::LazyLock;

/// A folder of this process in memory-backed storage: the parsers under test open files by path.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from("/dev/shm").join(format!("fin-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("/dev/shm can be written");
    folder
});

/// The path of a file of this process with `name`, now holding `bytes`.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.join(name);
    std::fs::write(&path, bytes).expect("/dev/shm can be written");
    path
}

/// The folder of this process, without the files of these names.
pub fn folder_without(names: &[&str]) -> PathBuf {
    for name in names {
        let _ = std::fs::remove_file(FOLDER.join(name));
    }
    FOLDER.clone()
}
