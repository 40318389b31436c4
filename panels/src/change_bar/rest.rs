//! The bar while nothing can be pushed: a draft that cannot, with why and the ways out; what was dropped; or
//! nothing.

use super::state::ChangeBar;
use crate::connect;
use crate::cx::Cx;
use crate::held::{DraftOf, Held, Why};
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Tokens, icon, problem, text};
use crate::words::READ_ONLY;
use egui::{Align, Label, Layout, Rect, RichText, Ui, UiBuilder, pos2, vec2};
use mesh::scene::{Step, StepState};

/// Why a draft cannot be pushed, and the way on.
pub(super) fn why(held: &Held) -> (String, &'static str) {
    match &held.why {
        Why::NotYet(why) => (why.clone(), "Go on with it, or reset it"),
        Why::Gone { again: true } => (
            "What it is for was deleted, or has another shape. The draft is still here".to_owned(),
            "Create it again with the draft, or discard the draft",
        ),
        Why::Gone { again: false } => (
            "What it is for was deleted, or has another shape. The draft is still here".to_owned(),
            "Discard the draft, or wait until it is there again",
        ),
        Why::Superseded => {
            ("Somebody else changed the same thing meanwhile".to_owned(), "Make it on theirs, or reset it")
        }
        Why::Unseen(why) => (why.clone(), "Wait until that can be read, or discard the draft"),
        Why::Taken => (
            "Another draft of the same thing stands in its place".to_owned(),
            "Push or reset that one first, or discard this one",
        ),
        Why::Another => (
            "It was made in another cluster, which was called the same".to_owned(),
            "Connect to that one, take the draft over to this one, or discard it",
        ),
        Why::NotNoted => (
            "It was kept by an earlier version, which did not note of which cluster it is".to_owned(),
            "Take it over if it is of this one, or discard the draft",
        ),
    }
}

fn row(ui: &mut Ui, rect: Rect) -> Ui {
    ui.new_child(
        UiBuilder::new().max_rect(rect.shrink2(vec2(16.0, 0.0))).layout(Layout::left_to_right(Align::Center)),
    )
}

/// A draft that cannot be pushed; `more` of them are not shown.
pub(super) fn held(ui: &mut Ui, cx: &Cx<'_>, rect: Rect, held: &Held, more: usize) {
    let tokens = Tokens::of(ui);
    let right = rect.with_max_x(rect.right() - 16.0);
    let mut right =
        ui.new_child(UiBuilder::new().max_rect(right).layout(Layout::right_to_left(Align::Center)));
    right.spacing_mut().item_spacing.x = 8.0;
    let anew = match held.why {
        Why::Gone { again: true } => Some("Create again"),
        Why::Superseded => Some("Rebuild on theirs"),
        Why::Another | Why::NotNoted => Some("Take over"),
        _ => None,
    };
    if let Some(anew) = anew
        && right.add(Button::primary(anew)).clicked()
    {
        cx.intents.send(Intent::Anew(held.draft.clone()));
    }
    let kept = matches!(held.draft, DraftOf::Kept(..));
    let reset = if kept || matches!(held.why, Why::Gone { .. }) { "Discard draft" } else { "Reset draft" };
    let hint = if kept { "It is taken from the disk too" } else { "Ctrl Z brings it back" };
    if right.add(Button::quiet(reset)).on_hover_text(hint).clicked() {
        cx.intents.send(Intent::Reset(held.draft.clone()));
    }
    if let Some((at, editor)) = held.at.as_ref().filter(|(at, _)| cx.selected != Some(at))
        && right.add(Button::quiet("Show draft")).clicked()
    {
        cx.intents.send(Intent::Edit(at.clone(), editor));
    }
    let end = right.min_rect().left() - 20.0;
    let free = Rect::from_min_max(rect.left_top() + vec2(16.0, 14.0), pos2(end, rect.bottom()));
    let mut left = ui.new_child(UiBuilder::new().max_rect(free).layout(Layout::top_down(Align::Min)));
    left.set_clip_rect(free.intersect(ui.clip_rect()));
    left.spacing_mut().item_spacing.y = 3.0;
    left.spacing_mut().interact_size.y = 16.0;
    let others = if more > 0 { format!(" (+ {more} more)") } else { String::new() };
    let title = format!("Cannot be pushed: {}{others}", held.name);
    let title = text::rich(&left, title, size::TEXT, Weight::Semibold).color(tokens.text);
    left.add(Label::new(title).truncate());
    let (why, next) = why(held);
    problem::line(&mut left, problem::Level::Warning, &why, "", next);
}

impl ChangeBar {
    /// What was dropped, and the way to have it back.
    pub(super) fn dropped(&mut self, ui: &mut Ui, cx: &Cx<'_>, rect: Rect) {
        let tokens = Tokens::of(ui);
        let Some(what) = self.dropped.clone() else { return };
        let mut row = row(ui, rect);
        row.spacing_mut().item_spacing.x = 8.0;
        if row.add(Button::quiet("Bring it back")).on_hover_text("Ctrl Z").clicked() {
            cx.intents.send(Intent::UndoEdit);
        }
        if row.add(Button::icon(icon::X, "Close")).clicked() {
            self.dropped = None;
        }
        let said = RichText::new(format!("Dropped, not written: {what}")).color(tokens.muted);
        row.add(Label::new(said).truncate());
    }
}

/// Nothing is pending, and what would be here.
pub(super) fn nothing(ui: &mut Ui, cx: &Cx<'_>, rect: Rect) {
    let tokens = Tokens::of(ui);
    let mut row = row(ui, rect);
    row.add(Label::new(RichText::new(icon::CHECK_CIRCLE).size(17.0).color(tokens.faint)).selectable(false));
    row.add(Label::new(RichText::new("No change is pending").color(tokens.muted)).selectable(false));
    let hint = match () {
        () if cx.read_only => READ_ONLY.to_owned(),
        () => match cx.scene.steps.get(&Step::Istiod) {
            Some(StepState::Failed(_)) => format!("Without istiod {}", connect::loss(Step::Istiod)),
            _ => "Select a service and move a share; nothing is written before you push".to_owned(),
        },
    };
    row.add(
        Label::new(RichText::new(hint).size(size::SECONDARY).color(tokens.faint))
            .selectable(false)
            .truncate(),
    );
}
