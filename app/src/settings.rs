//! What is kept between runs: looks and the last context. Never anything that a cluster told us.

use panels::intent::ThemeChoice;
use panels::selection::PanelId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The settings file. A file of another shape is as good as none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Light or dark.
    pub(crate) theme: ThemeChoice,
    /// The context used last; "" for the sandbox.
    pub(crate) last: Option<String>,
    /// The kubeconfig file that it is in.
    pub(crate) last_file: Option<String>,
    /// Measuring window in seconds.
    pub(crate) window_secs: u64,
    /// Panels that are open, side by side.
    pub(crate) panels: Vec<PanelId>,
    /// Kubeconfig files that the user opened.
    pub(crate) kubeconfigs: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::Dark,
            last: None,
            last_file: None,
            window_secs: 60,
            panels: vec![PanelId::Graph],
            kubeconfigs: Vec::new(),
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

fn file() -> Option<PathBuf> {
    Some(dirs()?.config_dir().join("settings.json"))
}

impl Settings {
    /// Reads the file; the defaults where there is none.
    pub(crate) fn load() -> Self {
        let Some(file) = file() else { return Self::default() };
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!("{} is set aside: {error}", file.display());
                Self::default()
            }),
            Err(_) => Self::default(),
        }
    }

    /// Writes the file; a failure costs only the settings, so it is only logged.
    pub(crate) fn save(&self) {
        let Some(file) = file() else { return };
        let written = serde_json::to_vec_pretty(self).map_err(std::io::Error::other).and_then(|bytes| {
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&file, bytes)
        });
        if let Err(error) = written {
            tracing::warn!("{} could not be written: {error}", file.display());
        }
    }
}
