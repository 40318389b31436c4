//! File names from the system's dialogs. A dialog may stay open for minutes; what was picked comes back as an intent.

use panels::Intent;
use panels::intent::ExportFormat;
use poll_promise::Promise;
use std::path::PathBuf;

/// The dialog that is open, if one is.
#[derive(Default)]
pub(crate) struct Dialogs {
    picking: Option<Promise<Option<Intent>>>,
}

impl Dialogs {
    /// What the user picked, once.
    pub(crate) fn picked(&mut self) -> Option<Intent> {
        match self.picking.take()?.try_take() {
            Ok(picked) => picked,
            Err(open) => {
                self.picking = Some(open);
                None
            }
        }
    }

    /// Lets the user pick a kubeconfig file.
    pub(crate) fn pick_kubeconfig(&mut self, ctx: &egui::Context) {
        let dialog = rfd::AsyncFileDialog::new().set_title("Open kubeconfig");
        self.picking = Some(dialog_thread(ctx, move || async move {
            let file = dialog.pick_file().await?;
            Some(Intent::OpenKubeconfig(Some(file.path().to_owned())))
        }));
    }

    /// Lets the user pick where to save the graph.
    pub(crate) fn pick_export(&mut self, ctx: &egui::Context, format: ExportFormat) {
        let (name, extension) = match format {
            ExportFormat::Svg => ("graph.svg", "svg"),
            ExportFormat::Png => ("graph.png", "png"),
        };
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Save graph")
            .set_file_name(name)
            .add_filter(extension, &[extension]);
        self.picking = Some(dialog_thread(ctx, move || async move {
            let file = dialog.save_file().await?;
            Some(Intent::ExportGraph(format, Some(PathBuf::from(file.path()))))
        }));
    }
}

/// A system dialog, on a thread of its own; sends first, wakes second.
fn dialog_thread<F>(
    ctx: &egui::Context,
    dialog: impl FnOnce() -> F + Send + 'static,
) -> Promise<Option<Intent>>
where
    F: Future<Output = Option<Intent>>,
{
    let (sender, promise) = Promise::new();
    let ctx = ctx.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        sender.send(runtime.ok().and_then(|runtime| runtime.block_on(dialog())));
        ctx.request_repaint();
    });
    promise
}
