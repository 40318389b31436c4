//! The whole window, as the app puts its parts together, without a cluster.

use super::eyes::{Frame, Named};
use super::{World, harness};
use egui::{Rect, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::NodeT as _;
use panels::change_bar::ChangeBar;
use panels::connect::Connect;
use panels::detail::Detail;
use panels::selection::PanelId;
use panels::shell::layout::{self, Layout, Part};
use panels::shell::palette::Palette;
use panels::shell::rail;
use panels::shell::stops::Stops;
use panels::shell::top_bar::TopBar;
use panels::{Intent, PANELS, Panel};

pub(crate) type Bench<'a> = Harness<'a, (World, Window)>;

/// The parts, and where each stands.
pub(crate) struct Window {
    pub(crate) open: PanelId,
    pub(crate) detail: Detail,
    pub(crate) palette: Palette,
    connect: Connect,
    bar: ChangeBar,
    top: TopBar,
    layout: Layout,
    stops: Stops,
    panels: Vec<(PanelId, Box<dyn Panel>)>,
    places: Vec<(Part, Rect)>,
}

impl Window {
    pub(crate) fn new(open: PanelId) -> Self {
        Self {
            open,
            detail: Detail::default(),
            palette: Palette::default(),
            connect: Connect::default(),
            bar: ChangeBar::default(),
            top: TopBar::default(),
            layout: Layout::default(),
            stops: Stops::default(),
            panels: PANELS.iter().map(|row| (row.id, (row.make)())).collect(),
            places: Vec::new(),
        }
    }

    /// Where a part stands.
    pub(crate) fn place(&self, of: Part) -> Option<Rect> {
        self.places.iter().find(|(part, _)| *part == of).map(|(_, place)| *place)
    }

    fn ui(&mut self, ui: &mut egui::Ui, world: &World) {
        self.stops.follow(ui.ctx());
        let cx = world.cx();
        let Self { open, detail, palette, connect, bar, top, layout, panels, places, .. } = self;
        places.clear();
        if connect.covers(&cx) {
            egui::CentralPanel::default().frame(egui::Frame::NONE).show(ui, |ui| connect.ui(ui, &cx));
        } else {
            let held = detail.held(&cx);
            bar.keys(ui.ctx(), &cx);
            layout.ui(ui, &mut |ui, part, names| {
                places.push((part, ui.max_rect()));
                match part {
                    Part::TopBar => top.ui(ui, &cx, layout::rail_width(*names)),
                    Part::Rail => rail::ui(ui, &cx, *open, names),
                    Part::Centre => {
                        if let Some((_, panel)) = panels.iter_mut().find(|(id, _)| id == open) {
                            panel.ui(ui, &cx);
                        }
                    }
                    Part::Detail => detail.ui(ui, &cx),
                    Part::ChangeBar => bar.ui(ui, &cx, &held),
                }
            });
        }
        palette.ui(ui, &cx);
        cx.intents.each(|intent| {
            detail.follow(intent, &cx);
            bar.follow(intent);
            panels.iter_mut().for_each(|(_, panel)| panel.follow(intent, &cx));
            if let Intent::Open(panel) = intent {
                *open = *panel;
            }
        });
    }
}

/// The window of this size.
pub(crate) fn window<'a>(world: World, parts: Window, size: Vec2) -> Bench<'a> {
    harness(world, parts, size.into(), |ui, parts: &mut Window, world| {
        // Without the margin that the harness leaves.
        let all = ui.ctx().content_rect();
        let mut whole = ui.new_child(egui::UiBuilder::new().max_rect(all));
        whole.set_clip_rect(all);
        parts.ui(&mut whole, world);
    })
}

/// What there is to see, when all stands still.
pub(crate) fn look(bench: &Bench<'_>, popup: bool) -> Frame {
    let parts = &bench.state().1;
    let size = bench.ctx.content_rect().size();
    let named = |node: egui_kittest::Node<'_>| {
        let node = node.accesskit_node();
        (node.locate().0, (node.role(), node.label().or(node.value()).unwrap_or_default()))
    };
    let named: Named = bench.root().children_recursive().map(named).collect();
    let window = Rect::from_min_size(egui::Pos2::ZERO, size);
    let mut frame = Frame::of(&bench.ctx, &bench.output().shapes, &named, window);
    let place = |of: Part| parts.place(of);
    frame.popup = popup;
    // Detail and connect screen scroll as a whole, and so does the ledger.
    frame.fixed = [Part::TopBar, Part::Rail, Part::ChangeBar].into_iter().filter_map(place).collect();
    match place(Part::Centre) {
        // Below its toolbar, the graph is a picture that is moved about.
        Some(centre) if parts.open == PanelId::Graph => {
            frame.moved = Some(Rect::from_min_max(centre.min + vec2(0.0, 40.0), centre.max).expand(2.0));
        }
        Some(centre) if parts.open == PanelId::Traces => frame.fixed.push(centre),
        _ => {}
    }
    frame
}
