//! Carries out what the user asks for: the one place where a wish becomes a deed.

use crate::connection::Connection;
use crate::picture;
use crate::settings;
use crate::shell::Shell;
use crate::steering::Steering;
use cluster::{Command, Target};
use jiff::Timestamp;
use mesh::Problem;
use panels::cx::{ContextRow, Contexts};
use panels::intent::ExportFormat;
use panels::selection::PanelId;
use panels::{Intent, kit};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Shell {
    /// Carries out one wish.
    pub(crate) fn perform(&mut self, ctx: &egui::Context, sent_from: &Location<'_>, intent: Intent) {
        tracing::debug!(%sent_from, ?intent, "intent");
        match intent {
            Intent::Connect(context) => self.connect_to(&context),
            Intent::OpenKubeconfig(Some(file)) => self.open_kubeconfig(file),
            Intent::OpenKubeconfig(None) => self.dialogs.pick_kubeconfig(ctx),
            Intent::StartSandbox(scenario) => self.start_sandbox(&scenario),
            Intent::Retry => self.retry(),
            Intent::Disconnect => self.disconnect(),
            Intent::Select(selected) => self.selection.set(selected),
            Intent::Edit(selected, _) => self.selection.set(Some(selected)),
            Intent::Back => self.selection.back(),
            Intent::Open(panel) => self.dock.open(panel),
            Intent::OpenBeside(panel) => self.dock.open_beside(panel),
            Intent::Close(panel) => self.dock.close(panel),
            Intent::Namespaces(namespaces) => self.namespaces = namespaces,
            Intent::Window(secs) => {
                self.settings.window_secs = secs;
                self.order(Command::Window(secs));
            }
            Intent::Pause(paused) => {
                self.paused = paused;
                self.order(Command::Pause(paused));
            }
            Intent::Check(id, change) => {
                let order = self.steering.check(id, *change, &self.scene.mesh);
                self.give(order);
            }
            Intent::Push(id) | Intent::Undo(id) | Intent::Finish(id) if self.args.read_only => {
                tracing::debug!(%id, "not in a window that is read-only");
                self.complain(&locked());
            }
            Intent::Push(id) => {
                let order = self.steering.push(id);
                self.give(order);
            }
            Intent::Undo(id) => match self.steering.undo(id) {
                Ok(order) => self.give(order),
                Err(problem) => self.complain(&problem),
            },
            Intent::Finish(id) => {
                let order = self.steering.finish(id);
                self.give(order);
            }
            Intent::Leave(id) => self.order(Command::Leave(id)),
            // After Rebuild the editors have made new drafts on what the cluster has; the refused change
            // gives way to them.
            Intent::Dismiss(id) | Intent::Rebuild(id) => {
                let order = self.steering.dismiss(id, &self.scene.mesh);
                self.give(order);
            }
            Intent::OpenTrace(_) | Intent::TracesOf(_) => self.dock.open(PanelId::Traces),
            Intent::Theme(theme) => {
                self.settings.theme = theme;
                kit::theme::apply(ctx, theme);
            }
            Intent::Palette => self.palette.open(),
            Intent::Copy(text, what) => {
                ctx.copy_text(text);
                self.toasts.success(format!("Copied: {what}"));
            }
            Intent::ExportGraph(format, Some(file)) => self.export(ctx, format, &file),
            Intent::ExportGraph(format, None) => self.dialogs.pick_export(ctx, format),
        }
    }

    /// At the start of the window: reads the contexts, and connects where the command line says.
    pub(crate) fn begin(&mut self) {
        self.read_contexts();
        if let Some(scenario) = self.args.sandbox.clone() {
            self.start_sandbox(&scenario);
        } else if let Some(context) = self.args.connection.context.clone() {
            self.connect_to(&context);
        }
    }

    /// Where to connect to, by the command line and this context.
    pub(crate) fn target(&self, context: Option<&ContextRow>) -> Target {
        let mut target = self.args.connection.target(self.args.read_only);
        target.journal = settings::journal();
        if let Some(context) = context {
            target.context = Some(context.name.clone());
            if !context.file.is_empty() {
                target.kubeconfig = Some(PathBuf::from(&context.file));
            }
        }
        target
    }

    fn read_contexts(&mut self) {
        let files = std::iter::once(self.args.connection.kubeconfig.clone())
            .chain(self.settings.kubeconfigs.iter().cloned().map(Some));
        let mut rows: Vec<ContextRow> = Vec::new();
        let mut problems = Vec::new();
        for (position, file) in files.enumerate() {
            let (found, found_problems) = cluster::contexts(file.as_deref());
            let opened_before = position > 0;
            // Somebody who has no cluster yet has done nothing wrong; the screen says where contexts would
            // come from.
            let nothing_expected = file.is_none() && no_kubeconfig_yet();
            let found = found
                .into_iter()
                .filter(|info| !rows.iter().any(|row| row.name == info.name))
                .map(context_row);
            rows.extend(found.collect::<Vec<_>>());
            // A file that the user once opened and that is gone is no trouble worth showing at every start.
            problems.extend(if opened_before || nothing_expected { Vec::new() } else { found_problems });
        }
        self.contexts = Contexts {
            rows,
            problems,
            last: self.settings.last.clone(),
            last_file: self.settings.last_file.clone(),
            sandbox: sandbox::find_envoy(self.args.envoy.as_deref()).err(),
            connecting: None,
        };
    }

    fn connect_to(&mut self, context: &str) {
        let row = self.contexts.rows.iter().find(|row| row.name == context).cloned();
        let row = row.unwrap_or_else(|| ContextRow { name: context.to_owned(), ..ContextRow::default() });
        let target = self.target(Some(&row));
        (self.settings.last, self.settings.last_file) = (Some(row.name.clone()), Some(row.file));
        self.leave();
        self.connection = Some(Connection::to_cluster(target, self.runtime.handle(), self.wake.clone()));
        self.entered(context);
    }

    fn start_sandbox(&mut self, scenario: &str) {
        let scenario = match scenario.parse() {
            Ok(scenario) => scenario,
            Err(problem) => return self.complain(&problem),
        };
        self.leave();
        let options = sandbox::Options { scenario, envoy: self.args.envoy.clone(), ..Default::default() };
        self.connection = Some(Connection::to_sandbox(options, self.runtime.handle(), self.wake.clone()));
        // A context of some file may be called "sandbox" too; it was not used.
        (self.settings.last, self.settings.last_file) = (Some(String::new()), None);
        self.entered("sandbox");
    }

    fn entered(&mut self, name: &str) {
        self.contexts.connecting = Some(name.to_owned());
        self.order_later(Command::Window(self.settings.window_secs));
    }

    /// Tells a new connection the measuring window; one that is still starting a sandbox has the default.
    fn order_later(&mut self, command: Command) {
        if let Some(connection) = &self.connection
            && connection.has_cluster()
            && let Err(problem) = connection.order(command)
        {
            self.complain(&problem);
        }
    }

    /// Ends the old connection in the background: its pushes are finished, its sandbox is stopped.
    pub(crate) fn leave(&mut self) {
        while self.leaving.try_join_next().is_some() {}
        if let Some(connection) = self.connection.take() {
            self.leaving.spawn_on(connection.close(), self.runtime.handle());
        }
        self.scene = Arc::default();
        self.steering = Steering::default();
        self.selection = panels::Selection::default();
        self.wanted = panels::Wanted::default();
        self.paused = false;
        self.namespaces = self.args.connection.namespace.clone();
    }

    fn disconnect(&mut self) {
        self.leave();
        self.read_contexts();
    }

    fn retry(&mut self) {
        match &self.connection {
            Some(connection) if connection.has_cluster() => self.order(Command::Retry),
            Some(connection) => {
                let name = connection.name.clone();
                match name.as_str() {
                    "sandbox" => self
                        .start_sandbox(&self.args.sandbox.clone().unwrap_or_else(|| "bookinfo".to_owned())),
                    context => self.connect_to(context),
                }
            }
            None => self.read_contexts(),
        }
    }

    fn open_kubeconfig(&mut self, file: PathBuf) {
        let (_, problems) = cluster::contexts(Some(&file));
        if !self.settings.kubeconfigs.contains(&file) {
            self.settings.kubeconfigs.push(file);
        }
        self.read_contexts();
        self.contexts.problems.extend(problems);
    }

    /// Gives an order to the cluster; what stands in the way is said.
    fn order(&mut self, command: Command) {
        let done = match &self.connection {
            Some(connection) => connection.order(command),
            None => Ok(()),
        };
        if let Err(problem) = done {
            self.complain(&problem);
        }
    }

    fn complain(&mut self, problem: &Problem) {
        self.toasts.error(problem.to_string());
    }

    /// Gives an order if there is one.
    fn give(&mut self, order: Option<Command>) {
        if let Some(order) = order {
            self.order(order);
        }
    }

    /// Takes in news about changes.
    pub(crate) fn take_facts(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        for (id, fact) in connection.facts() {
            tracing::debug!(%id, ?fact, "fact");
            let order = self.steering.take(id, &fact);
            self.give(order);
        }
    }

    fn export(&mut self, ctx: &egui::Context, format: ExportFormat, file: &Path) {
        match format {
            ExportFormat::Png => {
                let marker = egui::UserData::new(file.to_owned());
                ctx.send_viewport_cmd(egui::ViewportCommand::Screenshot(marker));
            }
            ExportFormat::Svg => {
                let options =
                    mesh::graph::GraphOptions { namespaces: self.namespaces.clone(), ..Default::default() };
                let traffic = self.scene.traffic.value();
                let graph = mesh::graph::Graph::build(&self.scene.mesh, traffic, &options, Timestamp::now());
                let svg = panels::graph::svg(&graph, &panels::graph::place(&graph), false);
                match std::fs::write(file, svg) {
                    Ok(()) => drop(self.toasts.success(format!("Saved {}", file.display()))),
                    Err(error) => self.complain(&Problem::new(
                        "The graph was not saved",
                        format!("{}: {error}", file.display()),
                        "Choose another place",
                    )),
                }
            }
        }
    }

    /// Saves a picture that the user asked for, once it has been taken.
    pub(crate) fn take_pictures(&mut self, ctx: &egui::Context) {
        let taken = ctx.input(|input| {
            let shot = |event: &egui::Event| match event {
                egui::Event::Screenshot { image, user_data, .. } => {
                    let file = user_data.data.as_ref()?.downcast_ref::<PathBuf>()?;
                    Some((file.clone(), image.clone()))
                }
                _ => None,
            };
            input.raw.events.iter().filter_map(shot).collect::<Vec<_>>()
        });
        for (file, image) in taken {
            match picture::save(&file, &image) {
                Ok(()) => drop(self.toasts.success(format!("Saved {}", file.display()))),
                Err(error) => {
                    self.complain(&Problem::new(
                        "The picture was not saved",
                        error.to_string(),
                        "Choose another place",
                    ));
                }
            }
        }
    }
}

fn locked() -> Problem {
    Problem::new(
        "Nothing was changed",
        "Binnacle was started with --read-only",
        "Start it without that option",
    )
}

/// Whether the user has named no kubeconfig, and there is none in the usual place.
fn no_kubeconfig_yet() -> bool {
    let usual = std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube").join("config"));
    std::env::var_os("KUBECONFIG").is_none_or(|files| files.is_empty())
        && usual.is_none_or(|file| !file.exists())
}

fn context_row(info: cluster::ContextInfo) -> ContextRow {
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
