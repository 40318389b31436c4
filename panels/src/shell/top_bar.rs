//! The top bar: what is looked at (context, namespaces, time range), how fresh it is, and the way to
//! everything else.

use super::keys::Sheet;
use super::sources;
use super::troubles::Troubles;
use crate::connect;
use crate::cx::Cx;
use crate::intent::{Intent, ThemeChoice};
use crate::kit::field::{self, Choice};
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Status, Tokens, badge, button, fmt, icon, mark, problem, text, window};
use crate::past::OF_NOW;
use crate::words::READ_ONLY;
use egui::{Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::traffic::Coverage;
use mesh::{Problem, Remote};

/// Height of the bar.
pub const HEIGHT: f32 = 48.0;

/// The bar, with what it keeps between frames.
#[derive(Default)]
pub struct TopBar {
    troubles: Troubles,
    keys: Sheet,
}

impl TopBar {
    /// Draws it. `rail` is the width of the rail below, so that the first menu stands above the centre's left
    /// edge.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, rail: f32) {
        bar(ui, cx, rail, self);
        self.keys.ui(ui);
    }
}

/// Between two parts of the bar.
const GAP: f32 = 12.0;
/// What is left of the context's name at least, before others become shorter.
const PLACE: f32 = 220.0;

fn bar(ui: &mut Ui, cx: &Cx<'_>, rail: f32, kept: &mut TopBar) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        let left = ui.max_rect().left();
        ui.add_space(16.0);
        mark(ui, 18.0);
        ui.add_space(-4.0);
        ui.add(egui::Label::new(text::rich(ui, "Binnacle", 15.0, Weight::Semibold)).selectable(false));
        // Above the centre's left edge, where the name leaves room for that.
        ui.add_space((left + rail.max(132.0) - ui.cursor().left()).max(0.0));
        let plan = Plan::of(ui, cx, kept);
        place_menu(ui, cx, plan.place);
        window_menu(ui, cx);
        freshness(ui, cx);
        kept.troubles.ui(ui, cx);
        for (words, about) in &plan.marks {
            badge::pill(ui, words, Tokens::of(ui).degraded).on_hover_text(about);
        }
        sources_menu(ui, cx, &plan.sources);
        let free = ui.available_width() - END;
        let field = free.clamp(FIELD, 260.0);
        ui.add_space(free - field);
        palette_field(ui, cx, field);
        kept.keys.button(ui);
        theme_button(ui, cx);
    });
}

/// The narrowest field to find things.
const FIELD: f32 = 36.0;
/// Behind that field: two buttons and the margin.
const END: f32 = 2.0 * (28.0 + GAP) + 16.0;

/// What the bar has room for: first sources and marks become shorter, then the context's name.
struct Plan {
    /// Width of the context's menu.
    place: f32,
    /// Marks that stand for as long as the connection does, each with what it means.
    marks: Vec<(String, String)>,
    /// What the menu of missing sources says; "" without any.
    sources: String,
}

impl Plan {
    fn of(ui: &Ui, cx: &Cx<'_>, kept: &mut TopBar) -> Self {
        let menu = |label: &str| if label.is_empty() { 0.0 } else { button::menu_width(ui, label) + GAP };
        let fixed = menu(&window::name(cx.window_secs))
            + freshness_width(ui, cx)
            + GAP
            + kept.troubles.width(ui, cx, GAP)
            + FIELD
            + END;
        let free = ui.available_width() - fixed;
        let (marks, sources) = (marks(cx), sources::missing(cx.scene).len());
        let whole = match sources {
            0 => String::new(),
            some => format!("{}  {}", icon::WARNING, fmt::counted(some, "source missing", "sources missing")),
        };
        let short = if sources == 0 { String::new() } else { format!("{}  {sources}", icon::WARNING) };
        let several = |(_, about): &(String, String)| about.clone();
        let folded = match marks.as_slice() {
            [] | [_] => marks.clone(),
            all => vec![(
                format!("{} to keep in mind", all.len()),
                all.iter().map(several).collect::<Vec<_>>().join("\n"),
            )],
        };
        let wish = button::menu_width(ui, &place(cx)).min(PLACE);
        let plan = |(marks, sources): (Vec<(String, String)>, String)| {
            let pills: f32 = marks.iter().map(|(words, _)| badge::pill_width(ui, words) + GAP).sum();
            Self { place: free - pills - menu(&sources) - GAP, marks, sources }
        };
        let mut plans = [(marks.clone(), whole), (marks, short.clone())].into_iter().map(plan);
        let fits = plans.find(|plan| plan.place >= wish);
        fits.unwrap_or_else(|| plan((folded, short)))
    }
}

/// What is to be kept in mind for as long as the connection lasts.
fn marks(cx: &Cx<'_>) -> Vec<(String, String)> {
    let read_only = cx.read_only.then(|| ("read-only".to_owned(), READ_ONLY.to_owned()));
    let past = cx.then().map(|then| ("in the past".to_owned(), format!("{}. {OF_NOW}", then.shown(cx.now))));
    let cautions = cx.scene.cautions.iter().map(|caution| (caution.short(), caution.detail()));
    past.into_iter().chain(read_only).chain(cautions).collect()
}

/// Context and namespaces.
fn place(cx: &Cx<'_>) -> String {
    let chosen = match cx.namespaces {
        [] => "all namespaces".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, rest @ ..] => format!("{one} + {} more", rest.len()),
    };
    format!("{}  ·  {chosen}", cx.scene.context)
}

fn place_menu(ui: &mut Ui, cx: &Cx<'_>, width: f32) {
    let whole = place(cx);
    let label = button::fitting_in(ui, &whole, width);
    let menu = button::menu(ui, &label, "Context and namespaces", |ui| {
        ui.set_min_width(240.0);
        text::note(ui, if cx.scene.sandbox { "Sandbox on this machine" } else { "Context" });
        let others: Vec<_> = cx.contexts.others().collect();
        let here = Choice { label: cx.scene.context.clone(), chosen: true, ..Choice::default() };
        let there = others.iter().map(|row| Choice { label: cx.contexts.name(row), ..Choice::default() });
        let rows: Vec<Choice> = std::iter::once(here).chain(there).collect();
        if let Some(picked) = field::choices(ui, "context", &rows) {
            if let Some(row) = picked.checked_sub(1).and_then(|picked| others.get(picked)) {
                cx.intents.send(Intent::Connect(row.id()));
            }
            ui.close();
        }
        ui.separator();
        text::note(ui, "Namespaces");
        if button::choice(ui, cx.namespaces.is_empty(), "All namespaces") {
            cx.intents.send(Intent::Namespaces(Vec::new()));
        }
        let shown = |namespace: &str| cx.namespaces.iter().any(|name| **name == *namespace);
        let row = |namespace: &str| Choice {
            label: namespace.to_owned(),
            chosen: shown(namespace),
            ..Choice::default()
        };
        let rows: Vec<Choice> = cx.scene.mesh.namespaces().iter().map(|namespace| row(namespace)).collect();
        if let Some(picked) = field::choices(ui, "namespace", &rows) {
            let Choice { label, chosen, .. } = &rows[picked];
            let mut names: Vec<String> =
                cx.namespaces.iter().filter(|name| **name != *label).cloned().collect();
            if !chosen {
                names.push(label.clone());
                names.sort();
            }
            cx.intents.send(Intent::Namespaces(names));
        }
        ui.separator();
        if ui.add(Button::bare("Disconnect").with_icon(icon::PLUGS)).clicked() {
            cx.intents.send(Intent::Disconnect);
            ui.close();
        }
    });
    if label != whole {
        menu.response.on_hover_text(whole);
    }
}

fn window_menu(ui: &mut Ui, cx: &Cx<'_>) {
    button::menu(ui, &window::name(cx.window_secs), "Time range", |ui| {
        for (seconds, name) in window::WINDOWS {
            if button::choice(ui, *seconds == cx.window_secs, name) {
                cx.intents.send(Intent::Window(*seconds));
                ui.close();
            }
        }
    });
}

/// How the measurements are, in a word, and how old they are.
fn fresh(cx: &Cx<'_>) -> (Status, &'static str, String) {
    let (status, word) = match (&cx.scene.traffic, cx.paused) {
        (_, true) => (Status::Idle, "paused"),
        (Remote::Live(traffic, _), _) if let Coverage::Warming { secs, of } = traffic.coverage => {
            return (Status::Idle, "warming up", format!("{secs} of {of} s"));
        }
        (Remote::Live(..), _) => (Status::Healthy, "live"),
        (Remote::Waiting, _) => (Status::Idle, "waiting"),
        (Remote::Stale(..), _) => (Status::Degraded, "stale"),
        (Remote::Denied(_), _) => (Status::Degraded, "no metrics"),
    };
    (status, word, cx.scene.traffic.at().map(|at| fmt::ago(cx.now, at)).unwrap_or_default())
}

/// The widest word and age that often stand there keep the button from growing and shrinking.
fn freshness_width(ui: &Ui, cx: &Cx<'_>) -> f32 {
    let (_, word, aged) = fresh(cx);
    let font = egui::FontId::proportional(size::TEXT);
    let wider = |one: &str, other: &str| text::width(ui, one, &font).max(text::width(ui, other, &font));
    12.0 + 12.0 + 8.0 + wider(word, "paused") + 8.0 + wider("0.0 s ago", &aged) + 12.0
}

/// Live or paused, and how old the measurements are; a click changes it.
fn freshness(ui: &mut Ui, cx: &Cx<'_>) {
    let (status, word, aged) = fresh(cx);
    if matches!(cx.scene.traffic, Remote::Stale(..)) {
        // Nothing new draws a frame now, and the age grows all the same.
        ui.ctx().request_repaint_after(std::time::Duration::from_secs(1));
    }
    let tokens = Tokens::of(ui);
    let name = if cx.paused { "Resume live data" } else { "Pause live data" };
    let font = egui::FontId::proportional(size::TEXT);
    let width = freshness_width(ui, cx);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, name));
    let visuals = *ui.style().interact(&response);
    ui.painter().rect(
        rect,
        visuals.corner_radius,
        visuals.weak_bg_fill,
        visuals.bg_stroke,
        egui::StrokeKind::Inside,
    );
    let mut at = pos2(rect.left() + 12.0, rect.center().y);
    if cx.paused {
        ui.painter().text(
            at - vec2(1.0, 0.0),
            egui::Align2::LEFT_CENTER,
            icon::PAUSE,
            font.clone(),
            tokens.muted,
        );
    } else {
        status.paint(ui.painter(), at + vec2(5.0, 0.0), 4.5, tokens);
    }
    at.x += 20.0;
    let end = ui.painter().text(at, egui::Align2::LEFT_CENTER, word, font.clone(), tokens.text);
    ui.painter().text(pos2(end.right() + 8.0, at.y), egui::Align2::LEFT_CENTER, &aged, font, tokens.muted);
    if response.clicked() {
        cx.intents.send(Intent::Pause(!cx.paused));
    }
    response.on_hover_ui(|ui| {
        ui.set_max_width(340.0);
        text::strong(ui, name);
        if let Some(at) = cx.scene.traffic.at() {
            text::muted(ui, format!("Measured at {}", fmt::absolute(at)));
        }
        if let Some(Problem { what, why, next }) = cx.scene.traffic.problem() {
            problem::problem(ui, problem::Level::Warning, what, why, next, None);
        }
    });
}

/// What could not be reached, if anything: each with its way on.
fn sources_menu(ui: &mut Ui, cx: &Cx<'_>, label: &str) {
    let missing = sources::missing(cx.scene);
    if missing.is_empty() {
        return;
    }
    button::menu(ui, label, "Sources", |ui| {
        ui.set_width(380.0);
        for source in missing {
            let Problem { what, why, next } = &source.problem;
            let action = source.step.map(|_| "Retry");
            if problem::problem(ui, problem::Level::Warning, what, why, next, action) {
                cx.intents.send(Intent::Retry);
                ui.close();
            }
            if let Some(step) = source.step {
                text::note(ui, format!("Without {}: {}", connect::step_name(step), connect::loss(step)));
            }
            if source.names.len() > 1 {
                text::note(ui, sources::listed(&source.names, 4)).on_hover_text(source.names.join(", "));
            }
        }
    });
}

fn palette_field(ui: &mut Ui, cx: &Cx<'_>, width: f32) {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, "Find or do"));
    let visuals = *ui.style().interact(&response);
    ui.painter().rect(
        rect,
        visuals.corner_radius,
        visuals.weak_bg_fill,
        visuals.bg_stroke,
        egui::StrokeKind::Inside,
    );
    let font = egui::FontId::proportional(size::TEXT);
    let painter = ui.painter().with_clip_rect(rect);
    if width > 160.0 {
        painter.text(
            pos2(rect.left() + 11.0, rect.center().y),
            egui::Align2::LEFT_CENTER,
            "Find or do…",
            font,
            tokens.muted,
        );
        let keys = if ui.ctx().os() == egui::os::OperatingSystem::Mac { "⌘ K" } else { "Ctrl K" };
        painter.text(
            pos2(rect.right() - 11.0, rect.center().y),
            egui::Align2::RIGHT_CENTER,
            keys,
            egui::FontId::monospace(size::SECONDARY),
            tokens.muted,
        );
    } else {
        painter.text(rect.center(), egui::Align2::CENTER_CENTER, icon::MAGNIFYING_GLASS, font, tokens.muted);
    }
    if response.clicked() {
        cx.intents.send(Intent::Palette);
    }
}

fn theme_button(ui: &mut Ui, cx: &Cx<'_>) {
    let (next, symbol, name) = match ui.visuals().dark_mode {
        true => (ThemeChoice::Light, icon::SUN, "Use the light theme"),
        false => (ThemeChoice::Dark, icon::MOON, "Use the dark theme"),
    };
    if ui.add(Button::icon(symbol, name).framed()).clicked() {
        cx.intents.send(Intent::Theme(next));
    }
}
