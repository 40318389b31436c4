//! The sandbox's temporary folder, which nobody but its user may enter. A sandbox that is killed cannot
//! remove its own; the next one does.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use tempfile::TempDir;

const PREFIX: &str = "binnacle-sandbox-";
/// Locked as long as the folder is in use.
const LOCK: &str = "lock";
/// So long may the path of the folder be: the sockets in it have names of their own, and a socket's path
/// about a hundred letters.
const LONGEST_PATH: usize = 84;

/// A private folder that is removed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: TempDir,
    _lock: File,
}

impl Folder {
    /// A new folder, in the system's place for temporary files; what killed sandboxes left there is removed.
    pub(crate) fn open() -> io::Result<Self> {
        Self::open_in(&std::path::absolute(std::env::temp_dir())?)
    }

    fn open_in(place: &Path) -> io::Result<Self> {
        let private = Permissions::from_mode(0o700);
        let dir = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(place)?;
        if dir.path().as_os_str().len() > LONGEST_PATH {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        // Locked before it has its name, so that nobody finds it unlocked.
        let fresh = dir.path().join("lock-to-be");
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        lock.lock()?;
        fs::rename(&fresh, dir.path().join(LOCK))?;
        remove_left_over(place, fs::metadata(dir.path())?.uid());
        Ok(Self { dir, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Writes a file that only its owner may read. What was there before is replaced, whatever it was: nothing is
/// written into a pipe or through a link that somebody else put there.
///
/// # Errors
/// As the system says.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// Removes the folders of this user whose lock nobody holds any more.
fn remove_left_over(place: &Path, us: u32) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let path = entry.path();
        if !is_folder_of(&path, us) {
            continue;
        }
        let Ok(Some(lock)) = open_lock(&path.join(LOCK)) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        match fs::remove_dir_all(&path) {
            Ok(()) => tracing::info!(folder = %path.display(), "removed what a killed sandbox left"),
            Err(error) => tracing::debug!(folder = %path.display(), %error, "left as it is"),
        }
    }
}

/// Whether this is a folder, no link to one, and of this user.
fn is_folder_of(path: &Path, us: u32) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_dir() && there.uid() == us)
}

/// Opens a lock without waiting for anybody; what is no plain file is none.
fn open_lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{chown, symlink};

    fn make_pipe(path: &Path) {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

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
        assert_eq!((mode(next.path()), mode(&next.path().join(LOCK))), (0o700, 0o600));
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }

    #[test]
    fn what_others_plant_as_a_lock_neither_blocks_nor_misleads() {
        let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let planted = |name: &str| {
            let folder = place.path().join(format!("{PREFIX}{name}"));
            fs::create_dir(&folder).unwrap();
            folder
        };
        let free = elsewhere.path().join(LOCK);
        File::create(&free).unwrap();
        let kept = [
            planted("pipe"),
            planted("link"),
            planted("folder"),
            place.path().join(format!("{PREFIX}linked")),
        ];
        make_pipe(&kept[0].join(LOCK));
        symlink(&free, kept[1].join(LOCK)).unwrap();
        fs::create_dir(kept[2].join(LOCK)).unwrap();
        symlink(elsewhere.path(), &kept[3]).unwrap();
        if fs::metadata(place.path()).unwrap().uid() == 0 {
            let of_another = planted("of-another");
            File::create(of_another.join(LOCK)).unwrap();
            chown(&of_another, Some(65_534), None).unwrap();
            Folder::open_in(place.path()).unwrap();
            assert!(of_another.exists());
        }
        Folder::open_in(place.path()).unwrap();
        assert!(free.exists() && kept.iter().all(|path| fs::symlink_metadata(path).is_ok()));
    }

    #[test]
    fn a_private_file_takes_the_place_of_what_was_planted() {
        let place = tempfile::tempdir().unwrap();
        let (pipe, link, seen) =
            (place.path().join("pipe"), place.path().join("link"), place.path().join("seen"));
        make_pipe(&pipe);
        fs::write(&seen, "").unwrap();
        symlink(&seen, &link).unwrap();
        for path in [&pipe, &link] {
            write_private(path, "token").unwrap();
            assert_eq!((mode(path), fs::read_to_string(path).unwrap().as_str()), (0o600, "token"));
        }
        assert_eq!(fs::read_to_string(&seen).unwrap(), "", "nothing goes through a link");
    }

    #[test]
    fn a_path_too_long_for_sockets_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let long = place.path().join("x".repeat(LONGEST_PATH));
        fs::create_dir(&long).unwrap();
        assert_eq!(Folder::open_in(&long).unwrap_err().kind(), io::ErrorKind::InvalidFilename);
    }
}
