//! Shares that make 100: a bar for the sum, and per version a track with its knob, the measured mark and a
//! lock.

use super::button::Button;
use super::number::{self, Number};
use super::theme::{Tokens, Weight, family, size};
use super::{badge, fmt, icon, text};
use egui::accesskit::{Action, ActionData};
use egui::{
    Align2, Color32, CornerRadius, CursorIcon, EventFilter, FontId, Key, Modifiers, Rect, Response, RichText,
    Sense, Shape, Stroke, Ui, UiBuilder, WidgetInfo, WidgetType, pos2, vec2,
};

/// One share.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// "v1".
    pub name: String,
    /// Wanted, in percent.
    pub wanted: u32,
    /// What the cluster has, in percent; a thin mark shows it while it differs.
    pub current: u32,
    /// Measured, in percent, with the half width of its error bar.
    pub measured: Option<(f64, f64)>,
    /// Whether moving others leaves it alone.
    pub locked: bool,
    /// Its colour.
    pub color: Color32,
}

/// What the user did to a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// This share shall be so many percent; it may still move.
    Set(usize, u32),
    /// Locked or unlocked.
    Lock(usize, bool),
    /// The knob was let go, or a step was made by keyboard: now is the time to check.
    Released(usize),
}

/// What is said about shares.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// What is shared ("reviews"): its sliders are "reviews v3 share".
    pub of: &'a str,
    /// What was measured ("over 1 min (594 calls)"), or why nothing can be.
    pub over: Result<&'a str, &'a str>,
    /// While nobody has set any share: who decides. The sliders then only propose.
    pub unset: Option<&'a str>,
}

/// The bar and one row per share.
pub fn shares(ui: &mut Ui, words: &Words<'_>, shares: &[Share]) -> Vec<Moved> {
    let mut moved = Vec::new();
    bar(ui, words, shares);
    // A line of its own in any case: nothing below moves when the first figures come.
    let figures =
        words.over.map(|over| measured(over, shares).unwrap_or_else(|| format!("nothing measured {over}")));
    text::note(ui, figures.unwrap_or_else(str::to_owned));
    ui.add_space(2.0);
    for (index, share) in shares.iter().enumerate() {
        // Versions may come and go while one of them is dragged.
        let own = UiBuilder::new().id(ui.id().with((words.of, &share.name)));
        ui.scope_builder(own, |ui| row(ui, words.of, index, share, &mut moved));
    }
    moved
}

/// "measured over 1 min: v1 74.6 % ± 3.5, v3 25.4 % ± 3.5".
fn measured(over: &str, shares: &[Share]) -> Option<String> {
    let said: Vec<String> = shares
        .iter()
        .filter_map(|share| share.measured.map(|(value, error)| (share, value, error)))
        .filter(|(share, value, _)| *value > 0.0 || share.wanted > 0)
        .map(|(share, value, error)| {
            format!("{}{nb}{value:.1}{}%{nb}±{nb}{error:.1}", share.name, fmt::THIN, nb = '\u{a0}')
        })
        .collect();
    (!said.is_empty()).then(|| format!("measured {over}: {}", said.join(", ")))
}

/// The sum at a glance.
fn bar(ui: &mut Ui, words: &Words<'_>, shares: &[Share]) {
    let tokens = Tokens::of(ui);
    let of = words.of;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    ui.painter().rect_filled(rect, 4.0, tokens.line);
    if let Some(unset) = words.unset {
        let font = FontId::proportional(size::NOTE);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, unset, font, tokens.muted);
        response
            .widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("{of} shares: {unset}")));
        return;
    }
    let total: u32 = shares.iter().map(|share| share.wanted).sum::<u32>().max(1);
    let shown: Vec<&Share> = shares.iter().filter(|share| share.wanted > 0).collect();
    let font = FontId::new(size::NOTE, family(ui.ctx(), Weight::Semibold));
    let mut left = rect.left();
    for (index, share) in shown.iter().enumerate() {
        let width = rect.width() * share.wanted as f32 / total as f32;
        let segment = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
        left += width;
        let (first, last) = (if index == 0 { 4 } else { 0 }, if index + 1 == shown.len() { 4 } else { 0 });
        ui.painter().rect_filled(
            segment,
            CornerRadius { nw: first, sw: first, ne: last, se: last },
            share.color,
        );
        let color = tokens.on(share.color);
        for label in [format!("{} {}", share.name, fmt::percent(f64::from(share.wanted))), share.name.clone()]
        {
            let galley = ui.painter().layout_no_wrap(label, font.clone(), color);
            if galley.size().x + 8.0 <= width {
                ui.painter().galley(segment.center() - galley.size() / 2.0, galley, color);
                break;
            }
        }
    }
    let said: Vec<String> = shares.iter().map(|share| format!("{} {} %", share.name, share.wanted)).collect();
    response.widget_info(|| {
        WidgetInfo::labeled(WidgetType::Label, true, format!("{of} shares: {}", said.join(", ")))
    });
}

fn row(ui: &mut Ui, of: &str, index: usize, share: &Share, moved: &mut Vec<Moved>) {
    let name = format!("{of} {} share", share.name);
    let line = vec2(ui.available_width(), 32.0);
    ui.allocate_ui_with_layout(line, egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        ui.set_min_height(32.0);
        let full = ui.available_width();
        badge::swatch(ui, share.color);
        let label = (full * 0.24).clamp(40.0, 120.0);
        let font = FontId::new(size::TEXT, family(ui.ctx(), Weight::Medium));
        let shown = text::middle(ui, &share.name, &font, label);
        let text = egui::Label::new(RichText::new(shown.as_str()).font(font)).extend();
        let left = ui.cursor().left();
        let said = ui.add(text);
        if shown != share.name {
            said.on_hover_text(&share.name);
        }
        ui.add_space((left + label - ui.cursor().left()).max(0.0));
        let track = (ui.available_width() - 58.0 - 28.0 - 16.0).max(60.0);
        knob(ui, &name, index, share, track, moved);
        // "100 %" must fit, or the row would push the panel wider.
        ui.spacing_mut().button_padding.x = 6.0;
        let mut percent = f64::from(share.wanted);
        let number = Number {
            name: &format!("{name} in percent"),
            range: 0.0..=100.0,
            speed: 0.3,
            size: vec2(58.0, 26.0),
            prefix: "",
            suffix: &format!("{}%", fmt::THIN),
            show: &|percent| format!("{}", percent.round()),
            read: &number::whole,
            way: "write a whole number",
        };
        let field = number.ui(ui, &mut percent);
        let percent = percent.round() as u32;
        if percent != share.wanted {
            moved.push(Moved::Set(index, percent));
        }
        if field.drag_stopped()
            || field.lost_focus()
            || (field.changed() && !field.dragged() && !field.has_focus())
        {
            moved.push(Moved::Released(index));
        }
        let (symbol, word) = if share.locked { (icon::LOCK, "Unlock") } else { (icon::LOCK_OPEN, "Lock") };
        if ui.add(Button::icon(symbol, format!("{word} {name}")).selected(share.locked)).clicked() {
            moved.push(Moved::Lock(index, !share.locked));
        }
    });
}

/// The track with its knob. It is a slider for screen readers, and moves by keyboard: arrows 1, with shift
/// 10, Home, End. Esc leaves it as it was.
fn knob(ui: &mut Ui, name: &str, index: usize, share: &Share, width: f32, moved: &mut Vec<Moved>) {
    let tokens = Tokens::of(ui);
    let movable = !share.locked && ui.is_enabled();
    let sense = if movable { Sense::click_and_drag() } else { Sense::focusable_noninteractive() };
    let (rect, mut response) = ui.allocate_exact_size(vec2(width, 32.0), sense);
    let y = rect.center().y - 1.0;
    let (left, right) = (rect.left() + 8.0, rect.right() - 8.0);
    let x_of = |percent: f64| left + (right - left) * (percent.clamp(0.0, 100.0) / 100.0) as f32;
    let mut value = i64::from(share.wanted);
    if movable {
        if let Some(at) = response.interact_pointer_pos()
            && (response.dragged() || response.clicked())
        {
            value = (f64::from((at.x - left) / (right - left)) * 100.0).round() as i64;
        }
        // Whoever has put the knob near where it belongs goes on with the arrows.
        if response.drag_started() || response.clicked() {
            response.request_focus();
        }
        value += keys(ui, &response, value);
        for request in ui.input(|input| {
            input.accesskit_action_requests(response.id, Action::SetValue).cloned().collect::<Vec<_>>()
        }) {
            if let Some(ActionData::NumericValue(wanted)) = request.data {
                value = wanted.round() as i64;
            }
        }
        value = escaped(ui, &response, share.wanted).map_or(value, i64::from);
        let wanted = value.clamp(0, 100) as u32;
        if wanted != share.wanted {
            moved.push(Moved::Set(index, wanted));
            response.mark_changed();
        }
        if response.drag_stopped() || (wanted != share.wanted && !response.dragged()) {
            moved.push(Moved::Released(index));
        }
    }
    paint_track(ui, tokens, share, &response, movable, [left, right, y], &x_of);
    let enabled = movable;
    response.widget_info(|| WidgetInfo::slider(enabled, f64::from(share.wanted), name));
    let described = share.measured.map(|(value, error)| format!("measured {value:.1} % ± {error:.1}"));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(100.0);
        node.set_numeric_value_step(1.0);
        node.set_numeric_value_jump(10.0);
        if let Some(described) = described {
            node.set_description(described);
        }
        if enabled {
            node.add_action(Action::SetValue);
            node.add_action(Action::Increment);
            node.add_action(Action::Decrement);
        }
    });
    response.on_hover_and_drag_cursor(if movable {
        CursorIcon::ResizeHorizontal
    } else {
        CursorIcon::Default
    });
}

/// What a share was when the hand or the focus came to it, where Esc leaves it now: it goes back to that.
pub(crate) fn escaped(ui: &Ui, response: &Response, now: u32) -> Option<u32> {
    let was = response.id.with("was");
    let (taken, gained) = (response.drag_started() || response.clicked(), response.gained_focus());
    let lost = response.lost_focus();
    let escaped = lost && ui.input(|input| input.key_pressed(Key::Escape));
    ui.data_mut(|data| {
        if taken || gained && data.get_temp::<u32>(was).is_none() {
            data.insert_temp(was, now);
        }
        let left = lost.then(|| data.remove_temp::<u32>(was)).flatten();
        left.filter(|_| escaped)
    })
}

/// By how much keys and screen readers move a share that has the focus: arrows 1, with shift 10, Home, End.
pub(crate) fn keys(ui: &Ui, response: &Response, value: i64) -> i64 {
    let mut by = 0;
    ui.input(|input| {
        by += input.num_accesskit_action_requests(response.id, Action::Increment) as i64;
        by -= input.num_accesskit_action_requests(response.id, Action::Decrement) as i64;
    });
    // Not `response.has_focus()`: that also asks whether the window is in front, and keys come only where
    // they are meant.
    if !ui.memory(|memory| memory.has_focus(response.id)) {
        return by;
    }
    let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
    ui.input_mut(|input| {
        for (modifiers, step) in [(Modifiers::SHIFT, 10), (Modifiers::NONE, 1)] {
            for (key, sign) in
                [(Key::ArrowRight, 1), (Key::ArrowUp, 1), (Key::ArrowLeft, -1), (Key::ArrowDown, -1)]
            {
                by += sign * step * input.count_and_consume_key(modifiers, key) as i64;
            }
        }
        if input.consume_key(Modifiers::NONE, Key::Home) {
            by = -value;
        }
        if input.consume_key(Modifiers::NONE, Key::End) {
            by = 100 - value;
        }
    });
    by
}

fn paint_track(
    ui: &Ui,
    tokens: &Tokens,
    share: &Share,
    response: &Response,
    movable: bool,
    [left, right, y]: [f32; 3],
    x_of: &dyn Fn(f64) -> f32,
) {
    let painter = ui.painter();
    let track = Rect::from_min_max(pos2(left, y - 2.0), pos2(right, y + 2.0));
    painter.rect_filled(track, 2.0, tokens.line);
    let at = x_of(f64::from(share.wanted));
    let color = if movable { share.color } else { share.color.lerp_to_gamma(tokens.line, 0.4) };
    painter.rect_filled(track.with_max_x(at), 2.0, color);
    if share.current != share.wanted {
        let current = x_of(f64::from(share.current));
        painter.vline(current, (y - 6.0)..=(y + 6.0), Stroke::new(1.5, tokens.muted));
    }
    if let Some((value, error)) = share.measured {
        let (low, mid, high) = (x_of(value - error), x_of(value), x_of(value + error));
        let tip = y + 10.0;
        let triangle = vec![pos2(mid, tip), pos2(mid + 4.0, tip + 5.0), pos2(mid - 4.0, tip + 5.0)];
        painter.add(Shape::convex_polygon(triangle, tokens.text, Stroke::NONE));
        painter.hline(low.min(mid - 4.0)..=high.max(mid + 4.0), tip + 5.0, Stroke::new(1.0, tokens.text));
    }
    if response.has_focus() {
        painter.circle_stroke(pos2(at, y), 11.0, Stroke::new(1.5, tokens.accent));
    }
    let radius = if response.hovered() || response.dragged() { 8.0 } else { 7.0 };
    painter.circle(pos2(at, y), radius, tokens.surface, Stroke::new(2.0, color));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_measured() {
        let share = |name: &str, wanted, measured| Share {
            name: name.to_owned(),
            wanted,
            current: wanted,
            measured,
            locked: false,
            color: Color32::WHITE,
        };
        let rows = [
            share("v1", 75, Some((74.6, 3.5))),
            share("v2", 0, Some((0.0, 0.0))),
            share("v3", 25, Some((25.4, 3.5))),
        ];
        let said = measured("over 1 min", &rows).map(|said| said.replace([fmt::THIN, '\u{a0}'], " "));
        assert_eq!(said.as_deref(), Some("measured over 1 min: v1 74.6 % ± 3.5, v3 25.4 % ± 3.5"));
        assert_eq!(measured("", &[share("v1", 100, None)]), None);
    }
}
