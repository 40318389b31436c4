//! The sandbox's temporary folder. A sandbox that is killed cannot remove its own; the next one does.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use tempfile::TempDir;

const PREFIX: &str = "binnacle-sandbox-";
/// Locked as long as the folder is in use.
const LOCK: &str = "lock";

/// A private folder that is removed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: TempDir,
    _lock: File,
}

impl Folder {
    /// A new folder, in the system's place for temporary files; what killed sandboxes left there is removed.
    pub(crate) fn open() -> io::Result<Self> {
        Self::open_in(&std::env::temp_dir())
    }

    fn open_in(place: &Path) -> io::Result<Self> {
        remove_left_over(place);
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(place)?;
        // Locked before it has its name, so that nobody finds it unlocked.
        let fresh = dir.path().join("lock-to-be");
        let lock = File::create_new(&fresh)?;
        lock.lock()?;
        fs::rename(&fresh, dir.path().join(LOCK))?;
        Ok(Self { dir, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes the folders whose lock nobody holds any more.
fn remove_left_over(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => tracing::info!(folder = %entry.path().display(), "removed what a killed sandbox left"),
            Err(error) => tracing::debug!(folder = %entry.path().display(), %error, "left as it is"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_in_use_stay_and_those_left_over_go() {
        let place = tempfile::tempdir().unwrap();
        let used = Folder::open_in(place.path()).unwrap();
        let killed = place.path().join("binnacle-sandbox-killed");
        fs::create_dir(&killed).unwrap();
        File::create(killed.join(LOCK)).unwrap();
        let foreign = place.path().join("binnacle-sandbox-without-lock");
        fs::create_dir(&foreign).unwrap();
        let next = Folder::open_in(place.path()).unwrap();
        assert!(used.path().exists() && next.path().exists() && foreign.exists() && !killed.exists());
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }
}
