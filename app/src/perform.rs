//! Carries out what the user asks for: the one place where a wish becomes a deed.

use crate::connection::Connection;
use crate::picture;
use crate::shell::Shell;
use cluster::Command;
use mesh::{Change, ChangeId, Problem, Remote, Stage};
use panels::Intent;
use panels::intent::{ExportFormat, ThemeChoice};
use panels::selection::PanelId;
use std::panic::Location;
use std::path::PathBuf;

impl Shell {
    /// Carries out one wish.
    pub(crate) fn perform(&mut self, ctx: &egui::Context, sent_from: &Location<'_>, intent: Intent) {
        tracing::debug!(%sent_from, ?intent, "intent");
        match intent {
            Intent::Connect(context) => self.connect(&context),
            Intent::OpenKubeconfig(Some(file)) => self.open_kubeconfig(file),
            Intent::OpenKubeconfig(None) => self.reads.pick_kubeconfig(ctx),
            Intent::StartSandbox(scenario) => self.start_sandbox(&scenario),
            Intent::Retry => self.retry(),
            Intent::Disconnect => self.disconnect(),
            Intent::Select(selected) => self.selection.set(selected),
            Intent::Back => self.selection.back(),
            Intent::Open(panel) => self.dock.open(panel),
            Intent::OpenBeside(panel) => self.dock.open_beside(panel),
            Intent::Namespaces(namespaces) => self.namespaces = namespaces,
            Intent::Window(secs) => {
                self.settings.window_secs = secs;
                self.order(Command::Window(secs));
            }
            Intent::Pause(paused) => {
                self.paused = paused;
                self.order(Command::Pause(paused));
            }
            Intent::Check(change) => self.check(*change),
            Intent::Push(id) => self.push(id),
            Intent::Undo(id) => self.undo(id),
            Intent::Dismiss(id) => self.dismiss(id),
            Intent::Rebuild(id) => self.editors.rebuild(id, &self.ledger),
            Intent::SearchTraces(query) => self.reads.search(ctx, self.connection.as_ref(), self.runtime.handle(), query),
            Intent::OpenTrace(id) => {
                self.dock.open(PanelId::Traces);
                self.reads.open_trace(ctx, self.connection.as_ref(), self.runtime.handle(), id);
            }
            Intent::TracesOf(service, errors_only) => {
                self.dock.open(PanelId::Traces);
                self.trace_focus = Some((service, errors_only));
            }
            Intent::Theme(theme) => {
                self.settings.theme = theme;
                panels::kit::theme::apply(ctx, theme);
            }
            Intent::Palette => self.palette.open(),
            Intent::Copy(text, what) => {
                ctx.copy_text(text);
                self.toasts.success(format!("Copied: {what}"));
            }
            Intent::ExportGraph(format, Some(file)) => self.export(ctx, format, file),
            Intent::ExportGraph(format, None) => self.reads.pick_export(ctx, format),
        }
    }
}
