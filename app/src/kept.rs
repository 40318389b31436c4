//! Files that outlive the window: whole, readable by nobody else, written by one process at a time. What cannot
//! be read is set aside, and nothing is written over it.

use jiff::Timestamp;
use mesh::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// So many files of one name are set aside.
const ASIDE: u32 = 1000;

/// A file that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    file: PathBuf,
    /// Where it is now; `None` where it could not be set aside.
    aside: Option<PathBuf>,
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        let what = format!("{} could not be read", unread.file.display());
        let why = "It is damaged, another version of Binnacle wrote it, or its rights are in the way";
        match unread.aside {
            Some(aside) => {
                Self::new(what, why, format!("Nothing of it is lost: it is {} now", aside.display()))
            }
            None => Self::new(what, why, "Look at the rights of its folder"),
        }
    }
}

impl Unread {
    /// Whether it is out of the way of what is written next.
    pub(crate) fn is_aside(&self) -> bool {
        self.aside.is_some()
    }
}

/// What a file says; `None` where there is none. One that cannot be read is set aside.
pub(crate) fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, Unread> {
    let said = match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => Err(error),
    };
    said.map(Some).map_err(|error| {
        tracing::warn!("{} cannot be read: {error}", file.display());
        let aside = set_aside(file);
        if let Err(error) = &aside {
            tracing::warn!("{} could not be set aside: {error}", file.display());
        }
        Unread { file: file.to_owned(), aside: aside.ok() }
    })
}

/// Gives a file a name that no other has.
fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let named =
        |number: u32| beside(file, &if number == 1 { ".unread".into() } else { format!(".unread-{number}") });
    let free = (1..ASIDE).map(named).find(|path| !path.exists()).ok_or(ErrorKind::AlreadyExists)?;
    fs::rename(file, &free)?;
    Ok(free)
}

/// A file beside another one, whose name begins the same.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Writes a file that nobody else may read, and its folder where there is none.
pub(crate) fn write(file: &Path, what: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec_pretty(what)?;
    make_folder_of(file)?;
    replace(file, |half| {
        let mut half = private().write(true).create_new(true).open(half)?;
        half.write_all(&bytes)?;
        half.sync_all()
    })
}

/// Writes beside the file, under a name of its own, and renames that into place: a reader never meets half of it.
pub(crate) fn replace(file: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Programs in containers of their own have the same process id.
    let (now, number) = (Timestamp::now().as_nanosecond(), NEXT.fetch_add(1, Ordering::Relaxed));
    let half = beside(file, &format!(".{}-{now}-{number}.part", std::process::id()));
    let written = write(&half).and_then(|()| fs::rename(&half, file));
    if written.is_err() {
        fs::remove_file(&half).ok();
    }
    written
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_folder_of(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), make_folder)
}

/// Makes a folder of ours, which nobody else may look into.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The right to write a file, as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _held: File,
}

impl Lock {
    /// Waits until nobody else has it.
    pub(crate) fn of(file: &Path) -> io::Result<Self> {
        make_folder_of(file)?;
        loop {
            let lock = Self::open(file)?;
            known(lock._held.lock())?;
            // Whoever had it may have taken it away.
            if lock.path.exists() {
                return Ok(lock);
            }
        }
    }

    /// `None` while another process has it.
    pub(crate) fn try_of(file: &Path) -> io::Result<Option<Self>> {
        let lock = Self::open(file)?;
        match lock._held.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => known(Err(error)).map(|()| Some(lock)),
        }
    }

    fn open(file: &Path) -> io::Result<Self> {
        let path = beside(file, ".lock");
        let held = private().write(true).create(true).truncate(false).open(&path)?;
        Ok(Self { path, _held: held })
    }

    /// Gives it up, and leaves nothing behind.
    pub(crate) fn remove(self) {
        fs::remove_file(&self.path).ok();
    }
}

/// A file system that knows no locks keeps nobody from writing.
fn known(locked: io::Result<()>) -> io::Result<()> {
    locked.or_else(|error| if error.kind() == ErrorKind::Unsupported { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_set_aside_and_stays() {
        let folder = crate::testing::Folder::new("kept");
        let file = folder.path().join("drafts.json");
        assert_eq!(read::<Vec<u8>>(&file), Ok(None));
        for (text, aside) in [("{ half", "drafts.json.unread"), (r#"{"newer":1}"#, "drafts.json.unread-2")] {
            fs::write(&file, text).unwrap();
            let unread = read::<Vec<u8>>(&file).unwrap_err();
            let aside = folder.path().join(aside);
            assert_eq!(unread, Unread { file: file.clone(), aside: Some(aside.clone()) });
            write(&file, &[1_u8]).unwrap();
            assert_eq!(fs::read_to_string(&aside).unwrap(), text);
            assert!(Problem::from(unread).next.contains(&aside.display().to_string()));
        }
        assert_eq!(read(&file), Ok(Some(vec![1_u8])));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = crate::testing::Folder::new("private");
        let file = folder.path().join("new").join("settings.json");
        write(&file, &1).unwrap();
        write(&file, &2).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn one_has_the_lock() {
        let folder = crate::testing::Folder::new("lock");
        let file = folder.path().join("drafts.json");
        let lock = Lock::of(&file).unwrap();
        assert!(Lock::try_of(&file).unwrap().is_none());
        lock.remove();
        Lock::try_of(&file).unwrap().unwrap().remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
