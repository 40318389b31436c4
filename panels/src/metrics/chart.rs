//! One chart in every face: awaited, drawn, old, refused; its query and its values as a table beside its name.

use super::lines::{self, Line as Shown};
use super::zoom::{self, Zoom};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Tokens, fmt, icon, remote, text};
use egui::{Align2, FontId, Rect, RichText, Sense, Ui, UiBuilder, Vec2, WidgetInfo, WidgetType, pos2, vec2};
use egui_plot::{HoverPosition, Line, LineStyle, Plot, PlotPoints, Points, VLine};
use mesh::charts::{Calls, Chart, Group, Unit, csv};
use mesh::series::{Measured, Query, Range, Series};
use mesh::{Read, Remote};
use serde::{Deserialize, Serialize};

/// No chart is of less time: a minute of points says little.
const LEAST_SECS: u64 = 600;
const HEIGHT: f32 = 84.0;
/// Room for the values left of a chart, and for the times below it.
const VALUES: f32 = 52.0;
const TIMES: f32 = 20.0;
/// Width of the key of a line, and what is free around it.
const KEY: f32 = 32.0;

/// Over how many seconds charts are: the time range of the window, but not too little.
pub(crate) fn range_secs(cx: &Cx<'_>) -> u64 {
    cx.window_secs.max(LEAST_SECS)
}

fn say(unit: Unit, value: f64) -> String {
    let per_second = |what| format!("{}{}{what}/s", fmt::rate(value), fmt::THIN);
    match unit {
        Unit::Requests => fmt::rps(value),
        Unit::Messages => per_second("messages"),
        Unit::Connections => per_second("conn."),
        Unit::Percent => fmt::percent(value),
        Unit::Millis => fmt::ms(value),
        Unit::Bytes => fmt::bytes(value),
        Unit::BytesPerSecond => fmt::bytes_per_s(value),
        Unit::Count if value.fract() == 0.0 => fmt::count(value as usize),
        Unit::Count => fmt::short(value),
        Unit::PerSecond => format!("{}/s", fmt::rate(value)),
        Unit::Cores => format!("{}{}cores", fmt::short(value), fmt::THIN),
        Unit::Days => format!("{}{}d", fmt::short(value), fmt::THIN),
    }
}

/// Which time charts are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct When {
    /// How long ago it ends.
    pub(crate) ago_secs: u64,
    /// What is shown beside it: the same of so much time before; 0 for nothing.
    pub(crate) against_secs: u64,
    /// The part of it that is looked at.
    #[serde(skip)]
    pub(crate) zoom: Option<Zoom>,
}

impl When {
    /// What is asked over that time.
    fn ask(self, cx: &Cx<'_>, query: &Query) -> Range {
        match self.zoom {
            Some(zoom) => query.over(zoom.secs()).until(zoom.until),
            None => query.over(range_secs(cx)).before(self.ago_secs),
        }
    }
}

/// Draws a chart of these calls.
pub(crate) fn chart(ui: &mut Ui, cx: &Cx<'_>, chart: &Chart, calls: &Calls<'_>, when: &mut When) {
    let query = calls.ask(chart);
    let range = when.ask(cx, &query);
    let answer = cx.reads.series(&range);
    let before = (when.against_secs > 0).then(|| cx.reads.series(&range.clone().before(when.against_secs)));
    let shown = egui::Id::new(("show query", chart.name));
    let mut open = ui.data(|data| data.get_temp::<bool>(shown)).unwrap_or(false);
    ui.horizontal(|ui| {
        ui.label(text::rich(ui, chart.name, size::TEXT, Weight::Medium).color(Tokens::of(ui).text));
        let named = format!("Show query of {}", chart.name);
        if ui.add(Button::icon(icon::CODE, named).selected(open)).clicked() {
            open = !open;
            ui.data_mut(|data| data.insert_temp(shown, open));
        }
        if let Some(measured) = answer.value().filter(|measured| !measured.series.is_empty())
            && ui.add(Button::icon(icon::COPY, format!("Copy {} as CSV", chart.name))).clicked()
        {
            cx.intents.send(Intent::Copy(csv(&query, measured), format!("{} as CSV", chart.name)));
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
    // As if it were of now: the two lie on each other.
    let earlier = before
        .as_ref()
        .and_then(Remote::value)
        .map(|told| told.series.iter().map(|one| one.clone().later(when.against_secs)).collect::<Vec<_>>());
    if let (Some(before), None) = (&before, &earlier) {
        let why = before.problem().map_or_else(|| "waiting for Prometheus".to_owned(), |why| why.why.clone());
        text::note(ui, format!("What was before is not known: {why}"));
    }
    let earlier = earlier.unwrap_or_default();
    let mut drawn = |ui: &mut Ui, measured: &Measured| {
        let group = calls.told_apart();
        let of = Drawn { chart, query: &query, range: &range, group, measured, earlier: &earlier };
        drawn(ui, cx, &of, &mut *when);
    };
    match answer {
        Remote::Waiting => remote::waiting(ui, "Waiting for Prometheus"),
        Remote::Denied(trouble) => {
            if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                cx.reads.again(Read::Series(range.clone()));
            }
        }
        Remote::Live(measured, _) => drawn(ui, &measured),
        Remote::Stale(measured, at, trouble) => {
            remote::stale(ui, &fmt::ago(cx.now, at), &trouble.what, &trouble.why, &trouble.next);
            ui.scope(|ui| {
                ui.multiply_opacity(0.6);
                drawn(ui, &measured);
            });
        }
    }
}

/// What is drawn.
struct Drawn<'a> {
    chart: &'a Chart,
    query: &'a Query,
    range: &'a Range,
    group: Group,
    measured: &'a Measured,
    /// What was before, moved to this time.
    earlier: &'a [Series],
}

fn drawn(ui: &mut Ui, cx: &Cx<'_>, of: &Drawn<'_>, when: &mut When) {
    let (tokens, chart, range, unit) = (Tokens::of(ui), of.chart, of.range, of.chart.unit);
    let (lines, all) = lines::lines(&of.measured.series, of.query, of.group);
    for remark in &of.measured.remarks {
        text::note(ui, remark);
    }
    if lines.is_empty() {
        let whole = || format!("No value of {} in this time", of.query.metric());
        let none = if of.query.is_whole() { whole() } else { "No calls in this time".to_owned() };
        text::muted(ui, none);
        return;
    }
    let color = |place: usize, line: &Shown<'_>| lines::color(tokens, of.group, &line.name, place);
    let (earlier, _) = lines::lines(of.earlier, of.query, of.group);
    let was = |name: &str| earlier.iter().find(|line| line.name == name).map(Shown::last);
    let said = |line: &Shown<'_>| match was(&line.name) {
        Some(was) => format!("{} {} (was {})", line.name, say(unit, line.last()), say(unit, was)),
        None => format!("{} {}", line.name, say(unit, line.last())),
    };
    let said: Vec<String> = lines.iter().map(said).collect();
    ui.horizontal_wrapped(|ui| {
        for ((place, line), said) in lines.iter().enumerate().zip(&said) {
            // Its key begins a row with it, and ends none.
            let font = FontId::proportional(size::SECONDARY);
            let width = ui.painter().layout_no_wrap(said.clone(), font, tokens.muted).size().x;
            if place > 0 && ui.available_size_before_wrap().x < KEY + width {
                ui.end_row();
            }
            ui.label(RichText::new(icon::MINUS).color(color(place, line)));
            ui.label(RichText::new(said).size(size::SECONDARY).color(tokens.muted));
        }
        if all > lines.len() {
            text::note(ui, format!("the largest {} of {}", lines.len(), fmt::count(all)));
        }
    });
    // On the clock of Prometheus, which has measured.
    let now = of.measured.until;
    let first = now - range.range_secs as f64;
    // Where all is nothing, nothing lies on the ground.
    let values =
        lines.iter().chain(&earlier).flat_map(|line| line.series.points.iter().map(|(_, value)| *value));
    let top = values.fold(if unit == Unit::Requests { 0.1 } else { 1.0 }, f64::max);
    let ago_secs = range.ago_secs as f64;
    let zoomed = when.zoom.is_some();
    let ago = move |secs: f64| match now - secs + ago_secs {
        _ if zoomed => zoom::time(secs),
        ago if ago < 1.0 => "now".to_owned(),
        ago => format!("{} ago", fmt::duration(ago)),
    };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT + TIMES), Sense::hover());
    let area = Rect::from_min_max(rect.min + vec2(VALUES, 4.0), rect.max - vec2(0.0, TIMES));
    axes(ui, area, &say(unit, top), [ago(first), ago((first + now) / 2.0), ago(now)]);
    let plot = Plot::new(("chart", chart.name))
        // The moment that is pointed at is shown in all of them.
        .link_cursor("charts", [true, false])
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
                Some(format!("{plot_name}  {}\n{}", say(unit, position.y), ago(position.x)))
            }
            HoverPosition::Elsewhere { .. } => None,
        });
    let mut inside = ui.new_child(UiBuilder::new().max_rect(area));
    let shown = plot.show(&mut inside, |plot| {
        plot.set_plot_bounds_x(first..=now);
        plot.set_plot_bounds_y(0.0..=top * 1.02);
        let sent = |entry: &mesh::ledger::Entry| entry.sent.map(|sent| sent.as_second() as f64);
        for entry in cx.changes.entries() {
            if let Some(sent) = sent(entry).filter(|sent| *sent > first) {
                plot.vline(VLine::new(entry.change.title.as_str(), sent).color(tokens.faint).width(1.0));
            }
        }
        for line in &earlier {
            let place = lines.iter().position(|other| other.name == line.name).unwrap_or(lines.len());
            let color = color(place, line).gamma_multiply(0.6);
            let name = format!("{}, before", line.name);
            for piece in line.series.pieces(range.step_secs) {
                let points: PlotPoints<'_> = piece.iter().map(|(x, y)| [*x, *y]).collect();
                plot.line(
                    Line::new(name.as_str(), points).color(color).width(1.0).style(LineStyle::dashed_dense()),
                );
            }
        }
        for (place, line) in lines.iter().enumerate() {
            let (name, color) = (&line.name, color(place, line));
            for piece in line.series.pieces(range.step_secs) {
                let points: PlotPoints<'_> = piece.iter().map(|(x, y)| [*x, *y]).collect();
                match piece {
                    // A point between two gaps is no line.
                    [_] => plot.points(Points::new(name.as_str(), points).color(color).radius(1.5)),
                    _ => plot.line(Line::new(name.as_str(), points).color(color).width(1.5)),
                }
            }
        }
    });
    zoom::drag(ui, &shown.response, &shown.transform, &mut when.zoom);
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
