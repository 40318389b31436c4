//! What is kept between runs: looks and the last context. Never anything that a cluster told us.

use panels::Destination;
use panels::detail::KeptDrafts;
use panels::intent::ThemeChoice;
use panels::selection::PanelId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

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
    /// a cluster that others live on.
    pub(crate) workloads: Vec<Destination>,
    /// Whether the card of the first steps is done with.
    pub(crate) first_steps_done: bool,
    /// Drafts that were not pushed. They stand in a file of their own, which nobody else may read.
    #[serde(skip)]
    pub(crate) drafts: KeptDrafts,
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
            workloads: Vec::new(),
            first_steps_done: false,
            drafts: KeptDrafts::default(),
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

/// Where drafts are kept.
pub(crate) fn drafts() -> Option<PathBuf> {
    Some(journal()?.parent()?.join("drafts.json"))
}

/// Where they are kept.
pub(crate) fn file() -> Option<PathBuf> {
    Some(dirs()?.config_dir().join("settings.json"))
}

impl Settings {
    /// Reads the file, before the window opens; the defaults where there is none.
    pub(crate) fn load() -> Self {
        Self { drafts: read(drafts()), ..read(file()) }
    }
}

/// What a file says; nothing where there is none.
fn read<T: DeserializeOwned + Default>(file: Option<PathBuf>) -> T {
    let Some(file) = file else { return T::default() };
    match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::warn!("{} is set aside: {error}", file.display());
            T::default()
        }),
        Err(_) => T::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use panels::contexts::ContextId;

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
