//! What calls did over time: one chart per row of a table, all drawn the same way.

use super::rows::fold;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Tokens, fmt, icon, remote, text};
use egui::{Align2, FontId, Rect, RichText, Sense, Ui, UiBuilder, Vec2, WidgetInfo, WidgetType, pos2, vec2};
use egui_plot::{HoverPosition, Line, Plot, PlotPoints, Points, VLine};
use jiff::Timestamp;
use mesh::lens::Subject;
use mesh::series::{DURATION, Query, REQUESTS, Range, Series, failing, quantile, rate};
use mesh::{Read, Remote};

/// What a chart's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Events per second.
    PerSecond,
    /// Percent.
    Percent,
    /// Milliseconds.
    Millis,
}

/// One chart.
pub struct Chart {
    /// Where it is shown.
    pub board: &'static str,
    /// "Requests".
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
    /// What it asks of the calls that are looked at.
    pub query: fn() -> Query,
}

const VERSION: &str = "destination_version";

/// All charts: a new one is a row.
pub const CHARTS: &[Chart] = &[
    Chart { board: "Calls", name: "Requests", unit: Unit::PerSecond, query: || rate(REQUESTS).by(VERSION) },
    Chart { board: "Calls", name: "Errors", unit: Unit::Percent, query: || failing(REQUESTS).by(VERSION) },
    Chart {
        board: "Calls",
        name: "Duration, p95",
        unit: Unit::Millis,
        query: || quantile(0.95, DURATION).by(VERSION),
    },
];

/// No chart is of less time: a minute of points says little.
const LEAST_SECS: u64 = 600;
const HEIGHT: f32 = 84.0;
/// Room for the values left of a chart, and for the times below it.
const VALUES: f32 = 52.0;
const TIMES: f32 = 20.0;
/// More lines cannot be told apart; the largest are drawn.
const MOST_LINES: usize = 12;

/// Which calls the charts are of.
pub struct Between<'a> {
    /// Who makes them, if that is said.
    pub from: Option<&'a Subject<'a>>,
    /// Who gets them, if that is said.
    pub to: Option<&'a Subject<'a>>,
}

impl Between<'_> {
    /// Whether all of them go to the only version of a service.
    fn stands_alone(&self) -> bool {
        self.to.is_some_and(|to| to.stands_alone() && to.workloads.len() == 1)
    }

    /// The same question about these calls. Who has one version only is not split: calls that reached nobody
    /// (an injected abort) have none, and are its own.
    pub fn of(&self, query: Query) -> Query {
        let query = if self.stands_alone() { query.by("") } else { query };
        let query = self.to.map_or(query.clone(), |to| query.to(to));
        self.from.map_or(query.clone(), |from| query.from(from))
    }
}

impl Unit {
    fn say(self, value: f64) -> String {
        match self {
            Self::PerSecond => fmt::rps(value),
            Self::Percent => fmt::percent(value),
            Self::Millis => fmt::ms(value),
        }
    }
}

/// The section: folded away, nothing is asked.
pub fn section(ui: &mut Ui, cx: &Cx<'_>, calls: &Between<'_>) {
    let about = if calls.stands_alone() { "" } else { "by version" };
    fold(ui, "Metrics", about, false, |ui| {
        let range_secs = cx.window_secs.max(LEAST_SECS);
        ui.spacing_mut().item_spacing.y = 4.0;
        text::note(ui, format!("The last {}", fmt::duration(range_secs as f64)));
        for chart in CHARTS {
            ui.scope(|ui| one(ui, cx, chart, &calls.of((chart.query)()), range_secs));
        }
    });
}

fn one(ui: &mut Ui, cx: &Cx<'_>, chart: &Chart, query: &Query, range_secs: u64) {
    let tokens = Tokens::of(ui);
    let range = query.over(range_secs);
    let shown = egui::Id::new(("show query", chart.board, chart.name));
    let mut open = ui.data(|data| data.get_temp::<bool>(shown)).unwrap_or(false);
    ui.horizontal(|ui| {
        ui.label(text::rich(ui, chart.name, size::TEXT, Weight::Medium).color(tokens.text));
        let named = format!("Show query of {}", chart.name);
        if ui.add(Button::icon(icon::CODE, named).selected(open)).clicked() {
            open = !open;
            ui.data_mut(|data| data.insert_temp(shown, open));
        }
    });
    if open {
        ui.horizontal_wrapped(|ui| {
            text::mono(ui, &range.promql);
            if ui.add(Button::icon(icon::COPY, format!("Copy query of {}", chart.name))).clicked() {
                cx.intents.send(Intent::Copy(range.promql.clone(), "The query".to_owned()));
            }
        });
    }
    let sent = |entry: &'_ mesh::ledger::Entry| entry.sent.map(|sent| sent.as_second() as f64);
    let pushes = cx.changes.entries().iter();
    let pushes: Vec<(&str, f64)> =
        pushes.filter_map(|entry| Some((entry.change.title.as_str(), sent(entry)?))).collect();
    match cx.reads.series(&range) {
        Remote::Waiting => remote::waiting(ui, "Waiting for Prometheus"),
        Remote::Denied(trouble) => {
            if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                cx.reads.again(Read::Series(range));
            }
        }
        Remote::Live(series, at) => drawn(ui, chart, (query, &range), &series, at, &pushes),
        Remote::Stale(series, at, trouble) => {
            remote::stale(ui, &fmt::ago(cx.now, at), &trouble.what, &trouble.why, &trouble.next);
            ui.scope(|ui| {
                ui.multiply_opacity(0.6);
                drawn(ui, chart, (query, &range), &series, at, &pushes);
            });
        }
    }
}

/// Lines with their names, the largest first; "no version" where none is told.
fn lines<'a>(series: &'a [Series], label: &str) -> Vec<(String, &'a Series)> {
    let last = |series: &Series| series.points.last().map_or(0.0, |(_, value)| *value);
    let name = |series: &Series| match series.labels.get(label).map(String::as_str) {
        _ if label.is_empty() => "all calls".to_owned(),
        None | Some("" | "unknown") => "no version".to_owned(),
        Some(name) => name.to_owned(),
    };
    let there = series.iter().filter(|series| !series.points.is_empty());
    let mut lines: Vec<_> = there.map(|series| (name(series), series)).collect();
    lines.sort_by(|(_, one), (_, other)| last(other).total_cmp(&last(one)));
    lines.truncate(MOST_LINES);
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines
}

/// Changes that were pushed, and when in seconds since 1970.
type Pushes<'a> = [(&'a str, f64)];

fn drawn(
    ui: &mut Ui,
    chart: &Chart,
    asked: (&Query, &Range),
    series: &[Series],
    at: Timestamp,
    pushes: &Pushes<'_>,
) {
    let (tokens, (query, range)) = (Tokens::of(ui), asked);
    let lines = lines(series, query.label());
    if lines.is_empty() {
        text::muted(ui, "No calls in this time");
        return;
    }
    let unit = chart.unit;
    let said: Vec<String> = lines
        .iter()
        .map(|(name, series)| {
            format!("{name} {}", unit.say(series.points.last().map_or(0.0, |(_, value)| *value)))
        })
        .collect();
    ui.horizontal_wrapped(|ui| {
        for ((name, _), said) in lines.iter().zip(&said) {
            ui.label(RichText::new(icon::MINUS).color(tokens.version(name)));
            ui.label(RichText::new(said).size(size::SECONDARY).color(tokens.muted));
        }
    });
    let now = at.as_second() as f64;
    let first = now - range.range_secs as f64;
    // Where all is nothing, nothing lies on the ground.
    let values = lines.iter().flat_map(|(_, series)| series.points.iter().map(|(_, value)| *value));
    let top = values.fold(if unit == Unit::PerSecond { 0.1 } else { 1.0 }, f64::max);
    let ago = move |secs: f64| match now - secs {
        ago if ago < 1.0 => "now".to_owned(),
        ago => format!("{} ago", fmt::duration(ago)),
    };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT + TIMES), Sense::hover());
    let area = Rect::from_min_max(rect.min + vec2(VALUES, 4.0), rect.max - vec2(0.0, TIMES));
    axes(ui, area, &unit.say(top), [ago(first), ago((first + now) / 2.0), "now".to_owned()]);
    let plot = Plot::new((chart.board, chart.name))
        .height(area.height())
        .width(area.width())
        .show_background(false)
        .show_axes(false)
        .show_grid(false)
        .set_margin_fraction(Vec2::ZERO)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .cursor_color(tokens.faint)
        .label_formatter(move |hover| match hover {
            HoverPosition::NearDataPoint { plot_name, position, .. } => {
                Some(format!("{plot_name}  {}\n{}", unit.say(position.y), ago(position.x)))
            }
            HoverPosition::Elsewhere { .. } => None,
        });
    let mut inside = ui.new_child(UiBuilder::new().max_rect(area));
    let shown = plot.show(&mut inside, |plot| {
        plot.set_plot_bounds_x(first..=now);
        plot.set_plot_bounds_y(0.0..=top * 1.02);
        for (title, sent) in pushes.iter().filter(|(_, sent)| *sent > first) {
            plot.vline(VLine::new(*title, *sent).color(tokens.faint).width(1.0));
        }
        for (name, series) in &lines {
            let color = tokens.version(name);
            for piece in series.pieces(range.step_secs) {
                let points: PlotPoints<'_> = piece.iter().map(|(x, y)| [*x, *y]).collect();
                match piece {
                    // A point between two gaps is no line.
                    [_] => plot.points(Points::new(name.as_str(), points).color(color).radius(1.5)),
                    _ => plot.line(Line::new(name.as_str(), points).color(color).width(1.5)),
                }
            }
        }
    });
    let words = format!("{} over time: {}", chart.name, said.join(", "));
    shown.response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, &words));
}

/// The axes, at the same place in every chart: nothing and the largest value, and three times.
fn axes(ui: &Ui, area: Rect, top: &str, times: [String; 3]) {
    let tokens = Tokens::of(ui);
    let (painter, font) = (ui.painter(), FontId::proportional(size::NOTE));
    for (value, y) in [(top, area.top()), ("0", area.bottom())] {
        painter.hline(area.x_range(), y, tokens.hairline());
        let at = pos2(area.left() - 6.0, y);
        painter.text(at, Align2::RIGHT_CENTER, value, font.clone(), tokens.muted);
    }
    let places = [(Align2::LEFT_TOP, area.left()), (Align2::CENTER_TOP, area.center().x)];
    for ((align, x), time) in places.into_iter().chain([(Align2::RIGHT_TOP, area.right())]).zip(times) {
        painter.text(pos2(x, area.bottom() + 4.0), align, time, font.clone(), tokens.muted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(version: &str, points: &[(f64, f64)]) -> Series {
        Series { labels: [(VERSION.to_owned(), version.to_owned())].into(), points: points.to_vec() }
    }

    #[test]
    fn lines_are_named_and_the_largest_stay() {
        let all = [
            series("v2", &[(0.0, 9.0), (5.0, 1.0)]),
            series("unknown", &[(0.0, 2.0)]),
            series("v1", &[(0.0, 3.0)]),
            series("v3", &[]),
        ];
        let names: Vec<String> = lines(&all, VERSION).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["no version", "v1", "v2"]);
        let many: Vec<Series> =
            (0..20_u32).map(|at| series(&format!("v{at}"), &[(0.0, f64::from(at))])).collect();
        let kept = lines(&many, VERSION);
        assert!(kept.len() == MOST_LINES && kept.iter().all(|(_, series)| series.points[0].1 >= 8.0));
    }

    #[test]
    fn every_chart_asks_of_the_calls_that_are_looked_at() {
        let mesh = mesh::demo::bookinfo();
        let id = mesh::graph::NodeId::app(mesh.cluster(), "bookinfo", "reviews", None);
        let subject = Subject::of(&mesh, &id);
        for chart in CHARTS {
            let query = Between { from: None, to: Some(&subject) }.of((chart.query)());
            assert!(query.promql(60).contains("reviews.bookinfo.svc.cluster.local"), "{}", chart.name);
            assert!(!query.label().is_empty(), "{}", chart.name);
        }
    }
}
