//! Opens the window.

use crate::args;
use crate::disk::Store;
use crate::logging::TIMING;
use crate::own_sandbox;
use crate::runtime;
use crate::shell::Shell;
use crate::trace_file;
use mesh::Problem;
use std::path::PathBuf;

/// Opens the window, on a file of traces where one is given, and returns when it is closed.
pub(crate) fn window(args: args::Window, file: Option<PathBuf>) -> Result<(), Problem> {
    let started = std::time::Instant::now();
    if let Some(scenario) = &args.sandbox {
        own_sandbox::known(scenario)?;
    }
    let runtime = runtime::start()?;
    let file = file.map(|file| trace_file::begin(file, &runtime)).transpose()?;
    let kept = Store::open();
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Binnacle")
            .with_app_id("dev.binnacle.binnacle")
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([960.0, 600.0]),
        // Where the window was is worth keeping; what it showed is not (it may come from a cluster).
        persist_window: true,
        persistence_path: crate::settings::dirs().map(|dirs| dirs.config_dir().join("window.ron")),
        ..Default::default()
    };
    eframe::run_native(
        "Binnacle",
        options,
        Box::new(move |creation| {
            tracing::info!(target: TIMING, ms = started.elapsed().as_millis() as u64, "window created");
            Ok(Box::new(Shell::new(creation, args, kept, file, runtime, started)))
        }),
    )
    .map_err(|error| {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let no_display = cfg!(target_os = "linux") && !set("DISPLAY") && !set("WAYLAND_DISPLAY");
        let why = if no_display { "neither DISPLAY nor WAYLAND_DISPLAY is set".into() } else { error.to_string() };
        Problem::new(
            "The window could not be opened",
            why.replace('\n', " ").trim_end_matches('.'),
            "Start it where there is a display with OpenGL 2.1 (LIBGL_ALWAYS_SOFTWARE=1 draws in software), or use the commands in binnacle --help",
        )
    })
}
