//! All that touches the disk while the window is open: only [`crate::background`] may call it.

use crate::settings::Settings;
use mesh::Problem;
use panels::contexts::{ContextRow, Contexts};
use panels::detail::KeptDrafts;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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

/// Writes the settings; a failure costs only them, so it is only logged.
pub(crate) fn save_settings(settings: &Settings) {
    keep(crate::settings::file(), settings, |half, bytes| std::fs::write(half, bytes));
}

/// Writes the drafts, unless newer ones stand there by now; a failure costs only them.
pub(crate) fn save_drafts(turn: u64, drafts: &KeptDrafts) {
    static LAST: Mutex<u64> = Mutex::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if turn > *last {
        *last = turn;
        keep(crate::settings::drafts(), drafts, write_private);
    }
}

/// Writes a file that nobody else may read.
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(file)?, bytes)
}

fn keep(file: Option<PathBuf>, what: &impl Serialize, write: impl FnOnce(&Path, &[u8]) -> io::Result<()>) {
    let Some(file) = file else { return };
    let written = serde_json::to_vec_pretty(what).map_err(io::Error::other).and_then(|bytes| {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        replace(&file, |half| write(half, &bytes))
    });
    if let Err(error) = written {
        tracing::warn!("{} could not be written: {error}", file.display());
    }
}

/// Writes beside the file and renames it into place, so that a reader never meets half of it.
fn replace(file: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut half = file.as_os_str().to_owned();
    half.push(".part");
    write(Path::new(&half))?;
    std::fs::rename(&half, file)
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
