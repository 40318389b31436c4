//! Which rows of a trace are shown: folded one by one, by depth, by service; without the spans of a service.

use super::state::Waterfall;
use crate::kit::{Button, button, icon};
use egui::Ui;

/// Depths that can be chosen.
const DEPTHS: [usize; 5] = [1, 2, 3, 5, 8];
/// So many services are in the menu: those that come first.
const SERVICES: usize = 30;

impl Waterfall {
    /// The rows that are neither folded away nor hidden.
    pub(super) fn arrange(&mut self) {
        self.visible.clear();
        if self.hidden.is_empty() && self.folded.is_empty() {
            self.visible.extend(0..self.opened.tree.rows.len());
            return;
        }
        let mut at = 0;
        while let Some(row) = self.opened.tree.rows.get(at) {
            // What a hidden service called stays.
            if !self.hidden.contains(&row.service) {
                self.visible.push(at);
            }
            at = if self.folded.contains(&at) { row.end } else { at + 1 };
        }
    }

    pub(super) fn fold(&mut self, at: usize, fold: bool) {
        let changed = if fold {
            self.opened.tree.rows.get(at).is_some_and(|row| row.has_children(at)) && self.folded.insert(at)
        } else {
            self.folded.remove(&at)
        };
        if changed {
            self.arrange();
        }
    }

    /// Folds what fits, and unfolds the rest.
    fn fold_where(&mut self, fits: impl Fn(&mesh::trace::Row) -> bool) {
        let rows = self.opened.tree.rows.iter().enumerate();
        self.folded = rows.filter(|(at, row)| row.has_children(*at) && fits(row)).map(|(at, _)| at).collect();
        self.arrange();
    }

    fn hide(&mut self, service: usize, hide: bool) {
        if hide {
            self.hidden.insert(service);
        } else {
            self.hidden.remove(&service);
        }
        self.arrange();
    }

    /// Draws how rows are folded and hidden.
    pub(super) fn folding_ui(&mut self, ui: &mut Ui) {
        if ui.add(Button::icon(icon::ARROWS_OUT_LINE_VERTICAL, "Unfold all spans").framed()).clicked() {
            self.fold_where(|_| false);
        }
        if ui.add(Button::icon(icon::ARROWS_IN_LINE_VERTICAL, "Fold all spans").framed()).clicked() {
            self.fold_where(|row| row.depth > 0);
        }
        let label = match self.hidden.len() {
            0 => "Rows".to_owned(),
            1 => "Rows: 1 hidden".to_owned(),
            hidden => format!("Rows: {hidden} hidden"),
        };
        button::menu(ui, &label, "Which rows are shown", |ui| {
            let deep = self.opened.tree.depth;
            for depth in DEPTHS.into_iter().filter(|depth| *depth < deep) {
                if button::item(ui, &format!("Down to level {depth}")) {
                    self.fold_where(|row| row.depth + 1 >= depth);
                }
            }
            ui.separator();
            let services: Vec<String> =
                self.opened.tree.services.iter().take(SERVICES).map(|service| service.name.clone()).collect();
            for (service, name) in services.iter().enumerate() {
                if button::item(ui, &format!("Fold below {name}")) {
                    self.fold_where(|row| row.service == service);
                }
            }
            ui.separator();
            for (service, name) in services.iter().enumerate() {
                let hidden = self.hidden.contains(&service);
                if button::choice(ui, hidden, &format!("Hide {name}")) {
                    self.hide(service, !hidden);
                }
            }
        });
    }

    /// Has a row shown: what it is folded away in is unfolded, and its service is not hidden any more.
    pub(super) fn reveal(&mut self, at: usize) {
        let Some(row) = self.opened.tree.rows.get(at) else { return };
        self.hidden.remove(&row.service);
        let mut above = row.parent;
        while let Some(row) = above {
            self.folded.remove(&row);
            above = self.opened.tree.rows.get(row).and_then(|row| row.parent);
        }
        self.arrange();
    }
}
