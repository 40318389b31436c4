//! Tables: sorted by a click on a head, searched as one types, drawn only where one looks, copied as CSV.

use super::button::Button;
use super::memo::Memo;
use super::theme::{Tokens, Weight, family, size};
use super::{badge, field, fmt, icon, text};
use egui::{Color32, FontId, Id, Rect, Response, ScrollArea, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use std::cmp::Ordering;
use std::collections::HashMap;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its head.
    pub name: &'static str,
    /// Share of the width, against the other columns'.
    pub share: f32,
    /// Whether it holds numbers: they stand to the right and sort by value.
    pub numeric: bool,
    /// Whether it is left out where there is no room for all columns.
    pub spare: bool,
    /// Whether it holds names, which differ at their ends: they are cut in their middles.
    pub names: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(name: &'static str, share: f32) -> Self {
        Self { name, share, numeric: false, spare: false, names: false }
    }
    /// A column of names.
    pub const fn names(name: &'static str, share: f32) -> Self {
        Self { names: true, ..Self::text(name, share) }
    }
    /// A column of numbers.
    pub const fn number(name: &'static str, share: f32) -> Self {
        Self { name, share, numeric: true, spare: false, names: false }
    }
    /// One that is left out where there is no room for all.
    #[must_use]
    pub const fn spare(self) -> Self {
        Self { spare: true, ..self }
    }
    /// So narrow it may get: a short name, or a figure with its unit.
    fn least(&self) -> f32 {
        if self.numeric { (self.name.len() as f32 * 6.5 + 26.0).max(68.0) } else { 92.0 }
    }
}

/// What one cell shows.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// What it sorts by in a column of numbers.
    pub value: f64,
    /// Its colour, if it is not the usual one.
    pub color: Option<Color32>,
    /// A status shape before the text.
    pub status: Option<badge::Status>,
}

impl Cell {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
    /// A number with its text.
    pub fn number(value: f64, text: impl Into<String>) -> Self {
        Self { text: text.into(), value, ..Self::default() }
    }
}

/// Where the cells of a table come from.
pub trait Rows {
    /// How many rows there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// One cell.
    fn cell(&self, row: usize, column: usize) -> Cell;
    /// Under which head a row stands: rows of one head stand together, the groups in the order of their first
    /// rows.
    fn group(&self, _row: usize) -> Option<&str> {
        None
    }
    /// What screen readers say of a row, where that is more than its cells one after the other.
    fn name(&self, _row: usize) -> Option<String> {
        None
    }
}

/// What the user set, kept by the panel.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What is searched for.
    pub search: String,
    /// Column that is sorted by, and whether from high to low.
    pub sort: Option<(usize, bool)>,
    order: Memo<OrderKey, Vec<Item>>,
}

/// One line of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    /// The head of so many rows, of which this is the first.
    Head(usize, usize),
    Row(usize),
}

/// What the order of rows is derived from: revision, search, sorting.
type OrderKey = (u64, String, Option<(usize, bool)>);

/// What the user did to a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Row that was clicked.
    pub clicked: Option<usize>,
    /// The rows in sight as CSV, when that was asked for.
    pub csv: Option<String>,
}

/// Draws a table. `name` is what screen readers say; `revision` changes when the rows do.
pub fn table(
    ui: &mut Ui,
    name: &str,
    state: &mut State,
    columns: &[Column],
    rows: &dyn Rows,
    revision: u64,
    chosen: Option<usize>,
) -> Done {
    let mut done = Done::default();
    let id = ui.id().with(("table", name));
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 170.0).clamp(120.0, 280.0);
        field::search(ui, id.with("search"), "Search", &format!("Search {name}"), &mut state.search, width);
        if ui.add(Button::icon(icon::COPY, format!("Copy {name} as CSV"))).clicked() {
            done.csv = Some(String::new());
        }
    });
    let key = (revision, state.search.trim().to_lowercase(), state.sort);
    let order =
        state.order.get(key, |(_, search, sort)| grouped(rows, arrange(columns, rows, search, *sort)));
    if done.csv.is_some() {
        done.csv = Some(csv(columns, rows, &only_rows(order)));
    }
    let shown = order.iter().filter(|item| matches!(item, Item::Row(_))).count();
    if shown != rows.len() {
        text::note(ui, format!("{} of {}", fmt::count(shown), fmt::counted(rows.len(), "row", "rows")));
    }
    let widths = widths(columns, ui.available_width());
    if let Some(column) = heads(ui, id, columns, &widths, state.sort) {
        state.sort = match state.sort {
            Some((old, false)) if old == column => Some((column, true)),
            Some((old, true)) if old == column => None,
            _ => Some((column, false)),
        };
    }
    let height = 30.0;
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().id_salt(id).auto_shrink([false, true]).show_rows(
        ui,
        height,
        order.len(),
        |ui, range| {
            for item in order.get(range).unwrap_or_default() {
                let row = match *item {
                    Item::Row(row) => row,
                    Item::Head(row, count) => {
                        draw_head(ui, rows.group(row).unwrap_or_default(), count, height);
                        continue;
                    }
                };
                if draw_row(ui, id, columns, &widths, rows, row, height, chosen == Some(row)).clicked() {
                    done.clicked = Some(row);
                }
            }
        },
    );
    done
}

/// The rows that are in sight, in their order.
pub fn in_sight(state: &State, columns: &[Column], rows: &dyn Rows) -> Vec<usize> {
    only_rows(&grouped(rows, arrange(columns, rows, &state.search.trim().to_lowercase(), state.sort)))
}

fn only_rows(order: &[Item]) -> Vec<usize> {
    order.iter().filter_map(|item| if let Item::Row(row) = item { Some(*row) } else { None }).collect()
}

/// Rows with the heads that they stand under.
fn grouped(rows: &dyn Rows, order: Vec<usize>) -> Vec<Item> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for &row in &order {
        let Some(group) = rows.group(row) else { return order.into_iter().map(Item::Row).collect() };
        let place = *places.entry(group).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    let head = |group: &Vec<usize>| group.first().map(|first| Item::Head(*first, group.len()));
    groups
        .iter()
        .flat_map(|group| head(group).into_iter().chain(group.iter().map(|row| Item::Row(*row))))
        .collect()
}

fn draw_head(ui: &mut Ui, name: &str, count: usize, height: f32) {
    let tokens = Tokens::of(ui);
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), height));
    let response = ui.interact(rect, ui.id().with(("head", name)), Sense::hover());
    let font = FontId::new(size::TEXT, family(ui.ctx(), Weight::Semibold));
    let words = format!("{name}   ·   {count}");
    let mut job = egui::text::LayoutJob::simple_singleline(words, font, tokens.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width((rect.width() - 16.0).max(8.0));
    let galley = ui.painter().layout_job(job);
    let at = pos2(rect.left() + 8.0, rect.bottom() - galley.size().y - 5.0);
    ui.painter().galley(at, galley, tokens.text);
    ui.painter().hline(rect.x_range(), rect.bottom(), tokens.hairline());
    let said = format!("{name}, {}", fmt::counted(count, "row", "rows"));
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &said));
}

/// The rows that hold what is searched for, in the wanted order.
fn arrange(columns: &[Column], rows: &dyn Rows, search: &str, sort: Option<(usize, bool)>) -> Vec<usize> {
    let holds = |row: &usize| {
        search.is_empty()
            || rows.group(*row).is_some_and(|group| group.to_lowercase().contains(search))
            || (0..columns.len()).any(|column| rows.cell(*row, column).text.to_lowercase().contains(search))
    };
    let mut order: Vec<usize> = (0..rows.len()).filter(holds).collect();
    if let Some((column, falling)) = sort {
        let numeric = columns.get(column).is_some_and(|column| column.numeric);
        order.sort_by_cached_key(|&row| SortKey::of(&rows.cell(row, column), numeric));
        if falling {
            order.reverse();
        }
    }
    order
}

struct SortKey {
    value: f64,
    text: String,
}

impl SortKey {
    fn of(cell: &Cell, numeric: bool) -> Self {
        if numeric {
            Self { value: cell.value, text: String::new() }
        } else {
            Self { value: 0.0, text: cell.text.to_lowercase() }
        }
    }
}
impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.total_cmp(&other.value).then_with(|| self.text.cmp(&other.text))
    }
}
impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for SortKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for SortKey {}

/// A text as a field of CSV.
pub fn csv_field(text: &str) -> String {
    let text = text.replace(fmt::THIN, " ");
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn csv(columns: &[Column], rows: &dyn Rows, order: &[usize]) -> String {
    let heads: Vec<String> = columns.iter().map(|column| csv_field(column.name)).collect();
    let mut lines = vec![heads.join(",")];
    for &row in order {
        let cells: Vec<String> =
            (0..columns.len()).map(|column| csv_field(&rows.cell(row, column).text)).collect();
        lines.push(cells.join(","));
    }
    lines.join("\n") + "\n"
}

/// How wide each column is: its share, but no column less than it needs; spare ones are 0 where there is no
/// room.
fn widths(columns: &[Column], full: f32) -> Vec<f32> {
    let mut shown: Vec<bool> = vec![true; columns.len()];
    let needs = |shown: &[bool]| -> f32 {
        columns.iter().zip(shown).filter(|(_, shown)| **shown).map(|(column, _)| column.least()).sum()
    };
    while needs(&shown) > full
        && let Some(last) = (0..columns.len()).rev().find(|at| shown[*at] && columns[*at].spare)
    {
        shown[last] = false;
    }
    // Each gets what it needs, and of what is left over by how much its share is more than that.
    let shares = columns.iter().zip(&shown).filter(|(_, shown)| **shown).map(|(column, _)| column.share);
    let unit = full / shares.sum::<f32>().max(f32::EPSILON);
    let least = needs(&shown);
    let more: Vec<f32> =
        columns.iter().map(|column| (column.share * unit - column.least()).max(0.0)).collect();
    let wish: f32 = more.iter().zip(&shown).filter(|(_, shown)| **shown).map(|(more, _)| more).sum();
    let part = ((full - least) / wish.max(f32::EPSILON)).clamp(0.0, 1.0);
    let squeeze = (full / least.max(f32::EPSILON)).min(1.0);
    let width = |at: usize| (columns[at].least() + more[at] * part) * squeeze;
    (0..columns.len()).map(|at| if shown[at] { width(at) } else { 0.0 }).collect()
}

/// Whether a column has a width at all.
fn shown((_, (_, width)): &(usize, (&Column, &f32))) -> bool {
    **width > 0.0
}

fn heads(
    ui: &mut Ui,
    id: Id,
    columns: &[Column],
    widths: &[f32],
    sort: Option<(usize, bool)>,
) -> Option<usize> {
    let tokens = Tokens::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::hover());
    let font = FontId::new(size::NOTE, family(ui.ctx(), Weight::Medium));
    let mut left = rect.left();
    let mut clicked = None;
    for (index, (column, width)) in columns.iter().zip(widths).enumerate().filter(shown) {
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(*width, rect.height()));
        left += width;
        let response = ui.interact(cell, id.with(("head", index)), Sense::click());
        response.widget_info(|| {
            WidgetInfo::labeled(WidgetType::Button, true, format!("Sort by {}", column.name))
        });
        let arrow = match sort {
            Some((by, falling)) if by == index => {
                if falling {
                    icon::CARET_DOWN
                } else {
                    icon::CARET_UP
                }
            }
            _ => "",
        };
        let color = if response.hovered() || !arrow.is_empty() { tokens.text } else { tokens.muted };
        let head = format!("{} {arrow}", column.name).trim_end().to_owned();
        let mut job = egui::text::LayoutJob::simple_singleline(head, font.clone(), color);
        job.wrap = egui::text::TextWrapping::truncate_at_width((cell.width() - 12.0).max(8.0));
        let galley = ui.painter().layout_job(job);
        let x = if column.numeric { cell.right() - 8.0 - galley.size().x } else { cell.left() + 8.0 };
        ui.painter().galley(pos2(x, cell.center().y - galley.size().y / 2.0), galley, color);
        if response.clicked() {
            clicked = Some(index);
        }
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), tokens.hairline());
    clicked
}

#[expect(clippy::too_many_arguments, reason = "a row is drawn from all that its table knows")]
fn draw_row(
    ui: &mut Ui,
    id: Id,
    columns: &[Column],
    widths: &[f32],
    rows: &dyn Rows,
    row: usize,
    height: f32,
    chosen: bool,
) -> Response {
    let tokens = Tokens::of(ui);
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), height));
    let response = ui.interact(rect, id.with(("row", row)), Sense::click());
    if chosen {
        ui.painter().rect_filled(rect, 4.0, tokens.selection());
    } else if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 4.0, tokens.raised);
    }
    let mut left = rect.left();
    let mut said = Vec::with_capacity(columns.len());
    for (index, (column, width)) in columns.iter().zip(widths).enumerate().filter(shown) {
        let cell = rows.cell(row, index);
        let mut area =
            Rect::from_min_size(pos2(left, rect.top()), vec2(*width, height)).shrink2(vec2(8.0, 0.0));
        left += width;
        let color = cell.color.unwrap_or(if index == 0 { tokens.text } else { tokens.muted });
        if let Some(status) = cell.status {
            status.paint(ui.painter(), pos2(area.left() + 5.0, area.center().y), 4.0, tokens);
            area.min.x += 16.0;
        }
        let font = FontId::proportional(size::TEXT);
        let shown =
            if column.names { text::middle(ui, &cell.text, &font, area.width()) } else { cell.text.clone() };
        let mut job = egui::text::LayoutJob::simple_singleline(shown, font, color);
        job.wrap = egui::text::TextWrapping::truncate_at_width(area.width());
        let galley = ui.painter().layout_job(job);
        let x = if column.numeric { area.right() - galley.size().x } else { area.left() };
        ui.painter().galley(pos2(x, area.center().y - galley.size().y / 2.0), galley, color);
        said.push(cell.text);
    }
    ui.painter().hline(
        rect.x_range(),
        rect.bottom(),
        egui::Stroke::new(1.0, tokens.line.gamma_multiply(0.6)),
    );
    let said = rows.name(row).unwrap_or_else(|| said.join(", "));
    response.widget_info(|| WidgetInfo::selected(WidgetType::SelectableLabel, true, chosen, &said));
    response
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
