//! An entry: what it was made from, and its raw text: searched, copied, and drawn only where one looks.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Button, Memo, Tokens, button, field, fmt, icon, text};
use crate::selection::Selected;
use egui::{FontId, Id, Label, RichText, ScrollArea, Ui};
use jiff::Timestamp;
use mesh::dump::{Entry, pretty};

/// The text that is shown.
#[derive(Default)]
pub(super) struct Raw {
    lines: Memo<(Timestamp, [String; 4]), Vec<String>>,
    hits: Memo<(Timestamp, [String; 4], String), Vec<usize>>,
    search: String,
    /// Which of the hits is looked at.
    hit: usize,
}

impl Raw {
    /// Draws the text of an entry of what was read then.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, entry: &Entry, dump: Timestamp) {
        let lines = self.lines.get((dump, entry.cells.clone()), |_| pretty(&entry.raw));
        let wanted = self.search.trim().to_lowercase();
        let hits = self.hits.get((dump, entry.cells.clone(), wanted), |(_, _, wanted)| {
            let holds = |line: &str| !wanted.is_empty() && line.to_lowercase().contains(wanted);
            lines.iter().enumerate().filter(|(_, line)| holds(line)).map(|(place, _)| place).collect()
        });
        let before = (self.search.clone(), self.hit);
        ui.horizontal_wrapped(|ui| {
            let width = (ui.available_width() - 150.0).clamp(100.0, 240.0);
            field::search(
                ui,
                Id::new("raw search"),
                "Search its text",
                "Search the raw text",
                &mut self.search,
                width,
            );
            if ui.add(Button::icon(icon::CARET_DOWN, "Next hit")).clicked() {
                self.hit += 1;
            }
            if ui.add(Button::icon(icon::COPY, "Copy the raw text")).clicked() {
                cx.intents.send(Intent::Copy(lines.join("\n"), "The raw text".to_owned()));
            }
            if !self.search.trim().is_empty() {
                text::note(ui, fmt::counted(hits.len(), "line", "lines"));
            }
        });
        let moved = before != (self.search.clone(), self.hit);
        let hit = (!hits.is_empty()).then(|| hits[self.hit % hits.len()]);
        let font = FontId::monospace(size::SECONDARY);
        let height = ui.ctx().fonts_mut(|fonts| fonts.row_height(&font));
        let mut area = ScrollArea::both().id_salt("raw").auto_shrink([false, false]);
        if let Some(hit) = hit.filter(|_| moved) {
            area = area.vertical_scroll_offset((hit as f32 - 2.0).max(0.0) * height);
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        let tokens = Tokens::of(ui);
        area.show_rows(ui, height, lines.len(), |ui, range| {
            for (place, line) in lines.iter().enumerate().take(range.end).skip(range.start) {
                let mut said = RichText::new(line).font(font.clone()).color(tokens.muted);
                if hits.binary_search(&place).is_ok() {
                    said = said.color(tokens.text).background_color(tokens.selection());
                }
                ui.add(Label::new(said).extend());
            }
        });
    }
}

/// What is said of an entry above its text.
pub(super) fn told(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
    if let Some(trouble) = &entry.trouble {
        let words = RichText::new(trouble).color(Tokens::of(ui).text);
        ui.add(Label::new(words).truncate()).on_hover_text(trouble);
    }
    let Some(of) = &entry.of else { return };
    if cx.scene.mesh.objects().get(of).is_none() {
        text::muted(ui, format!("Made from {of}, which is not seen here"));
        return;
    }
    let name = button::fitting_in(ui, &of.to_string(), ui.available_width() - 40.0);
    let open = Button::quiet(name).with_icon(icon::FILE_CODE).named(format!("Open {of}"));
    if ui.add(open).on_hover_text(of.to_string()).clicked() {
        cx.intents.send(Intent::Select(Some(Selected::Object(of.clone()))));
    }
}
