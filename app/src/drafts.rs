//! Drafts on disk: one file for each window, whose lock it holds as long as it lives. No window writes another's,
//! and what a window that has ended left behind, the next one takes over.

use crate::kept::{self, Lock, Unread};
use jiff::Timestamp;
use panels::detail::KeptDrafts;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What each of these files is called at its end.
const END: &str = ".json";

/// The file of this window.
#[derive(Debug)]
pub(crate) struct Own {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last turn that was written.
    turn: u64,
    /// There is none before the first draft: a window without drafts leaves nothing behind.
    lock: Option<Lock>,
}

impl Own {
    /// Takes over what was left behind in the folder, and by versions that had one file for all windows.
    pub(crate) fn begin(folder: &Path, older: &Path) -> (Self, KeptDrafts, Vec<Unread>) {
        let name = format!("{}-{}{END}", Timestamp::now().strftime("%Y%m%dT%H%M%S%.9f"), std::process::id());
        let own = Self { file: folder.join(name), state: Mutex::default() };
        let (mut drafts, mut taken, mut unread) = (KeptDrafts::default(), Vec::new(), Vec::new());
        for file in left_behind(folder).into_iter().chain(older.exists().then(|| older.to_owned())) {
            let lock = match Lock::try_of(&file) {
                Ok(Some(lock)) => lock,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!("{} is not taken over: {error}", file.display());
                    continue;
                }
            };
            match kept::read(&file) {
                Ok(more) => drafts = drafts.and(more.unwrap_or_default()),
                Err(why) => {
                    let stays = !why.is_aside();
                    unread.push(why);
                    if stays {
                        continue;
                    }
                }
            }
            taken.push((file, lock));
        }
        match own.save(0, &drafts) {
            Ok(()) => taken.into_iter().for_each(|(file, lock)| clear(&file, lock)),
            Err(error) => tracing::warn!("{} could not be written: {error}", own.file.display()),
        }
        (own, drafts, unread)
    }

    /// Writes them, unless newer ones stand there by now.
    pub(crate) fn save(&self, turn: u64, drafts: &KeptDrafts) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if turn < state.turn {
            return Ok(());
        }
        if *drafts == KeptDrafts::default() {
            if let Some(lock) = state.lock.take() {
                clear(&self.file, lock);
            }
        } else {
            if state.lock.is_none() {
                state.lock = Some(Lock::of(&self.file)?);
            }
            kept::write(&self.file, drafts)?;
        }
        state.turn = turn;
        Ok(())
    }
}

/// Files of windows in a folder, the oldest first; also of those that left only a lock.
fn left_behind(folder: &Path) -> BTreeSet<PathBuf> {
    let named = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let end = name.find(END)? + END.len();
        (!name[end..].starts_with(".unread")).then(|| folder.join(&name[..end]))
    };
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(named).collect()
}

/// Takes a file away that was taken over, or that says nothing.
fn clear(file: &Path, lock: Lock) {
    let (folder, name) = (file.parent().unwrap_or(file), file.file_name().unwrap_or_default());
    let half = |path: &PathBuf| {
        let other = path.file_name().unwrap_or_default().to_string_lossy();
        other.strip_prefix(&*name.to_string_lossy()).is_some_and(|end| end.ends_with(".part"))
    };
    let halves = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(half);
    for path in halves.chain([file.to_owned()]) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("{} stays: {error}", path.display());
            }
            _ => {}
        }
    }
    lock.remove();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    /// The draft of one text, as an earlier version kept it.
    fn drafts(name: &str) -> KeptDrafts {
        let one = serde_json::json!({ "context": "here", "group": "networking.istio.io", "kind": "VirtualService",
            "namespace": "shop", "name": name, "uid": "", "base": "", "text": name, "deletes": false });
        serde_json::from_value(serde_json::json!([one])).unwrap()
    }

    fn names(folder: &Folder) -> Vec<String> {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn begin(folder: &Folder) -> (Own, KeptDrafts, usize) {
        let (own, drafts, unread) = Own::begin(folder.path(), &folder.path().join("older"));
        (own, drafts, unread.len())
    }

    #[test]
    fn windows_keep_out_of_each_others_way() {
        let folder = Folder::new("windows");
        let ((one, none, _), (two, ..)) = (begin(&folder), begin(&folder));
        assert_eq!(none, KeptDrafts::default());
        one.save(1, &drafts("one")).unwrap();
        two.save(1, &drafts("two")).unwrap();
        two.save(2, &drafts("newer")).unwrap();
        two.save(1, &drafts("two")).unwrap();
        let (_, of_living, _) = begin(&folder);
        assert_eq!(of_living, KeptDrafts::default(), "they are where they are edited");
        drop((one, two));
        let (three, all, _) = begin(&folder);
        assert_eq!(all, drafts("one").and(drafts("newer")));
        assert_eq!(names(&folder).len(), 2, "one file and its lock: {:?}", names(&folder));
        let (_, of_living, _) = begin(&folder);
        assert_eq!(of_living, KeptDrafts::default());
        three.save(1, &KeptDrafts::default()).unwrap();
        assert_eq!(names(&folder), [""; 0]);
    }

    #[test]
    fn what_a_killed_window_left_behind_is_taken_over_once() {
        let folder = Folder::new("killed");
        let left = folder.path().join("20261130T000000-1.json");
        kept::write(&left, &drafts("one")).unwrap();
        fs::write(folder.path().join("20261130T000000-1.json.1-2-3.part"), "half").unwrap();
        fs::write(folder.path().join("20261130T000000-2.json.lock"), "").unwrap();
        fs::write(folder.path().join("20261130T000000-3.json"), "{ half").unwrap();
        // Of a version that had one for all windows.
        kept::write(&folder.path().join("older"), &drafts("older")).unwrap();
        let (own, all, unread) = begin(&folder);
        assert_eq!((all, unread), (drafts("one").and(drafts("older")), 1));
        let found = names(&folder);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.contains(&"20261130T000000-3.json.unread".to_owned()), "{found:?}");
        drop(own);
        assert_eq!(begin(&folder).1, drafts("one").and(drafts("older")), "and again");
    }
}
