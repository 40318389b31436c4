//! `--picture FILE`: keeps a picture of the window up to date in a file, for machines without a display.

use crate::background::{Background, Later, arrived};
use crate::disk;
use mesh::Problem;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How old the picture may get.
const EVERY: Duration = Duration::from_secs(2);

/// Takes the pictures.
pub(crate) struct Picture {
    file: PathBuf,
    next: Instant,
    saving: Option<Later<Result<(), Problem>>>,
}

impl Picture {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, next: Instant::now(), saving: None }
    }

    /// Asks for the next picture when it is due, and saves one that has arrived.
    pub(crate) fn tick(&mut self, ctx: &egui::Context, background: &mut Background) {
        let taken = ctx.input(|input| {
            input.raw.events.iter().rev().find_map(|event| match event {
                egui::Event::Screenshot { image, .. } => Some(image.clone()),
                _ => None,
            })
        });
        if let Some(image) = taken {
            let file = self.file.clone();
            self.saving = Some(background.run(move || disk::save_picture(&file, &image)));
        }
        if let Some(Err(problem)) = arrived(&mut self.saving).map(Result::flatten) {
            tracing::warn!("{problem}");
        }
        let now = Instant::now();
        if now >= self.next && self.saving.is_none() {
            self.next = now + EVERY;
            ctx.send_viewport_cmd(egui::ViewportCommand::Screenshot(egui::UserData::default()));
        }
        ctx.request_repaint_after(self.next.saturating_duration_since(now).max(Duration::from_millis(200)));
    }
}
