//! One-shot reads that a click started: traces from the tracing backend, file names from the system's dialogs.

use crate::connection::Connection;
use jiff::Timestamp;
use mesh::trace::{Trace, TraceQuery};
use mesh::{Problem, Remote};
use panels::Intent;
use panels::intent::ExportFormat;
use poll_promise::Promise;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What is being read, and what was.
#[derive(Default)]
pub(crate) struct Reads {
    /// The last search that was asked for.
    pub(crate) query: Option<TraceQuery>,
    /// What it found.
    pub(crate) traces: Remote<Vec<Trace>>,
    /// The opened trace.
    pub(crate) trace: Remote<Trace>,
    /// Services that the tracing backend knows.
    pub(crate) trace_services: Vec<String>,
    searching: Option<Promise<Result<Vec<Trace>, Problem>>>,
    opening: Option<Promise<Result<Trace, Problem>>>,
    listing: Option<Promise<Result<Vec<String>, Problem>>>,
    picking: Option<Promise<Option<Intent>>>,
}

impl Reads {
    /// Takes in what has arrived; a file that was picked becomes a wish.
    pub(crate) fn receive(&mut self) -> Option<Intent> {
        if let Some(found) = take(&mut self.searching) {
            self.traces = landed(std::mem::take(&mut self.traces), found);
        }
        if let Some(found) = take(&mut self.opening) {
            self.trace = landed(std::mem::take(&mut self.trace), found);
        }
        if let Some(Ok(services)) = take(&mut self.listing) {
            self.trace_services = services;
        }
        take(&mut self.picking).flatten()
    }

    /// Finds traces; the services that there are come along.
    pub(crate) fn search(
        &mut self,
        ctx: &egui::Context,
        connection: Option<&Connection>,
        runtime: &Handle,
        query: TraceQuery,
    ) {
        self.query = Some(query.clone());
        let Some(cluster) = connection.and_then(Connection::cluster) else {
            self.traces = Remote::Denied(not_connected());
            return;
        };
        self.searching = Some(spawn(ctx, runtime, cluster.search_traces(query)));
        self.listing = Some(spawn(ctx, runtime, cluster.trace_services()));
    }

    /// Opens one trace. One that the search has brought whole is shown at once.
    pub(crate) fn open_trace(
        &mut self,
        ctx: &egui::Context,
        connection: Option<&Connection>,
        runtime: &Handle,
        id: String,
    ) {
        let known =
            self.traces.value().and_then(|traces| traces.iter().find(|trace| trace.id == id).cloned());
        self.trace = match known {
            Some(trace) => Remote::Live(Arc::new(trace), Timestamp::now()),
            None => Remote::Waiting,
        };
        match connection.and_then(Connection::cluster) {
            Some(cluster) => self.opening = Some(spawn(ctx, runtime, cluster.trace(id))),
            None => self.trace = std::mem::take(&mut self.trace).failed(not_connected()),
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

/// The result of a promise, once.
fn take<T: Send + 'static>(promise: &mut Option<Promise<T>>) -> Option<T> {
    match promise.take()?.try_take() {
        Ok(value) => Some(value),
        Err(waiting) => {
            *promise = Some(waiting);
            None
        }
    }
}

fn landed<T>(old: Remote<T>, found: Result<T, Problem>) -> Remote<T> {
    match found {
        Ok(value) => Remote::Live(Arc::new(value), Timestamp::now()),
        Err(problem) => old.failed(problem),
    }
}

/// Runs a read on the I/O threads; sends first, wakes second.
fn spawn<T: Send + 'static>(
    ctx: &egui::Context,
    runtime: &Handle,
    read: impl Future<Output = T> + Send + 'static,
) -> Promise<T> {
    let (sender, promise) = Promise::new();
    let ctx = ctx.clone();
    runtime.spawn(async move {
        sender.send(read.await);
        ctx.request_repaint();
    });
    promise
}

/// A system dialog, on a thread of its own: it may stay open for minutes.
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

fn not_connected() -> Problem {
    Problem::new("There are no traces yet", "nothing is connected", "Connect to a mesh first")
}
