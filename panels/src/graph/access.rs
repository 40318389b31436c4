//! Cards and edges for keyboards, screen readers and tests: each in view is a widget with a name and its
//! numbers.

use super::labels::Pill;
use super::placement::Boxed;
use super::view::View;
use crate::kit::keys;
use crate::selection::Selected;
use egui::accesskit::Action;
use egui::{EventFilter, Id, Key, Modifiers, Pos2, Rect, Sense, Ui, Vec2, WidgetInfo, WidgetType, vec2};

/// More elements in view than this, and only so many of them are told.
pub const MOST: usize = 500;

/// One element that was told.
pub(super) struct Told {
    pub(super) focused: bool,
    pub(super) activated: bool,
}

/// Tells of one element. It takes the focus; Enter, Space and a screen reader's click activate it. Pointers
/// are the canvas's.
fn tell(ui: &Ui, id: Id, rect: Rect, name: &str, about: impl FnOnce() -> String, chosen: bool) -> Told {
    let response = ui.interact(rect, id, Sense::focusable_noninteractive());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(WidgetType::Button, true, name);
        info.selected = Some(chosen);
        info
    });
    ui.ctx().accesskit_node_builder(id, |node| {
        node.add_action(Action::Click);
        node.set_description(about());
    });
    if response.has_focus() {
        // Arrows go from card to card here and nowhere else; Escape is the canvas's.
        let filter = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            escape: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    }
    let keyed = response.has_focus()
        && ui.input_mut(|input| {
            input.consume_key(Modifiers::NONE, Key::Enter) || input.consume_key(Modifiers::NONE, Key::Space)
        });
    let asked = ui.input(|input| input.has_accesskit_action_request(id, Action::Click));
    Told { focused: response.has_focus(), activated: keyed || asked }
}

/// The numbers of an element in one sentence.
fn sentence(facts: &[(String, String)]) -> String {
    facts.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// What the keyboard is on and what it activated.
#[derive(Default)]
pub(super) struct Keyboard {
    pub(super) card: Option<usize>,
    pub(super) line: Option<usize>,
    pub(super) select: Option<Selected>,
    /// Where in the graph the focus is.
    pub(super) at: Option<Pos2>,
    /// The card that an arrow key led to.
    pub(super) moved: Option<usize>,
}

/// What of the graph is in view, and how it comes to the screen.
pub(super) struct InView<'a> {
    pub(super) view: &'a View,
    pub(super) cards: &'a [usize],
    pub(super) lines: &'a [usize],
    pub(super) pills: &'a [Pill],
    /// From the graph to the screen.
    pub(super) place: &'a dyn Fn(Rect) -> Rect,
    /// From a pill's place to the screen.
    pub(super) pill_by: Vec2,
    pub(super) viewport: Rect,
    pub(super) chosen: &'a super::chosen::Chosen,
}

/// Where the focus finds a card.
pub(super) fn card_id(base: Id, card: &super::view::Card) -> Id {
    base.with(("card", &card.id))
}

/// Where the focus finds an edge.
pub(super) fn line_id(base: Id, view: &View, line: usize) -> Id {
    let line = &view.lines[line];
    base.with(("line", &view.cards[line.from].id, &view.cards[line.to].id, line.protocol))
}

/// The card that an arrow key leads to from a point: the nearest on that side, straight ahead before aside.
pub(super) fn beside(view: &View, from: Pos2, way: Vec2) -> Option<usize> {
    let cost = |card: &super::view::Card| {
        let to = card.rect.center() - from;
        let (ahead, aside) = (to.dot(way), to.dot(way.rot90()).abs());
        (ahead > 4.0).then_some(ahead + 2.0 * aside)
    };
    let costs = view.cards.iter().enumerate().filter_map(|(index, card)| Some((cost(card)?, index)));
    costs.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, index)| index)
}

/// The way of an arrow key.
fn way(key: Key) -> Option<Vec2> {
    match key {
        Key::ArrowRight => Some(vec2(1.0, 0.0)),
        Key::ArrowLeft => Some(vec2(-1.0, 0.0)),
        Key::ArrowDown => Some(vec2(0.0, 1.0)),
        Key::ArrowUp => Some(vec2(0.0, -1.0)),
        _ => None,
    }
}

/// Tells of everything in view, boxes first.
pub(super) fn tell_all(ui: &Ui, base: Id, seen: &InView<'_>) -> Keyboard {
    let mut keyboard = Keyboard::default();
    let view = seen.view;
    for (index, group) in view.groups.iter().enumerate().take(MOST / 4) {
        let rect = (seen.place)(group.rect);
        if let (Some(selects), true) = (&group.selects, rect.intersects(seen.viewport)) {
            let head = (seen.place)(group.head());
            let id = base.with(("group", &group.name, index));
            let (what, parts) = match group.kind {
                Boxed::App => ("app", "versions"),
                Boxed::Namespace => ("box of namespace", "nodes"),
            };
            let about = || format!("{} {parts}", group.members.len());
            let name = format!("{what} {}", group.name);
            let told = tell(ui, id, head, &name, about, seen.chosen.groups[index]);
            if told.focused {
                keyboard.at = Some(group.rect.center());
            }
            if told.activated {
                keyboard.select = Some(selects.clone());
            }
        }
    }
    for &index in seen.cards.iter().take(MOST) {
        let card = &view.cards[index];
        let rect = (seen.place)(card.rect).intersect(seen.viewport);
        let id = card_id(base, card);
        let told = tell(ui, id, rect, &card.name, || sentence(&card.facts), seen.chosen.cards[index]);
        if told.focused {
            (keyboard.card, keyboard.at) = (Some(index), Some(card.rect.center()));
        }
        if told.activated {
            keyboard.select = Some(card.selects.clone());
        }
    }
    for &index in seen.lines.iter().take(MOST.saturating_sub(seen.cards.len())) {
        let line = &view.lines[index];
        let pill =
            seen.pills.iter().find(|pill| pill.line == index).map(|pill| pill.rect.translate(seen.pill_by));
        let middle = (seen.place)(Rect::from_center_size(line.curve.at(0.5), Vec2::ZERO)).center();
        let rect = pill.unwrap_or_else(|| Rect::from_center_size(middle, Vec2::splat(14.0)));
        if !rect.intersects(seen.viewport) {
            continue;
        }
        let (from, to) = (&view.cards[line.from].id, &view.cards[line.to].id);
        let id = line_id(base, view, index);
        let told = tell(ui, id, rect, &line.name, || sentence(&line.facts), seen.chosen.lines[index]);
        if told.focused {
            (keyboard.line, keyboard.at) = (Some(index), Some(line.curve.at(0.5)));
        }
        if told.activated {
            keyboard.select = Some(Selected::Edge(from.clone(), to.clone()));
        }
    }
    // Ids of cards out of view are asked for too: the camera goes there first.
    if let Some(mut from) = keyboard.at {
        for way in keys::pressed(ui).into_iter().filter_map(way) {
            let Some(card) = beside(view, from, way) else { continue };
            from = view.cards[card].rect.center();
            ui.memory_mut(|memory| memory.request_focus(card_id(base, &view.cards[card])));
            keyboard.moved = Some(card);
        }
    }
    keyboard
}
