//! What is kept between runs: looks, the last context, where what is allowed. Never anything that a cluster told
//! us but which one it is.

use crate::kept::{self, Lock, Unread};
use mesh::journal::Cluster;
use panels::Destination;
use panels::intent::ThemeChoice;
use panels::selection::PanelId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The settings file. A file of another shape is as good as none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Light or dark.
    pub(crate) theme: ThemeChoice,
    /// What was connected to last.
    pub(crate) destination: Option<Destination>,
    /// Whether the desktop is told when something begins to fail.
    pub(crate) notifications: bool,
    /// Measuring window in seconds.
    pub(crate) window_secs: u64,
    /// Panels that are open, side by side.
    pub(crate) panels: Vec<PanelId>,
    /// How each panel is looked at.
    pub(crate) looks: BTreeMap<PanelId, serde_json::Value>,
    /// Kubeconfig files that the user opened.
    pub(crate) kubeconfigs: Vec<PathBuf>,
    /// Where changes of workloads, pods and namespaces are allowed: what is right for a sandbox says nothing of
    /// a cluster that others live on, and what of that one says nothing of another under its name.
    pub(crate) workloads_of: Vec<Cluster>,
    /// Whether the card of the first steps is done with.
    pub(crate) first_steps_done: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::Dark,
            destination: None,
            notifications: true,
            window_secs: 60,
            panels: vec![PanelId::Graph],
            looks: BTreeMap::new(),
            kubeconfigs: Vec::new(),
            workloads_of: Vec::new(),
            first_steps_done: false,
        }
    }
}

/// The user's folders for this program.
pub(crate) fn dirs() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("dev", "binnacle", "binnacle")
}

/// The folder of the journal: what is kept of changes, so that one that is cut off can be finished or undone.
pub(crate) fn journal() -> Option<PathBuf> {
    let dirs = dirs()?;
    Some(dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).join("journal"))
}

/// The folder of the drafts.
pub(crate) fn drafts() -> Option<PathBuf> {
    Some(journal()?.parent()?.join("drafts"))
}

/// Where they are kept.
pub(crate) fn file() -> Option<PathBuf> {
    Some(dirs()?.config_dir().join("settings.json"))
}

impl Settings {
    /// What other windows have written by now, with what this one has changed since `was`.
    fn onto(&self, was: &Self, there: Self) -> Self {
        fn one<T: Clone + PartialEq>(was: &T, now: &T, there: T) -> T {
            if was == now { there } else { now.clone() }
        }
        fn list<T: Clone + PartialEq>(was: &[T], now: &[T], mut there: Vec<T>) -> Vec<T> {
            there.retain(|it| now.contains(it) || !was.contains(it));
            let new: Vec<T> =
                now.iter().filter(|it| !was.contains(it) && !there.contains(it)).cloned().collect();
            there.extend(new);
            there
        }
        Self {
            theme: one(&was.theme, &self.theme, there.theme),
            destination: one(&was.destination, &self.destination, there.destination),
            notifications: one(&was.notifications, &self.notifications, there.notifications),
            window_secs: one(&was.window_secs, &self.window_secs, there.window_secs),
            panels: one(&was.panels, &self.panels, there.panels),
            looks: one(&was.looks, &self.looks, there.looks),
            kubeconfigs: list(&was.kubeconfigs, &self.kubeconfigs, there.kubeconfigs),
            workloads_of: list(&was.workloads_of, &self.workloads_of, there.workloads_of),
            first_steps_done: one(&was.first_steps_done, &self.first_steps_done, there.first_steps_done),
        }
    }

    /// Whether changes of workloads are allowed in a cluster.
    pub(crate) fn workloads(&self, cluster: &Cluster) -> bool {
        self.workloads_of.iter().any(|allowed| allowed.is(cluster))
    }
}

/// The file of the settings, which other windows write too.
#[derive(Debug)]
pub(crate) struct Shared {
    file: PathBuf,
    /// The last turn that was written, and the settings in it.
    known: Mutex<(u64, Settings)>,
}

impl Shared {
    /// What it says; the defaults where there is none.
    pub(crate) fn open(file: PathBuf) -> (Self, Settings, Option<Unread>) {
        let (settings, unread) = match kept::read::<Settings>(&file) {
            Ok(settings) => (settings.unwrap_or_default(), None),
            Err(unread) => (Settings::default(), Some(unread)),
        };
        (Self { file, known: Mutex::new((0, settings.clone())) }, settings, unread)
    }

    /// Writes what this window has changed, unless newer ones of it stand there by now.
    pub(crate) fn save(&self, turn: u64, now: &Settings) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if turn <= known.0 {
            return Ok(());
        }
        let _lock = Lock::of(&self.file)?;
        let there = match kept::read(&self.file) {
            Ok(there) => there,
            Err(unread) if unread.is_aside() => None,
            Err(_) => return Err(ErrorKind::PermissionDenied.into()),
        };
        kept::write(&self.file, &now.onto(&known.1, there.unwrap_or_else(|| known.1.clone())))?;
        *known = (turn, now.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;
    use panels::contexts::ContextId;

    #[test]
    fn a_window_writes_what_it_changed_and_nothing_else() {
        let folder = Folder::new("settings");
        let file = folder.path().join("settings.json");
        let [one, two] = ["one", "two"].map(|uid| Cluster { uid: Some(uid.into()), ..Cluster::default() });
        let open = || Shared::open(file.clone());
        let (first, mut settings, _) = open();
        settings.workloads_of = vec![one.clone(), two.clone()];
        first.save(1, &settings).unwrap();
        let (a, mut of_a, _) = open();
        let (b, mut of_b, _) = open();
        // "Not allowed" in one window is not undone by what another one writes after it.
        of_a.workloads_of.retain(|cluster| *cluster != one);
        of_a.theme = ThemeChoice::Light;
        a.save(1, &of_a).unwrap();
        of_b.window_secs = 300;
        of_b.kubeconfigs.push("/b".into());
        b.save(2, &of_b).unwrap();
        b.save(1, &Settings::default()).unwrap();
        let (_, all, unread) = open();
        assert_eq!((all.window_secs, all.theme, unread), (300, ThemeChoice::Light, None));
        assert_eq!(all.kubeconfigs, [PathBuf::from("/b")]);
        assert!(!all.workloads(&one) && all.workloads(&two));
    }

    #[test]
    fn what_cannot_be_read_is_not_written_over() {
        let folder = Folder::new("unread-settings");
        let file = folder.path().join("settings.json");
        std::fs::write(&file, "{ half").unwrap();
        let (shared, settings, unread) = Shared::open(file.clone());
        assert_eq!((settings.clone(), unread.is_some()), (Settings::default(), true));
        std::fs::write(&file, "{ damaged meanwhile").unwrap();
        shared.save(1, &Settings { window_secs: 300, ..settings }).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("settings.json.unread"), "{ half");
        assert_eq!(read("settings.json.unread-2"), "{ damaged meanwhile");
        assert_eq!(Shared::open(file).1.window_secs, 300);
    }

    #[test]
    fn they_come_back_as_they_were() {
        let id = ContextId { name: "default".into(), file: "/home/ann/.kube/config".into() };
        let settings = Settings {
            destination: Some(Destination::Context(id)),
            looks: [(PanelId::Graph, serde_json::json!({ "idle": false }))].into(),
            ..Settings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        let older = r#"{"theme":"Light","last":"prod","last_file":"/a"}"#;
        assert_eq!(serde_json::from_str::<Settings>(older).unwrap().theme, ThemeChoice::Light);
    }
}
