//! Measurements over time of what is selected, or of all calls: how many, how well, how fast, how large; by
//! version, peer, code, flag. Every chart shows its query; what is dragged over in one is zoomed to in all.

mod chart;
mod lines;
mod timeline;
mod zoom;

pub(crate) use chart::{When, chart, range_secs};
pub(crate) use zoom::said as zoomed;

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::space;
use crate::kit::{Button, button, field, fmt, icon, remote, text};
use crate::panel::{About, Panel};
use crate::selection::Selected;
use crate::subject;
use egui::{Frame, Margin, Rect, ScrollArea, Ui, UiBuilder, vec2};
use mesh::charts::{Board, Calls, Chart, Group, charts};
use mesh::graph::NodeId;
use mesh::lens::{Lens, Subject};
use serde::{Deserialize, Serialize};

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Metrics",
    icon: icon::CHART_LINE,
    summary: "Requests, errors, durations, sizes and bytes over time, by version, peer, code or flag",
};

/// A chart is no narrower, if there is room for one.
const NARROWEST: f32 = 380.0;
/// How high a chart is before it was drawn.
const USUAL: f32 = 160.0;

/// The charts.
#[derive(Default)]
pub struct Metrics {
    looks: Looks,
    /// Whether the calls that it makes are looked at; as it is called or not, where that was not chosen.
    made: Option<(Selected, bool)>,
}

/// How they are looked at.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Looks {
    board: Board,
    /// `None`: by version, and of all calls by who is called.
    group: Option<Group>,
    arrived: bool,
    when: When,
}

impl Panel for Metrics {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let mesh = &cx.scene.mesh;
        let ends = Ends::of(cx);
        let subject = ends.to.as_ref().map(|id| Subject::of(mesh, id));
        let caller = ends.from.as_ref().map(|id| Subject::of(mesh, id));
        Frame::new().inner_margin(Margin::same(space::L as i8)).show(ui, |ui| {
            let of_mesh = self.looks.board.is_of_mesh();
            text::title(ui, if of_mesh { "Metrics of the mesh" } else { &ends.title });
            if let Some(why) = ends.not_told(subject.as_ref()).filter(|_| !of_mesh) {
                remote::empty(ui, ABOUT.icon, "No calls can be told from others here", why, None);
                return;
            }
            let made = subject.as_ref().is_some_and(|subject| self.made(cx, subject));
            self.head(ui, cx, subject.is_some() && caller.is_none(), made);
            let (from, to) = match (&caller, &subject) {
                (None, Some(subject)) if made => (Some(subject), None),
                (caller, subject) => (caller.as_ref(), subject.as_ref()),
            };
            let whole = from.is_none() && to.is_none();
            let namespaces = if whole { cx.namespaces } else { &[] };
            let group = self.group(whole);
            let calls = Calls { from, to, namespaces, group, arrived: self.looks.arrived };
            timeline::ui(ui, cx, subject.as_ref().filter(|_| !of_mesh), self.looks.when);
            ui.add_space(6.0);
            let charts: Vec<&Chart> = charts().filter(|chart| chart.board == self.looks.board).collect();
            ScrollArea::vertical().id_salt("charts").auto_shrink([false, false]).show(ui, |ui| {
                let columns = ((ui.available_width() / NARROWEST) as usize).clamp(1, 3);
                let when = &mut self.looks.when;
                charts.chunks(columns).for_each(|row| beside(ui, cx, row, columns, (&calls, &mut *when)));
            });
        });
    }

    fn follow(&mut self, intent: &Intent, _cx: &Cx<'_>) {
        if let Intent::ChartsOf(board) = intent {
            self.looks.board = *board;
        }
    }

    fn kept(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.looks).ok()
    }

    fn recall(&mut self, kept: serde_json::Value) {
        self.looks = serde_json::from_value(kept).unwrap_or_default();
    }
}

impl Metrics {
    /// Whether the calls that it makes are looked at: as was chosen, else where nobody is seen to call it.
    fn made(&self, cx: &Cx<'_>, subject: &Subject<'_>) -> bool {
        match &self.made {
            Some((of, made)) if Some(of) == cx.selected => *made,
            _ => Lens::of(cx.scene.traffic.value().map(|traffic| &**traffic), subject).makes(),
        }
    }

    fn group(&self, whole: bool) -> Group {
        self.looks.group.unwrap_or(if whole { Group::Peer } else { Group::Version })
    }

    fn head(&mut self, ui: &mut Ui, cx: &Cx<'_>, both: bool, made: bool) {
        ui.horizontal_wrapped(|ui| {
            for board in Board::ALL {
                if ui.add(Button::quiet(board.name()).selected(self.looks.board == board)).clicked() {
                    self.looks.board = board;
                }
            }
            if !self.looks.board.is_of_mesh() {
                self.which(ui, cx, both, made);
            }
            let when = &mut self.looks.when;
            if choice(ui, "Until when", &UNTIL, &mut when.ago_secs) {
                when.zoom = None;
            }
            choice(ui, "Compared with", &AGAINST, &mut when.against_secs);
            if when.zoom.is_some() {
                zoom::said(ui, &mut when.zoom);
            } else {
                let long = format!("{} long", fmt::duration(range_secs(cx) as f64));
                text::note(ui, long).on_hover_text("Drag over a chart to zoom all of them");
            }
        });
    }

    /// Which calls, and how they are told apart.
    fn which(&mut self, ui: &mut Ui, cx: &Cx<'_>, both: bool, made: bool) {
        let group = self.group(cx.selected.is_none());
        if both {
            let ways = ["calls that it gets", "calls that it makes"];
            if let (Some(way), Some(selected)) =
                (field::choose(ui, "Which calls", &ways, usize::from(made)), cx.selected)
            {
                self.made = Some((selected.clone(), way == 1));
            }
        }
        button::menu(ui, &format!("by {}", group.name()), "Lines by", |ui| {
            for one in Group::ALL {
                if button::choice(ui, one == group, one.name()) {
                    self.looks.group = Some(one);
                    ui.close();
                }
            }
        });
        let counted = ["counted by callers", "counted by the called"];
        if let Some(by) = field::choose(ui, "Counted by", &counted, usize::from(self.looks.arrived)) {
            self.looks.arrived = by == 1;
        }
    }
}

/// Moments that charts may end at.
const UNTIL: [(&str, u64); 7] = [
    ("until now", 0),
    ("until 15 min ago", 900),
    ("until 1 h ago", 3600),
    ("until 3 h ago", 10_800),
    ("until 12 h ago", 43_200),
    ("until 1 d ago", 86_400),
    ("until 7 d ago", 604_800),
];

/// What charts may be compared with.
const AGAINST: [(&str, u64); 5] = [
    ("compared with nothing", 0),
    ("with 10 min before", 600),
    ("with 1 h before", 3600),
    ("with 1 d before", 86_400),
    ("with 7 d before", 604_800),
];

fn choice(ui: &mut Ui, name: &str, all: &[(&str, u64)], secs: &mut u64) -> bool {
    let labels: Vec<&str> = all.iter().map(|(label, _)| *label).collect();
    let chosen = all.iter().position(|(_, known)| known == secs).unwrap_or_default();
    let picked = field::choose(ui, name, &labels, chosen).and_then(|at| all.get(at));
    picked.inspect(|(_, picked)| *secs = *picked).is_some()
}

/// What is selected, as the ends of calls.
struct Ends {
    title: String,
    from: Option<NodeId>,
    to: Option<NodeId>,
}

impl Ends {
    fn of(cx: &Cx<'_>) -> Self {
        let to = cx.selected.and_then(|selected| subject::node(&cx.scene.mesh, selected));
        match (cx.selected, to) {
            (Some(Selected::Edge(from, to)), _) => Self {
                title: format!("Metrics of {} → {}", from.title(), to.title()),
                from: Some(from.clone()),
                to: Some(to.clone()),
            },
            (_, Some(to)) => Self { title: format!("Metrics of {}", to.title()), from: None, to: Some(to) },
            (_, None) => Self { title: "Metrics of all calls".to_owned(), from: None, to: None },
        }
    }

    /// Why no query can tell these calls from all others, if none can.
    fn not_told(&self, to: Option<&Subject<'_>>) -> Option<&'static str> {
        let outside = |node: &NodeId| matches!(node, NodeId::External(_));
        let nameless = |subject: &Subject<'_>| subject.is_only_a_name() && !outside(&subject.id);
        let from = matches!(self.from, Some(NodeId::Unknown | NodeId::External(_)));
        (from || to.is_some_and(nameless)).then_some(
            "Telemetry does not name one of their ends. Select a service, a workload or another edge.",
        )
    }
}

/// Draws charts beside each other. What is out of sight asks nothing.
fn beside(
    ui: &mut Ui,
    cx: &Cx<'_>,
    charts: &[&Chart],
    columns: usize,
    (calls, when): (&Calls<'_>, &mut When),
) {
    let Some(first) = charts.first() else { return };
    let id = ui.id().with(("height of", first.name, columns));
    let height = ui.data(|data| data.get_temp::<f32>(id)).unwrap_or(USUAL);
    let area = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
    if !ui.is_rect_visible(area) {
        ui.allocate_space(area.size());
        return;
    }
    let gap = space::L;
    let width = (area.width() - gap * (columns - 1) as f32) / columns as f32;
    let mut bottom = area.top();
    for (place, one) in charts.iter().enumerate() {
        let min = area.min + vec2((width + gap) * place as f32, 0.0);
        let room = Rect::from_min_size(min, vec2(width, f32::INFINITY));
        let mut inside = ui.new_child(UiBuilder::new().max_rect(room).id_salt(one.name));
        inside.spacing_mut().item_spacing.y = 4.0;
        inside.set_width(width);
        chart(&mut inside, cx, one, calls, when);
        bottom = bottom.max(inside.min_rect().bottom());
    }
    let height = bottom - area.top() + gap;
    ui.allocate_space(vec2(area.width(), height));
    ui.data_mut(|data| data.insert_temp(id, height));
}
