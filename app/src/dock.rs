//! The centre of the window: one panel, or several side by side.

use egui_tiles::{Behavior, Container, SimplificationOptions, Tile, TileId, Tree, UiResponse};
use panels::kit;
use panels::selection::PanelId;
use panels::{Cx, Intent, PANELS, Panel, PanelRow};
use serde_json::Value;
use std::collections::BTreeMap;

/// Which panels are shown, and their state. Panels that are closed keep theirs until the window ends.
pub(crate) struct Dock {
    tree: Tree<PanelId>,
    panels: BTreeMap<PanelId, Box<dyn Panel>>,
    focus: PanelId,
}

impl Dock {
    /// Shows these panels side by side; the graph when there are none. `looks` says how each was looked at.
    pub(crate) fn new(shown: &[PanelId], looks: &BTreeMap<PanelId, Value>) -> Self {
        let mut shown = shown.to_vec();
        if shown.is_empty() {
            shown.push(PanelId::Graph);
        }
        let focus = shown[0];
        Self {
            tree: Tree::new_horizontal("dock", shown),
            panels: PANELS.iter().map(|row| (row.id, panel(row, looks.get(&row.id)))).collect(),
            focus,
        }
    }

    /// How each panel is looked at, for the next run.
    pub(crate) fn looks(&self) -> BTreeMap<PanelId, Value> {
        self.panels.iter().filter_map(|(id, panel)| Some((*id, panel.kept()?))).collect()
    }

    /// The panels that are shown, from left to right.
    pub(crate) fn shown(&self) -> Vec<PanelId> {
        let mut placed: Vec<(i64, PanelId)> = Vec::new();
        for (id, tile) in self.tree.tiles.iter() {
            if let Tile::Pane(panel) = tile {
                let rect = self.tree.tiles.rect(*id).unwrap_or(egui::Rect::ZERO);
                placed.push(((rect.min.y * 10_000.0 + rect.min.x) as i64, *panel));
            }
        }
        placed.sort_unstable();
        placed.into_iter().map(|(_, panel)| panel).collect()
    }

    /// The panel that was used last.
    pub(crate) fn focus(&self) -> PanelId {
        self.focus
    }

    /// Shows a panel in the place of the one that was used last.
    pub(crate) fn open(&mut self, panel: PanelId) {
        if self.tree.tiles.find_pane(&panel).is_none() {
            let old = self.tree.tiles.find_pane(&self.focus);
            match old.and_then(|old| self.tree.tiles.get_mut(old)) {
                Some(tile) => *tile = Tile::Pane(panel),
                None => self.tree = Tree::new_horizontal("dock", vec![panel]),
            }
        }
        self.focus = panel;
    }

    /// Shows a panel to the right of the others.
    pub(crate) fn open_beside(&mut self, panel: PanelId) {
        if self.tree.tiles.find_pane(&panel).is_none() {
            let new = self.tree.tiles.insert_pane(panel);
            let root = self.tree.root();
            match root.and_then(|root| self.tree.tiles.get_mut(root)) {
                Some(Tile::Container(Container::Linear(row))) => row.add_child(new),
                _ => {
                    let children = root.into_iter().chain([new]).collect();
                    self.tree.root = Some(self.tree.tiles.insert_horizontal_tile(children));
                }
            }
        }
        self.focus = panel;
    }

    /// Takes a panel away, unless it is the only one.
    pub(crate) fn close(&mut self, panel: PanelId) {
        if self.shown().len() > 1
            && let Some(tile) = self.tree.tiles.find_pane(&panel)
        {
            self.tree.remove_recursively(tile);
            if self.focus == panel {
                self.focus = self.shown().first().copied().unwrap_or(PanelId::Graph);
            }
        }
    }

    /// Passes on what was asked for elsewhere, also to panels that are not shown.
    pub(crate) fn follow(&mut self, intent: &Intent, cx: &Cx<'_>) {
        self.panels.values_mut().for_each(|panel| panel.follow(intent, cx));
    }

    /// Draws this panel into all of `ui`, whichever are shown.
    pub(crate) fn only(&mut self, panel: PanelId, ui: &mut egui::Ui, cx: &Cx<'_>) {
        if let Some(shown) = self.panels.get_mut(&panel) {
            ui.push_id(panel, |ui| shown.ui(ui, cx));
        }
    }

    /// Draws the panels into all of `ui`.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, cx: &Cx<'_>) {
        let several = self.shown().len() > 1;
        let Self { tree, panels, focus } = self;
        tree.ui(&mut Show { panels, focus, cx, several }, ui);
    }
}

fn panel(row: &PanelRow, look: Option<&Value>) -> Box<dyn Panel> {
    let mut panel = (row.make)();
    if let Some(look) = look {
        panel.recall(look.clone());
    }
    panel
}

/// How egui_tiles draws a pane.
struct Show<'a, 'b> {
    panels: &'a mut BTreeMap<PanelId, Box<dyn Panel>>,
    focus: &'a mut PanelId,
    cx: &'a Cx<'b>,
    several: bool,
}

impl Behavior<PanelId> for Show<'_, '_> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _tile: TileId, panel: &mut PanelId) -> UiResponse {
        let pressed =
            ui.input(|input| input.pointer.any_pressed().then(|| input.pointer.interact_pos()).flatten());
        if pressed.is_some_and(|at| ui.max_rect().contains(at)) {
            *self.focus = *panel;
        }
        let mut response = UiResponse::None;
        if self.several {
            response = header(ui, *panel, self.cx);
        }
        if let Some(shown) = self.panels.get_mut(panel) {
            ui.push_id(*panel, |ui| shown.ui(ui, self.cx));
        }
        response
    }

    fn tab_title_for_pane(&mut self, panel: &PanelId) -> egui::WidgetText {
        panels::panel(*panel).map(|row| row.about.name).unwrap_or_default().into()
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        1.0
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: false, ..SimplificationOptions::default() }
    }
}

/// The name of a panel that stands beside others; dragging it moves the panel.
fn header(ui: &mut egui::Ui, panel: PanelId, cx: &Cx<'_>) -> UiResponse {
    let Some(row) = panels::panel(panel) else { return UiResponse::None };
    let mut dragged = false;
    egui::Frame::new().inner_margin(egui::Margin::symmetric(12, 4)).show(ui, |ui| {
        ui.horizontal(|ui| {
            dragged = ui.add(egui::Label::new(row.about.name).sense(egui::Sense::drag())).drag_started();
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui
                    .add(kit::button::Button::icon(kit::icon::X, format!("Close {}", row.about.name)))
                    .clicked()
                {
                    cx.intents.send(Intent::Close(panel));
                }
            });
        });
    });
    if dragged { UiResponse::DragStarted } else { UiResponse::None }
}

#[cfg(test)]
mod tests {
    use super::Dock;
    use panels::selection::PanelId::{Changes, Graph, Traces};
    use std::collections::BTreeMap;

    #[test]
    fn panels_replace_join_and_leave() {
        let mut dock = Dock::new(&[], &BTreeMap::new());
        assert_eq!(dock.shown(), [Graph]);
        dock.open(Traces);
        assert_eq!((dock.shown(), dock.focus()), (vec![Traces], Traces));
        dock.open_beside(Changes);
        assert_eq!(dock.shown().len(), 2);
        dock.open(Graph);
        assert!(
            dock.shown().contains(&Graph) && dock.shown().contains(&Traces),
            "the panel used last gives way"
        );
        dock.close(Graph);
        dock.close(Traces);
        assert_eq!(dock.shown(), [Traces], "the last one stays");
    }

    #[test]
    fn how_the_graph_is_looked_at_is_kept() {
        let look = |idle: bool| {
            let mut look = Dock::new(&[], &BTreeMap::new()).looks();
            look.get_mut(&Graph).unwrap()["idle"] = idle.into();
            look
        };
        for idle in [true, false] {
            assert_eq!(Dock::new(&[], &look(idle)).looks()[&Graph]["idle"], idle);
        }
    }
}
