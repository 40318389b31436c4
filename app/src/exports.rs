//! Pictures and lists that are saved: made and written in the background; the user is told when they are
//! there.

use crate::background::{Background, Later};
use crate::disk;
use mesh::Problem;
use panels::intent::Export;
use std::path::PathBuf;

/// What is being saved.
#[derive(Default)]
pub(crate) struct Exports {
    saving: Vec<Later<Result<PathBuf, Problem>>>,
}

impl Exports {
    /// Saves this; a picture of the window is taken first and comes with the next frame.
    pub(crate) fn save(
        &mut self,
        ctx: &egui::Context,
        export: Export,
        file: PathBuf,
        background: &mut Background,
    ) {
        let what = export.name();
        match export {
            Export::Window => {
                let marker = egui::UserData::new(file);
                ctx.send_viewport_cmd(egui::ViewportCommand::Screenshot(marker));
            }
            Export::Drawing(make) | Export::Graph(_, make) | Export::Journal(_, make) => {
                let save = move || disk::save_text(what, &file, &make()).map(|()| file);
                self.saving.push(background.run(save));
            }
        }
    }

    /// Saves the pictures of the window that were taken since the last frame, and returns what was saved
    /// since, or why not.
    pub(crate) fn take(
        &mut self,
        ctx: &egui::Context,
        background: &mut Background,
    ) -> Vec<Result<PathBuf, Problem>> {
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
            let save = move || disk::save_picture(&file, &image).map(|()| file);
            self.saving.push(background.run(save));
        }
        let mut saved = Vec::new();
        self.saving.retain_mut(|saving| match saving.look() {
            Some(result) => {
                saved.push(result.flatten());
                false
            }
            None => true,
        });
        saved
    }
}
