//! `--picture FILE`: keeps a picture of the window up to date in a file, for machines without a display.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How old the picture may get.
const EVERY: Duration = Duration::from_secs(2);

/// Takes the pictures.
pub(crate) struct Picture {
    file: PathBuf,
    next: Instant,
    saving: Option<JoinHandle<()>>,
}

impl Picture {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, next: Instant::now(), saving: None }
    }

    /// Asks for the next picture when it is due, and saves one that has arrived.
    pub(crate) fn tick(&mut self, ctx: &egui::Context) {
        let taken = ctx.input(|input| {
            input.raw.events.iter().rev().find_map(|event| match event {
                egui::Event::Screenshot { image, .. } => Some(image.clone()),
                _ => None,
            })
        });
        if let Some(image) = taken {
            let file = self.file.clone();
            // Encoding takes longer than a frame may.
            self.saving = Some(std::thread::spawn(move || {
                if let Err(error) = save(&file, &image) {
                    tracing::warn!("{} could not be written: {error}", file.display());
                }
            }));
        }
        let now = Instant::now();
        let idle = self.saving.as_ref().is_none_or(JoinHandle::is_finished);
        if now >= self.next && idle {
            self.next = now + EVERY;
            ctx.send_viewport_cmd(egui::ViewportCommand::Screenshot(egui::UserData::default()));
        }
        ctx.request_repaint_after(self.next.saturating_duration_since(now).max(Duration::from_millis(200)));
    }
}

/// Writes a PNG beside the file and renames it into place, so that a reader never meets half a picture.
pub(crate) fn save(file: &std::path::Path, image: &egui::ColorImage) -> Result<(), image::ImageError> {
    let [width, height] = image.size;
    let bytes: Vec<u8> = image.pixels.iter().flat_map(egui::Color32::to_array).collect();
    let half = file.with_extension("part.png");
    image::save_buffer(&half, &bytes, width as u32, height as u32, image::ColorType::Rgba8)?;
    std::fs::rename(&half, file)?;
    Ok(())
}
