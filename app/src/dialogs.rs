//! File names from the system's dialogs. A dialog may stay open for minutes; what was picked comes back as an
//! intent.

use mesh::Problem;
use panels::Intent;
use panels::intent::Export;
use poll_promise::Promise;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What was picked, if anything; or why nothing could be.
type Picked = Result<Option<Intent>, Problem>;

/// Nobody sees a dialog and closes it in so short a time: there was none. The library says that in the log
/// only.
const UNSEEN: Duration = Duration::from_millis(250);

/// The dialog that is open, if one is.
#[derive(Default)]
pub(crate) struct Dialogs {
    picking: Option<Promise<Picked>>,
}

impl Dialogs {
    /// What the user picked, once; or why there was nothing to pick with.
    pub(crate) fn picked(&mut self) -> Option<Result<Intent, Problem>> {
        match self.picking.take()?.try_take() {
            Ok(picked) => picked.transpose(),
            Err(open) => {
                self.picking = Some(open);
                None
            }
        }
    }

    /// Lets the user pick a kubeconfig file.
    pub(crate) fn pick_kubeconfig(&mut self, ctx: &egui::Context) {
        let instead = "a kubeconfig can be given with --kubeconfig";
        self.pick(ctx, "Open kubeconfig", instead, |file| Intent::OpenKubeconfig(Some(file)));
    }

    /// Lets the user pick a file of traces.
    pub(crate) fn pick_traces(&mut self, ctx: &egui::Context) {
        let instead = "drop the file on the window, or start binnacle open FILE";
        self.pick(ctx, "Open traces", instead, |file| Intent::OpenFile(Some(file)));
    }

    fn pick(
        &mut self,
        ctx: &egui::Context,
        title: &str,
        instead: &'static str,
        opens: fn(PathBuf) -> Intent,
    ) {
        let dialog = rfd::AsyncFileDialog::new().set_title(title);
        self.picking = Some(dialog_thread(ctx, move || async move {
            let shown = Instant::now();
            match dialog.pick_file().await {
                Some(file) => Ok(Some(opens(file.path().to_owned()))),
                None if shown.elapsed() < UNSEEN => Err(no_dialog("No file was opened", instead)),
                None => Ok(None),
            }
        }));
    }

    /// Lets the user pick where to save this.
    pub(crate) fn pick_place(&mut self, ctx: &egui::Context, export: Export) {
        let (what, extension) = (export.name(), export.extension());
        let name = format!("{what}.{extension}");
        let dialog = rfd::AsyncFileDialog::new()
            .set_title(format!("Save {what}"))
            .set_file_name(&name)
            .add_filter(extension, &[extension]);
        self.picking = Some(dialog_thread(ctx, move || async move {
            let shown = Instant::now();
            let place = match dialog.save_file().await {
                Some(file) => Some(file.path().to_owned()),
                // Where it went is said when it is there.
                None if shown.elapsed() < UNSEEN => {
                    let home = std::env::home_dir().filter(|home| home.is_dir());
                    let home = home.ok_or_else(|| {
                        no_dialog(&format!("The {what} was not saved"), "start it with a HOME")
                    })?;
                    Some(free(&home, &name))
                }
                None => None,
            };
            Ok(place.map(|place| Intent::Save(export, Some(place))))
        }));
    }
}

/// A name in a folder that no file has: "graph.svg", "graph-2.svg", ….
fn free(folder: &Path, name: &str) -> PathBuf {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let numbered = (2..1000).map(|number| folder.join(format!("{stem}-{number}.{extension}")));
    let all = std::iter::once(folder.join(name)).chain(numbered);
    all.into_iter().find(|place| !place.exists()).unwrap_or_else(|| folder.join(name))
}

fn no_dialog(what: &str, instead: &str) -> Problem {
    let next = format!("Install zenity or a desktop portal; or {instead}");
    Problem::new(what, "this system has no file dialog", next)
}

/// A system dialog, on a thread of its own; sends first, wakes second. A promise has to be kept: a dialog
/// that breaks off picks nothing.
fn dialog_thread<F>(ctx: &egui::Context, dialog: impl FnOnce() -> F + Send + 'static) -> Promise<Picked>
where
    F: Future<Output = Picked>,
{
    let (sender, promise) = Promise::new();
    let ctx = ctx.clone();
    std::thread::spawn(move || {
        let picked = move || async move { dialog().await.transpose() };
        let picked = catch_unwind(AssertUnwindSafe(|| crate::runtime::of_this_thread(picked)));
        sender.send(picked.ok().flatten().transpose());
        ctx.request_repaint();
    });
    promise
}

#[cfg(test)]
mod tests {
    use super::free;

    #[test]
    fn what_is_there_is_not_overwritten() {
        let folder = std::env::temp_dir().join(format!("binnacle-free-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for expect in ["graph.svg", "graph-2.svg", "graph-3.svg"] {
            let place = free(&folder, "graph.svg");
            assert_eq!(place, folder.join(expect));
            std::fs::write(&place, "").unwrap();
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
