//! House rules: what ARCHITECTURE.md promises, checked on the sources.

mod arrows;
mod dependencies;
mod direction;
mod features;
mod files;
mod manual;
mod rbac;

use std::path::{Path, PathBuf};

/// The workspace's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_owned()
}

/// Every file below a folder, without build output.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        match (path.is_dir(), name.to_string_lossy().as_ref()) {
            (true, "target" | ".git") => {}
            (true, _) => found.extend(files(&path)),
            (false, _) => found.push(path),
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<(String, String)> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("sources are text");
        let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        (name, text)
    };
    files(&root())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(read)
        .collect()
}
