//! Ways to look at an opened trace beside its waterfall: what they have in common.

mod compare;
mod derived;
mod events;
mod figures;
mod flame;
mod usual;

use super::paths::PathGraph;
use crate::cx::Cx;
use crate::kit::{Button, field, remote};
use derived::Derived;
use egui::Ui;
use mesh::trace::{Found, Opened};
use std::sync::Arc;

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Look {
    /// Spans in time.
    #[default]
    Waterfall,
    /// Own times, one below the other.
    Flame,
    /// Services and operations in a table.
    Figures,
    /// Who called whom.
    Paths,
    /// Events of all spans.
    Events,
    /// Against another trace, or what is usual.
    Compare,
}

const ALL: [(Look, &str, &str); 6] = [
    (Look::Waterfall, "Waterfall", "Spans in time"),
    (Look::Flame, "Flame", "Where the time went, calls that are alike as one"),
    (Look::Figures, "Statistics", "Figures of services and operations"),
    (Look::Paths, "Path graph", "Who called whom, how often and how well"),
    (Look::Events, "Events", "Events of all spans as one log"),
    (Look::Compare, "Compare", "Why it is slow, and how it differs from others"),
];

/// Narrower panels have a menu.
const ROOMY: f32 = 820.0;

/// All of them.
#[derive(Default)]
pub(super) struct Looks {
    pub(super) look: Look,
    derived: Derived,
    flame: flame::Flame,
    figures: figures::Table,
    paths: PathGraph,
    events: events::Log,
    compare: compare::Compare,
}

impl Looks {
    /// Draws how it can be looked at.
    pub(super) fn choose_ui(&mut self, ui: &mut Ui) {
        if ui.max_rect().width() < ROOMY {
            let now = ALL.iter().position(|(look, ..)| *look == self.look).unwrap_or_default();
            if let Some(chosen) =
                field::choose(ui, "Look at the trace as", &ALL.map(|(_, name, _)| name), now)
            {
                self.look = ALL[chosen].0;
            }
            return;
        }
        for (look, name, about) in ALL {
            let button = Button::quiet(name).selected(self.look == look);
            if ui.add(button).on_hover_text(about).clicked() {
                self.look = look;
            }
        }
    }

    /// Whether it is looked at beside others: then their spans are wanted, too.
    pub(super) fn beside_others(&self) -> bool {
        self.look == Look::Compare
    }

    /// Draws the trace in one of these ways. Returns the row that was asked for.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        opened: &Arc<Opened>,
        found: Option<&Arc<Found>>,
    ) -> Option<usize> {
        let Some(parts) = self.derived.of(ui.ctx(), opened, found) else {
            remote::waiting(ui, "Putting calls together that are alike…");
            return None;
        };
        match self.look {
            Look::Waterfall => None,
            Look::Flame => self.flame.ui(ui, opened, &parts),
            Look::Figures => self.figures.ui(ui, cx, &parts),
            Look::Paths => {
                if self.paths.ui(ui, cx, std::slice::from_ref(opened), parts.revision) {
                    self.look = Look::Waterfall;
                }
                None
            }
            Look::Events => self.events.ui(ui, opened, &parts),
            Look::Compare => self.compare.ui(ui, opened, &parts, found),
        }
    }
}

#[cfg(test)]
mod tests;
