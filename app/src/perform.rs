//! Carries out what the user asks for: the one place where an intent becomes a deed.

use crate::farewell::Leaving;
use crate::logging::variant;
use crate::shell::Shell;
use crate::steering::WayBack;
use cluster::Command;
use mesh::Problem;
use panels::looked::Looked;
use panels::selection::{PanelId, Selected};
use panels::{Intent, kit};
use std::panic::Location;

impl Shell {
    /// Carries out one intent; what stands in the way is said.
    pub(crate) fn perform(&mut self, ctx: &egui::Context, sent_from: &Location<'_>, intent: Intent) {
        tracing::debug!(%sent_from, intent = variant(&intent), "intent");
        if let Err(problem) = self.carry_out(ctx, intent, false) {
            self.window.complain(&problem);
        }
    }

    /// Leaves the mesh, as was said: what is not finished is lost.
    pub(crate) fn leave(&mut self, ctx: &egui::Context, intent: Intent) {
        if let Err(problem) = self.carry_out(ctx, intent, true) {
            self.window.complain(&problem);
        }
    }

    /// `agreed`: that what is not finished may be lost.
    fn carry_out(&mut self, ctx: &egui::Context, intent: Intent, agreed: bool) -> Result<(), Problem> {
        match intent {
            Intent::Connect(_) | Intent::StartSandbox(_) | Intent::Disconnect
                if !agreed && self.unfinished().is_some() =>
            {
                self.farewell.ask(Leaving::For(intent));
            }
            Intent::Connect(to) => {
                self.connections.connect(to, &mut self.settings);
                self.forget_mesh();
            }
            Intent::StartSandbox(of) => {
                self.connections.start_sandbox(&of, &mut self.settings)?;
                self.forget_mesh();
            }
            Intent::Retry => self.connections.retry(&mut self.settings, &mut self.background)?,
            Intent::Disconnect => {
                self.connections.leave();
                self.connections.read_contexts(&self.settings, &mut self.background);
                self.forget_mesh();
            }
            Intent::OpenKubeconfig(None) => self.dialogs.pick_kubeconfig(ctx),
            Intent::OpenKubeconfig(Some(file)) => {
                self.connections.open(file, &mut self.settings, &mut self.background);
            }
            Intent::OpenFile(None) => self.dialogs.pick_traces(ctx),
            Intent::OpenFile(Some(file)) => {
                self.opened.open(file, &mut self.background);
                self.window.dock.open(PanelId::Traces);
            }
            Intent::CloseFile => {
                self.opened.close(&mut self.background);
                // The panel lets go of its traces only now.
                ctx.request_repaint();
            }
            Intent::Select(selected) => self.selection.set(selected),
            Intent::Edit(selected, _) => self.selection.set(Some(selected)),
            Intent::Draft(at, _) | Intent::Mend(at, _) => self.selection.set(Some(Selected::Object(at))),
            Intent::Back => self.selection.back(),
            Intent::Open(panel) => self.window.dock.open(panel),
            Intent::OpenBeside(panel) => self.window.dock.open_beside(panel),
            Intent::Close(panel) => self.window.dock.close(panel),
            Intent::OpenTrace(_) | Intent::TracesOf(_) | Intent::TracesWith(..) => {
                self.window.dock.open(PanelId::Traces);
            }
            Intent::ProxyOf(_) => self.window.dock.open(PanelId::Proxies),
            Intent::ChartsOf(_) => self.window.dock.open(PanelId::Metrics),
            Intent::LogsOf(wanted) => {
                self.selection.set(Some(wanted.of));
                self.window.dock.open(PanelId::Logs);
            }
            Intent::Explain(_) => self.window.dock.open(PanelId::Explain),
            Intent::ExportGraph(_) => self.window.dock.open(PanelId::Graph),
            Intent::FirstStepsDone => self.settings.first_steps_done = true,
            Intent::Palette => self.window.palette.open(),
            Intent::Namespaces(namespaces) => self.namespaces = namespaces,
            Intent::Window(secs) => {
                self.settings.window_secs = secs;
                self.connections.order(Command::Window(secs))?;
            }
            Intent::Look(at) => {
                self.wanted.look(at);
                self.window.dock.open(PanelId::Graph);
            }
            Intent::Pause(paused) => self.pause(paused)?,
            Intent::Check(id, change) => {
                let order = self.steering.check(id, *change, &self.scene.mesh);
                self.give(order)?;
            }
            Intent::Push(_) | Intent::Undo(_) | Intent::Finish(_) if self.connections.read_only() => {
                return Err(locked());
            }
            Intent::LogLevel(_) if self.connections.read_only() => return Err(locked()),
            Intent::Push(id) | Intent::Undo(id) | Intent::Finish(id)
                if self.steering.is_of_workloads(id) && !self.connections.workloads(&self.settings) =>
            {
                return Err(not_allowed());
            }
            Intent::LogLevel(_) if !self.connections.workloads(&self.settings) => return Err(not_allowed()),
            Intent::LogLevel(wish) => self.connections.order(Command::LogLevel(wish))?,
            Intent::AllowWorkloads(allowed) => {
                self.connections.allow_workloads(allowed, &mut self.settings)?;
                let (said, here) = (if allowed { "allowed" } else { "not allowed" }, &self.scene.context);
                self.window.say(format!("Workload changes are {said} in {here}"));
            }
            Intent::Push(id) => {
                let order = self.steering.push(id);
                self.look()?;
                self.give(order)?;
            }
            Intent::Undo(id) => {
                let order = self.steering.undo(id, &self.scene.mesh)?;
                self.look()?;
                self.give(order)?;
            }
            Intent::Finish(id) => {
                let order = self.steering.finish(id);
                self.look()?;
                self.give(order)?;
            }
            Intent::Leave(id) => self.connections.order(Command::Leave(id))?,
            Intent::Restore(wanted) => {
                let order = self.steering.way_back(WayBack::Restore(wanted), &self.scene.mesh)?;
                self.give(order)?;
            }
            Intent::TakeBack(write) => {
                let order = self.steering.way_back(WayBack::Write(write), &self.scene.mesh)?;
                self.give(order)?;
            }
            Intent::Dismiss(id) => {
                let order = self.steering.dismiss(id, &self.scene.mesh);
                self.give(order)?;
            }
            // Drafts follow these by themselves.
            Intent::Reset(_) | Intent::Anew(_) | Intent::UndoEdit | Intent::RedoEdit => {}
            // The editors have made new drafts on what the cluster has; the refused change gives way to them.
            Intent::Rebuild(id) => {
                let order = self.steering.rebuild(id, &self.scene.mesh)?;
                self.give(order)?;
            }
            Intent::Theme(theme) => {
                self.settings.theme = theme;
                kit::theme::apply(ctx, theme);
            }
            Intent::Notify(what, why) => self.notify(ctx, what, why),
            Intent::Notifications(on) => {
                self.settings.notifications = on;
                let said =
                    if on { "The desktop is told when something fails" } else { "The desktop is not told" };
                self.window.say(said.to_owned());
            }
            Intent::Copy(text, what) => {
                ctx.copy_text(text);
                self.window.say(format!("Copied: {what}"));
            }
            Intent::Save(export, None) => self.dialogs.pick_place(ctx, export),
            Intent::Save(export, Some(file)) => self.exports.save(ctx, export, file, &mut self.background),
        }
        Ok(())
    }

    fn pause(&mut self, paused: bool) -> Result<(), Problem> {
        self.paused = paused;
        self.connections.order(Command::Pause(paused))
    }

    /// What is written is looked at: what was paused, or is of the past, would show what is not so any more as
    /// what is.
    fn look(&mut self) -> Result<(), Problem> {
        self.wanted.look(Looked::default());
        if self.paused {
            self.pause(false)?;
            self.window.say("Live data goes on, to show what comes of the push".to_owned());
        }
        Ok(())
    }

    /// Gives an order to the cluster if there is one.
    fn give(&mut self, order: Option<Command>) -> Result<(), Problem> {
        let Some(order) = order else { return Ok(()) };
        let given = self.connections.order(order.clone());
        match &given {
            Ok(()) => self.steering.given(&order),
            Err(why) => self.steering.not_given(&order, why),
        }
        given
    }

    /// Takes in news about changes.
    pub(crate) fn take_facts(&mut self) {
        for (id, fact) in self.connections.facts() {
            tracing::debug!(%id, fact = variant(&fact), "fact");
            let order = self.steering.take(id, &fact);
            if let Err(problem) = self.give(order) {
                self.window.complain(&problem);
            }
        }
    }
}

fn not_allowed() -> Problem {
    Problem::new(
        "Nothing was changed",
        "Workload changes are not allowed in this connection",
        "Switch on “Allow workload changes” in the editor Workload",
    )
}

fn locked() -> Problem {
    Problem::new("Nothing was changed", "this window is read-only", "Start it, or the sandbox, without that")
}
