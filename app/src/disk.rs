//! All that touches the disk while the window is open: only [`crate::background`] may call it.

use crate::drafts::Own;
use crate::kept::{Unread, replace};
use crate::settings::{self, Settings, Shared};
use mesh::Problem;
use panels::contexts::{ContextRow, Contexts};
use panels::detail::KeptDrafts;
use std::io;
use std::path::{Path, PathBuf};

/// The contexts of the kubeconfig, and of files that were opened besides; one of them just `now`.
pub(crate) fn contexts(kubeconfig: Option<&Path>, opened: &[PathBuf], now: Option<&Path>) -> Contexts {
    let (rows, mut problems) = cluster::contexts(kubeconfig, opened);
    problems.extend(now.into_iter().flat_map(|file| cluster::contexts(Some(file), &[]).1));
    Contexts { rows: rows.into_iter().map(row).collect(), problems, ..Contexts::default() }
}

fn row(info: cluster::ContextInfo) -> ContextRow {
    ContextRow {
        name: info.name,
        cluster: info.cluster,
        server: info.server,
        user: info.user,
        namespace: info.namespace,
        file: info.file,
        current: info.current,
        problem: info.problem,
    }
}

/// Writes a text: a drawing, a list.
pub(crate) fn save_text(what: &str, file: &Path, text: &str) -> Result<(), Problem> {
    let what = format!("The {what}");
    replace(file, |half| std::fs::write(half, text)).map_err(|error| not_saved(&what, file, &error))
}

/// Writes a picture as PNG.
pub(crate) fn save_picture(file: &Path, image: &egui::ColorImage) -> Result<(), Problem> {
    let [width, height] = image.size;
    let bytes: Vec<u8> = image.pixels.iter().flat_map(egui::Color32::to_array).collect();
    let encode = |half: &Path| {
        let (format, color) = (image::ImageFormat::Png, image::ColorType::Rgba8);
        image::save_buffer_with_format(half, &bytes, width as u32, height as u32, color, format)
            .map_err(io::Error::other)
    };
    replace(file, encode).map_err(|error| not_saved("The picture", file, &error))
}

/// What is kept between runs, as this window knows it on disk. There is nothing where the user has no folder.
#[derive(Debug)]
pub(crate) struct Store {
    settings: Option<Shared>,
    drafts: Option<Own>,
}

/// What was kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) settings: Settings,
    pub(crate) drafts: KeptDrafts,
    /// What could not be read.
    pub(crate) unread: Vec<Unread>,
}

impl Store {
    /// Reads all of it, before the window opens.
    pub(crate) fn open() -> (Self, Kept) {
        let mut kept = Kept::default();
        let shared = settings::file().map(|file| {
            let (shared, settings, unread) = Shared::open(file);
            kept.settings = settings;
            kept.unread.extend(unread);
            shared
        });
        let own = settings::drafts().map(|folder| {
            let (own, drafts, unread) = Own::begin(&folder, &folder.with_extension("json"));
            kept.drafts = drafts;
            kept.unread.extend(unread);
            own
        });
        (Self { settings: shared, drafts: own }, kept)
    }
}

/// Writes the settings; a failure costs only them, so it is only logged.
pub(crate) fn save_settings(store: &Store, turn: u64, settings: &Settings) {
    tell("the settings", store.settings.as_ref().map(|shared| shared.save(turn, settings)));
}

/// Writes the drafts; a failure costs only them.
pub(crate) fn save_drafts(store: &Store, turn: u64, drafts: &KeptDrafts) {
    tell("the drafts", store.drafts.as_ref().map(|own| own.save(turn, drafts)));
}

fn tell(what: &str, written: Option<io::Result<()>>) {
    if let Some(Err(error)) = written {
        tracing::warn!("{what} could not be written: {error}");
    }
}

fn not_saved(what: &str, file: &Path, error: &io::Error) -> Problem {
    let why = format!("{}: {error}", file.display());
    Problem::new(format!("{what} was not saved"), why, "Choose another place")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there() {
        let folder = std::env::temp_dir().join(format!("binnacle-disk-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (svg, png) = (folder.join("graph.svg"), folder.join("window.png"));
        save_text("graph", &svg, "<svg/>").unwrap();
        save_picture(&png, &egui::ColorImage::filled([2, 2], egui::Color32::WHITE)).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["graph.svg", "window.png"], "nothing is left over");
        assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
        let problem = save_text("graph", &folder.join("nowhere").join("graph.svg"), "<svg/>").unwrap_err();
        assert_eq!(problem.what, "The graph was not saved");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
